import type { ErrorClass } from '../../contract/errors.js';
import { answered, closeGate, failed, giveUpProbe, heldLonger, openGate, writeAnswered } from './breaker.js';
import { speedUp, throttled } from './rate.js';
import type { LaneNote, LaneState } from './state.js';

/** What a process tells the lane. */
export interface LaneReport {
  readonly who: string;
  /** Answers without complaint since it told anything last. */
  readonly answers: number;
  /** Requests that it sent since then; what came of them is in answers and errors, now or later. */
  readonly sent?: number;
  /** One of them was to a write: it began a session, or landed an effect. */
  readonly written?: boolean;
  /** What went wrong now, if anything. */
  readonly error?: {
    readonly errorClass: ErrorClass;
    /** Said by the service, in milliseconds. */
    readonly hintMs: number | undefined;
    /** A quota that does not come back by itself. */
    readonly needsPerson?: true | undefined;
    readonly why: string;
    /** Requests that this process sent lately, per second. */
    readonly perSecond: number;
  };
}

/**
 * What an error says of the service as a whole. `failed`: it may be down · `answered`: it works, and refused this one ·
 * `nothing`: it may never have been asked.
 */
const MEANING: Readonly<
  Record<ErrorClass, 'throttled' | 'exhausted' | 'auth' | 'failed' | 'answered' | 'nothing'>
> = {
  transient: 'failed',
  unknown: 'failed',
  throttled: 'throttled',
  exhausted: 'exhausted',
  auth: 'auth',
  invalid: 'answered',
  rejected: 'answered',
  conflict: 'answered',
  lost: 'answered',
  config: 'nothing',
  budget: 'nothing',
  timeout: 'nothing',
  bug: 'nothing',
};

/** Books what a process learnt about the service. */
export function settle(
  state: LaneState,
  { who, answers, sent = 0, written, error }: LaneReport,
  now: number,
): { state: LaneState; notes: readonly LaneNote[] } {
  const { gate } = state;
  const probing = gate?.probe?.who === who;
  const looksPass = gate === undefined || gate.writesOnly === true;
  // While the circuit is open, only its probe tells anything: all else was sent before.
  const known = written ? writeAnswered(state) : state;
  // A verb of an adapter answers once and sends several requests. The breaker counts verbs, the rate requests.
  const calm = error === undefined ? Math.max(answers, sent) : answers;
  const before = looksPass ? speedUp(answered(known, answers, now), calm, now) : known;
  if (error === undefined) {
    if (!probing || answers === 0) return { state: before, notes: [] };
    // It only looked: the next one may write.
    if (gate.writesOnly && !written) return { state: giveUpProbe(before, now, 0), notes: [] };
    return closeGate(before, now);
  }

  const { errorClass, hintMs, needsPerson, why } = error;
  switch (MEANING[errorClass]) {
    case 'exhausted':
    case 'auth':
      return openGate(before, errorClass === 'auth' ? 'auth' : 'exhausted', why, hintMs, now, {
        needsPerson,
      });
    case 'failed': {
      // Only a write leaves in doubt whether it was carried out.
      const isWrite = errorClass === 'unknown';
      if (probing) return openGate(before, 'transient', why, hintMs, now, { writesOnly: isWrite });
      if (gate === undefined || (looksPass && !isWrite))
        return failed(before, { who, why, hintMs, isWrite }, now);
      return { state: heldLonger(before, hintMs, now), notes: [] };
    }
    case 'throttled': {
      // It answers again, though slowly: the rate takes over from the circuit.
      const closed = probing ? closeGate(before, now) : { state: before, notes: [] };
      const slowed = throttled(answered(closed.state, 1, now), error, now);
      return { state: slowed.state, notes: [...closed.notes, ...slowed.notes] };
    }
    case 'answered':
      return probing ? closeGate(before, now) : { state: answered(before, 1, now), notes: [] };
    case 'nothing':
      return { state: probing ? giveUpProbe(before, now) : before, notes: [] };
  }
}
