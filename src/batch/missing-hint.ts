import { nearest, suggestion } from './nearest.js';

/** Where nobody knows how the schedule of the batch writes its nights. */
export const EDITION_HINT =
  'give the night: --edition EDITION, such as 2026-11-23 or 2026-W48, as its schedule has it; ' +
  'or start it as its schedule does: nightshift schedule trigger NAME';

/**
 * How to mend a list of jobs that lacks an identity field. An edition is mostly not in the list: the night gives it. In which
 * form, only its schedule knows: in another, it would be a night beside all of its.
 */
export function missingHint(field: string, known: readonly string[]): string {
  if (field !== 'edition' || nearest(field, known) !== undefined) return suggestion(field, known);
  return EDITION_HINT;
}
