import { upTo } from './download.js';
import { MANIFEST_NAME } from './manifest.js';
import { mimeOrNone } from './mime.js';
import type { Output } from '../provider.js';

/** For people to look at; a whole artifact may be larger. */
const BYTES_MAX = 16 * 1024 * 1024;

/** Says how the run went, and is nothing that it was asked for. */
const NOT_MADE: ReadonlySet<string> = new Set([MANIFEST_NAME, 'started.json']);

export interface LeftFile {
  /** Below the output folder. */
  readonly path: string;
  readonly bytes: number;
  readonly mime: string | undefined;
}

/** Of what a session that came to nothing has left: the file that was asked for, else the largest one, as it is. */
export async function leftFile<File extends LeftFile>(
  files: readonly File[],
  wanted: string,
  download: (file: File) => Promise<AsyncIterable<Uint8Array> | undefined>,
): Promise<Output | undefined> {
  const made = files
    .filter(({ path, bytes }) => bytes > 0 && !NOT_MADE.has(path))
    .sort((a, b) => b.bytes - a.bytes);
  const file = made.find(({ path }) => path === wanted) ?? made[0];
  const content = file && (await download(file));
  return content && { content: upTo(content, BYTES_MAX), ...mimeOrNone(file.mime) };
}

/** What it said, where that was its output. */
export const leftText = (text: string): Output | undefined =>
  text === '' ? undefined : { content: new TextEncoder().encode(text) };
