import type { CheckSpec } from '../contract/batch-file.js';

/**
 * What is wrong with an artifact, one sentence for each failed check; empty when it may go out. An empty artifact
 * never may.
 * @param text the artifact; undefined when it is not valid UTF-8, which every check on words refuses
 */
export function failedChecks(
  text: string | undefined,
  bytes: number,
  checks: readonly CheckSpec[],
): string[] {
  if (bytes === 0 || text?.trim() === '') return ['the artifact is empty'];
  return checks.flatMap((check) => {
    const problem = failedCheck(text, check);
    return problem === undefined ? [] : [problem];
  });
}

function failedCheck(text: string | undefined, check: CheckSpec): string | undefined {
  if ('notEmpty' in check) return undefined;
  if (text === undefined)
    return `the artifact is not text, so "${Object.keys(check).join()}" can't be checked`;
  if ('minWords' in check) {
    const words = countWords(text);
    return words < check.minWords
      ? `it has ${words} words, at least ${check.minWords} are asked for`
      : undefined;
  }
  if ('maxWords' in check) {
    const words = countWords(text);
    return words > check.maxWords
      ? `it has ${words} words, at most ${check.maxWords} are allowed`
      : undefined;
  }
  if ('contains' in check) {
    return text.includes(check.contains)
      ? undefined
      : `it does not contain ${JSON.stringify(check.contains)}`;
  }
  return text.includes(check.notContains) ? `it contains ${JSON.stringify(check.notContains)}` : undefined;
}

const countWords = (text: string): number => text.match(/\S+/g)?.length ?? 0;
