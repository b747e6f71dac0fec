import type { Counts } from '../contract/result.js';
import type { ShownJobState } from '../contract/states.js';
import { type Span, type Style } from './line.js';

/** Jobs by state as the ledger counts them while a batch is open. */
export type LiveCounts = Counts & {
  readonly waiting: number;
  readonly running: number;
  readonly gated: number;
};

/** States in the order of a bar from finished to untouched, with the words and colours that every view uses. */
export const STATE_SHOWN: readonly {
  readonly state: ShownJobState;
  readonly word: string;
  readonly style: Style;
}[] = [
  { state: 'done', word: 'done', style: 'green' },
  { state: 'adopted', word: 'found done', style: 'cyan' },
  { state: 'running', word: 'running', style: 'blue' },
  { state: 'parked', word: 'parked', style: 'yellow' },
  { state: 'held', word: 'held', style: 'red' },
  { state: 'gated', word: 'gated', style: 'yellow' },
  { state: 'cancelled', word: 'cancelled', style: 'red' },
  { state: 'discarded', word: 'discarded', style: 'dim' },
  { state: 'waiting', word: 'waiting', style: 'dim' },
];

export const styleOfState = (state: ShownJobState): Style =>
  STATE_SHOWN.find((shown) => shown.state === state)?.style ?? 'bold';

/** `7 done`, `2 running`, …: the states that any job is in. */
export const countParts = (counts: Readonly<Partial<Record<ShownJobState, number | undefined>>>): Span[] =>
  STATE_SHOWN.filter(({ state }) => (counts[state] ?? 0) > 0).map(({ state, word, style }) => ({
    style,
    text: `${counts[state] ?? 0} ${word}`,
  }));

/** Jobs that need nothing more. */
export const finishedOf = ({ done, adopted }: Pick<Counts, 'done' | 'adopted'>): number => done + adopted;

/** Jobs that are still to be done: neither finished, nor discarded by a person. */
export const leftOf = (counts: Pick<Counts, 'jobs' | 'done' | 'adopted' | 'discarded'>): number =>
  counts.jobs - finishedOf(counts) - (counts.discarded ?? 0);
