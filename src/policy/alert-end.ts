/**
 * How an open alert ends. A look at a batch that finds its cause goes on with it; this is about one that was not found.
 *
 * Each alert is about one batch, its own: the one that its cause was found in last. Where jobs of several nights wait for
 * the same thing, that is the newest of them, and the cause is found as long as one of them is left.
 *
 *  AE1. Nights that did not run, deadlines and standstills are ended by those who look at them.
 *  AE2. Called off: whoever cancelled its own batch knows. It ends untold, for nothing has recovered.
 *  AE3. Mended: what it asks for was done while runs go on, or what did not work has worked since.
 *  AE4. Over: a run has come to its end without the cause. That is its own, or one that ended after the cause was found
 *       last. One about jobs waits for its own run, which may have those very jobs at work; `incomplete` for one that ends
 *       well, or for its own, which says something else by now. `approval` ends by answers alone.
 *  AE5. Where another run that is under way has the cause, it is neither called off nor mended nor over.
 *  AE6. Else it stays open, and is put off: told again by the look that finds it again (`remind.ts`).
 */
import type { AlertRule } from '../contract/alerts.js';
import { isUnderWay, type BatchState } from '../contract/states.js';
import { isAbout } from './alert-rules.js';

/** An alert that was not found. */
export interface UnfoundAlert {
  readonly rule: AlertRule;
  /** Its own batch. */
  readonly batchId: string;
  /** ISO 8601. */
  readonly lastSeen: string;
}

export interface AlertEndFacts {
  /** The batch that was looked at. `settled`: what is left of it is what a person has decided. */
  readonly looked: {
    readonly id: string;
    readonly state: BatchState;
    readonly closedAt: string | undefined;
    readonly settled: boolean;
  };
  /** State of its own batch; undefined where the ledger has none. */
  readonly own: BatchState | undefined;
  /** AE3 */
  readonly isMended: boolean;
  /** AE5 */
  readonly isElsewhere: boolean;
}

/** Whether it is over; `untold` where its end is no good news. */
export function endOf(alert: UnfoundAlert, facts: AlertEndFacts): boolean | 'untold' {
  const { looked, own, isMended, isElsewhere } = facts;
  if (isAbout(alert.rule, 'nights') || isAbout(alert.rule, 'run')) return false; // AE1
  if (isElsewhere) return false; // AE5
  if (own === 'cancelled') return 'untold'; // AE2
  if (isMended) return true; // AE3
  return alert.rule === 'approval' ? false : isOver(alert, looked, own); // AE4, AE6
}

/** AE4 */
function isOver(
  { rule, batchId, lastSeen }: UnfoundAlert,
  { id, state, closedAt = '', settled }: AlertEndFacts['looked'],
  own: BatchState | undefined,
): boolean | 'untold' {
  const isOwn = batchId === id;
  if (state !== 'completed' && state !== 'incomplete') return false;
  if (!isOwn && closedAt < lastSeen) return false;
  if (isAbout(rule, 'jobs')) return !isUnderWay(own);
  if (rule !== 'incomplete' || state === 'completed') return true;
  return isOwn && (settled || 'untold');
}
