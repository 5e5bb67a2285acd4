import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.js';

/** A worker ends so when a job told it to, and when its engine could not start. */
const EXIT_BY_JOB = 42;
const EXIT_NO_START = 43;

/** How far clocks of workers are off. */
const OFFSETS_MS = [-600_000, 0, 600_000];

/** The end of a process: when, and whether it was meant to end. */
export interface Death {
  readonly pid: number;
  /** Epoch milliseconds of this machine. */
  readonly at: number;
  readonly how: 'killed' | 'by-job' | 'no-start' | 'stopped' | 'crashed';
  readonly code: string;
}

interface Worker {
  readonly child: ChildProcess;
  readonly pid: number;
  ready: boolean;
  frozen: boolean;
  /** Set before a signal that ends it. */
  ending: 'killed' | 'stopped' | undefined;
  endingAt: number;
  readonly gone: Promise<void>;
}

export interface WorkerPoolOptions {
  readonly script: string;
  /** The path of the module that puts their clocks off. */
  readonly clockShift: string;
  /** What the processes are told, by their environment. */
  readonly settings: object;
  readonly folder: string;
  readonly size: number;
  readonly random: Random;
}

/** Keeps a number of worker processes alive: for each that ends a new one starts. */
export class WorkerPool {
  readonly deaths: Death[] = [];
  private readonly workers = new Set<Worker>();
  private spawned = 0;
  private closing = false;

  constructor(private readonly options: WorkerPoolOptions) {}

  get readyCount(): number {
    return [...this.workers].filter(({ ready }) => ready).length;
  }

  /** Resolves when all of them work. @throws Error when one ends before */
  async start(): Promise<void> {
    for (let count = 0; count < this.options.size; count++) this.spawn();
    while (this.readyCount < this.options.size) {
      const [death] = this.deaths;
      if (death) throw new Error(`a worker could not start (${death.how}, ${death.code}): see workers.stderr`);
      await sleep(20);
    }
  }

  /** Kills one. @returns its process id, unless there is none that works */
  kill(random: Random): number | undefined {
    const worker = this.choose(random);
    if (!worker) return undefined;
    this.end(worker, 'killed', 'SIGKILL');
    return worker.pid;
  }

  /** Stops one as Ctrl-Z does. @returns what lets it go on, unless there is none that works */
  freeze(random: Random): (() => void) | undefined {
    const worker = this.choose(random);
    if (!worker) return undefined;
    worker.frozen = true;
    worker.child.kill('SIGSTOP');
    return () => {
      worker.frozen = false;
      worker.child.kill('SIGCONT');
    };
  }

  /** Ends all: those that do not end by themselves in this time are killed. */
  async close(graceMs: number): Promise<void> {
    this.closing = true;
    const all = [...this.workers];
    for (const worker of all) {
      worker.child.kill('SIGCONT');
      this.end(worker, 'stopped', 'SIGTERM');
    }
    const late = setTimeout(() => {
      for (const { child } of this.workers) child.kill('SIGKILL');
    }, graceMs);
    await Promise.all(all.map(({ gone }) => gone));
    clearTimeout(late);
  }

  /** The last resort, when this process has to go now. */
  killAll(): void {
    this.closing = true;
    for (const { child } of this.workers) child.kill('SIGKILL');
  }

  private choose(random: Random): Worker | undefined {
    const able = [...this.workers].filter(({ ready, frozen, ending }) => ready && !frozen && !ending);
    return able.length === 0 ? undefined : random.pick(able);
  }

  private end(worker: Worker, how: 'killed' | 'stopped', signal: NodeJS.Signals): void {
    worker.ending = how;
    worker.endingAt = Date.now();
    worker.child.kill(signal);
  }

  private spawn(): void {
    const { script, clockShift, settings, folder, random } = this.options;
    const offsetMs = random.pick(OFFSETS_MS);
    const serial = ++this.spawned;
    const errors = openSync(join(folder, 'workers.stderr'), 'a');
    const child = fork(script, {
      env: { ...process.env, CHAOS_WORKER: JSON.stringify({ ...settings, offsetMs, serial }) },
      // Unlike --import, this also counts in threads whose program is a text.
      execArgv: ['--require', clockShift],
      stdio: ['ignore', 'ignore', errors, 'ipc'],
    });
    closeSync(errors);
    const gone = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        this.died(worker, code, signal);
        resolve();
      });
    });
    const pid = child.pid ?? 0;
    const worker: Worker = { child, pid, ready: false, frozen: false, ending: undefined, endingAt: 0, gone };
    child.once('message', () => (worker.ready = true));
    this.workers.add(worker);
  }

  private died(worker: Worker, code: number | null, signal: NodeJS.Signals | null): void {
    this.workers.delete(worker);
    const how =
      code === EXIT_BY_JOB ? 'by-job' : code === EXIT_NO_START ? 'no-start' : (worker.ending ?? ('crashed' as const));
    const at = worker.ending === 'killed' ? worker.endingAt : Date.now();
    this.deaths.push({ pid: worker.pid, at, how, code: signal ?? String(code) });
    if (this.closing) return;
    // A store that is away would make it end again at once.
    if (how === 'no-start') setTimeout(() => this.closing || this.spawn(), 200);
    else this.spawn();
  }
}
