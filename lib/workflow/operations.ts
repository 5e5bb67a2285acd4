import { randomUUID } from 'node:crypto';
import type { StoreTransaction } from '../job/job-store.js';
import type { Activation } from './activation.js';
import type { StepContext } from './attempt.js';
import type { CheckpointKind, NewCheckpoint } from './checkpoint.js';
import { type Made, completed, madeOf } from './made.js';
import { Occurrences } from './occurrences.js';
import { bareCommit } from './outbox.js';
import { never } from './parked.js';
import type { StepFunction, StepOptions } from './workflow-context.js';
import { RecordedError } from './workflow-errors.js';

/** The part of a checkpoint that replays look at. */
export type Recorded = Pick<NewCheckpoint, 'status' | 'value' | 'error' | 'seq'>;

/** What a call does when its result is not recorded yet. `undefined`: the activation ended before it. */
export type Live = (key: string, afterSeq: number) => Promise<Omit<Made, 'key'> | NewCheckpoint | undefined>;

/** The calls that a run's context is made of: each is found in the history, or done and recorded. */
export class Operations {
  private readonly keys = new Occurrences();

  constructor(readonly activation: Activation) {}

  /**
   * A call whose result is recorded under a key.
   *
   * @param live does it
   * @param read makes the result of its record
   * @param known called when the record is there, before the method has the result
   */
  perform<T>(
    kind: CheckpointKind,
    name: string,
    live: Live,
    read: (value: unknown) => T,
    known: (recorded: Recorded, key: string) => void = () => undefined,
  ): Promise<T> {
    const { activation } = this;
    if (activation.isClosed) return never();
    const promise = (async () => {
      // An undo has the key of its step, which is told apart already.
      const key = kind === 'undo' ? `undo:${name}` : this.keys.next(kind, name);
      const afterSeq = activation.knownSeq;
      const result = (recorded: Recorded): T => {
        if (recorded.status === 'failed') throw new RecordedError(recorded.error!);
        return read(activation.decode(recorded.value));
      };
      const recorded = await activation.replay.ask(key);
      if (recorded) {
        known(recorded, key);
        return result(recorded);
      }
      const made = await live(key, afterSeq);
      if (!made) return never();
      const checkpoint = 'seq' in made ? made : activation.record({ ...made, key }, afterSeq);
      known(checkpoint, key);
      return activation.deliver(checkpoint.seq, () => result(checkpoint));
    })();
    // A call that the method does not wait for must not end the process.
    promise.catch(() => undefined);
    return promise;
  }

  step<T>(name: string, fn: StepFunction<T>, options?: StepOptions): Promise<T> {
    return this.perform('step', name, (key) => this.runStep(key, fn, options, false), asIs<T>);
  }

  undoableStep<T>(
    name: string,
    fn: StepFunction<unknown>,
    undo: (result: T, step: StepContext) => unknown,
    options?: StepOptions,
  ): Promise<T> {
    const { activation } = this;
    return this.perform(
      'step',
      name,
      (key) => this.runStep(key, fn, options, true),
      asIs<T>,
      ({ status, value }, key) => {
        if (status === 'failed') return;
        activation.compensations.add({ key, undo: (step) => undo(activation.decode(value) as T, step) });
      },
    );
  }

  /** A step that is recorded by its own transaction. */
  transaction<T>(
    name: string,
    fn: (transaction: StoreTransaction, step: StepContext) => Promise<unknown>,
    options?: StepOptions,
  ): Promise<T> {
    const { activation } = this;
    const { host, run } = activation;
    const live: Live = async (key, afterSeq) => {
      let written: NewCheckpoint | undefined;
      const attempt = (step: StepContext): Promise<unknown> => {
        const begunAt = host.clock.monotonic();
        let returned = false;
        const inTransaction = async (transaction: StoreTransaction): Promise<unknown> => {
          const result = await fn(transaction, step);
          const value = activation.encode(`step "${name}"`, result);
          if (step.signal.aborted) throw step.signal.reason as Error;
          returned = true;
          const elapsedMs = host.clock.monotonic() - begunAt;
          const made = completed(value, { tries: step.attempt, elapsedMs });
          written = { ...made, key, seq: activation.nextSeq(), afterSeq };
          const commit = { ...bareCommit(run), checkpoints: [written] };
          const held = await host.commitWith(run, commit, transaction);
          if (!held) {
            activation.lose();
            await never();
          }
          return result;
        };
        return host.transaction(inTransaction).catch(async (error: unknown) => {
          written = undefined;
          if (!returned) throw error;
          // Whether it was committed is unknown: the next activation will see.
          activation.fail(error);
          return never();
        });
      };
      const end = await activation.steps.run(key, attempt, options);
      if (end.kind === 'done' && written) {
        host.committed(run, { ...bareCommit(run), checkpoints: [written] });
        return written;
      }
      return madeOf(end, false);
    };
    return this.perform('step', name, live, asIs<T>);
  }

  private async runStep(
    key: string,
    fn: StepFunction<unknown>,
    options: StepOptions | undefined,
    undoable: boolean,
  ): Promise<Omit<Made, 'key'> | undefined> {
    if (typeof fn !== 'function') throw new TypeError(`a step needs a function (got ${typeof fn}).`);
    return madeOf(await this.activation.steps.run(key, fn, options), undoable);
  }

  /** Undoes what can be undone, the last first; all of it, also when one fails. @throws RecordedError */
  async runCompensations(): Promise<void> {
    const { activation } = this;
    if (activation.isClosed) return never();
    let failure: unknown;
    for (const compensation of activation.compensations.take()) {
      const name = compensation.key;
      const live: Live = async (key) => madeOf(await activation.steps.run(key, compensation.undo), false);
      await this.perform('undo', name, live, () => undefined).catch((error: unknown) => (failure ??= error));
    }
    if (failure !== undefined) throw failure as Error;
  }

  /** A value that is known at once: taken from the history, or made and recorded. */
  value<T>(kind: CheckpointKind, name: string, make: () => T): T {
    const { activation } = this;
    if (activation.isClosed) return make();
    const key = this.keys.next(kind, name);
    const recorded = activation.replay.take(key);
    if (recorded) return activation.decode(recorded.value) as T;
    const value = make();
    activation.record({ ...completed(activation.encode(kind, value)), key }, activation.knownSeq);
    return value;
  }

  uuid(): string {
    return this.value('uuid', 'uuid', randomUUID);
  }
}

function asIs<T>(value: unknown): T {
  return value as T;
}
