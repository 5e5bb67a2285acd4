import { readOptions } from './options.js';
import { ChaosRun } from './run.js';

const run = new ChaosRun(readOptions(process.argv.slice(2)));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    run.killAll();
    process.exit(130);
  });
}
process.on('exit', () => run.killAll());

run.run().then(
  (clean) => process.exit(clean ? 0 : 1),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
