import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import type { EngineOptions } from '../../../lib/engine/options.js';

/** What a worker process says. */
export interface WorkerMessage {
  readonly kind: 'ready' | 'holding' | 'aborted' | 'lost' | 'warn';
  readonly id?: string;
  readonly attempt?: number;
  readonly reason?: string;
  readonly text?: string;
}

export interface WorkerProcessOptions {
  readonly store: unknown;
  readonly options?: Omit<EngineOptions, 'store'>;
  readonly handlers: readonly ('quick' | 'hold' | 'block' | 'poison')[];
  /** What the process is: an engine alone, or a NestJS application. Default `engine`. */
  readonly kind?: 'engine' | 'nest';
  /** The URL of the engine's module. Default: the compiled library's. */
  readonly lib?: string;
  /** The file that its handlers append to. */
  readonly log: string;
}

/** Leases short enough for tests; polls long enough that nothing depends on them. */
export const QUICK_LEASES = { heartbeat: 200, lease: 1_000, pollInterval: '10m', maxPollInterval: '10m' } as const;

/** A worker in a process of its own, to be stopped and killed for real. */
export class WorkerProcess {
  private readonly messages: WorkerMessage[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly exited: Promise<void>;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (message) => {
      this.messages.push(message as WorkerMessage);
      for (const listener of this.listeners) listener();
    });
    this.exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Starts a process; resolves when it works. */
  static async start(options: WorkerProcessOptions): Promise<WorkerProcess> {
    const worker = WorkerProcess.spawn(options);
    await worker.heard('ready');
    return worker;
  }

  /** Starts a process without waiting for it. */
  static spawn(options: WorkerProcessOptions): WorkerProcess {
    const lib = inject('builtLibrary');
    const script = fileURLToPath(new URL(options.kind === 'nest' ? 'nest-worker.mjs' : 'worker.mjs', import.meta.url));
    const settings = { lib, options: QUICK_LEASES, ...options };
    return new WorkerProcess(fork(script, { env: { ...process.env, WORKER: JSON.stringify(settings) }, execArgv: [] }));
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Waits for a message of this kind, also one that came before. @throws when the process ends first */
  async heard(kind: WorkerMessage['kind'], id?: string): Promise<WorkerMessage> {
    const find = (): WorkerMessage | undefined =>
      this.messages.find((message) => message.kind === kind && (id === undefined || message.id === id));
    for (let found = find(); ; found = find()) {
      if (found) return found;
      await Promise.race([
        new Promise<void>((resolve) => this.listeners.add(resolve)),
        this.exited.then(() => {
          if (!find())
            throw new Error(`worker ${this.pid} ended before it said "${kind}": ${JSON.stringify(this.messages)}`);
        }),
      ]);
    }
  }

  /** Lets a `hold` job end. */
  finish(id: string, result: unknown): void {
    this.child.send({ kind: 'finish', id, result });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves when the process is gone. */
  gone(): Promise<void> {
    return this.exited;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

/** A line of the log that handlers append to. */
export interface LogLine {
  readonly event: 'start' | 'end';
  readonly id: string;
  readonly attempt: number;
  readonly pid: number;
}

export async function readLog(file: string): Promise<LogLine[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // The last line may be half written.
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogLine);
}
