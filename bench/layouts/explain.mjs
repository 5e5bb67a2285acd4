import { LAYOUTS, VARIANTS } from './layouts/all.mjs';
import { bootPostgres } from './postgres.mjs';
import { columnTypes } from './types.mjs';
import { Statements, makeJobs } from './worker.mjs';

/*
 * Prints the plans of a layout's claim and settle in the middle of a drain.
 *   node bench/layouts/explain.mjs <keys> [batch] [plan_cache_mode] [claims before]
 */
const [keys = 'F', batch = '1000', mode = 'force_generic_plan', before = '40'] = process.argv.slice(2);
const JOBS = 50_000;

const literal = (value) => {
  if (typeof value === 'number') return String(value);
  return Array.isArray(value) ? `array[${value.map(literal).join(',')}]` : `'${value}'`;
};
const array = (values) => `{${values.join(',')}}`;

async function show(client, title, text, values) {
  await client.query('begin');
  await client.query(`set local plan_cache_mode = ${mode}`);
  await client.query(`prepare shown as ${text}`);
  const { rows } = await client.query(`explain (analyze, buffers) execute shown (${values.map(literal).join(', ')})`);
  await client.query('rollback');
  await client.query('deallocate shown');
  console.log(`\n== ${title}\n${rows.map((row) => row['QUERY PLAN']).join('\n')}`);
}

const server = await bootPostgres();
try {
  for (const layout of [...LAYOUTS, ...VARIANTS].filter(({ key }) => keys.split(',').includes(key))) {
    const t = columnTypes();
    await server.admin.query('drop schema public cascade; create schema public');
    for (const statement of layout.ddl(t)) await server.admin.query(statement);
    const client = await server.connect();
    const statements = new Statements(layout, t);
    const jobs = makeJobs(JOBS);
    for (let i = 0; i < JOBS; i += 1000) await statements.insert(client, jobs.slice(i, i + 1000));
    for (let i = 0; i < Number(before); i++) {
      const claimed = await statements.claim(client, Number(batch));
      if (claimed.length > 0) await statements.settle(client, claimed);
    }
    const held = await statements.claim(client, Number(batch));
    const names = [...new Set(jobs.map((job) => job.name))];
    await show(client, `${layout.name}: claim`, statements.text.claim, [
      statements.worker,
      Number(batch),
      'default',
      names,
    ]);
    const settled = [array(held.map((job) => t.toDb(job.id))), array(held.map((job) => job.attempt))];
    const ends = [array(held.map(() => 3)), array(held.map(() => 'ok'))];
    const handles = layout.handles ? [array(held.map((job) => `"${job.handle}"`))] : [];
    await show(client, `${layout.name}: settle`, statements.text.settle, [
      statements.worker,
      ...settled,
      ...ends,
      ...handles,
    ]);
    await client.end();
  }
} finally {
  await server.stop();
}
