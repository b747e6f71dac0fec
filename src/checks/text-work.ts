import type { Work } from '../threads/work.js';
import type { Earlier, EarlierArtifact } from './similarity.js';
import { textFindings, type TextFindings, type TextRequest } from './text-checks.js';

/** Asks for one earlier artifact. `at` counts from 0: there the list begins anew. */
export interface EarlierQuestion {
  readonly at: number;
  readonly limit: number;
}

/** `textFindings` in a thread. Earlier artifacts come one by one: together they may be more than fits into memory. */
export const textWork: Work<TextRequest, TextFindings, EarlierQuestion, EarlierArtifact | undefined> = (
  request,
  { begins, ask },
) => {
  const earlier: Earlier = async function* (limit) {
    for (let at = 0; ; at++) {
      const artifact = await ask({ at, limit });
      if (artifact === undefined) return;
      yield artifact;
    }
  };
  return textFindings(request, { earlier, begins });
};
