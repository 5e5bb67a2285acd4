import type { Wake } from './store.js';

/** The listeners of one store in this process. */
export class WakeHub {
  private readonly listeners = new Set<(wake: Wake) => void>();

  /** @param onError hears of a listener that threw */
  constructor(private readonly onError: (error: unknown) => void = () => undefined) {}

  /** @returns a function that removes the listener */
  add(listener: (wake: Wake) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get size(): number {
    return this.listeners.size;
  }

  /** Calls every listener; one that throws does not keep the others from hearing. */
  emit(wake: Wake): void {
    for (const listener of this.listeners) {
      try {
        listener(wake);
      } catch (error) {
        this.onError(error);
      }
    }
  }

  clear(): void {
    this.listeners.clear();
  }
}
