import { bloat, measured } from './measure.mjs';
import { Statements, drain, makeJobs } from './worker.mjs';

const HOUR = 3_600_000;

async function insertAll(statements, client, jobs, chunk = 1000) {
  for (let i = 0; i < jobs.length; i += chunk) await statements.insert(client, jobs.slice(i, i + chunk));
}

/** The count check: every job ended once, none is left over. */
async function check(admin, layout, jobs, { unfinished = 0, attempts = jobs } = {}) {
  const row = async (text) => (await admin.query({ text, rowMode: 'array' })).rows[0].map(Number);
  const ended = await row(layout.finished);
  const [left] = await row(layout.unfinished);
  if (ended[0] !== jobs || ended[1] !== jobs || ended[2] !== attempts || left !== unfinished) {
    throw new Error(
      `${layout.name}: expected ${jobs} jobs, ${attempts} attempts, ${unfinished} left; got ${ended}, ${left} left`,
    );
  }
}

async function timedDrain({ server, clients, statements, layout }, jobs, options = {}) {
  await insertAll(statements, clients[0], makeJobs(jobs, options));
  if (options.before) await options.before();
  const work = options.work ?? (() => drain(statements, clients, jobs, options));
  const figures = await measured(server, jobs, work);
  const size = await bloat(server.admin, layout.tables);
  await check(server.admin, layout, jobs, options.expect);
  return { ...figures, ...size };
}

async function enqueueSingles({ server, connect, jobs }, insert) {
  const count = Math.min(jobs, 20_000);
  const rows = makeJobs(count);
  const clients = await Promise.all(Array.from({ length: 20 }, connect));
  let next = 0;
  const loop = async (client) => {
    while (next < count) await insert(client, rows[next++]);
  };
  const figures = await measured(server, count, () => Promise.all(clients.map(loop)));
  await Promise.all(clients.map((client) => client.end()));
  return figures;
}

/** Each takes `{ server, connect, clients, statements, layout, jobs }` on empty tables and returns its figures. */
export const SCENARIOS = {
  insert: {
    title: 'bulk insert, chunks of 1000',
    async run({ server, clients, statements, jobs }) {
      const rows = makeJobs(jobs);
      return measured(server, jobs, () => insertAll(statements, clients[0], rows));
    },
  },
  singles: {
    title: 'enqueue one row a statement, 20 connections, plain parameters',
    run: (context) => enqueueSingles(context, (client, job) => context.statements.insertOne(client, job)),
  },
  singlesUnnest: {
    title: 'enqueue one row a statement, 20 connections, arrays of one',
    run: (context) => enqueueSingles(context, (client, job) => context.statements.insert(client, [job])),
  },
  drain: {
    title: 'drain',
    run: (context) => timedDrain(context, context.jobs),
  },
  two: {
    title: 'drain by two workers at once (4 connections)',
    async run(context) {
      const { statements, clients, jobs } = context;
      const more = [await context.connect(), await context.connect()];
      const progress = { ended: 0 };
      const work = () =>
        Promise.all([
          drain(statements, clients, jobs, { progress }),
          drain(new Statements(statements.layout, statements.t), more, jobs, { progress }),
        ]);
      try {
        return await timedDrain(context, jobs, { work });
      } finally {
        for (const client of more) await client.end();
      }
    },
  },
  payload: {
    title: 'drain, 1 KiB payloads',
    run: (context) => timedDrain(context, context.jobs, { payloadBytes: 1024 }),
  },
  deferred: {
    title: 'drain, 1M deferred rows of a higher priority in the queue',
    async run(context) {
      const { clients, statements, jobs } = context;
      const count = jobs >= 50_000 ? 1_000_000 : jobs * 10;
      for (let i = 0; i < count; i += 20_000) {
        const rows = makeJobs(20_000, { priority: 10, runAt: Date.now() + HOUR });
        await insertAll(statements, clients[0], rows, 5000);
      }
      await context.server.admin.query('checkpoint');
      return timedDrain(context, jobs, { expect: { unfinished: count } });
    },
  },
  snapshot: {
    title: 'drain, a REPEATABLE READ snapshot held from before the insert',
    async run(context) {
      const holder = await context.server.connect();
      await holder.query('begin isolation level repeatable read');
      await holder.query('select count(*) from pg_class');
      try {
        return await timedDrain(context, context.jobs);
      } finally {
        await holder.query('rollback');
        await holder.end();
      }
    },
  },
  retry: {
    title: 'drain, 5 % of the settlements are retries',
    run: (context) =>
      timedDrain(context, context.jobs, {
        retryShare: 0.05,
        expect: { attempts: context.jobs + Math.floor(context.jobs / 20) },
      }),
  },
  settle50: {
    title: 'drain, claims of 1000, settled by 50',
    run: (context) => timedDrain(context, context.jobs, { settleBatch: 50 }),
  },
  small: {
    title: 'drain, claims and settlements of 10',
    run: (context) => timedDrain(context, Math.min(context.jobs, 10_000), { batch: 10 }),
  },
  running: {
    title: 'drain, claims and settlements of 10, while 5000 long jobs run at the head of the queue',
    async run(context) {
      const { clients, statements } = context;
      await insertAll(statements, clients[0], makeJobs(5000, { priority: 5 }));
      for (let i = 0; i < 5; i++) await statements.claim(clients[0], 1000);
      const count = Math.min(context.jobs, 10_000);
      return timedDrain(context, count, { batch: 10, expect: { unfinished: 5000 } });
    },
  },
  foreign: {
    title: 'drain by 100, 20,000 jobs at the head have names that this worker lacks',
    async run(context) {
      const { clients, statements } = context;
      const foreign = makeJobs(20_000, { priority: 5 }).map((job) => ({ ...job, name: 'of-another-release' }));
      await insertAll(statements, clients[0], foreign);
      const count = Math.min(context.jobs, 10_000);
      return timedDrain(context, count, { batch: 100, expect: { unfinished: 20_000 } });
    },
  },
  checkpointed: {
    title: 'drain right after a checkpoint (full page writes)',
    run: (context) => timedDrain(context, context.jobs, { before: () => context.server.admin.query('checkpoint') }),
  },
};
