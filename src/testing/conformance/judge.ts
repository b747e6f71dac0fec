import type { PublisherFacts } from '../../activities/publishers/publisher.js';
import type { Ending } from './rig.js';

/** One line of the table. */
export interface Row {
  readonly check: string;
  /** Crash point or fault. */
  readonly at: string;
  readonly ok: boolean;
  /** Objects that readers see, and those that nobody asked for. */
  readonly visible: number;
  readonly hidden: number;
  /** How it ended in our own books. */
  readonly ended: Ending['tried']['kind'] | '';
  readonly note: string;
}

/** What is wrong with a cell; nothing where it is as it should be. */
export type Fault = string | false | undefined;

export const firstOf = (...faults: readonly Fault[]): string | false =>
  faults.find((fault) => fault) ?? false;

export const hasLanded = ({ tried }: Pick<Ending, 'tried'>): boolean =>
  tried.kind === 'landed' || tried.kind === 'adopted';

/** By a look-up or by its key, the destination knows an effect that a lost ledger has forgotten. */
export const canBeAsked = ({ lookup, keyWindowMs }: PublisherFacts): boolean =>
  lookup === 'exact' || keyWindowMs !== undefined;

/**
 * The promise in one place. Classes 1 to 3: one visible object, nothing left over, a receipt. Class 4, and class 2
 * after its key was forgotten: one, or none, and then a person is asked. Never two, and never a receipt for nothing.
 */
export function judge(
  check: string,
  at: string,
  { tried, counted }: Ending,
  facts: PublisherFacts,
  { mayHold = !canBeAsked(facts) } = {},
): Row {
  const { visible, hidden } = counted;
  const done = hasLanded({ tried });
  const faults = [
    visible > 1 && `${visible} objects where one was asked for`,
    hidden > 0 && `${hidden} left over, unseen`,
    done && visible === 0 && 'a receipt, and nothing is there',
    !done &&
      !(mayHold && tried.kind === 'held') &&
      `it ended ${tried.kind}${'message' in tried ? `: ${tried.message}` : ''}`,
  ].filter((fault) => fault !== false);
  return { check, at, ok: faults.length === 0, visible, hidden, ended: tried.kind, note: faults.join('; ') };
}

export const row = (check: string, at: string, ending: Ending, fault: string | false): Row => ({
  check,
  at,
  ok: fault === false,
  visible: ending.counted.visible,
  hidden: ending.counted.hidden,
  ended: ending.tried.kind,
  note: fault === false ? '' : fault,
});

/** A line about something else than one effect. */
export const remark = (check: string, at: string, fault: string | false): Row => ({
  check,
  at,
  ok: fault === false,
  visible: 0,
  hidden: 0,
  ended: '',
  note: fault === false ? '' : fault,
});
