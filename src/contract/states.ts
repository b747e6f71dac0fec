/**
 * The states of jobs, effects, sessions and batches, and the only changes between them.
 * The ledger's migrations are generated from these tables, so SQL refuses exactly what this file does.
 */

export const JOB_STATES = [
  'waiting',
  'running',
  'gated',
  'done',
  'adopted',
  'parked',
  'held',
  'cancelled',
] as const;
export type JobState = (typeof JOB_STATES)[number];

/** As people see a job: beside its state, that a person has decided that it will not be done. */
export const SHOWN_JOB_STATES = [...JOB_STATES, 'discarded'] as const;
export type ShownJobState = (typeof SHOWN_JOB_STATES)[number];

/** What was done is done, whatever a person has decided before. */
export const FINISHED = ['done', 'adopted'] as const satisfies readonly JobState[];

export const isFinished = (state: ShownJobState | undefined): boolean =>
  state === 'done' || state === 'adopted';

/** A finished job leaves its state only for a higher revision, or for an effect it did not have before. */
export const JOB_TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  waiting: ['running', 'gated', 'adopted', 'parked', 'held', 'cancelled'],
  running: ['gated', 'done', 'adopted', 'parked', 'held', 'cancelled', 'waiting'],
  gated: ['running', 'waiting', 'parked', 'held', 'cancelled', 'done', 'adopted'],
  done: ['waiting', 'running'],
  adopted: ['waiting', 'running'],
  parked: ['waiting', 'running', 'cancelled', 'adopted', 'held'],
  held: ['waiting', 'running', 'cancelled', 'done', 'adopted', 'parked'],
  cancelled: ['waiting', 'running', 'adopted', 'held'],
};

export const EFFECT_STATES = ['pending', 'attempting', 'landed', 'unknown', 'held', 'failed'] as const;
export type EffectState = (typeof EFFECT_STATES)[number];

/** `landed -> pending` is an update to a higher revision; nothing else leaves `landed`. */
export const EFFECT_TRANSITIONS: Readonly<Record<EffectState, readonly EffectState[]>> = {
  pending: ['attempting', 'landed', 'held', 'failed'],
  attempting: ['landed', 'unknown', 'held', 'failed', 'pending'],
  landed: ['pending'],
  unknown: ['landed', 'attempting', 'held', 'failed', 'pending'],
  held: ['landed', 'attempting', 'unknown', 'failed', 'pending'],
  failed: ['pending', 'attempting', 'landed', 'held'],
};

/** `intent` is committed before the provider is asked to start, `started` before the first heartbeat. */
export const SESSION_STATES = ['intent', 'started', 'collected', 'failed', 'lost', 'cancelled'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** Of sessions that may be at work, or may have been begun. */
export const OPEN_SESSION: readonly SessionState[] = ['intent', 'started'];

export const SESSION_TRANSITIONS: Readonly<Record<SessionState, readonly SessionState[]>> = {
  intent: ['started', 'failed', 'lost', 'cancelled'],
  started: ['collected', 'failed', 'lost', 'cancelled'],
  collected: ['failed'],
  failed: [],
  lost: [],
  cancelled: [],
};

export const BATCH_STATES = ['running', 'paused', 'completed', 'incomplete', 'cancelled'] as const;
export type BatchState = (typeof BATCH_STATES)[number];

/** Of batches that are not over: a paused one holds its place, and goes on. */
export const UNDER_WAY = ['running', 'paused'] as const satisfies readonly BatchState[];

export const isUnderWay = (state: BatchState | undefined): state is (typeof UNDER_WAY)[number] =>
  state === 'running' || state === 'paused';

/** A batch may be opened again from every state: starting again is what nightshift is for. */
export const BATCH_TRANSITIONS: Readonly<Record<BatchState, readonly BatchState[]>> = {
  running: ['paused', 'completed', 'incomplete', 'cancelled'],
  paused: ['running', 'completed', 'incomplete', 'cancelled'],
  completed: ['running'],
  incomplete: ['running', 'paused'],
  cancelled: ['running'],
};
