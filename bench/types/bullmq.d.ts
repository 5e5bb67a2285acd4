/** What the benchmark uses of BullMQ; so that types are checked where its package is not installed. */
declare module 'bullmq' {
  export interface JobOptions {
    readonly delay?: number;
    readonly attempts?: number;
  }
  export interface QueueLike {
    waitUntilReady(): Promise<unknown>;
    add(name: string, data: unknown, options: JobOptions): Promise<unknown>;
    addBulk(
      jobs: readonly { readonly name: string; readonly data: unknown; readonly opts: JobOptions }[],
    ): Promise<unknown>;
    getJobCounts(...states: string[]): Promise<Record<string, number>>;
    on(event: 'error', listener: (error: Error) => void): this;
    close(): Promise<void>;
  }
  export interface WorkerLike {
    waitUntilReady(): Promise<unknown>;
    on(event: 'error', listener: (error: Error) => void): this;
    close(): Promise<void>;
  }
  export interface Backend {
    readonly backend: symbol;
  }
  export const createPostgresBackend: Backend;
  export const Queue: new (name: string, options: { readonly connection: object }, backend?: Backend) => QueueLike;
  export const Worker: new (
    name: string,
    run: (job: { readonly data: unknown }) => Promise<unknown>,
    options: {
      readonly connection: object;
      readonly concurrency: number;
      readonly removeOnComplete: { readonly count: number };
    },
    backend?: Backend,
  ) => WorkerLike;
}
