import 'reflect-metadata';
import { parseDemoArguments, USAGE } from './arguments.js';
import { Cleanup } from './cleanup.js';
import { runDemo } from './run-demo.js';

const TIME_LIMIT_MS = 55_000;

/** Runs the demo, cleans up whatever happens, and says by its exit code how it went. */
async function main(): Promise<number> {
  const options = parseDemoArguments(process.argv.slice(2));
  if (!options) {
    console.log(USAGE);
    return 2;
  }
  const cleanup = new Cleanup();
  const stopped = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the demo took longer than ${TIME_LIMIT_MS / 1_000} s and was stopped`)),
      TIME_LIMIT_MS,
    );
    cleanup.add('the time limit', () => clearTimeout(timer));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => reject(new Error(`stopped by ${signal}`)));
    }
  });
  try {
    return (await Promise.race([runDemo(options, cleanup), stopped])) ? 0 : 1;
  } catch (error) {
    console.error(`\nDemo failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await cleanup.run();
  }
}

void main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
