import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../lib/clock/system-clock.js';
import { createEngine } from '../../lib/engine/create-engine.js';
import type { Engine } from '../../lib/engine/engine.js';
import { type StoreOptions, createStore } from '../../lib/engine/store-options.js';
import type { JobCounts } from '../../lib/job/job-store.js';
import { type FaultCounts, Faults } from './faults.js';
import { readJudgeLog } from './judge-log.js';
import type { ChaosOptions } from './options.js';
import { ALL_KINDS, JobPlan } from './plan.js';
import { PostgresServer } from './postgres-server.js';
import { Producer } from './producer.js';
import { Random } from './random.js';
import { report } from './report.js';
import { type Sabotage, sabotaged } from './sabotage.js';
import { readStored } from './stored.js';
import { WorkerPool } from './worker-pool.js';

/** Every round ends: when nothing has come to an end for so long, nothing will. */
const STUCK_MS = 180_000;
const STOP_MS = 15_000;
/** A shorter run need not have met every fault. */
const LONG_ENOUGH_MS = 20_000;

const compiled = new URL('../../lib/', import.meta.url).href;
/** What is plain JavaScript stays where it was written. */
const written = (name: string): string => fileURLToPath(new URL(`../../../test/chaos/${name}`, import.meta.url));

const silent = { debug: () => undefined, log: () => undefined, warn: () => undefined, error: () => undefined };

/** One round of chaos, from an empty database to the verdict. */
export class ChaosRun {
  private folder = '';
  private server: PostgresServer | undefined;
  private pool: WorkerPool | undefined;
  private engine: Engine | undefined;
  private readonly abort = new AbortController();

  constructor(private readonly options: ChaosOptions) {}

  /** @returns whether no rule was broken */
  async run(): Promise<boolean> {
    const { seed, workers, jobs, durationMs, keep } = this.options;
    this.folder = await mkdtemp(join(tmpdir(), 'dispatch-chaos-'));
    let clean = false;
    try {
      const store = await this.bootStore();
      const engine = (this.engine = createEngine({
        store: await withFaults(store, this.options.sabotage),
        worker: false,
        logger: silent,
      }));
      await engine.open();
      const settings = { lib: compiled, folder: this.folder, store, kinds: ALL_KINDS, sabotage: this.options.sabotage };
      const random = (stream: number): Random => new Random(seed * 1_000 + stream);
      const pool = (this.pool = new WorkerPool({
        script: written('worker.mjs'),
        clockShift: written('clock-shift.cjs'),
        settings,
        folder: this.folder,
        size: workers,
        random: random(1),
      }));
      const producer = new Producer(engine, new JobPlan(random(2)), random(3));
      const faults = new Faults(pool, this.server, {
        kill: random(4),
        freeze: random(5),
        crash: random(6),
        terminate: random(7),
      });
      await pool.start();
      const stopTelling = this.tell(engine, producer, faults, pool);
      faults.start();
      // Work is there until near the end of the faults, so that they have something to hit.
      const producing = producer.run(jobs, durationMs * 0.9, this.abort.signal);
      await sleep(durationMs, undefined, { signal: this.abort.signal }).catch(() => undefined);
      await faults.stop();
      await producing;
      const drainedMs = await this.drain(engine);
      stopTelling();
      await pool.close(STOP_MS);
      clean = report(this.options, {
        evidence: {
          stored: await readStored(engine),
          log: await readJudgeLog(this.folder),
          deaths: pool.deaths,
          acknowledged: producer.acknowledged,
          rolledBack: producer.rolledBack,
          asked: { jobs, faults: expectedFaults(this.options) },
          faults: faults.counts,
          hanging: producer.hanging,
        },
        producer,
        faults: faults.counts,
        drainedMs,
      });
      return clean;
    } finally {
      await this.cleanUp(keep || !clean);
    }
  }

  /** Ends the processes that this run started, when this process has to go now. */
  killAll(): void {
    this.abort.abort();
    this.pool?.killAll();
    const pid = this.server?.pid;
    if (pid !== undefined) process.kill(pid, 'SIGQUIT');
  }

  private async bootStore(): Promise<StoreOptions> {
    if (this.options.store === 'sqlite') return { type: 'sqlite', database: join(this.folder, 'dispatch.db') };
    this.server = await PostgresServer.boot(this.folder);
    return { type: 'postgres', url: this.server.url };
  }

  /** Waits until no job is left to do. @returns how long that took, `undefined` when it did not come to an end */
  private async drain(engine: Engine): Promise<number | undefined> {
    const since = performance.now();
    let left = Infinity;
    let stuckSince = since;
    while (performance.now() - stuckSince < STUCK_MS && !this.abort.signal.aborted) {
      const counts = await engine.jobs.counts().catch(() => undefined);
      if (counts && open(counts) === 0) return Math.round(performance.now() - since);
      if (counts && open(counts) < left) {
        left = open(counts);
        stuckSince = performance.now();
      }
      await sleep(100);
    }
    return undefined;
  }

  private tell(engine: Engine, producer: Producer, { counts: made }: Faults, pool: WorkerPool): () => void {
    const since = performance.now();
    let asking = false;
    const timer = setInterval(() => {
      if (asking) return;
      asking = true;
      void engine.jobs
        .counts()
        .then(
          (counts) => `open ${open(counts)} completed ${counts.completed} failed ${counts.failed}`,
          () => 'the store is away',
        )
        .then((jobs) => {
          asking = false;
          const seconds = String(Math.round((performance.now() - since) / 1_000)).padStart(4);
          console.log(
            `${seconds} s  acknowledged ${producer.acknowledged.size} ${jobs} | workers ${pool.readyCount}` +
              ` kills ${made.kills} freezes ${made.freezes} terminations ${made.terminations} restarts ${made.restarts}`,
          );
        });
    }, 1_000);
    return () => clearInterval(timer);
  }

  private async cleanUp(keep: boolean): Promise<void> {
    await this.pool?.close(STOP_MS);
    await this.engine?.stop().catch(() => undefined);
    await this.server?.stop();
    if (keep) console.log(`database and logs are in ${this.folder}`);
    else await rm(this.folder, { recursive: true, force: true });
  }
}

async function withFaults(options: StoreOptions, sabotages: readonly Sabotage[]): Promise<StoreOptions> {
  return sabotages.length === 0 ? options : sabotaged(await createStore(options, systemClock, silent), sabotages);
}

/** What has to happen in a run that is long enough, so that it shows anything. */
function expectedFaults({ store, durationMs }: ChaosOptions): readonly (keyof FaultCounts)[] {
  if (durationMs < LONG_ENOUGH_MS) return [];
  return store === 'postgres' ? ['kills', 'freezes', 'terminations', 'restarts'] : ['kills', 'freezes'];
}

function open({ pending, running, retrying }: JobCounts): number {
  return pending + running + retrying;
}
