/** `nightshift`: everything that the command line does, as a library. */
export { defineBatch, type BatchDefinition, type BatchInCode } from './batch/define-batch.js';
export { createNightshift } from './client/nightshift.js';
export type {
  AlsoRun,
  Answer,
  Batch,
  BatchStatus,
  Discarding,
  Finding,
  JobSelection,
  Lifted,
  Nightshift,
  NightshiftOptions,
  PauseOptions,
  CancelState,
  Cancelled,
  Placed,
  Plan,
  Retried,
  RunOptions,
  Started,
  WontDo,
  StartOptions,
  StoppedJob,
  WatchOptions,
  Widened,
} from './client/nightshift.js';
export type { RetriedBatch, ToRetry, WideSelection } from './client/retry-all.js';
export type { ApprovalDecided, WaitingApproval } from './client/approvals.js';
export type { ApprovalPreview } from './client/approval-preview.js';
export type { Irreversible } from './client/facts-of.js';
export type { AlertSeen, AlertsRequest, AlertsSeen } from './client/alerts.js';
export type { NightsRequest } from './client/check-nights.js';
export type { Cleaned, CleanedRun, CleanOptions } from './client/clean-runs.js';
export type { CostReport, CostsRequest } from './client/costs.js';
export type { CostSession } from './client/cost-sessions.js';
export type { CostDimension, CostSlice } from './client/cost-slices.js';
export type { Backup, BackupRequest, Restoration, RestoreRequest } from './client/backup.js';
export type { Drill, DrilledBatch, DrilledEffect, DrillRequest } from './client/drill.js';
export { verifyReceipts, type Exported, type ExportRequest } from './client/export.js';
export type { JobQuery, JobTrace } from './client/trace/trace-job.js';
export type { TraceEvent } from './client/trace/event.js';
export type { Snapshot } from './client/watch.js';
export { WatchStopped } from './client/watch-stopped.js';
export type {
  Asked,
  Preview,
  ScheduleChange,
  Schedules,
  ScheduleView,
} from './client/schedules/schedules.js';
export { schedulesFileSchema, type SchedulesFile } from './contract/schedules-file.js';
export { batchFileSchema, type BatchFile } from './contract/batch-file.js';
export {
  AdapterError,
  InvalidBatch,
  NothingToDo,
  NotNow,
  UsageError,
  type ErrorClass,
  type Problem,
} from './contract/errors.js';
export type { Hold, HoldScope, PauseLevel } from './contract/holds.js';
export type { Receipt } from './contract/receipt.js';
export type { Counts, EarlierList, JobReport, RunReport } from './contract/result.js';
export { EngineUnavailable } from './engine/index.js';
export type { ExportProblem, ExportVerdict } from './evidence/verify-export.js';
export { batchKey, effectKey, jobKey, runKey } from './identity/keys.js';
