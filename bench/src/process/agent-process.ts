import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Answer, Argument, CallName, Reply, Request } from './protocol.ts';

/** How long a process may take to end after it was closed. */
const EXIT_MS = 5_000;

/** What workers have done so far; times in nanoseconds of the machine's monotonic clock. */
export interface Progress {
  readonly handled: number;
  readonly firstAt: bigint;
  readonly lastAt: bigint;
}

/** A process of the benchmark, as the harness sees it. */
export class AgentProcess {
  progress: Progress | undefined;
  /** Called at each sign of progress. */
  onProgress: () => void = () => undefined;
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private nextId = 1;
  private ended: string | undefined;

  constructor(label: string) {
    this.child = fork(join(import.meta.dirname, 'agent.ts'), [label], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
    });
    this.child.on('message', (reply: Reply) => this.receive(reply));
    this.child.on('exit', (code, signal) => this.fail(`process of ${label} ended (${String(signal ?? code)})`));
    this.child.on('error', (error) => this.fail(error.message));
  }

  /** Asks the process to do something. @throws what went wrong there, or that the process has ended */
  call<Name extends CallName>(
    name: Name,
    ...[argument]: undefined extends Argument<Name> ? [] : [Argument<Name>]
  ): Promise<Answer<Name>> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) {
        reject(new Error(this.ended));
        return;
      }
      const id = this.nextId++;
      this.waiting.set(id, { resolve, reject });
      this.send({ kind: 'call', id, call: name, argument });
    });
  }

  /** Tells the process how many jobs all workers have handled. */
  tellHandled(total: number): void {
    if (this.ended === undefined) this.send({ kind: 'handled', total });
  }

  /** @throws when the process has ended by itself */
  throwIfEnded(): void {
    if (this.ended !== undefined) throw new Error(this.ended);
  }

  /** Closes the peer and ends the process. */
  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    await this.call('close').catch(() => undefined);
    await this.kill();
  }

  /** Ends the process at once, without closing anything. */
  abandon(): void {
    this.fail('interrupted');
    this.child.kill('SIGKILL');
  }

  private async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), EXIT_MS);
    await exited;
    clearTimeout(timer);
  }

  private send(request: Request): void {
    this.child.send(request, (error) => {
      if (error && this.ended === undefined) this.fail(error.message);
    });
  }

  private receive(reply: Reply): void {
    if (reply.kind === 'progress') {
      this.progress = { handled: reply.handled, firstAt: BigInt(reply.firstAt), lastAt: BigInt(reply.lastAt) };
      this.onProgress();
      return;
    }
    const caller = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (reply.kind === 'answer') caller?.resolve(reply.value as never);
    else caller?.reject(new Error(reply.message));
  }

  private fail(message: string): void {
    this.ended ??= message;
    for (const { reject } of this.waiting.values()) reject(new Error(message));
    this.waiting.clear();
    this.onProgress();
  }
}
