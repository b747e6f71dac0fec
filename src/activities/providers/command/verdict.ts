import type { SessionProgress } from '../provider.js';
import { durationMs } from '../../../contract/batch-file.js';
import { findArtifact } from './artifact.js';
import { meaningOf } from './exit-codes.js';
import { programOf, type CommandOptions } from './options.js';
import { presetOf } from './presets/index.js';
import type { PresetEnd } from './presets/preset.js';
import { asksForLogin } from './presets/said-class.js';
import { readResultFile, type ResultDocument } from './result-document.js';
import { readTail, statIfThere, type RunPaths } from './run-directory.js';
import type { Exit } from './run-state.js';
import type { Stop } from './stop-run.js';
import { lastWords, messageText } from './terminal-text.js';

type Ended = Exclude<SessionProgress, { kind: 'running' }>;
type Failed = Extract<SessionProgress, { kind: 'failed' }>;

const STDERR_TAIL_BYTES = 8192;
/** A prompt for a login is the last that a program says. */
const LOGIN_TAIL_BYTES = 2048;

/**
 * What a program that ended by itself has come to. Exit code 0 alone is no success: there must be something to
 * publish. A program that says itself what went wrong is believed before its exit code is.
 */
export async function verdictOf(
  paths: RunPaths,
  exit: Exit,
  options: CommandOptions,
  now: Date,
  redact: (text: string) => string,
): Promise<Ended> {
  const [program] = programOf(options);
  const result = await readResultFile(paths);
  if (result.kind === 'document' && result.document.status !== 'ok') return reported(result.document, redact);
  if (exit.rc === 0 && (await isCutShort(paths, exit))) {
    return { kind: 'lost', message: 'part of what the program printed is gone; did the power fail?' };
  }
  const said = await presetEnd(paths, exit, options, now);
  if (said && said.kind !== 'ok') return { ...said, message: messageText(redact(said.message)) };
  if (exit.rc !== 0) {
    const { errorClass, message } = meaningOf(exit.rc);
    const words = lastWords(redact(await readTail(paths.stderr, STDERR_TAIL_BYTES)));
    const said = words === '' ? '' : `: ${words}`;
    return { kind: 'failed', errorClass, message: `${program} ${message} (exit code ${exit.rc})${said}` };
  }
  const artifact = await findArtifact(paths, result, said?.text);
  if (artifact.kind !== 'unusable') return { kind: 'succeeded' };
  const words = lastWords(redact(await readTail(paths.stderr, STDERR_TAIL_BYTES)));
  return {
    kind: 'failed',
    errorClass: 'rejected',
    message: words === '' ? artifact.why : `${artifact.why}: ${words}`,
  };
}

const isCutShort = async ({ stdout }: RunPaths, { stdoutBytes }: Exit): Promise<boolean> =>
  ((await statIfThere(stdout))?.size ?? 0) < stdoutBytes;

/** What a preset makes of its CLI's words; undefined for programs of the operator's. */
export const presetEnd = async (
  paths: RunPaths,
  { rc }: Exit,
  options: CommandOptions,
  now: Date,
): Promise<PresetEnd | undefined> =>
  (await presetOf(options)?.read(paths, { rc, maxThrottleMs: durationMs(options.maxThrottle), now }))?.end;

function reported({ status, error }: ResultDocument, redact: (text: string) => string): Failed {
  const words = error && messageText(redact(error.message));
  if (status === 'needs-human') {
    return {
      kind: 'failed',
      errorClass: 'invalid',
      message: `a person is needed: ${words ?? 'no reason was given'}`,
    };
  }
  return {
    kind: 'failed',
    errorClass: status === 'rejected' ? 'rejected' : (error?.class ?? 'rejected'),
    message: words ?? `the program reported ${status}`,
    ...(error?.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  };
}

/** What a run that was stopped counts as. One that waited for somebody to log in would wait again. */
export async function verdictOfStopped({ reason, message }: Stop, paths: RunPaths): Promise<Ended> {
  switch (reason) {
    case 'cancelled':
      return { kind: 'lost', message };
    case 'deadline':
    case 'quiet': {
      const [stdout, stderr] = [
        readTail(paths.stdout, LOGIN_TAIL_BYTES),
        readTail(paths.stderr, LOGIN_TAIL_BYTES),
      ];
      const asked = asksForLogin(`${await stdout}\n${await stderr}`);
      if (!asked) return { kind: 'failed', errorClass: 'timeout', message };
      return { kind: 'failed', errorClass: 'auth', message: `it asked somebody to log in; ${message}` };
    }
    case 'output':
      return { kind: 'failed', errorClass: 'rejected', message };
  }
}
