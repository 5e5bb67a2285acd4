import { StoreUnavailableError } from '../../lib/errors.js';
import type { Store } from '../../lib/store/store.js';
import { type Deferred, deferred } from './deferred.js';

type Method = {
  [Name in keyof Store]-?: Store[Name] extends (...args: never[]) => Promise<unknown> ? Name : never;
}[keyof Store];

type Call = (proceed: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown>;

interface Fault {
  left: number;
  readonly call: Call;
}

/** A call that a test has stopped on its way to the store. */
export interface HeldCall {
  /** Resolves when the call has been made. */
  readonly reached: Promise<void>;
  /** Lets it go on. */
  release(): void;
}

/** A store between an engine and another store, whose calls a test can count, stop and spoil. */
export class FaultyStore {
  /** What the engine is given. */
  readonly store: Store;
  private readonly faults = new Map<Method, Fault[]>();
  private readonly counted = new Map<string, (readonly unknown[])[]>();

  /** @param wakes false cuts off every wake-up */
  constructor(inner: Store, { wakes = true }: { readonly wakes?: boolean } = {}) {
    this.store = new Proxy(inner, {
      get: (target, name: keyof Store) => {
        // A thread with a connection of its own would go around the faults.
        if (name === 'pulse') return undefined;
        if (name === 'onWake' && !wakes) return () => () => undefined;
        const value = target[name];
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => this.call(name as Method, args, () => Reflect.apply(value, target, args));
      },
    });
  }

  /** The next calls fail before they reach the store. */
  fail(method: Method, error: Error = new StoreUnavailableError('the store is down'), times = 1): void {
    this.add(method, times, () => Promise.reject(error));
  }

  /** Every call fails from now on, as if the network were gone. */
  cut(methods: readonly Method[]): void {
    for (const method of methods) this.fail(method, undefined, Number.POSITIVE_INFINITY);
  }

  /** The next calls are carried out, but the caller is told that the store is not there. */
  loseAnswer(method: Method, times = 1): void {
    this.add(method, times, async (proceed) => {
      await proceed();
      throw new StoreUnavailableError('the answer was lost');
    });
  }

  /** The next calls wait until they are released. */
  hold(method: Method, times = 1): HeldCall {
    const reached: Deferred = deferred();
    const gate: Deferred = deferred();
    this.add(method, times, async (proceed) => {
      reached.resolve();
      await gate.promise;
      return proceed();
    });
    return { reached: reached.promise, release: () => gate.resolve() };
  }

  /** The next calls are answered by the test. */
  answer(method: Method, call: Call, times = 1): void {
    this.add(method, times, call);
  }

  /** Forgets the faults that are left. */
  mend(): void {
    this.faults.clear();
  }

  /** The arguments of every call of a method so far. */
  calls(method: Method): readonly (readonly unknown[])[] {
    return this.counted.get(method) ?? [];
  }

  private add(method: Method, left: number, call: Call): void {
    const faults = this.faults.get(method);
    if (faults) faults.push({ left, call });
    else this.faults.set(method, [{ left, call }]);
  }

  private call(method: Method, args: readonly unknown[], proceed: () => unknown): unknown {
    const calls = this.counted.get(method);
    if (calls) calls.push(args);
    else this.counted.set(method, [args]);
    const fault = this.faults.get(method)?.[0];
    if (!fault) return proceed();
    fault.left -= 1;
    if (fault.left <= 0) this.faults.get(method)!.shift();
    return fault.call(async () => proceed(), args);
  }
}
