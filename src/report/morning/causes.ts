import type { Unapproved } from '../../contract/approval.js';
import type { ErrorClass } from '../../contract/errors.js';
import type { ReportRows } from '../../ledger/report-rows.js';
import { CAUSE_WORDS, UNAPPROVED_WORDS } from './cause-words.js';
import type { Cause } from './model.js';
import { shortTitles } from './short-titles.js';

const EXAMPLES_MAX = 3;

interface Heap {
  readonly errorClass: ErrorClass;
  readonly examples: Set<string>;
  unapproved?: Unapproved | undefined;
  message: string;
  mostOften: number;
  failures: number;
  unfinished: number;
  wastedMicros: number;
}

/**
 * Failures by what caused them: error class and fingerprint of the message. Those that leave most jobs unfinished come
 * first. Each failure and each unfinished job is in exactly one cause.
 */
export function causesOf({ failures, unfinished, nights }: ReportRows): readonly Cause[] {
  const heaps = new Map<string, Heap>();
  const titleOf = shortTitles([
    ...failures.map(({ example }) => example),
    ...unfinished.map(({ identity }) => identity),
  ]);
  const heapOf = (errorClass: ErrorClass, message: string): Heap => {
    const print = fingerprintOf(errorClass, message);
    const known = heaps.get(print);
    if (known) return known;
    const heap: Heap = {
      errorClass,
      message,
      examples: new Set(),
      mostOften: 0,
      failures: 0,
      unfinished: 0,
      wastedMicros: 0,
    };
    heaps.set(print, heap);
    return heap;
  };
  for (const { errorClass, message, count, costMicros, example } of failures) {
    const heap = heapOf(errorClass, message);
    if (count > heap.mostOften) Object.assign(heap, { message, mostOften: count });
    heap.failures += count;
    heap.wastedMicros += costMicros;
    addExample(heap, titleOf(example));
  }
  for (const { errorClass, message, identity, unapproved } of unfinished) {
    if (errorClass === undefined) continue;
    const heap = heapOf(errorClass, message);
    heap.unfinished++;
    heap.unapproved = unapproved;
    addExample(heap, titleOf(identity));
  }
  const before = nights.slice(1).map((night) => new Set(night.failures.map((one) => printOf(one))));
  return [...heaps]
    .map(([print, { examples, mostOften: _, unapproved, ...heap }]): Cause => ({
      ...heap,
      meaning: unapproved ? UNAPPROVED_WORDS[unapproved] : CAUSE_WORDS[heap.errorClass],
      examples: [...examples],
      nightsBefore: before.filter((prints) => prints.has(print)).length,
      nightsKnown: before.length,
    }))
    .sort((a, b) => b.unfinished - a.unfinished || b.failures - a.failures);
}

const addExample = ({ examples }: Heap, title: string): void => {
  if (examples.size < EXAMPLES_MAX) examples.add(title);
};

const printOf = ({ errorClass, message }: { readonly errorClass: ErrorClass; readonly message: string }) =>
  fingerprintOf(errorClass, message);

const AFTERWORDS = /(?:\s*\([^()]*\))+\s*$/;
const QUOTED = /"[^"]*"|'[^']*'|`[^`]*`/g;
const PLACE = /\b[a-z][a-z0-9+.-]*:\/\/\S+|(?<![\w.])\.{0,2}\/[\w./@%+-]+/gi;
const NUMBERED = /\b[0-9a-f]{8}[0-9a-f-]*\b|\b[\w-]*\d[\w.:-]*/gi;
/** Enough to tell causes apart; what a server said after that is its own story. */
const PRINT_MAX = 200;

/** Words without what differs from job to job: names, addresses, ids, numbers, and what was decided afterwards. */
export const fingerprintOf = (errorClass: ErrorClass, message: string): string =>
  `${errorClass} ${message
    .replace(AFTERWORDS, '')
    .replace(QUOTED, '"…"')
    .replace(PLACE, '…')
    .replace(NUMBERED, '#')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase()
    .slice(0, PRINT_MAX)}`;
