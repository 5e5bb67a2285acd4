/**
 * Dispatch without Nest: everything that a program needs to enqueue and run jobs, and to extend the engine. Loading it
 * loads no driver and no framework.
 */

// Engine
export { createEngine } from './create-engine.js';
export { Engine, type EngineHealth, type EngineState } from './engine.js';
export { DEFAULT_OPTIONS, type EngineOptions, type QueueOption } from './options.js';
export type { StoreOptions } from './store-options.js';
export { VERSION } from '../version.js';

// Writing handlers
export {
  type DefineJobOptions,
  type JobDefinition,
  type JobPayloads,
  type PayloadOf,
  defineJob,
} from '../job/job-definition.js';
export type { JobContext } from '../job/job-context.js';
export type { JobHandler } from '../job/job-handler.js';
export type { HandlerOptions, JobOptions } from '../job/job-options.js';
export type {
  PayloadClass,
  PayloadSchema,
  StandardIssue,
  StandardResult,
  StandardSchema,
} from '../job/payload-schema.js';
export { CancelJob, ControlOutcome, NonRetryableError, Snooze } from '../job/control-outcomes.js';
export type { Carrier } from '../scope/carrier.js';
export { type Scope, scope } from '../scope/scope.js';

// Writing workflows
export { type EventDefinition, defineEvent } from '../event/event-definition.js';
export {
  type DefineWorkflowOptions,
  type WorkflowDefinition,
  type WorkflowOptions,
  defineWorkflow,
} from '../workflow/workflow-definition.js';
export type {
  ChildOptions,
  EventName,
  FanOutOptions,
  ReceivedEvent,
  StepFunction,
  StepOptions,
  WaitForEventOptions,
  WaitOptions,
  WorkflowContext,
} from '../workflow/workflow-context.js';
export type { StepContext } from '../workflow/attempt.js';
export type { Jsonify } from '../workflow/jsonify.js';
export { PARKED, type Parked } from '../workflow/parked.js';
export { untilParked } from '../workflow/until-parked.js';
export type { WorkflowHandler } from '../workflow/workflow-registry.js';

// Enqueuing
export type { EnqueueOptions } from '../job/job-options.js';
export type { EnqueueItem, EnqueueManyOptions, EnqueuedJob, JobProducer, TypedEnqueueItem } from '../job/producer.js';
export type { StoreTransaction } from '../job/job-store.js';
export type { JobHeaders, OnConflict } from '../job/job-record.js';
export type { Duration } from '../clock/duration.js';

// Starting runs and publishing events
export type { RunOptions } from '../workflow/run-factory.js';
export type { StartWorkflowOptions, StartedRun } from '../workflow/run-starter.js';
export type { RunResultOptions } from '../workflow/run-results.js';
export type { PublishEventOptions } from '../event/event-service.js';

// Operating
export type { Job } from '../job/job.js';
export { JOB_STATES, type JobState, isJobState, isTerminal } from '../job/job-state.js';
export type { ErrorRecord, JobErrorRecord } from '../job/job-error.js';
export type { CountJobsQuery, JobList, JobLog, JobService, ListJobsQuery } from '../job/job-service.js';
export type { JobCounts } from '../job/job-store.js';
export type { Run } from '../workflow/run.js';
export { RUN_STATES, type RunState, isRunEnded, isRunState } from '../workflow/run-state.js';
export type { CancelRunQuery, CountRunsQuery, ListRunsQuery, RunList, RunService } from '../workflow/run-service.js';
export type { RunCounts } from '../workflow/workflow-store.js';
export type { TimelineEntry } from '../workflow/timeline.js';
export type { CheckpointKind } from '../workflow/checkpoint.js';
export type { OnParentCancel } from '../workflow/run-record.js';
export type { Event } from '../event/event.js';
export type { EventList, EventService, ListEventsQuery } from '../event/event-service.js';
export type { DlqEntry } from '../dlq/dlq-entry.js';
export type { DlqList, DlqQuery, DlqService, ListDlqQuery, ReplayOptions } from '../dlq/dlq-service.js';
export type { WorkerRecord, WorkerState } from '../cluster/worker-record.js';
export type { MigrationMode, MigrationStatus } from '../store/store.js';
export type { ScopeOption } from '../scope/scope-policy.js';
export type {
  JobFailure,
  LifecycleEventName,
  LifecycleEvents,
  LifecycleListener,
  RunNews,
  StepNews,
} from '../ext/lifecycle.js';

// Errors
export {
  DispatchError,
  DlqEntryNotFoundError,
  InvalidOptionsError,
  InvalidStateError,
  JobAlreadyCompleteError,
  JobAlreadyExistsError,
  JobCancelledError,
  JobNotFoundError,
  JobTimeoutError,
  LeaseLostError,
  MigrationError,
  NoStoreError,
  PayloadError,
  type PayloadFieldError,
  PayloadValidationError,
  RunNotFoundError,
  ScopeRequiredError,
  StoreClosedError,
  StoreUnavailableError,
  WorkerLostError,
  WorkerShutdownError,
} from '../errors.js';
export {
  RecordedError,
  RunCancelledError,
  RunEndedError,
  RunFailedError,
  RunResultTimeoutError,
  RunTimeoutError,
  StepTimeoutError,
  WorkflowMismatchError,
} from '../workflow/workflow-errors.js';

// Backoff
export {
  type Backoff,
  type BackoffSpec,
  type BackoffStrategy,
  constantBackoff,
  defaultBackoff,
  exponentialBackoff,
  exponentialBackoffWithJitter,
  linearBackoff,
} from '../backoff/backoff.js';

// Middleware
export { type Handler, type Middleware, chain } from '../middleware/middleware.js';
export { logging } from '../middleware/logging.js';
export { metrics } from '../middleware/metrics.js';
export { recover } from '../middleware/recover.js';
export { restoreScope } from '../middleware/scope.js';
export { timeout } from '../middleware/timeout.js';
export { tracing } from '../middleware/tracing.js';

// Stores
export { type MemoryStoreOptions, createMemoryStore } from '../store/memory/memory-store.js';
export { createPostgresStore } from '../store/typeorm/postgres/postgres-store.js';
export type { PostgresStoreOptions } from '../store/typeorm/postgres/postgres-options.js';
export { createSqliteStore } from '../store/typeorm/sqlite/sqlite-store.js';
export type { SqliteStoreOptions } from '../store/typeorm/sqlite/sqlite-options.js';

// Extension points
export type { Store, Wake } from '../store/store.js';
export type { JobStore } from '../job/job-store.js';
export type { DlqStore } from '../dlq/dlq-store.js';
export type { ClusterStore } from '../cluster/cluster-store.js';
export type { WorkflowStore } from '../workflow/workflow-store.js';
export type { EventStore } from '../event/event-store.js';
export type { Clock, Timer } from '../clock/clock.js';
export { type PayloadCodec, jsonCodec } from '../codec/payload-codec.js';
export type { DispatchLogger } from '../observability/logger.js';

// Ids
export {
  type DlqId,
  type EventId,
  ID_PREFIX,
  InvalidIdError,
  type JobId,
  type RunId,
  type WorkerId,
  isDlqId,
  isEventId,
  isJobId,
  isRunId,
  isWorkerId,
  newEventId,
  newJobId,
  newRunId,
  parseDlqId,
  parseEventId,
  parseJobId,
  parseRunId,
  parseWorkerId,
} from '../id/ids.js';
