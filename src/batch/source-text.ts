import { createReadStream } from 'node:fs';
import { fileErrorWords } from '../file-errors.js';
import type { ProblemHere } from './problems.js';

/** Thrown inside `src/batch` when a file can't be read any further; always becomes a problem of that file. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
  constructor(readonly problem: ProblemHere) {
    super(problem.message);
  }
}

/**
 * The text of a file in pieces: UTF-8, a byte order mark dropped, CRLF turned into LF.
 * One kind of line break only, or a checkout on another system would change the text of every job.
 * @param bytesMax  refuses larger files
 * @throws UnreadableFile when the file is missing, too large or no UTF-8
 */
export async function* textOf(
  path: string,
  o: { readonly bytesMax: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<string> {
  const decoder = new Utf8Lines();
  let bytes = 0;
  try {
    const stream = createReadStream(path, { highWaterMark: 256 * 1024, signal: o.signal });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > o.bytesMax) {
        throw new UnreadableFile({
          message: `is larger than ${mebibytes(o.bytesMax)}, the most that is read`,
        });
      }
      yield decoder.push(chunk);
    }
    yield decoder.end();
  } catch (error) {
    throw asUnreadable(error);
  }
}

/** The whole text of a file; see `textOf`. */
export async function wholeText(path: string, o: Parameters<typeof textOf>[1]): Promise<string> {
  const parts: string[] = [];
  for await (const part of textOf(path, o)) parts.push(part);
  return parts.join('');
}

/** Decodes strictly: a replacement character in a key would be a job that nobody meant. */
class Utf8Lines {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  private line = 1;
  private heldReturn = '';
  private first = true;

  push(chunk: Uint8Array): string {
    if (this.first && isUtf16(chunk)) {
      throw new UnreadableFile({ message: 'is UTF-16 text', hint: 'save it as UTF-8' });
    }
    this.first = false;
    let text: string;
    try {
      text = this.decoder.decode(chunk, { stream: true });
    } catch {
      throw new UnreadableFile({
        line: this.line + linesBeforeFault(chunk),
        message: 'has bytes that are no UTF-8 text',
        hint: 'save it as UTF-8',
      });
    }
    return this.withLineFeeds(text);
  }

  end(): string {
    try {
      this.decoder.decode();
    } catch {
      throw new UnreadableFile({ line: this.line, message: 'ends in the middle of a character' });
    }
    return this.heldReturn;
  }

  private withLineFeeds(decoded: string): string {
    const text = this.heldReturn + decoded;
    this.heldReturn = text.endsWith('\r') ? '\r' : ''; // its line feed may come with the next piece
    const lines = text.slice(0, text.length - this.heldReturn.length).replaceAll('\r\n', '\n');
    this.line += countLineFeeds(lines);
    return lines;
  }
}

const isUtf16 = (chunk: Uint8Array): boolean =>
  (chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff);

/** Line feeds before the first bad byte of a piece. A lenient decoder shows where that is. */
function linesBeforeFault(chunk: Uint8Array): number {
  let start = 0; // continuation bytes at the start belong to a character of the piece before
  while (start < 3 && ((chunk[start] ?? 0) & 0xc0) === 0x80) start += 1;
  const text = new TextDecoder().decode(chunk.subarray(start));
  return countLineFeeds(text.slice(0, Math.max(0, text.indexOf('\ufffd'))));
}

/** Line feeds in a text. */
export function countLineFeeds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;

function asUnreadable(error: unknown): unknown {
  const message = fileErrorWords(error);
  if (message === undefined) return error;
  // A program may be about to write it.
  const mayPass = (error as NodeJS.ErrnoException).code === 'ENOENT';
  return new UnreadableFile({ message, ...(mayPass && { mayPass }) });
}
