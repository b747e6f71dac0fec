import { cutTo, padTo, widthOf } from './columns.js';
import { dim, textOf, withText, type Line, type Span } from './line.js';
import { safeText } from './safe-text.js';

const GAP = '  ';
const CELL_MIN = 10;

/**
 * Rows under a head; columns without any text are left out. Where rows are wider than the terminal, the widest cells
 * are cut; never the last ones, which hold what people copy.
 */
export function tableLines(
  head: readonly string[],
  rows: readonly (readonly Span[])[],
  columns = Infinity,
): Line[] {
  const used = head.map((_, at) => rows.some((row) => textOf(row[at] ?? '') !== ''));
  const inUse = <T>(cells: readonly T[]): T[] => cells.filter((_, at) => used[at]);
  const titles = inUse(head);
  const cells = rows.map((row) => inUse(row).map((cell) => withText(cell, safeText(textOf(cell)))));
  const widths = titles.map((title, at) =>
    Math.max(widthOf(title), ...cells.map((row) => widthOf(textOf(row[at] ?? '')))),
  );
  shrink(widths, columns - GAP.length * (titles.length - 1));
  return [titles.map(dim), ...cells].map((row) => tableLine(row, widths));
}

function tableLine(row: readonly Span[], widths: readonly number[]): Line {
  const end = row.findLastIndex((cell) => textOf(cell) !== '');
  return row.slice(0, end + 1).flatMap((cell, at): Span[] => {
    if (at === widths.length - 1) return [cell];
    const width = widths[at] ?? 0;
    const text = cutTo(textOf(cell), width);
    return [withText(cell, text), at === end ? '' : padTo('', width - widthOf(text)) + GAP];
  });
}

function shrink(widths: number[], columns: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) - columns;
  const last = widths.length - 1;
  while (excess > 0) {
    const widest = Math.max(...widths.slice(0, last));
    if (widest <= CELL_MIN) return;
    widths[widths.indexOf(widest)] = widest - 1;
    excess--;
  }
}
