import { Worker } from 'node:worker_threads';
import type { PulseSource } from '../cluster/cluster-store.js';
import { type DispatchLogger, errorText } from '../observability/logger.js';
import { PULSE_THREAD } from './pulse-thread.js';

export interface PulseOptions {
  readonly source: PulseSource;
  /** How long after the main thread's last heartbeat the thread renews in its place, in milliseconds. */
  readonly lateMs: number;
  readonly logger: DispatchLogger;
}

/** Slots of the memory that both threads see, epoch milliseconds. */
const PERMIT = 0;
const RENEWED = 1;

/**
 * Renews this process's lease from a thread of its own, with a connection of its own, while the main thread is too busy
 * to do so: a handler that computes for longer than a lease keeps its job. It has permission for a time only: past
 * the timeout of everything that runs, a main thread that has not come back is stuck, and others may take over.
 *
 * While the main thread renews by itself, the thread sleeps and opens no connection.
 */
export class Pulse {
  private readonly times = new BigInt64Array(new SharedArrayBuffer(16));
  private thread: Worker | undefined;
  private permitted = 0;

  constructor(private readonly options: PulseOptions) {}

  /** Starts the thread; where that is impossible, says so in the log, and heartbeats come from the main thread alone. */
  start(): void {
    const { source, lateMs, logger } = this.options;
    const failed = (error: unknown): void =>
      logger.warn(`there is no thread that keeps the lease while handlers block the event loop: ${errorText(error)}`);
    this.renewed();
    try {
      this.thread = new Worker(PULSE_THREAD, { eval: true, workerData: { source, lateMs, times: this.times.buffer } });
    } catch (error) {
      failed(error);
      return;
    }
    this.thread.on('error', failed);
    this.thread.on('message', (text: string) => logger.warn(`the lease could not be renewed by its thread: ${text}`));
    // Last: to listen to a thread keeps the process for it.
    this.thread.unref();
  }

  /** The thread may renew until this time, epoch milliseconds; Infinity: for ever. An earlier time than before counts too. */
  permit(until: number): void {
    this.permitted = until;
    Atomics.store(this.times, PERMIT, until === Number.POSITIVE_INFINITY ? 2n ** 62n : BigInt(Math.round(until)));
  }

  /** The same, but a permission that lasts longer stays. */
  extend(until: number): void {
    if (until > this.permitted) this.permit(until);
  }

  /** The main thread has renewed the lease itself. */
  renewed(): void {
    Atomics.store(this.times, RENEWED, BigInt(Date.now()));
  }

  async stop(): Promise<void> {
    const { thread } = this;
    this.thread = undefined;
    this.permit(0);
    await thread?.terminate();
  }
}
