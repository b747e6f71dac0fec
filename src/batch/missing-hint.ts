import { nearest, suggestion } from './nearest.js';

/** How to mend a list of jobs that lacks an identity field. An edition is mostly not in the list: the night gives it. */
export function missingHint(field: string, known: readonly string[]): string {
  if (field !== 'edition' || nearest(field, known) !== undefined) return suggestion(field, known);
  const today = new Date();
  const date = [today.getFullYear(), today.getMonth() + 1, today.getDate()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `give the night: --edition ${date.join('-')}, or start it as its schedule does: nightshift schedule trigger NAME`;
}
