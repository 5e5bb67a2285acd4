/** What the benchmark uses of pg-boss; so that types are checked where its package is not installed. */
declare module 'pg-boss' {
  export interface PerJobResult {
    readonly id: string;
    readonly status: 'completed' | 'failed';
    readonly output?: unknown;
  }
  export interface JobOptions {
    readonly startAfter?: number;
    readonly priority?: number;
    readonly retryLimit?: number;
  }
  export interface WorkOptions {
    readonly batchSize: number;
    readonly localConcurrency: number;
    readonly burstWhenBatchFull: boolean;
    readonly pollingIntervalSeconds: number;
  }
  export interface FetchedJob {
    readonly id: string;
    readonly data: unknown;
  }
  export class PgBoss {
    constructor(options: {
      readonly connectionString: string;
      readonly max: number;
      readonly useListenNotify: boolean;
      readonly schedule: boolean;
    });
    on(event: 'error', listener: (error: Error) => void): void;
    start(): Promise<unknown>;
    stop(options: { readonly graceful: boolean; readonly timeout: number }): Promise<void>;
    createQueue(name: string, options: { readonly notify: boolean }): Promise<void>;
    send(name: string, data: object, options?: JobOptions): Promise<string | null>;
    insert(name: string, jobs: readonly (JobOptions & { readonly data: object })[]): Promise<unknown>;
    work(
      name: string,
      options: WorkOptions & { readonly perJobResults: true },
      handler: (jobs: readonly FetchedJob[]) => Promise<readonly PerJobResult[]>,
    ): Promise<string>;
    work(
      name: string,
      options: WorkOptions,
      handler: (jobs: readonly FetchedJob[]) => Promise<unknown>,
    ): Promise<string>;
    offWork(name: string, options: { readonly wait: boolean }): Promise<void>;
  }
}
