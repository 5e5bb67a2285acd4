import { newDlqId, newJobId } from '../../lib/id/ids.js';
import type { ClaimedJob, NewJob } from '../../lib/job/job-record.js';
import type { Outcome, Settlement } from '../../lib/job/outcome.js';
import type { Store } from '../../lib/store/store.js';
import type { RuleName } from './verdict.js';

/** Faults of the store that can be made on purpose, each with the rule that has to notice. */
export const SABOTAGES = {
  /** Acknowledges without storing. */
  lose: 'lost',
  /** Stores under a second id as well. */
  'store-twice': 'storedTwice',
  /** Commits what a caller's transaction rolls back. */
  'ignore-transactions': 'rolledBack',
  /** Forgets delays. */
  'ignore-delays': 'tooEarly',
  /** Hands one attempt out twice. */
  'hand-out-twice': 'handedOutTwice',
  /** Gives one job the payload of another. */
  'mix-payloads': 'wrongPayload',
  /** Says that a completion was stored, and hands the job out once more. */
  'complete-twice': 'completedTwice',
  /** Completes what failed. */
  'complete-failures': 'neverReturned',
  /** Leaves a result out. */
  'drop-results': 'wrongResult',
  /** Lets a job fail that returned. */
  'fail-completions': 'wrongEnd',
  /** Retries once more than allowed. */
  'retry-for-ever': 'tooManyRetries',
  /** Loses dead-letter entries. */
  'forget-dead-letters': 'deadLetters',
  /** Writes a completion whoever holds the job by now: what the fence is there to prevent. */
  'drop-the-fence': 'neverReturned',
} as const satisfies Record<string, RuleName>;

export type Sabotage = keyof typeof SABOTAGES;

/** Every so many jobs one is met; of those that fail more, for they are few. */
const ONE_IN = 20;
const ONE_FAILURE_IN = 4;

/**
 * A store with these faults: for showing that the judge notices. Every fault has jobs of its own, chosen by their ids, so
 * that several can be made in one run.
 */
export function sabotaged(store: Store, sabotages: readonly Sabotage[]): Store {
  const faults = new StoreFaults(store, sabotages);
  return new Proxy(store, {
    get(target, name) {
      const own = name in faults ? faults[name as keyof StoreFaults] : undefined;
      const value: unknown = own ?? Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(own ? faults : target) as unknown) : value;
    },
  });
}

class StoreFaults implements Pick<Store, 'insertJobs' | 'transaction' | 'claimJobs' | 'settleJobs'> {
  /** Jobs that were met, where a fault is made once per job. */
  private readonly done = new Set<string>();
  private readonly inserts = new Map<object, NewJob[]>();
  private lastPayload: string | null = null;

  constructor(
    private readonly store: Store,
    private readonly sabotages: readonly Sabotage[],
  ) {}

  insertJobs: Store['insertJobs'] = (jobs, options) => {
    const kept = jobs.filter(({ id }) => !this.meets('lose', id));
    const all = kept.flatMap((job): NewJob[] => {
      const changed = this.meets('ignore-delays', job.id) ? { ...job, delayMs: 0 } : job;
      return this.meets('store-twice', job.id) && !options?.retry
        ? [changed, { ...changed, id: newJobId() }]
        : [changed];
    });
    if (options?.transaction) this.inserts.get(options.transaction)?.push(...all);
    return this.store.insertJobs(all, options);
  };

  transaction: Store['transaction'] = async (fn) => {
    const inserted: NewJob[] = [];
    try {
      return await this.store.transaction(async (transaction) => {
        this.inserts.set(transaction, inserted);
        try {
          return await fn(transaction);
        } finally {
          this.inserts.delete(transaction);
        }
      });
    } catch (error) {
      if (this.sabotages.includes('ignore-transactions')) await this.store.insertJobs(inserted);
      throw error;
    }
  };

  claimJobs: Store['claimJobs'] = async (request) => {
    const result = await this.store.claimJobs(request);
    const jobs = result.jobs.map((job) => this.mixed(job));
    const again = jobs.filter(({ id, attempt }) => this.meetsOnce('hand-out-twice', id, attempt));
    return { ...result, jobs: [...jobs, ...again] };
  };

  settleJobs: Store['settleJobs'] = async (workerId, settlements) => {
    const result = await this.store.settleJobs(
      workerId,
      settlements.map((settlement) => ({ ...settlement, outcome: this.changed(settlement) })),
    );
    if (settlements.some(({ id, outcome }) => outcome.kind === 'failed' && this.meets('forget-dead-letters', id))) {
      await this.store.purgeDlq({ olderThanMs: 0, limit: 1 });
    }
    if (!this.sabotages.includes('drop-the-fence')) return result;
    const taken = new Set<string>();
    for (const settlement of settlements) {
      if (!result.lost.includes(settlement.id) || settlement.outcome.kind !== 'completed') continue;
      const { workerId: holder, attempt } = (await this.store.getJob(settlement.id)) ?? {};
      if (!holder || attempt === undefined) continue;
      const { lost } = await this.store.settleJobs(holder, [{ ...settlement, attempt }]);
      if (lost.length === 0) taken.add(settlement.id);
    }
    return { ...result, lost: result.lost.filter((id) => !taken.has(id)) };
  };

  private mixed(job: ClaimedJob): ClaimedJob {
    const other = this.lastPayload;
    this.lastPayload = job.payload;
    return this.meets('mix-payloads', job.id) && other !== null && other !== job.payload
      ? { ...job, payload: other }
      : job;
  }

  private changed({ id, outcome }: Settlement): Outcome {
    const error = { name: 'Sabotage', message: 'made on purpose' };
    switch (outcome.kind) {
      case 'completed':
        if (this.meetsOnce('complete-twice', id)) return { kind: 'snoozed', delayMs: 0 };
        if (this.meets('drop-results', id)) return { ...outcome, result: null };
        return this.meets('fail-completions', id) ? { kind: 'failed', error, dlqId: newDlqId() } : outcome;
      case 'retry':
        return this.meets('complete-failures', id) ? { kind: 'completed', result: null } : outcome;
      case 'failed':
        return this.meetsOnce('retry-for-ever', id) ? { kind: 'retry', delayMs: 300, error: outcome.error } : outcome;
      default:
        return outcome;
    }
  }

  private meets(sabotage: Sabotage, id: string): boolean {
    if (!this.sabotages.includes(sabotage)) return false;
    if (MEETS_ALL.includes(sabotage)) return true;
    if (sabotage === 'complete-failures') return hash(id) % ONE_FAILURE_IN === 0;
    return hash(id) % ONE_IN === Object.keys(SABOTAGES).indexOf(sabotage);
  }

  private meetsOnce(sabotage: Sabotage, id: string, attempt = 0): boolean {
    const key = `${sabotage} ${id} ${attempt}`;
    if (this.done.has(key) || !this.meets(sabotage, id)) return false;
    this.done.add(key);
    return true;
  }
}

/** Failures for good and delays are rare: none is left out. */
const MEETS_ALL: readonly Sabotage[] = ['retry-for-ever', 'ignore-delays', 'forget-dead-letters'];

function hash(text: string): number {
  let value = 0;
  for (const char of text) value = (Math.imul(value, 31) + char.charCodeAt(0)) >>> 0;
  return value;
}

/** Reads a list of them, as the command takes it. @throws Error that names those that there are */
export function parseSabotages(text: string): readonly Sabotage[] {
  const known = Object.keys(SABOTAGES) as Sabotage[];
  if (text === 'all') return known;
  return text.split(',').map((name) => {
    const found = known.find((one) => one === name);
    if (!found) throw new Error(`--sabotage is all, or some of ${known.join(', ')}, with commas (got ${name}).`);
    return found;
  });
}
