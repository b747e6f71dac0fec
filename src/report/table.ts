import { cutTo, widthOf } from './columns.js';
import { dim, textOf, withText, type Line, type Span } from './line.js';
import { safeText } from './safe-text.js';

const GAP = '  ';
const CELL_MIN = 10;

/**
 * Rows under a head. Where they are wider than the columns, the widest cells are cut; never the last ones, which
 * hold what people copy.
 */
export function tableLines(
  head: readonly string[],
  rows: readonly (readonly Span[])[],
  columns = Infinity,
): Line[] {
  const safeRows = rows.map((row) => row.map((cell) => withText(cell, safeText(textOf(cell)))));
  const all = [head, ...safeRows];
  const widths = head.map((_, at) => Math.max(...all.map((row) => widthOf(textOf(row[at] ?? '')))));
  shrink(widths, columns - GAP.length * (head.length - 1));
  const line = (cells: readonly Span[]): Line =>
    cells.flatMap((cell, at) => {
      if (at === cells.length - 1) return [cell];
      const width = widths[at] ?? 0;
      const text = cutTo(textOf(cell), width);
      return [withText(cell, text), ' '.repeat(width - widthOf(text)) + GAP];
    });
  return [line(head.map(dim)), ...safeRows.map(line)];
}

function shrink(widths: number[], columns: number): void {
  const shrinkable = widths.slice(0, -1);
  let excess = widths.reduce((sum, width) => sum + width, 0) - columns;
  while (excess > 0) {
    const widest = Math.max(...shrinkable);
    if (widest <= CELL_MIN) return;
    const at = shrinkable.indexOf(widest);
    shrinkable[at] = widths[at] = widest - 1;
    excess--;
  }
}
