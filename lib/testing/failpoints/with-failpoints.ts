import type { Store } from '../../store/store.js';
import type { Failpoints } from './failpoints.js';

/** Methods that have no failpoints: they return no promise, or lead around the store. */
const EXEMPT: readonly PropertyKey[] = ['onWake', 'pulse'];

type Method = (...args: unknown[]) => unknown;

/**
 * A store whose calls pass two failpoints each, `before:<method>` and `after:<method>`; give it to `createEngine` or the
 * module as `store`. While nothing is set, a call is handed straight on. Every method is covered, those of later versions
 * too, but for `onWake`. There is no `pulse`: the lease is kept by heartbeats alone, since a thread with a connection of its
 * own would go around the failpoints.
 *
 * @param store any store; it is closed by who made it
 * @returns a store on the same data
 * @throws InvalidOptionsError when `failpoints` names a method that the store does not have
 */
export function withFailpoints(store: Store, failpoints: Failpoints): Store {
  const methodOf = (name: PropertyKey): Method | undefined => {
    const value: unknown = Reflect.get(store, name);
    return typeof value === 'function' && !EXEMPT.includes(name) ? (value as Method) : undefined;
  };
  failpoints.attach((name) => methodOf(name) !== undefined);
  return new Proxy(store, {
    get(target, name) {
      if (name === 'pulse') return undefined;
      const method = methodOf(name);
      if (!method || typeof name === 'symbol') return bound(target, name);
      return (...args: unknown[]): unknown => {
        const call = (): unknown => Reflect.apply(method, target, args);
        return failpoints.armed ? between(failpoints, name, args, call) : call();
      };
    },
  });
}

async function between(
  failpoints: Failpoints,
  method: string,
  args: readonly unknown[],
  call: () => unknown,
): Promise<unknown> {
  if (failpoints.isSet(`before:${method}`)) await failpoints.at(`before:${method}`, args);
  const answer = await call();
  if (failpoints.isSet(`after:${method}`)) await failpoints.at(`after:${method}`, args);
  return answer;
}

function bound(target: Store, name: PropertyKey): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === 'function' ? (value as Method).bind(target) : value;
}
