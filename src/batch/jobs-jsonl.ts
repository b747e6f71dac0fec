import { afterSpace } from './json-scan.js';
import { jsonRowAt } from './json-row.js';
import { FILE_BYTES_MAX, JOB_BYTES_MAX, type Row, type RowSource } from './rows.js';
import { textOf, UnreadableFile } from './source-text.js';

/** JSON Lines: one object per line, blank lines skipped. A broken line is one problem; the next is read again. */
export function readJsonl(source: RowSource): AsyncGenerator<Row> {
  return rowsOfLines(textOf(source.path, { bytesMax: FILE_BYTES_MAX, signal: source.signal }), source.report);
}

/** Rows of JSON Lines that come in pieces, from a file or a program. */
export async function* rowsOfLines(
  pieces: AsyncIterable<string>,
  report: RowSource['report'],
): AsyncGenerator<Row> {
  let line = 0;
  for await (const text of linesOf(pieces)) {
    line += 1;
    const here = line;
    const from = afterSpace(text, 0);
    if (from === text.length) continue;
    const placeAt = (offset: number) => ({ line: here, column: offset + 1 });
    const read = jsonRowAt(text, from, placeAt, report);
    if (!read) continue;
    const rest = afterSpace(text, read.end);
    if (rest < text.length) report({ ...placeAt(rest), message: 'more text follows the job on its line' });
    else if (read.row) yield read.row;
  }
}

/** Lines without their ends. Not `node:readline`: that also breaks at U+2028, which JSON texts may hold. */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let open: string[] = [];
  let openSize = 0;
  let line = 1;
  for await (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', from)) {
      open.push(piece.slice(from, end));
      yield withoutReturn(open.length === 1 ? (open[0] ?? '') : open.join(''));
      open = [];
      openSize = 0;
      line += 1;
      from = end + 1;
    }
    if (from === piece.length) continue;
    open.push(piece.slice(from));
    openSize += piece.length - from;
    // Twice the limit: a job that is a little too large is still named by its line and fields.
    if (openSize > 2 * JOB_BYTES_MAX)
      throw new UnreadableFile({ line, message: 'is a line longer than a job may be' });
  }
  if (open.length > 0) yield withoutReturn(open.join(''));
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
