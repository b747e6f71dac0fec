import type { Command } from 'commander';
import { cutTo } from '../report/columns.js';
import { safeText } from '../report/safe-text.js';
import { withTimeLimit } from '../time-limit.js';
import { answerTo, NOTHING, type Answer } from './completion/answer.js';
import { typedWords } from './completion/command-line.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** A Tab takes no longer: a third of a second is usual, a machine that is busy with a night may need ten times as much. */
const BOUND_MS = 3000;

const ABOUT_COLUMNS = 72;

export interface Line {
  /** Up to the cursor. */
  readonly text: string;
  /** The part of it that bash will replace: what is behind the last `=`, `:` or `@`. Other shells replace the whole word. */
  readonly replaced?: string | undefined;
}

/**
 * `nightshift complete`: what a shell asks at a Tab, through its script in `completions/`. Answers with what the shell is to
 * look for itself (`words`: nothing, `files`, `directories`), then one word a line, behind a TAB what it stands for.
 * Changes nothing, starts nothing; whatever is wrong, nothing is offered and nothing said.
 */
export async function complete(line: Line, program: Command, { out }: Shell): Promise<ExitCode> {
  const answer = await withTimeLimit(BOUND_MS, undefined, () => answerTo(program, line.text)).catch(
    () => NOTHING,
  );
  out.text([answer.beside, ...linesOf(answer, line)].map((text) => `${text}\n`).join(''));
  return ExitCode.done;
}

function linesOf({ words }: Answer, { text, replaced }: Line): readonly string[] {
  if (replaced === undefined)
    return words.map(({ word, about }) => `${word}\t${cutTo(safeText(about), ABOUT_COLUMNS)}`);
  const typed = typedWords(text).at(-1) ?? '';
  return typed.endsWith(replaced) ? words.map(({ word }) => word.slice(typed.length - replaced.length)) : [];
}
