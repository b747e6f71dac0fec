#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createProgram, type Action } from './program.js';
import { ExitCode } from './exit-codes.js';
import { failureOf } from './failure.js';
import { Interrupts } from './interrupts.js';
import { Output } from './output.js';
import { Shell, type GlobalFlags } from './shell.js';
import { safeLines } from '../report/safe-text.js';

/**
 * `nightshift`: reads the words, does what they ask for, and ends with the exit code that says how it went. The one
 * place where errors become texts, and where the process ends.
 */
async function main(argv: readonly string[]): Promise<ExitCode> {
  let action: Action | undefined;
  let flags: GlobalFlags | undefined;
  let shell: Shell | undefined;
  let out: Output | undefined;
  try {
    const program = createProgram(versionOfPackage(), (asked, given) => {
      action = asked;
      flags = given;
    });
    await program.parseAsync([...argv], { from: 'user' });
    if (!action || !flags) return ExitCode.usage;

    out = new Output(process.stdout, process.stderr, flags);
    const interrupts = new Interrupts((code) => {
      out?.endLive();
      process.exit(code);
    });
    interrupts.listen();
    shell = new Shell(flags, out, interrupts);
    return await action(shell);
  } catch (error) {
    out?.endLive();
    return told(error, flags?.verbose === true || Boolean(process.env['NIGHTSHIFT_DEBUG']));
  } finally {
    await shell?.close();
  }
}

function told(error: unknown, verbose: boolean): ExitCode {
  const { code, text } = failureOf(error);
  if (text !== '') process.stderr.write(`${safeLines(`nightshift: ${text}`).join('\n')}\n`);
  if (verbose && text !== '' && error instanceof Error) {
    process.stderr.write(`${safeLines(error.stack ?? '').join('\n')}\n`);
  }
  return code;
}

function versionOfPackage(): string {
  const url = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
}

// Whoever reads our output may stop reading: `nightshift list | head -1`.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? ExitCode.done : ExitCode.unexpected);
  });
}

const exitCode = await main(process.argv.slice(2));
// Not left to the event loop: a library's open handle must not keep a finished command alive.
process.stdout.write('', () => process.exit(exitCode));
