/**
 * The public surface of nestjs-dispatch: what is not named here is not public. `nestjs-dispatch/engine` has the part
 * that needs no Nest, `nestjs-dispatch/testing` what tests need.
 */

// ------------------------------------------------------------------------------------------------------------ Module
// For who sets Dispatch up.
export { DispatchModule } from './nest/dispatch.module.js';
export type { DispatchModuleExtras } from './nest/dispatch.module-definition.js';
export type { DispatchModuleOptions, DispatchOptionsFactory, EnhancerKind } from './nest/dispatch.module-options.js';
export { DEFAULT_OPTIONS, type EngineOptions, type QueueOption } from './engine/options.js';
export type { StoreOptions } from './engine/store-options.js';
export { type MemoryStoreOptions, createMemoryStore } from './store/memory/memory-store.js';
export { createPostgresStore } from './store/typeorm/postgres/postgres-store.js';
export type { PostgresStoreOptions } from './store/typeorm/postgres/postgres-options.js';
export { createSqliteStore } from './store/typeorm/sqlite/sqlite-store.js';
export type { SqliteStoreOptions } from './store/typeorm/sqlite/sqlite-options.js';
export type { MigrationMode, MigrationStatus } from './store/store.js';
export { VERSION } from './version.js';

// -------------------------------------------------------------------------------------------------- Writing handlers
// `Job` is the decorator, and as a type the job that the services return.
export {
  type ConfigureJob,
  Job,
  type JobDecoratorOptions,
  type JobMethodDecorator,
} from './nest/decorators/job.decorator.js';
export type { JobMethod } from './nest/decorators/job-method.js';
export { Payload } from './nest/decorators/payload.decorator.js';
export { Ctx } from './nest/decorators/ctx.decorator.js';
export { InjectJob } from './nest/decorators/inject-job.decorator.js';
export { OnJobFailed, type OnJobFailedOptions } from './nest/decorators/on-job-failed.decorator.js';
export {
  DISPATCH_CONTEXT,
  type DispatchContextType,
  DispatchExecutionContext,
  isDispatchContext,
} from './nest/dispatch-context.js';
export {
  type DefineJobOptions,
  type JobDefinition,
  type JobPayloads,
  type PayloadOf,
  defineJob,
} from './job/job-definition.js';
export type { JobContext } from './job/job-context.js';
export type { JobHandler } from './job/job-handler.js';
export type { HandlerOptions, JobOptions } from './job/job-options.js';
export type {
  PayloadClass,
  PayloadSchema,
  StandardIssue,
  StandardResult,
  StandardSchema,
} from './job/payload-schema.js';
export { CancelJob, ControlOutcome, NonRetryableError, Snooze } from './job/control-outcomes.js';
export type { JobFailure } from './ext/lifecycle.js';

// -------------------------------------------------------------------------------------------------- Writing workflows
export { type EventDefinition, defineEvent } from './event/event-definition.js';
export {
  type DefineWorkflowOptions,
  type WorkflowDefinition,
  type WorkflowOptions,
  defineWorkflow,
} from './workflow/workflow-definition.js';
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
} from './workflow/workflow-context.js';
export type { StepContext } from './workflow/attempt.js';
export type { Jsonify } from './workflow/jsonify.js';
export { PARKED, type Parked } from './workflow/parked.js';
export { untilParked } from './workflow/until-parked.js';
export type { WorkflowHandler } from './workflow/workflow-registry.js';

// --------------------------------------------------------------------------------------------------------- Enqueuing
export { DispatchService } from './nest/dispatch.service.js';
export { InjectDispatch } from './nest/decorators/inject-dispatch.decorator.js';
export { getDispatchOptionsToken, getDispatchToken } from './nest/dispatch-token.js';
export type { EnqueueOptions } from './job/job-options.js';
export type { EnqueueItem, EnqueueManyOptions, EnqueuedJob, JobProducer, TypedEnqueueItem } from './job/producer.js';
export type { StoreTransaction } from './job/job-store.js';
export type { JobHeaders, OnConflict } from './job/job-record.js';
export type { Duration } from './clock/duration.js';
export type { Carrier } from './scope/carrier.js';
export { type Scope, scope } from './scope/scope.js';

// -------------------------------------------------------------------------------- Starting runs and publishing events
export type { RunOptions } from './workflow/run-factory.js';
export type { StartWorkflowOptions, StartedRun } from './workflow/run-starter.js';
export type { RunResultOptions } from './workflow/run-results.js';
export type { PublishEventOptions } from './event/event-service.js';

// --------------------------------------------------------------------------------------------------------- Operating
export { JOB_STATES, type JobState, isJobState, isTerminal } from './job/job-state.js';
export type { ErrorRecord, JobErrorRecord } from './job/job-error.js';
export type { CountJobsQuery, JobList, JobLog, JobService, ListJobsQuery } from './job/job-service.js';
export type { JobCounts } from './job/job-store.js';
export type { Run } from './workflow/run.js';
export { RUN_STATES, type RunState, isRunEnded, isRunState } from './workflow/run-state.js';
export type { CancelRunQuery, CountRunsQuery, ListRunsQuery, RunList, RunService } from './workflow/run-service.js';
export type { RunCounts } from './workflow/workflow-store.js';
export type { TimelineEntry } from './workflow/timeline.js';
export type { CheckpointKind } from './workflow/checkpoint.js';
export type { OnParentCancel } from './workflow/run-record.js';
export type { Event } from './event/event.js';
export type { EventList, EventService, ListEventsQuery } from './event/event-service.js';
export type { DlqEntry } from './dlq/dlq-entry.js';
export type { DlqList, DlqQuery, DlqService, ListDlqQuery, ReplayOptions } from './dlq/dlq-service.js';
export type { WorkerRecord, WorkerState } from './cluster/worker-record.js';
export { createEngine } from './engine/create-engine.js';
export { Engine, type EngineHealth, type EngineState } from './engine/engine.js';
export type { LifecycleEventName, LifecycleEvents, LifecycleListener, RunNews, StepNews } from './ext/lifecycle.js';
export type { ScopeOption } from './scope/scope-policy.js';

// ------------------------------------------------------------------------------------------------------------ Errors
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
} from './errors.js';
export {
  RecordedError,
  RunCancelledError,
  RunEndedError,
  RunFailedError,
  RunResultTimeoutError,
  RunTimeoutError,
  StepTimeoutError,
  WorkflowMismatchError,
} from './workflow/workflow-errors.js';
export { GlobalEnhancerError } from './nest/discovery/global-enhancers.js';
export { JobRejectedError } from './nest/job-rejected-error.js';

// -------------------------------------------------------------------------------------------------- Extension points
// Backoff, middleware, and what a store, clock, codec or logger of your own has to offer.
export {
  type Backoff,
  type BackoffSpec,
  type BackoffStrategy,
  constantBackoff,
  defaultBackoff,
  exponentialBackoff,
  exponentialBackoffWithJitter,
  linearBackoff,
} from './backoff/backoff.js';
export { type Handler, type Middleware, chain } from './middleware/middleware.js';
export { logging } from './middleware/logging.js';
export { metrics } from './middleware/metrics.js';
export { recover } from './middleware/recover.js';
export { restoreScope } from './middleware/scope.js';
export { timeout } from './middleware/timeout.js';
export { tracing } from './middleware/tracing.js';
export type { Store, Wake } from './store/store.js';
export type { JobStore } from './job/job-store.js';
export type { DlqStore } from './dlq/dlq-store.js';
export type { ClusterStore } from './cluster/cluster-store.js';
export type { WorkflowStore } from './workflow/workflow-store.js';
export type { EventStore } from './event/event-store.js';
export type { Clock, Timer } from './clock/clock.js';
export { type PayloadCodec, jsonCodec } from './codec/payload-codec.js';
export type { DispatchLogger } from './observability/logger.js';

// --------------------------------------------------------------------------------------------------------------- Ids
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
} from './id/ids.js';
