import { shown } from '../batch/shown.js';

/** An artifact made before. */
export interface EarlierArtifact {
  /** What people know it by, such as the identity of its job. */
  readonly label: string;
  readonly text: string;
}

/** Newest first. */
export type Earlier = (limit: number) => AsyncIterable<EarlierArtifact>;

/** Length of a sequence of words that two texts hardly ever share by chance. */
const SHINGLE_WORDS = 5;

// Scripts that are written without spaces count each character as a word.
const WORDS =
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Thai}|(?:(?!\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Thai})[\p{L}\p{N}\p{M}])+/gu;

/** All sequences of five words of a text, as 32-bit hashes. Case, punctuation and Unicode form do not matter. */
export function shinglesOf(text: string): ReadonlySet<number> {
  const words = text.normalize('NFKC').toLowerCase().match(WORDS) ?? [];
  const shingles = new Set<number>();
  const last = Math.max(0, words.length - SHINGLE_WORDS);
  if (words.length > 0) {
    for (let at = 0; at <= last; at++) shingles.add(hashOf(words.slice(at, at + SHINGLE_WORDS).join(' ')));
  }
  return shingles;
}

/** FNV-1a. Two texts of 100,000 sequences share about two by accident: nothing that a share would show. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** Jaccard index: what both have, as a share of what either has; 0 to 1, and 0 where one is empty. */
export function similarity(one: ReadonlySet<number>, other: ReadonlySet<number>): number {
  if (one.size === 0 || other.size === 0) return 0;
  const [small, large] = one.size < other.size ? [one, other] : [other, one];
  let common = 0;
  for (const shingle of small) if (large.has(shingle)) common++;
  return common / (one.size + other.size - common);
}

/** Stops at the first that is too close. @param max the largest index that is still another text */
export async function similarProblems(
  text: string,
  earlier: Earlier,
  { max, last }: { readonly max: number; readonly last: number },
): Promise<string[]> {
  const mine = shinglesOf(text);
  for await (const other of earlier(last)) {
    const share = similarity(mine, shinglesOf(other.text));
    if (share > max || (max === 1 && share === 1))
      return [
        `it is ${Math.round(share * 100)}% the same as ${shown(other.label)}, at most ${Math.round(max * 100)}% is allowed`,
      ];
  }
  return [];
}
