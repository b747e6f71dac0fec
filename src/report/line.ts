import { cutTo, widthOf } from './columns.js';
import { safeText } from './safe-text.js';

/** A line of output before anyone knows where it goes: pieces of text, some with a style. */
export type Line = readonly Span[];
export type Span = string | Styled;
export interface Styled {
  readonly style: Style;
  readonly text: string;
}
export type Style = 'bold' | 'dim' | 'green' | 'cyan' | 'blue' | 'yellow' | 'red';

export type Paint = (style: Style, text: string) => string;
export const unpainted: Paint = (_, text) => text;

const styled =
  (style: Style) =>
  (text: string): Styled => ({ style, text });
export const bold = styled('bold');
export const dim = styled('dim');
export const green = styled('green');
export const cyan = styled('cyan');
export const blue = styled('blue');
export const yellow = styled('yellow');
export const red = styled('red');

export const textOf = (span: Span): string => (typeof span === 'string' ? span : span.text);
export const withText = (span: Span, text: string): Span =>
  typeof span === 'string' ? text : { style: span.style, text };
export const lineWidth = (line: Line): number =>
  line.reduce((width, span) => width + widthOf(safeText(textOf(span))), 0);

/** The one way from a line to a stream: every piece is made harmless, cut to the columns, then painted. */
export function rendered(line: Line, paint: Paint = unpainted, columns = Infinity): string {
  let left = columns;
  let output = '';
  for (const span of line) {
    if (left <= 0) break;
    const text = cutTo(safeText(textOf(span)), left);
    left -= widthOf(text);
    output += typeof span === 'string' ? text : paint(span.style, text);
  }
  return output;
}

/** Puts parts side by side, on as many lines as the columns ask for. */
export function wrapped(parts: readonly Span[], separator: string, columns: number): Line[] {
  const lines: Span[][] = [];
  let room = 0;
  for (const part of parts) {
    const width = widthOf(textOf(part)) + separator.length;
    const last = lines.at(-1);
    if (last && width <= room) last.push(separator, part);
    else {
      lines.push([part]);
      room = columns + separator.length;
    }
    room -= width;
  }
  return lines;
}
