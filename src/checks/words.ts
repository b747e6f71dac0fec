import type { CheckSpec } from '../contract/checks.js';
import { shown } from '../batch/shown.js';

/** The checks that need nothing but the text itself. */
export type WordCheck = Extract<
  CheckSpec,
  { minWords: number } | { maxWords: number } | { contains: string } | { notContains: string }
>;

/** Words are what white space parts: a text in Chinese or Japanese has few of them. */
export function wordProblems(text: string, check: WordCheck): string[] {
  if ('minWords' in check) {
    const words = countWords(text);
    return words < check.minWords ? [`it has ${words} words, at least ${check.minWords} are asked for`] : [];
  }
  if ('maxWords' in check) {
    const words = countWords(text);
    return words > check.maxWords ? [`it has ${words} words, at most ${check.maxWords} are allowed`] : [];
  }
  if ('contains' in check) {
    return text.includes(check.contains) ? [] : [`it does not contain ${shown(check.contains)}`];
  }
  return text.includes(check.notContains) ? [`it contains ${shown(check.notContains)}`] : [];
}

const countWords = (text: string): number => text.match(/\S+/g)?.length ?? 0;
