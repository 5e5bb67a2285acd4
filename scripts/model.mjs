// npm run test:model -- --runs 2000 --seed 7 [--store postgres]: the random calls of test/model for longer than `npm test` does.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const STORES = { memory: 'memory', sqlite: 'SQLite', postgres: 'PostgreSQL' };
const { values } = parseArgs({
  options: { runs: { type: 'string', default: '500' }, seed: { type: 'string' }, store: { type: 'string' } },
});
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));
for (const [name, value] of Object.entries({ runs: values.runs, seed })) {
  if (!/^\d+$/.test(value)) fail(`--${name} must be a whole number (got "${value}").`);
}
if (values.store !== undefined && !(values.store in STORES)) {
  fail(`--store must be one of ${Object.keys(STORES).join(', ')} (got "${values.store}").`);
}
console.log(`${values.runs} runs from seed ${seed}`);
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const only = values.store === undefined ? [] : ['-t', STORES[values.store]];
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/model', ...only], {
  stdio: 'inherit',
  env: { ...process.env, MODEL_RUNS: values.runs, MODEL_SEED: seed },
});
process.exitCode = status ?? 1;

function fail(message) {
  console.error(message);
  process.exit(2);
}
