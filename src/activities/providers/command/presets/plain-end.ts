import type { ErrorClass } from '../../../../contract/errors.js';
import { meaningOf } from '../exit-codes.js';
import { readTail, type RunPaths } from '../run-directory.js';
import { lastWords } from '../terminal-text.js';
import type { EndedRun, PresetEnd } from './preset.js';
import { classOfWords, failure } from './said-class.js';

const STDERR_TAIL_BYTES = 8192;

/** What a run came to that left nothing its preset could read: its words, else its exit code. */
export async function plainEnd(
  program: string,
  paths: RunPaths,
  ended: EndedRun,
  whenSilent: { readonly errorClass: ErrorClass; readonly why: string },
): Promise<PresetEnd> {
  const tail = await readTail(paths.stderr, STDERR_TAIL_BYTES);
  const words = lastWords(tail);
  if (classOfWords(words) !== undefined) return failure(program, words, ended);
  const said = words === '' ? '' : `: ${words}`;
  if (ended.rc === 0) {
    const { errorClass, why } = whenSilent;
    return { kind: 'failed', errorClass, message: `${program} ended with exit code 0 and ${why}${said}` };
  }
  const { errorClass, message } = meaningOf(ended.rc);
  return { kind: 'failed', errorClass, message: `${program} ${message} (exit code ${ended.rc})${said}` };
}
