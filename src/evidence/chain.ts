import { chained } from './export-lines.js';

/** One line of an export as the chain sees it. */
export interface Link {
  /** Where it stands in the file, from 1. */
  readonly line: number;
  /** Its own number. */
  readonly n: number;
  /** Digest that it states. */
  readonly chain: string;
  /** Digest of its own fields. */
  readonly body: string;
}

export interface ChainProblem {
  readonly kind: 'altered' | 'removed' | 'added' | 'reordered';
  readonly line?: number;
  readonly message: string;
}

/**
 * Compares what each line states with what its neighbours by number make of it. A line is judged against the digest
 * that the one before states, so one altered line is one problem, and not one for each line after it.
 * @param links  in the order of the file
 * @returns      problems, and the digest that the last line comes to
 */
export function brokenLinks(links: readonly Link[]): {
  readonly problems: readonly ChainProblem[];
  readonly last: string;
} {
  const problems: ChainProblem[] = [];
  const byNumber = new Map<number, Link>();
  let highest = 0;
  for (const link of links) {
    if (byNumber.has(link.n)) {
      problems.push({ kind: 'added', line: link.line, message: `number ${link.n} is there twice` });
      continue;
    }
    byNumber.set(link.n, link);
    if (link.n < highest) {
      const message = `number ${link.n} stands after number ${highest}`;
      problems.push({ kind: 'reordered', line: link.line, message });
    }
    highest = Math.max(highest, link.n);
  }
  const ordered = [...byNumber.values()].sort((a, b) => a.n - b.n);
  let before = { n: 0, chain: '' };
  let last = '';
  for (const link of ordered) {
    last = chained(before.chain, link.body);
    if (link.n > before.n + 1) {
      const [from, to] = [before.n + 1, link.n - 1];
      const message = from === to ? `line ${from} is missing` : `lines ${from} to ${to} are missing`;
      problems.push({ kind: 'removed', message });
      last = link.chain; // can't be judged without the line before
    } else if (last !== link.chain) {
      problems.push({ kind: 'altered', line: link.line, message: 'its digest does not fit its contents' });
    }
    before = { n: link.n, chain: link.chain };
  }
  return { problems, last };
}
