import type { HoldScope, PauseLevel } from '../contract/holds.js';
import type { OnTimeout } from '../contract/approval.js';
import type { AlertRule } from '../contract/alerts.js';
import type { ErrorClass } from '../contract/errors.js';
import type { BatchState, EffectState, JobState, SessionState } from '../contract/states.js';
import type { LaneNote } from '../policy/limits/state.js';
import type { Generated } from 'kysely';
import type { ApprovalState, NightOutcome, RequestKind, RequestOutcome, Usage, Verdict } from './ledger.js';
import type { AlertMessage } from './alert-rows.js';

/**
 * The rows as SQL holds them. Times are ISO 8601 in UTC, objects are JSON text, truth values are 0 or 1.
 * Columns named `…_seq` hold a sequence number of `history`, so that "since this start" is one comparison.
 */
export interface Tables {
  ledger_migrations: LedgerMigrationsTable;
  batches: BatchesTable;
  batch_jobs: BatchJobsTable;
  jobs: JobsTable;
  attempts: AttemptsTable;
  sessions: SessionsTable;
  effects: EffectsTable;
  receipts: ReceiptsTable;
  history: HistoryTable;
  requests: RequestsTable;
  signing_keys: SigningKeysTable;
  lanes: LanesTable;
  lane_places: LanePlacesTable;
  lane_notes: LaneNotesTable;
  holds: HoldsTable;
  approvals: ApprovalsTable;
  discards: DiscardsTable;
  alerts: AlertsTable;
  alert_messages: AlertMessagesTable;
  scheduled_nights: ScheduledNightsTable;
  schedules: SchedulesTable;
}

export interface LedgerMigrationsTable {
  version: number;
  name: string;
  applied_at: string;
}

/** What the history triggers copy: who changed the row last, when, and a word on why. */
interface Changed {
  updated_at: string;
  updated_by: string;
  detail: string | null;
}

interface Failed {
  error_class: ErrorClass | null;
  error_message: string | null;
}

interface Artifact {
  artifact_sha256: string | null;
  artifact_bytes: number | null;
  artifact_mime: string | null;
}

export interface BatchesTable extends Changed {
  id: string;
  name: string;
  batch_key: string;
  work: string;
  run_id: string;
  manifest: string;
  jobs: number;
  currency: string;
  state: BatchState;
  reason: string | null;
  pause_level: PauseLevel | null;
  opened_seq: number;
  opened_at: string;
  opened_by: string;
  closed_at: string | null;
  /** Hash of the stored definition of the newest start from a file, which may have joined a run of other contents. */
  asked_definition: Generated<string | null>;
  /** The file that it was started from. */
  batch_file: Generated<string | null>;
}

/** The list of jobs that a batch names; the only rows that are ever replaced. */
export interface BatchJobsTable {
  batch_id: string;
  position: number;
  work: string;
  job_key: string;
  identity: string;
  verdict: Verdict;
  note: string | null;
}

export interface JobsTable extends Changed, Failed, Artifact {
  work: string;
  job_key: string;
  identity: string;
  fingerprint: string;
  revision: number;
  state: JobState;
  fence: number;
  /** The batch that claimed it last. */
  batch_id: string;
  claimed_by: string;
  /** `agent`, or the name of the effect in hand. */
  step: string;
  /** When it last came into progress; null while it is not. */
  active_since: string | null;
  /** Highest session number ever given. */
  last_attempt: number;
  /** Sessions below this number were paid from an earlier budget. */
  budget_from_attempt: number;
  /** Set by trigger when the job becomes done or adopted. */
  finished_seq: number | null;
}

/** One row for each time a worker took a job or an effect in hand. */
export interface AttemptsTable {
  work: string;
  job_key: string;
  /** `agent`, or the name of the effect. */
  step: string;
  /** Empty for the agent step. */
  effect_key: string;
  /** From 1; also the fence that this try was given. */
  number: number;
  batch_id: string;
  workflow_id: string;
  run_id: string;
  activity_attempt: number;
  worker: string;
  started_at: string;
  /** Set once. Null: in progress, or it died and nobody took over yet. */
  outcome: AttemptOutcome | null;
  ended_at: string | null;
}

export type AttemptOutcome =
  'reused' | 'collected' | 'failed' | 'lost' | 'cancelled' | 'landed' | 'unknown' | 'held' | 'superseded';

export interface SessionsTable extends Changed, Failed, Artifact {
  run_key: string;
  attempt: number;
  work: string;
  job_key: string;
  revision: number;
  fingerprint: string;
  provider: string;
  state: SessionState;
  handle: string | null;
  /** The batch that started it. */
  batch_id: string;
  workflow_id: string;
  run_id: string;
  activity_attempt: number;
  worker: string;
  opened_at: string;
  intent_seq: number | null;
  started_seq: number | null;
  /** How often a later try found it and went on with it. */
  attached: Generated<number>;
  attached_seq: number | null;
  attached_batch_id: string | null;
  ended_at: string | null;
  end_seq: number | null;
  /** The batch that its cost is booked to: the one that held the job when the session ended. */
  booked_batch_id: string | null;
  input_tokens: Generated<number>;
  output_tokens: Generated<number>;
  cached_tokens: Generated<number>;
  cost_micros: Generated<number>;
  cost_source: Usage['costSource'] | null;
  /** Field `site` of the job's identity. */
  site: string | null;
  model: string | null;
  currency: string | null;
  price_table: string | null;
  /** Day of the price table. */
  price_date: string | null;
  /** Set aside when it was intended; counts against budgets until `ended_at` is set. */
  reserved_micros: Generated<number>;
  /** When its cost was booked; stays when a later change ends it again. */
  settled_at: string | null;
}

export interface EffectsTable extends Changed, Failed {
  effect_key: string;
  work: string;
  job_key: string;
  /** Order in which the effects of a job were first begun, from 1. */
  position: number;
  name: string;
  target: string;
  use: string;
  revision: number;
  state: EffectState;
  fence: number;
  batch_id: string;
  claimed_by: string;
  first_sent_at: string | null;
  last_sent_at: string | null;
  attempts: number;
  sent_sha256: string | null;
  /** When the destination said that the present revision is there, and as what. */
  acknowledged_at: string | null;
  acknowledged_id: string | null;
  acknowledged_url: string | null;
  /** Revision of the newest receipt. */
  landed_revision: number | null;
  /** Key of the effect that this one takes back. */
  undoes: string | null;
}

export interface ReceiptsTable {
  effect_key: string;
  revision: number;
  id: string;
  url: string | null;
  sha256: string;
  landed_at: string;
  adopted: number;
  work: string;
  job_key: string;
  batch_id: string;
  recorded_at: string;
  recorded_by: string;
  recorded_seq: number;
  /** Base64. Null: written before receipts were signed. */
  signature: string | null;
  signed_by: string | null;
  /** The person who said that it landed, where no look-up could. */
  decided_by: string | null;
}

export interface HistoryTable {
  seq: Generated<number>;
  at: string;
  kind: 'batch' | 'job' | 'session' | 'effect';
  subject: string;
  from_state: string | null;
  to_state: string;
  written_by: string;
  detail: string | null;
  work: string | null;
  job_key: string | null;
  batch_id: string | null;
}

/** Who asked for what, and what came of it. */
export interface RequestsTable {
  seq: Generated<number>;
  at: string;
  requested_by: string;
  what: RequestKind;
  outcome: RequestOutcome;
  reason: string | null;
  batch_id: string | null;
  batch_name: string | null;
  batch_key: string | null;
  work: string | null;
  job_key: string | null;
  run_id: string | null;
}

export interface SigningKeysTable {
  key_id: string;
  /** PEM. */
  public_key: string;
  first_used_at: string;
}

export interface LanesTable {
  lane: string;
  /** Names the account to people. */
  label: string;
  /** JSON of `LaneState`. */
  state: string;
  updated_at: string;
}

export interface LanePlacesTable {
  lane: string;
  holder: string;
  batch_id: string;
  /** Booked for the session in advance. */
  tokens: number;
  taken_at: string;
  expires_at: string;
}

export interface LaneNotesTable {
  seq: Generated<number>;
  at: string;
  lane: string;
  what: LaneNote['what'];
  cause: NonNullable<LaneNote['cause']> | null;
  why: string;
  retry_at: string | null;
}

/** Pauses beyond one batch; the lifted ones stay. */
export interface HoldsTable {
  seq: Generated<number>;
  scope: HoldScope['kind'];
  /** Name of the work or provider; empty: everything. */
  subject: string;
  level: PauseLevel;
  held_by: string;
  reason: string | null;
  since: string;
  lifted_at: string | null;
  lifted_by: string | null;
}

/** Jobs that a person has decided not to do; those taken back stay as a record. */
export interface DiscardsTable {
  seq: Generated<number>;
  work: string;
  job_key: string;
  /** What is at a higher one is new work. */
  revision: number;
  reason: string;
  discarded_at: string;
  discarded_by: string;
  undone_at: string | null;
  undone_by: string | null;
}

/** One exact request, and a person's answer to it. */
export interface ApprovalsTable {
  effect_key: string;
  /** Of artifact, options, revision and adapter: what an answer is about. */
  request_sha256: string;
  work: string;
  job_key: string;
  name: string;
  target: string;
  use: string;
  revision: number;
  artifact_sha256: string;
  batch_id: string;
  state: ApprovalState;
  asked_at: string;
  due_at: string | null;
  on_timeout: OnTimeout;
  decided_at: string | null;
  decided_by: string | null;
  reason: string | null;
}

export interface AlertsTable {
  fingerprint: string;
  batch_name: string;
  /** The batch that gave it last. */
  batch_id: string;
  rule: AlertRule;
  subject: string;
  error_class: ErrorClass | null;
  state: 'open' | 'resolved';
  /** Opened so often; part of the id of each message. */
  episode: number;
  /** JSON of `AlertDetail`. */
  detail: string;
  /** Hash of the stored definition whose channels are told. */
  definition: string | null;
  first_seen: string;
  last_seen: string;
  resolved_at: string | null;
  /** When a message last went out. */
  notified_at: string | null;
  reminders: number;
}

/** What is to be told, by which route; sent at least once, each try under the same id. */
export interface AlertMessagesTable {
  id: string;
  message_id: string;
  /** Null: a ping of a dead-man monitor. */
  fingerprint: string | null;
  batch_name: string;
  kind: AlertMessage['kind'];
  route: string;
  definition: string;
  /** JSON of `Notice`, from the first try on. */
  body: string | null;
  state: AlertMessage['state'];
  tries: number;
  created_at: string;
  due_at: string;
  expires_at: string;
  lease_until: string | null;
  ended_at: string | null;
  /** JSON: what each channel said to the last try. */
  answers: string | null;
}

export interface ScheduledNightsTable {
  seq: Generated<number>;
  at: string;
  schedule: string;
  night: string;
  due_at: string;
  edition: string;
  outcome: NightOutcome;
  why: string;
  requested_by: string;
  batch_id: string | null;
  run_id: string;
}

export interface SchedulesTable {
  name: string;
  batch_name: string;
  definition: string;
  channels: string;
  paused: number;
  updated_at: string;
}
