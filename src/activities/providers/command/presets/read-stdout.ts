import { readFile } from 'node:fs/promises';
import { OUTPUT_BYTES_MAX } from '../result-document.js';
import { statIfThere, type RunPaths } from '../run-directory.js';

/** What a program printed; undefined where that is nothing, no plain file, or more than an artifact may have. */
export async function readStdout({ stdout }: Pick<RunPaths, 'stdout'>): Promise<string | undefined> {
  const found = await statIfThere(stdout);
  if (!found?.isFile() || found.size === 0 || found.size > OUTPUT_BYTES_MAX) return undefined;
  return readFile(stdout, 'utf8');
}
