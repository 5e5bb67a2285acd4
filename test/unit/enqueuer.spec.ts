import { describe, expect, it } from 'vitest';
import { JobAlreadyExistsError, StoreUnavailableError } from '../../lib/errors.js';
import { Enqueuer } from '../../lib/job/enqueuer.js';
import type { NewJob } from '../../lib/job/job-record.js';
import type { InsertJobsOptions, InsertJobsResult, JobConflict, JobStore } from '../../lib/job/job-store.js';
import { toJobRecord } from '../../lib/job/to-job-record.js';
import { newJob, newJobs } from '../../lib/testing/store-contract/fixtures.js';
import { type Deferred, deferred } from '../support/deferred.js';

const NOW = 1_000;

/** Answers inserts as a test says, one after the other, and then well. */
class FakeStore {
  readonly calls: {
    readonly names: readonly string[];
    readonly ids: readonly string[];
    readonly options: InsertJobsOptions | undefined;
  }[] = [];
  readonly inserted = new Set<string>();
  answers: ((jobs: readonly NewJob[], options: InsertJobsOptions | undefined) => Promise<InsertJobsResult>)[] = [];
  bad: (job: NewJob) => boolean = () => false;

  async insertJobs(jobs: readonly NewJob[], options?: InsertJobsOptions): Promise<InsertJobsResult> {
    this.calls.push({ names: jobs.map(({ name }) => name), ids: jobs.map(({ id }) => id), options });
    const answer = this.answers.shift();
    return answer ? answer(jobs, options) : this.insert(jobs, options);
  }

  insert = async (jobs: readonly NewJob[], options?: InsertJobsOptions): Promise<InsertJobsResult> => {
    for (const job of jobs) {
      if (this.bad(job)) throw new Error(`bad row ${job.name}`);
      if (!options?.retry && this.inserted.has(job.id)) throw new Error(`the id of ${job.name} is there already`);
    }
    for (const { id } of jobs) this.inserted.add(id);
    return { now: NOW, conflicts: new Map() };
  };
}

function setup(): { store: FakeStore; enqueuer: Enqueuer } {
  const store = new FakeStore();
  return { store, enqueuer: new Enqueuer(store as unknown as JobStore) };
}

const named = (name: string): NewJob => newJob({ name });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Makes the next insert wait for a gate. */
function hold(store: FakeStore): Deferred {
  const gate = deferred();
  store.answers.push(async (jobs, options) => {
    await gate.promise;
    return store.insert(jobs, options);
  });
  return gate;
}

describe('group commit', () => {
  it('puts enqueues of one turn into one call, in order', async () => {
    const { store, enqueuer } = setup();
    const jobs = newJobs(5);
    const results = await Promise.all(jobs.map((job) => enqueuer.insertOne(job)));
    expect(store.calls.map(({ ids }) => ids)).toEqual([jobs.map(({ id }) => id)]);
    expect(results).toEqual(jobs.map(() => ({ now: NOW, conflict: undefined })));
  });

  it('does not make a single enqueue wait for company', async () => {
    const { store, enqueuer } = setup();
    const done = enqueuer.insertOne(named('a'));
    await Promise.resolve();
    expect(store.calls).toHaveLength(1);
    await done;
  });

  it('collects what arrives while two commits are under way, and answers each after its own', async () => {
    const { store, enqueuer } = setup();
    const [first, second] = [hold(store), hold(store)];
    const answered: string[] = [];
    const enqueue = (name: string): Promise<unknown> => enqueuer.insertOne(named(name)).then(() => answered.push(name));
    const all = [enqueue('a')];
    await turn();
    all.push(enqueue('b'));
    await turn();
    for (const name of ['c', 'd', 'e']) {
      all.push(enqueue(name));
      await turn();
    }
    expect(store.calls.map(({ names }) => names)).toEqual([['a'], ['b']]);
    second.resolve();
    await turn();
    expect(store.calls.map(({ names }) => names)).toEqual([['a'], ['b'], ['c', 'd', 'e']]);
    expect(answered).toEqual(['b', 'c', 'd', 'e']);
    first.resolve();
    await Promise.all(all);
    expect(answered.at(-1)).toBe('a');
  });

  it('puts at most a thousand jobs into one call', async () => {
    const { store, enqueuer } = setup();
    await Promise.all(newJobs(2_500).map((job) => enqueuer.insertOne(job)));
    expect(store.calls.map(({ ids }) => ids.length)).toEqual([1_000, 1_000, 500]);
  });

  it('tells each caller of its own conflict', async () => {
    const { store, enqueuer } = setup();
    const conflict: JobConflict = { kind: 'existing', job: toJobRecord(named('holder'), NOW) };
    store.answers.push(async () => ({ now: NOW, conflicts: new Map([[1, conflict]]) }));
    const results = await Promise.all(['a', 'b', 'c'].map((name) => enqueuer.insertOne(named(name))));
    expect(results.map((result) => result.conflict)).toEqual([undefined, conflict, undefined]);
  });
});

describe('a batch that the store refuses', () => {
  it('is halved until the bad row stands alone, and every other job is inserted once', async () => {
    for (const bad of [0, 3, 6]) {
      const { store, enqueuer } = setup();
      store.bad = ({ name }) => name === `job ${bad}`;
      const jobs = Array.from({ length: 7 }, (_, index) => named(`job ${index}`));
      const results = await Promise.allSettled(jobs.map((job) => enqueuer.insertOne(job)));
      expect(results.map(({ status }) => status)).toEqual(
        jobs.map((_, index) => (index === bad ? 'rejected' : 'fulfilled')),
      );
      expect((results[bad] as PromiseRejectedResult).reason).toEqual(new Error(`bad row job ${bad}`));
      expect(store.inserted.size).toBe(6);
    }
  });

  it('gives every bad row its own error', async () => {
    const { store, enqueuer } = setup();
    store.bad = ({ name }) => name !== 'good';
    const results = await Promise.allSettled(['x', 'good', 'y'].map((name) => enqueuer.insertOne(named(name))));
    expect(
      results.map((result) => (result.status === 'rejected' ? (result.reason as Error).message : 'inserted')),
    ).toEqual(['bad row x', 'inserted', 'bad row y']);
  });

  it('passes the error of a key that is taken to the one who minds', async () => {
    const { store, enqueuer } = setup();
    const taken = new JobAlreadyExistsError('k', 'job_x');
    const refuse = async (): Promise<never> => Promise.reject(taken);
    store.answers.push(refuse, refuse);
    const results = await Promise.allSettled(['a', 'b'].map((name) => enqueuer.insertOne(named(name))));
    expect(results[0]).toEqual({ status: 'rejected', reason: taken });
    expect(results[1]).toMatchObject({ status: 'fulfilled' });
  });

  it('is not halved when a single job is refused', async () => {
    const { store, enqueuer } = setup();
    store.bad = () => true;
    await expect(enqueuer.insertOne(named('a'))).rejects.toThrow('bad row a');
    expect(store.calls).toHaveLength(1);
  });
});

describe('an insert whose answer was lost', () => {
  const lose = (store: FakeStore): void => {
    store.answers.push(async (jobs, options) => {
      await store.insert(jobs, options);
      throw new StoreUnavailableError('the answer was lost');
    });
  };

  it('is repeated once with the same ids, and counts as inserted', async () => {
    const { store, enqueuer } = setup();
    lose(store);
    const jobs = newJobs(3);
    await Promise.all(jobs.map((job) => enqueuer.insertOne(job)));
    expect(store.calls.map(({ options }) => options)).toEqual([undefined, { retry: true }]);
    expect(store.calls[1]!.ids).toEqual(store.calls[0]!.ids);
  });

  it('is repeated for many jobs at once, too', async () => {
    const { store, enqueuer } = setup();
    lose(store);
    await expect(enqueuer.insertAll(newJobs(3))).resolves.toMatchObject({ now: NOW });
    expect(store.calls[1]!.options).toEqual({ retry: true });
  });

  it('rejects all its callers when the store stays away, without halving', async () => {
    const { store, enqueuer } = setup();
    const away = async (): Promise<never> => Promise.reject(new StoreUnavailableError('away'));
    store.answers.push(away, away);
    const results = await Promise.allSettled(newJobs(4).map((job) => enqueuer.insertOne(job)));
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(store.calls).toHaveLength(2);
  });

  it('stays a repetition when the repeated batch is refused and halved', async () => {
    const { store, enqueuer } = setup();
    lose(store);
    store.answers.push(async () => Promise.reject(new Error('deadlock')));
    const jobs = newJobs(4);
    await expect(Promise.all(jobs.map((job) => enqueuer.insertOne(job)))).resolves.toHaveLength(4);
    expect(store.inserted.size).toBe(4);
  });
});

describe("an insert in a caller's transaction", () => {
  it('goes alone, at once, and is never repeated', async () => {
    const { store, enqueuer } = setup();
    const gate = hold(store);
    const waiting = enqueuer.insertOne(named('shared'));
    await turn();
    const transaction = {};
    await enqueuer.insertAll([named('joined')], transaction);
    expect(store.calls.map(({ names, options }) => [names, options?.transaction])).toEqual([
      [['shared'], undefined],
      [['joined'], transaction],
    ]);
    expect(store.calls[1]!.options!.transaction).toBe(transaction);
    store.answers.push(async () => Promise.reject(new StoreUnavailableError('away')));
    await expect(enqueuer.insertAll([named('again')], transaction)).rejects.toThrow('away');
    expect(store.calls).toHaveLength(3);
    gate.resolve();
    await waiting;
  });
});

describe('idle', () => {
  it('resolves at once when nothing is under way', async () => {
    await setup().enqueuer.idle();
  });

  it('waits for what is under way and what waits behind it', async () => {
    const { store, enqueuer } = setup();
    const gates = [hold(store), hold(store), hold(store)];
    const all: Promise<unknown>[] = [];
    for (const name of ['a', 'b', 'c']) {
      all.push(enqueuer.insertOne(named(name)));
      await turn();
    }
    let idle = false;
    const waiting = enqueuer.idle().then(() => (idle = true));
    for (const gate of gates) {
      await turn();
      expect(idle).toBe(false);
      gate.resolve();
    }
    await waiting;
    expect(store.inserted.size).toBe(3);
    await Promise.all(all);
  });

  it('waits for an enqueue of this very turn', async () => {
    const { store, enqueuer } = setup();
    const done = enqueuer.insertOne(named('a'));
    await enqueuer.idle();
    expect(store.inserted.size).toBe(1);
    await done;
  });
});
