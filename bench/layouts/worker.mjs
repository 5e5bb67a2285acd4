import { newTypeId } from './ids.mjs';
import { COMPLETED } from './sql.mjs';

const NAMES = ['send-email', 'resize-image', 'sync-account', 'charge-card'];

/** Jobs as an application would enqueue them. `runAt` null: due now. */
export function makeJobs(count, { payloadBytes = 60, priority = 0, runAt = null } = {}) {
  const filler = 'x'.repeat(Math.max(0, payloadBytes - 40));
  return Array.from({ length: count }, (_, i) => ({
    id: newTypeId('job'),
    name: NAMES[i % NAMES.length],
    queue: 'default',
    payload: JSON.stringify({ account: i, note: `invoice ${i}`, filler }),
    priority,
    maxRetries: 3,
    timeoutMs: 300000,
    app: 'app',
    org: `org-${i % 50}`,
    runAt,
  }));
}

// Ids and numbers need no quoting; the driver's own array writer quotes and escapes every element.
const plain = (values) => `{${values.join(',')}}`;

function insertValues(t, jobs) {
  return [
    plain(jobs.map((job) => t.toDb(job.id))),
    jobs.map((job) => job.name),
    jobs.map((job) => job.queue),
    jobs.map((job) => job.payload),
    plain(jobs.map((job) => job.priority)),
    plain(jobs.map((job) => job.maxRetries)),
    plain(jobs.map((job) => job.timeoutMs)),
    jobs.map((job) => job.app),
    jobs.map((job) => job.org),
    plain(jobs.map((job) => (job.runAt === null ? 'null' : `"${t.timeToDb(job.runAt)}"`))),
  ];
}

/** The statements of one layout, bound to column types. */
export class Statements {
  constructor(layout, t) {
    this.layout = layout;
    this.t = t;
    this.text = {};
    for (const kind of ['insert', 'claim', 'settle', 'retry', 'promote']) {
      if (layout[kind]) this.text[kind] = layout[kind](t);
    }
    this.text.one = layout.insert({ ...t, one: true });
    this.worker = t.workerToDb(newTypeId('wkr'));
  }

  #run(client, kind, values) {
    return client.query({ name: `${this.layout.key}-${kind}`, text: this.text[kind], values, rowMode: 'array' });
  }

  insert(client, jobs) {
    return this.#run(client, 'insert', insertValues(this.t, jobs));
  }

  /** One job, its columns as plain parameters. */
  insertOne(client, job) {
    const { t } = this;
    const values = [
      t.toDb(job.id),
      job.name,
      job.queue,
      job.payload,
      job.priority,
      job.maxRetries,
      job.timeoutMs,
      job.app,
      job.org,
    ];
    return this.#run(client, 'one', [...values, job.runAt === null ? null : t.timeToDb(job.runAt)]);
  }

  async claim(client, limit) {
    const { t } = this;
    const { rows } = await this.#run(client, 'claim', [this.worker, limit, 'default', NAMES]);
    return rows.map((row) => ({
      id: t.fromDb(row[0]),
      name: row[1],
      queue: row[2],
      payload: row[3],
      createdAt: t.timeFromDb(row[9]),
      runAt: t.timeFromDb(row[10]),
      attempt: row[11],
      retryCount: row[12],
      startedAt: t.timeFromDb(row[13]),
      handle: row[14],
    }));
  }

  async #end(client, kind, jobs, third, fourth) {
    const values = [
      this.worker,
      plain(jobs.map((job) => this.t.toDb(job.id))),
      plain(jobs.map((job) => job.attempt)),
      third,
      fourth,
    ];
    if (this.layout.handles) values.push(plain(jobs.map((job) => `"${job.handle}"`)));
    const { rows } = await this.#run(client, kind, values);
    if (rows[0][0] !== null) throw new Error(`${this.layout.name}: ${kind} lost rows (${jobs.length} given)`);
  }

  settle(client, jobs) {
    return this.#end(
      client,
      'settle',
      jobs,
      plain(jobs.map(() => COMPLETED)),
      jobs.map((job) => `{"ok":true,"at":${job.attempt}}`),
    );
  }

  retry(client, jobs, delayMs) {
    return this.#end(
      client,
      'retry',
      jobs,
      plain(jobs.map(() => delayMs)),
      jobs.map(() => '[{"name":"Error","message":"no route to host"}]'),
    );
  }

  promote(client) {
    return this.text.promote ? this.#run(client, 'promote', []) : undefined;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Drains until `total` jobs have ended: one connection claims the next batch while the other settles the last.
 * With `retryShare` that part of the first attempts goes back with a delay. Workers that drain together share `progress`.
 */
export async function drain(
  statements,
  [claimer, settler],
  total,
  { batch = 1000, settleBatch = batch, retryShare = 0, progress = { ended: 0 } } = {},
) {
  let settling = Promise.resolve();
  const every = retryShare > 0 ? Math.round(1 / retryShare) : 0;
  let counter = 0;

  const settleAll = async (jobs) => {
    const again = every === 0 ? [] : jobs.filter((job) => job.retryCount === 0 && ++counter % every === 0);
    const done = again.length === 0 ? jobs : jobs.filter((job) => !again.includes(job));
    for (let i = 0; i < done.length; i += settleBatch) await statements.settle(settler, done.slice(i, i + settleBatch));
    if (again.length > 0) await statements.retry(settler, again, 50);
    progress.ended += done.length;
  };

  while (progress.ended < total) {
    const jobs = await statements.claim(claimer, batch);
    await settling;
    if (jobs.length > 0) {
      settling = settleAll(jobs);
      settling.catch(() => undefined); // awaited above, or not at all when a claim fails first
    } else if (progress.ended < total) {
      await statements.promote(claimer);
      await pause(5);
    }
    if (jobs.length < batch) await settling;
  }
}
