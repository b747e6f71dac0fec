// A shell for verbs of the command line, whose results are kept.
import { onTestFinished } from 'vitest';
import { Interrupts } from '../../src/cli/interrupts.js';
import { Output } from '../../src/cli/output.js';
import { Shell, type GlobalFlags } from '../../src/cli/shell.js';

interface ShellOf {
  readonly shell: Shell;
  /** What it has printed on stdout so far. */
  readonly out: () => string;
  readonly err: () => string;
}

export function aShell(flags: GlobalFlags): ShellOf {
  const said: string[] = [];
  const noted: string[] = [];
  const stream = (kept: string[]) =>
    ({ isTTY: false, write: (text: string) => kept.push(text) }) as unknown as NodeJS.WriteStream;
  const shell = new Shell(
    flags,
    new Output(stream(said), stream(noted), flags),
    new Interrupts(() => undefined),
  );
  onTestFinished(() => shell.close());
  return { shell, out: () => said.join(''), err: () => noted.join('') };
}
