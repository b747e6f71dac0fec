// A shell for verbs of the command line, whose results are kept.
import { onTestFinished } from 'vitest';
import { Interrupts } from '../../src/cli/interrupts.js';
import { Output } from '../../src/cli/output.js';
import { Shell, type GlobalFlags } from '../../src/cli/shell.js';

/** @returns `out`: what it has printed on stdout so far */
export function aShell(flags: GlobalFlags): { readonly shell: Shell; readonly out: () => string } {
  const said: string[] = [];
  const stream = (kept: string[]) =>
    ({ isTTY: false, write: (text: string) => kept.push(text) }) as unknown as NodeJS.WriteStream;
  const shell = new Shell(
    flags,
    new Output(stream(said), stream([]), flags),
    new Interrupts(() => undefined),
  );
  onTestFinished(() => shell.close());
  return { shell, out: () => said.join('') };
}
