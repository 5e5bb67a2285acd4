/** What the benchmark uses of graphile-worker; so that types are checked where its package is not installed. */
declare module 'graphile-worker' {
  import type { EventEmitter } from 'node:events';
  import type { Pool } from 'pg';

  export interface TaskSpec {
    readonly runAt?: Date;
    readonly priority?: number;
    readonly maxAttempts?: number;
  }
  export interface WorkerUtils {
    migrate(): Promise<void>;
    addJob(identifier: string, payload: unknown, spec?: TaskSpec): Promise<unknown>;
    addJobs(
      specs: readonly (TaskSpec & { readonly identifier: string; readonly payload: unknown })[],
    ): Promise<unknown>;
    release(): Promise<void>;
  }
  export interface Runner {
    stop(): Promise<void>;
  }
  export interface WorkerPreset {
    readonly connectionString: string;
    readonly concurrentJobs: number;
    readonly maxPoolSize: number;
    readonly preparedStatements: boolean;
    readonly logger: Logger;
    readonly localQueue?: { readonly size: number };
    readonly completeJobBatchDelay?: number;
    readonly failJobBatchDelay?: number;
  }
  export interface Logger {
    error(message: string): void;
  }
  export const Logger: new (factory: (scope: unknown) => (level: string, message: string) => void) => Logger;
  export function makeWorkerUtils(options: { readonly pgPool: Pool; readonly logger: Logger }): Promise<WorkerUtils>;
  export function run(options: {
    readonly preset: { readonly worker: WorkerPreset };
    readonly noHandleSignals: boolean;
    readonly parsedCronItems: readonly never[];
    readonly events: EventEmitter;
    readonly taskList: Readonly<Record<string, (payload: unknown) => Promise<void>>>;
  }): Promise<Runner>;
}
