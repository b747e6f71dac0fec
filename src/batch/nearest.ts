/** The known name that a wrong one was probably meant to be, if one is close: at most a third of it differs. */
export function nearest(wrong: string, known: Iterable<string>): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(fold(wrong), fold(name));
    const near = distance <= Math.max(1, Math.floor(Math.max(wrong.length, name.length) / 3));
    if (near && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** `did you mean "work"?`, or else the names there are. */
export function suggestion(wrong: string, known: Iterable<string>): string {
  const names = [...known];
  const near = nearest(wrong, names);
  if (near !== undefined) return `did you mean "${near}"?`;
  return names.length === 0 ? 'nothing can stand here' : `known here: ${names.join(', ')}`;
}

const fold = (name: string): string => name.toLowerCase().replace(/[_\- ]/g, '');

/** Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other. */
function editDistance(a: string, b: string): number {
  if (Math.max(a.length, b.length) > 64) return a === b ? 0 : 64; // no name is that long: not worth the time
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped ? at(i - 2, j - 2) + 1 : Infinity),
      );
    }
  }
  return at(a.length, b.length);
}
