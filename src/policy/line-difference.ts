export interface LineDifference {
  readonly added: number;
  readonly removed: number;
}

/** Lines that only one of two texts has, however they are ordered: a figure for people, not a patch. */
export function lineDifference(before: string, after: string): LineDifference {
  const counts = new Map<string, number>();
  for (const line of linesOf(before)) counts.set(line, (counts.get(line) ?? 0) + 1);
  let added = 0;
  for (const line of linesOf(after)) {
    const left = counts.get(line) ?? 0;
    if (left === 0) added++;
    else counts.set(line, left - 1);
  }
  return { added, removed: [...counts.values()].reduce((sum, count) => sum + count, 0) };
}

const linesOf = (text: string): string[] => {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
};
