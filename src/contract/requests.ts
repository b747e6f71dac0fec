/** What can be asked for and is kept with who asked; stored as it is. Each stands in docs/reference/ledger.md. */
export const REQUEST_KINDS = [
  'start',
  'pause',
  'resume',
  'concurrency',
  'cancel',
  'retry',
  'discard',
  'approve',
  'reject',
  'decide',
  'unpublish',
  'rebuild',
  'restore',
  'reset-lane',
  'end-orphan',
  'end-abandoned',
  'apply-schedules',
  'pause-schedule',
  'resume-schedule',
  'delete-schedule',
  'trigger',
  'backfill',
] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** What came of it. */
export const REQUEST_OUTCOMES = [
  'started',
  'joined',
  'reopened',
  'already-completed',
  'answered',
  'queued',
  'ended',
  'done',
  'conflict',
  'refused',
  'failed',
] as const;
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];
