import type { SessionProgress } from '../provider.js';
import { findArtifact } from './artifact.js';
import { meaningOf } from './exit-codes.js';
import { readResultFile, type ResultDocument } from './result-document.js';
import { readTail, statIfThere, type RunPaths } from './run-directory.js';
import type { Exit } from './run-state.js';
import type { Stop } from './stop-run.js';
import { lastWords, messageText } from './terminal-text.js';

type Ended = Exclude<SessionProgress, { kind: 'running' }>;
type Failed = Extract<SessionProgress, { kind: 'failed' }>;

const STDERR_TAIL_BYTES = 8192;

/**
 * What a program that ended by itself has come to. Exit code 0 alone is no success: there must be something to
 * publish. A program that says itself what went wrong is believed before its exit code is.
 */
export async function verdictOf(
  paths: RunPaths,
  exit: Exit,
  program: string,
  redact: (text: string) => string,
): Promise<Ended> {
  const result = await readResultFile(paths);
  if (result.kind === 'document' && result.document.status !== 'ok') return reported(result.document, redact);
  if (exit.rc !== 0) {
    const { errorClass, message } = meaningOf(exit.rc);
    const words = lastWords(redact(await readTail(paths.stderr, STDERR_TAIL_BYTES)));
    const said = words === '' ? '' : `: ${words}`;
    return { kind: 'failed', errorClass, message: `${program} ${message} (exit code ${exit.rc})${said}` };
  }
  const stdout = await statIfThere(paths.stdout);
  if ((stdout?.size ?? 0) < exit.stdoutBytes) {
    return { kind: 'lost', message: 'part of what the program printed is gone; did the power fail?' };
  }
  const artifact = await findArtifact(paths, result);
  if (artifact.kind !== 'unusable') return { kind: 'succeeded' };
  const words = lastWords(redact(await readTail(paths.stderr, STDERR_TAIL_BYTES)));
  return {
    kind: 'failed',
    errorClass: 'rejected',
    message: words === '' ? artifact.why : `${artifact.why}: ${words}`,
  };
}

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

/** What a run that was stopped counts as. */
export function verdictOfStopped({ reason, message }: Stop): Ended {
  switch (reason) {
    case 'cancelled':
      return { kind: 'lost', message };
    case 'deadline':
    case 'quiet':
      return { kind: 'failed', errorClass: 'timeout', message };
    case 'output':
      return { kind: 'failed', errorClass: 'rejected', message };
  }
}
