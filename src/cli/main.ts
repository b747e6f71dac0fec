#!/usr/bin/env node
import { closeSync, fstatSync, readFileSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { NothingToDo } from '../contract/errors.js';
import { createProgram, type Action } from './program.js';
import { ExitCode } from './exit-codes.js';
import { failureDocument, failureOf } from './failure.js';
import { Interrupts } from './interrupts.js';
import { Output } from './output.js';
import { Shell, type GlobalFlags } from './shell.js';
import { safeJson, safeLines } from '../report/safe-text.js';

const ENDED_FROM_ELSEWHERE =
  'nightshift: ended before its work was done, and not by itself: a module that a batch uses called process.exit, or waits while it is loaded for what never comes. Nothing is lost: mend the module, and start the same command again';

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
    process.once('exit', () => out?.endLive()); // whatever ends the process, the cursor comes back
    const interrupts = new Interrupts(end);
    interrupts.listen();
    shell = new Shell(flags, out, interrupts);
    return await action(shell);
  } catch (error) {
    // Wrong words may be the reason that no flags were read.
    if ((flags?.json ?? argv.includes('--json')) && out?.isDocumented !== true) document(error);
    return told(error, flags?.verbose === true || Boolean(process.env['NIGHTSHIFT_DEBUG']));
  } finally {
    await shell?.close();
  }
}

/** Help that was asked for ends by an error too, and is none. */
function document(error: unknown): void {
  const isHelp = failureOf(error).code === ExitCode.done && !(error instanceof NothingToDo);
  if (!isHelp) process.stdout.write(`${safeJson(failureDocument(error))}\n`);
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

let hasEnded = false;

function end(code: ExitCode): never {
  hasEnded = true;
  process.exit(code);
}

// A module of a batch runs in this process, and may end it: nobody may take that for an end of ours.
process.on('exit', () => {
  if (hasEnded) return;
  process.exitCode = ExitCode.unexpected;
  writeSync(2, `${ENDED_FROM_ELSEWHERE}\n`);
});

// Whoever reads our output may go away, a pager or a terminal. That is no reason to stop a night; see `Interrupts`.
const READER_GONE = new Set(['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED']);
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (!READER_GONE.has(code)) end(ExitCode.unexpected);
  });
}

// Node puts terminals right when it ends, and aborts where one is gone: such a one is closed before. Source: node.cc, ResetStdio
process.on('exit', () => {
  for (const fd of [0, 1, 2]) {
    try {
      if (fstatSync(fd).isCharacterDevice() && !isatty(fd)) closeSync(fd);
    } catch {
      // it was closed already
    }
  }
});

// An error that nobody awaited is told like any other, and ends the process all the same.
process.on('uncaughtException', (error) => end(told(error, true)));

const exitCode = await main(process.argv.slice(2));
// Not left to the event loop: a library's open handle must not keep a finished command alive.
process.stdout.write('', () => end(exitCode));
