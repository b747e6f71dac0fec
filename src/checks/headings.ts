import { shown } from '../batch/shown.js';
import type { DocumentParts } from './document.js';

type Headings = DocumentParts['headings'];

/**
 * Required headings that are missing, or out of order. Case, Unicode form and white space do not matter.
 * @param required `Sources`, or `## Sources` for that level alone
 */
export function headingProblems(
  headings: Headings,
  { required, ordered }: { readonly required: readonly string[]; readonly ordered: boolean },
): string[] {
  const problems: string[] = [];
  let after = -1;
  for (const wanted of required) {
    const fits = matcherOf(wanted);
    const at = headings.findIndex((heading, i) => (!ordered || i > after) && fits(heading));
    if (at >= 0) {
      after = at;
      continue;
    }
    const elsewhere = ordered && headings.some(fits);
    problems.push(
      elsewhere ? `the heading ${shown(wanted)} is not in its place` : `it has no heading ${shown(wanted)}`,
    );
  }
  return problems;
}

function matcherOf(wanted: string): (heading: Headings[number]) => boolean {
  const [, marks, text = wanted] = /^\s*(#{1,6})\s+(.+)$/.exec(wanted) ?? [];
  const name = comparable(text);
  return (heading) =>
    comparable(heading.text) === name && (marks === undefined || heading.level === marks.length);
}

const comparable = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
