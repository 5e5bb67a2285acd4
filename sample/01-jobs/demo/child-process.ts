import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface ChildOptions {
  readonly name: string;
  /** The compiled script. */
  readonly script: URL;
  readonly env: Readonly<Record<string, string>>;
  /** Where its output goes. */
  readonly logFile: string;
}

const STOP_LIMIT_MS = 5_000;
const LOG_TAIL_CHARS = 2_000;

/** A process of the demo. It says that it is ready by its first message. */
export class Child {
  readonly name: string;
  /** What it sent when it was ready. */
  readonly ready: Promise<unknown>;
  private readonly process: ChildProcess;
  private readonly exited: Promise<unknown>;
  private ending = false;

  /** @param onCrash hears when the process ends though nobody asked for it */
  constructor(
    private readonly options: ChildOptions,
    onCrash: (error: Error) => void,
  ) {
    this.name = options.name;
    const log = openSync(options.logFile, 'a');
    this.process = fork(fileURLToPath(options.script), [], {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', log, log, 'ipc'],
      // Ctrl-C is for the demo alone, which then stops its processes in order.
      detached: true,
    });
    closeSync(log);
    this.exited = once(this.process, 'exit').then(([code, signal]) => {
      if (!this.ending) onCrash(this.crash(`ended with ${String(signal ?? code)}`));
    }, onCrash);
    this.ready = once(this.process, 'message').then(([message]) => message as unknown);
    // Heard of by `onCrash`.
    this.ready.catch(() => undefined);
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.process.kill(signal);
  }

  /** Ends the process at once, as a crash would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.ending = true;
    this.process.kill('SIGKILL');
    await this.exited;
  }

  /** Asks the process to end, and makes it end when it does not in time. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.ending = true;
    this.process.kill('SIGTERM');
    const limit = new AbortController();
    await Promise.race([this.exited, pause(STOP_LIMIT_MS, undefined, { signal: limit.signal }).catch(() => undefined)]);
    limit.abort();
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
  }

  private crash(what: string): Error {
    const log = readFileSync(this.options.logFile, 'utf8').slice(-LOG_TAIL_CHARS);
    return new Error(`${this.name} (pid ${this.pid}) ${what}. The end of its log:\n${log}`);
  }
}
