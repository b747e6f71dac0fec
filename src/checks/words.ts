import type { CheckSpec } from '../contract/checks.js';
import { shown } from '../batch/shown.js';
import { countWords } from './drawn.js';

export type CountCheck = Extract<CheckSpec, { minWords: number } | { maxWords: number }>;
type FindCheck = Extract<CheckSpec, { contains: string } | { notContains: string }>;

/** @param seen what a reader sees of the text */
export function countProblems(seen: string, check: CountCheck): string[] {
  const words = countWords(seen);
  if ('minWords' in check)
    return words < check.minWords ? [`it has ${words} words, at least ${check.minWords} are asked for`] : [];
  return words > check.maxWords ? [`it has ${words} words, at most ${check.maxWords} are allowed`] : [];
}

/** In the text as it stands there, letter by letter. */
export function findProblems(text: string, check: FindCheck): string[] {
  if ('contains' in check)
    return text.includes(check.contains) ? [] : [`it does not contain ${shown(check.contains)}`];
  return text.includes(check.notContains) ? [`it contains ${shown(check.notContains)}`] : [];
}
