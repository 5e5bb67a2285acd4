import { parseArgs } from 'node:util';
import { LAYOUTS, VARIANTS } from './layouts/all.mjs';
import { median } from './measure.mjs';
import { bootPostgres } from './postgres.mjs';
import { SCENARIOS } from './scenarios.mjs';
import { columnTypes } from './types.mjs';
import { Statements } from './worker.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    runs: { type: 'string' },
    jobs: { type: 'string' },
    id: { type: 'string', default: 'uuid' },
    time: { type: 'string', default: 'bigint' },
    set: { type: 'string', multiple: true, default: [] },
    planner: { type: 'boolean', default: false },
    session: { type: 'string', multiple: true, default: [] },
  },
});

const jobs = Number(flags.jobs ?? (flags.quick ? 10_000 : 50_000));
const runs = Number(flags.runs ?? 3);
const [onlyScenarios = '', onlyLayouts = ''] = flags.only.split('/');
const chosen = (list, name) => list === '' || list.split(',').includes(name);
const scenarios = Object.entries(SCENARIOS).filter(([key]) => chosen(onlyScenarios, key));
const layouts =
  onlyLayouts === '' ? LAYOUTS : [...LAYOUTS, ...VARIANTS].filter((layout) => chosen(onlyLayouts, layout.key));
const types = [];
for (const id of flags.id.split(',')) for (const time of flags.time.split(',')) types.push({ id, time });

/*
 * What the hot path's own connections are set to. The tables swing between empty and full, so that statistics are
 * always stale: left alone the planner takes a bitmap scan and a sort of the whole queue to claim ten rows.
 */
const SESSION = [
  'jit = off',
  'plan_cache_mode = force_generic_plan',
  'enable_seqscan = off',
  'enable_bitmapscan = off',
  'enable_sort = off',
];

const FIGURES = ['jobsPerSecond', 'pgUs', 'clientUs', 'walBytes', 'bytes', 'dead'];

async function oneRun(server, layout, type, scenario) {
  const t = columnTypes(type);
  await server.admin.query('drop schema public cascade; create schema public');
  for (const statement of layout.ddl(t)) await server.admin.query(statement);
  await server.admin.query('checkpoint');
  const connect = async () => {
    const client = await server.connect();
    for (const setting of [...(flags.planner ? [] : SESSION), ...flags.session]) await client.query(`set ${setting}`);
    return client;
  };
  const clients = [await connect(), await connect()];
  try {
    return await scenario.run({ server, connect, clients, layout, statements: new Statements(layout, t), jobs });
  } finally {
    for (const client of clients) await client.end();
  }
}

function print(title, results) {
  console.log(`\n### ${title}\n`);
  console.log('| layout | jobs/s | PG cpu us/job | client cpu us/job | WAL B/job | size MB | dead rows |');
  console.log('|---|---|---|---|---|---|---|');
  for (const [name, list] of results) {
    const m = Object.fromEntries(FIGURES.map((key) => [key, median(list.map((figures) => figures[key] ?? NaN))]));
    const size = Number.isNaN(m.bytes) ? '' : (m.bytes / 1e6).toFixed(1);
    const dead = Number.isNaN(m.dead) ? '' : m.dead;
    console.log(
      `| ${name} | ${Math.round(m.jobsPerSecond)} | ${m.pgUs.toFixed(1)} | ${m.clientUs.toFixed(1)} | ${Math.round(m.walBytes)} | ${size} | ${dead} |`,
    );
  }
}

const server = await bootPostgres(Object.fromEntries(flags.set.map((text) => text.split('='))));
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    interrupted = true;
    void server.stop().finally(() => process.exit(130));
  });
}
try {
  console.log(`${server.version}, ${jobs} jobs, medians of ${runs} runs, ${new Date().toISOString().slice(0, 10)}`);
  for (const [, scenario] of scenarios) {
    const results = new Map();
    for (let run = 0; run < runs; run++) {
      for (const layout of layouts) {
        for (const type of types) {
          const name = types.length > 1 ? `${layout.name}, ${type.id} ids, ${type.time} times` : layout.name;
          const list = results.get(name) ?? [];
          results.set(name, list);
          list.push(await oneRun(server, layout, type, scenario));
        }
      }
    }
    print(scenario.title, results);
  }
} catch (error) {
  if (!interrupted) console.error(error);
  process.exitCode = interrupted ? 130 : 1;
} finally {
  await server.stop();
}
