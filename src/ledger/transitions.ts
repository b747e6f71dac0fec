import {
  EFFECT_TRANSITIONS,
  JOB_TRANSITIONS,
  SESSION_TRANSITIONS,
  BATCH_TRANSITIONS,
} from '../contract/states.js';
import type { BatchState, EffectState, JobState, SessionState } from '../contract/states.js';

/** A change of state that `contract/states.ts` does not list. Nothing was changed. */
export class IllegalTransition extends Error {
  override readonly name = 'IllegalTransition';
  constructor(
    readonly kind: 'batch' | 'job' | 'session' | 'effect',
    readonly subject: string,
    readonly from: string,
    readonly to: string,
  ) {
    super(`${kind} ${subject} is ${from} and can't become ${to}`);
  }
}

/** @throws IllegalTransition, also where the state stays the same */
export function assertBatchMove(id: string, from: BatchState, to: BatchState): void {
  if (!BATCH_TRANSITIONS[from].includes(to)) throw new IllegalTransition('batch', id, from, to);
}

/** @throws IllegalTransition, also where the state stays the same */
export function assertSessionMove(subject: string, from: SessionState, to: SessionState): void {
  if (!SESSION_TRANSITIONS[from].includes(to)) throw new IllegalTransition('session', subject, from, to);
}

/** Staying where it is counts as legal: a held effect may be held again for another reason. */
export function assertEffectMove(effectKey: string, from: EffectState, to: EffectState): void {
  if (from !== to && !EFFECT_TRANSITIONS[from].includes(to)) {
    throw new IllegalTransition('effect', effectKey, from, to);
  }
}

/**
 * The states to pass on the way, `to` included; empty when it is there already.
 * @param detour whether a job may pass through `running`, as one does whose last effect lands while it is parked
 * @throws IllegalTransition
 */
export function jobPath(subject: string, from: JobState, to: JobState, detour: boolean): readonly JobState[] {
  if (from === to) return [];
  if (JOB_TRANSITIONS[from].includes(to)) return [to];
  const byRunning = JOB_TRANSITIONS[from].includes('running') && JOB_TRANSITIONS.running.includes(to);
  if (detour && byRunning) return ['running', to];
  throw new IllegalTransition('job', subject, from, to);
}
