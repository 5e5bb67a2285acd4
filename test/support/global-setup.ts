import type { TestProject } from 'vitest/node';
import { bootPostgres } from './boot-postgres.js';
import { buildLibrary } from './build-library.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The address of the PostgreSQL server that all tests share. */
    readonly postgresUrl: string;
    /** The compiled library's engine, for processes of their own. */
    readonly builtLibrary: string;
  }
}

/** Boots one PostgreSQL for the whole run, where each test file takes a database of its own, and compiles the library. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [server, library] = await Promise.all([bootPostgres(), buildLibrary()]);
  project.provide('postgresUrl', server.url);
  project.provide('builtLibrary', library.entry);
  return async () => {
    await server.stop();
    await library.remove();
  };
}
