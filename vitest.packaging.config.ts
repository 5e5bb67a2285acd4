import { defineConfig } from 'vitest/config';

/** The packed package in applications of their own: they are installed from the registry, so it takes its time. */
export default defineConfig({
  test: {
    include: ['test/packaging/*.spec.ts'],
    globalSetup: ['test/packaging/global-setup.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Where the machine has only few cores, two compilers at a time would only wait for each other.
    fileParallelism: false,
  },
});
