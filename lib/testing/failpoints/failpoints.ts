import { setImmediate as turn } from 'node:timers/promises';
import { InvalidOptionsError, StoreUnavailableError } from '../../errors.js';
import type { Store } from '../../store/store.js';

/** The calls of a store that have failpoints: every method that returns a promise, those of later versions too. */
export type FailpointMethod = Exclude<
  { [Name in keyof Store]-?: NonNullable<Store[Name]> extends AsyncMethod ? Name : never }[keyof Store],
  'pulse'
>;
type AsyncMethod = (...args: never[]) => Promise<unknown>;

/** Where something can be made to go wrong: before a call reaches the store, or after it, before its caller hears of it. */
export type FailpointName = `${'before' | 'after'}:${FailpointMethod}`;

/**
 * What happens at a failpoint.
 *
 * - `throw`: the caller gets a `StoreUnavailableError`. At `after:` points the store has done it all the same: the answer is lost.
 * - `hang`: the call stays where it is until {@link Failpoints.clear}, and goes on then.
 * - `kill`: this process ends as by `kill -9`.
 * - an error: the caller gets it.
 * - a function: called with the arguments of the call; the call goes on when it has returned, and fails when it throws.
 */
export type FailpointAction = 'throw' | 'hang' | 'kill' | Error | ((args: readonly unknown[]) => unknown);

/** Options of {@link Failpoints.set}. */
export interface FailpointOptions {
  /** How many calls pass first. Default 0. */
  readonly skip?: number;
  /** How many calls it happens to. Default 1; `Infinity`: all. */
  readonly times?: number;
}

interface Failpoint {
  readonly action: FailpointAction;
  skip: number;
  times: number;
}

const NAME = /^(before|after):(\w+)$/;
const TEXT = /^((?:before|after):\w+)=(throw|hang|kill)(?:@(\d+))?(\*)?$/;

/**
 * Named points around every call of a store, at which tests make things go wrong. Nothing happens until one is set.
 *
 *     const failpoints = new Failpoints();
 *     const engine = createEngine({ store: withFailpoints(createMemoryStore(), failpoints) });
 *     failpoints.set('after:settleJobs', 'throw');   // the next outcome is written, but its answer is lost
 */
export class Failpoints {
  private readonly points = new Map<string, Failpoint>();
  private readonly counts = new Map<string, number>();
  private hanging: { readonly name: string; readonly goOn: () => void }[] = [];
  private knows: (method: string) => boolean = () => true;

  /**
   * Failpoints from a text, for processes of their own: `after:settleJobs=kill, before:claimJobs=throw@2*`. An action is
   * `throw`, `hang` or `kill`; `@2` lets two calls pass first, and `*` means every call from then on.
   *
   * @throws InvalidOptionsError
   */
  static fromText(text: string): Failpoints {
    const failpoints = new Failpoints();
    for (const part of text.split(',').map((each) => each.trim())) {
      if (part === '') continue;
      const match = TEXT.exec(part);
      if (!match) {
        throw new InvalidOptionsError(
          `failpoint "${part}" is not understood: write "before:claimJobs=throw", with "after:" for "before:", "hang" or ` +
            '"kill" for "throw", "@2" behind it to let two calls pass first, and "*" at the end for every call from then on.',
        );
      }
      const [, name, action, skip, forever] = match;
      failpoints.set(name as FailpointName, action as FailpointAction, {
        skip: Number(skip ?? 0),
        times: forever ? Number.POSITIVE_INFINITY : 1,
      });
    }
    return failpoints;
  }

  /** Whether any is set. */
  get armed(): boolean {
    return this.points.size > 0;
  }

  /**
   * Makes something happen at a failpoint, in place of what was set there before.
   *
   * @throws InvalidOptionsError for a name that is no failpoint
   */
  set(name: FailpointName, action: FailpointAction, { skip = 0, times = 1 }: FailpointOptions = {}): void {
    this.check(name);
    this.points.set(name, { action, skip, times });
  }

  /** Takes away what was set, at one failpoint or at all; calls that hang there go on. */
  clear(name?: FailpointName): void {
    if (name === undefined) this.points.clear();
    else this.points.delete(name);
    const free = this.hanging.filter((each) => name === undefined || each.name === name);
    this.hanging = this.hanging.filter((each) => !free.includes(each));
    for (const { goOn } of free) goOn();
  }

  /** To how many calls something has happened at this failpoint. */
  hits(name: FailpointName): number {
    return this.counts.get(name) ?? 0;
  }

  /** Resolves when something has happened at this failpoint, also if that was before. */
  async reached(name: FailpointName, hits = 1): Promise<void> {
    while (this.hits(name) < hits) await turn();
  }

  /** Whether a call has to stop at this failpoint. For {@link withFailpoints}. */
  isSet(name: string): boolean {
    return this.points.has(name);
  }

  /** Does what is set at a failpoint. For {@link withFailpoints}. */
  async at(name: string, args: readonly unknown[]): Promise<void> {
    const point = this.points.get(name);
    if (!point) return;
    if (point.skip > 0) {
      point.skip -= 1;
      return;
    }
    point.times -= 1;
    if (point.times <= 0) this.points.delete(name);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    await this.act(name, point.action, args);
  }

  /** From now on names are checked against the store's methods. For {@link withFailpoints}. */
  attach(knows: (method: string) => boolean): void {
    this.knows = knows;
    for (const name of this.points.keys()) this.check(name);
  }

  private async act(name: string, action: FailpointAction, args: readonly unknown[]): Promise<void> {
    if (typeof action === 'function') await action(args);
    else if (action instanceof Error) throw action;
    else if (action === 'throw') throw new StoreUnavailableError(`the failpoint ${name} was told to fail.`);
    else {
      if (action === 'kill') process.kill(process.pid, 'SIGKILL');
      await new Promise<void>((resolve) => this.hanging.push({ name, goOn: resolve }));
    }
  }

  private check(name: string): void {
    const method = NAME.exec(name)?.[2];
    if (method !== undefined && this.knows(method)) return;
    throw new InvalidOptionsError(
      `there is no failpoint "${name}": it is "before:" or "after:" and the name of a store's method that returns a promise, such as "before:claimJobs".`,
    );
  }
}
