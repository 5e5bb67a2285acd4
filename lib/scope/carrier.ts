/**
 * Takes what belongs to the asynchronous context of the one who enqueues, such as the store of an AsyncLocalStorage, along
 * with the job. Without one, nothing of that context reaches a handler but the tenant scope.
 */
export interface Carrier {
  /** Called with each enqueue, in its context. What it returns is stored in the job's headers. */
  capture(): Readonly<Record<string, string>> | undefined;
  /** Calls `fn` in a context made from the job's headers, and returns what it returns. Called around each attempt. */
  restore<T>(headers: Readonly<Record<string, string>>, fn: () => T): T;
}
