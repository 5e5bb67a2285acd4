import { actionArea } from './action-area.js';
import { claimLimitsArea } from './claim-limits-area.js';
import { claimOrderArea } from './claim-order-area.js';
import { claimWorkerArea } from './claim-worker-area.js';
import type { ContractArea } from './contract.js';
import { dlqArea } from './dlq-area.js';
import { handOffArea } from './hand-off-area.js';
import { insertArea } from './insert-area.js';
import { lifecycleArea } from './lifecycle-area.js';
import { listArea } from './list-area.js';
import { ownClockArea } from './own-clock-area.js';
import { payloadArea } from './payload-area.js';
import { pruneArea } from './prune-area.js';
import { raceArea } from './race-area.js';
import { reportArea } from './report-area.js';
import { rescueArea } from './rescue-area.js';
import { scopeArea } from './scope-area.js';
import { settleArea } from './settle-area.js';
import { settleFenceArea } from './settle-fence-area.js';
import { uniqueArea } from './unique-area.js';
import { uniqueReplaceArea } from './unique-replace-area.js';
import { wakeArea } from './wake-area.js';
import { workerArea } from './worker-area.js';
import { workflowActionArea } from './workflow-action-area.js';
import { workflowChildArea } from './workflow-child-area.js';
import { workflowCommitArea } from './workflow-commit-area.js';
import { workflowEventArea } from './workflow-event-area.js';
import { workflowStartArea } from './workflow-start-area.js';

/**
 * What every store must do, as data: run each case with a harness of your own in the test runner of your choice.
 * Transactions of a caller's are special to each store and not part of it.
 */
export const storeContract: readonly ContractArea[] = [
  insertArea,
  uniqueArea,
  uniqueReplaceArea,
  claimOrderArea,
  claimLimitsArea,
  claimWorkerArea,
  handOffArea,
  settleArea,
  settleFenceArea,
  workerArea,
  rescueArea,
  actionArea,
  listArea,
  dlqArea,
  pruneArea,
  reportArea,
  payloadArea,
  scopeArea,
  wakeArea,
  raceArea,
  ownClockArea,
  workflowStartArea,
  workflowCommitArea,
  workflowEventArea,
  workflowChildArea,
  workflowActionArea,
  lifecycleArea,
];
