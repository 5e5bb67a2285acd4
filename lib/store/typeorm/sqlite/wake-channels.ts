import { WakeHub } from '../../wake-hub.js';
import type { Wake } from '../../store.js';

/*
 * The stores of one process on one file hear each other at once, whichever of them wrote: keyed by the file's real
 * path. Copies of this module (the library installed twice) hear each other through the file, as processes do.
 */
const channels = new Map<string, WakeHub>();

/** Calls `listener` for everything that a store of this process makes known about the file. @returns a function that stops it */
export function listenToFile(file: string, listener: (wake: Wake) => void): () => void {
  let hub = channels.get(file);
  if (!hub) {
    hub = new WakeHub();
    channels.set(file, hub);
  }
  const channel = hub;
  const remove = channel.add(listener);
  return () => {
    remove();
    if (channel.size === 0 && channels.get(file) === channel) channels.delete(file);
  };
}

/** Tells the listeners of this process. */
export function tellFile(file: string, wakes: readonly Wake[]): void {
  const hub = channels.get(file);
  if (hub) for (const wake of wakes) hub.emit(wake);
}
