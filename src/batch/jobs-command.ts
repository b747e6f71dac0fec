import { spawn } from 'node:child_process';
import { rowsOfLines } from './jobs-jsonl.js';
import type { ProblemHere } from './problems.js';
import type { Row } from './rows.js';
import type { Environment } from './secrets.js';
import { shown } from './shown.js';
import { UnreadableFile } from './source-text.js';

/** Longest that a program may take to list its jobs: a list is made in seconds, and a night should not hang on it. */
const TIMEOUT_MS = 5 * 60_000;
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;
const ERROR_LINES_SHOWN = 5;
const ERROR_BYTES_KEPT = 8 * 1024;

/** The program itself failed, not a line of what it printed. */
export class CommandFailed extends UnreadableFile {}

export interface JobsCommand {
  /** Program and arguments. No shell: nothing in them is interpreted. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Where PATH and HOME are taken from. */
  readonly env: Environment;
  /** About a line of the output. */
  readonly report: (problem: ProblemHere) => void;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/**
 * Rows that a program prints as JSON Lines. It gets PATH and HOME of our environment and nothing else, so that it
 * lists the same jobs from a terminal, a schedule and CI.
 * @throws CommandFailed when it can't be started, fails, prints too much or takes too long: half a list is none
 */
export async function* readCommand(command: JobsCommand): AsyncGenerator<Row> {
  const { argv, cwd, env, report, signal, timeoutMs = TIMEOUT_MS } = command;
  const [program = '', ...args] = argv;
  const { PATH, HOME } = env;
  const child = spawn(program, args, {
    cwd,
    env: { ...(PATH !== undefined && { PATH }), ...(HOME !== undefined && { HOME }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stopped: Failure | undefined;
  const stop = (why: string, mayPass = false) => {
    stopped ??= { why, mayPass };
    child.kill('SIGKILL');
    // A grandchild may hold the other ends open, and "close" would wait for it.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const timer = setTimeout(() => stop(`took longer than ${timeoutMs / 1000} s`, true), timeoutMs);
  const onAbort = () => stop('was cancelled');
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();

  const lastErrors = keepEnd(child.stderr);
  const ended = new Promise<Failure | undefined>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ why: startProblem(error), mayPass: false }),
    );
    child.once('close', (code, killed) =>
      resolve(code === 0 ? undefined : { why: `ended with ${killed ?? `exit code ${code}`}`, mayPass: true }),
    );
  });
  try {
    yield* rowsOfLines(limited(child.stdout, stop), report);
    const failure = await ended;
    signal?.throwIfAborted();
    const end = stopped ?? failure;
    if (end !== undefined) throw failed(argv, end, lastErrors());
  } catch (error) {
    signal?.throwIfAborted();
    if (stopped !== undefined && !(error instanceof UnreadableFile))
      throw failed(argv, stopped, lastErrors());
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    stop('was no longer needed');
  }
}

async function* limited(stdout: AsyncIterable<Buffer>, stop: (why: string) => void): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  try {
    for await (const chunk of stdout) {
      bytes += chunk.length;
      if (bytes > OUTPUT_BYTES_MAX) return stop(`printed more than ${OUTPUT_BYTES_MAX / 1024 / 1024} MiB`);
      yield decoder.decode(chunk, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    stop('printed bytes that are no UTF-8 text');
  }
}

function keepEnd(stderr: NodeJS.ReadableStream): () => string {
  let end = '';
  stderr.setEncoding('utf8');
  stderr.on('data', (text: string) => (end = (end + text).slice(-ERROR_BYTES_KEPT)));
  return () => {
    const lines = end.trimEnd().split('\n').slice(-ERROR_LINES_SHOWN);
    return lines.map((line) => line.replace(/\p{Cc}/gu, ' ').trimEnd()).join('\n    ');
  };
}

const startProblem = ({ code, message }: NodeJS.ErrnoException): string =>
  code === 'ENOENT' ? "can't be started: no such program" : `can't be started: ${code ?? message}`;

interface Failure {
  readonly why: string;
  /** What it asks may have been away: the same program may do better later. */
  readonly mayPass: boolean;
}

const failed = (argv: readonly string[], { why, mayPass }: Failure, errors: string): CommandFailed =>
  new CommandFailed({
    message: `the command ${shown(argv.join(' '))} ${why}`,
    ...(errors !== '' && { hint: `its last words: ${errors}` }),
    ...(mayPass && { mayPass }),
  });
