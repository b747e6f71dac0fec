import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { asMaybeSent } from '../../../contract/errors.js';
import type { SessionRequest } from '../provider.js';
import { mustBeRunnable } from './must-be-runnable.js';
import type { CommandOptions } from './options.js';
import { callFor, type RunCall } from './run-call.js';
import { makeRunDirectory, writeWhole, type RunPaths } from './run-directory.js';
import { lookAtRun } from './run-state.js';
import { asAdapterError } from './system-errors.js';
import { spawnWrapper } from './wrapper.js';

/** Who finds the directory made waits this long for its maker's wrapper before it sends one of its own. */
const OTHER_STARTER_MS = 250;
const LOOK_AGAIN_MS = 10;

/**
 * Starts the run, or leaves it alone when it was started before. Any number of calls, at once or after a crash
 * anywhere in here, run the program once: the wrappers settle it among themselves.
 * @throws AdapterError `config` with `sent: 'no'` when the program can't be run
 */
export async function startRun(
  paths: RunPaths,
  options: CommandOptions,
  request: SessionRequest,
  env: Readonly<Record<string, string>>,
  where: { readonly signal: AbortSignal; readonly stateDir: string; readonly now: Date },
): Promise<void> {
  await mustBeRunnable(options, request.baseDir, env);

  const call = await callFor(options, request, paths, where);

  const made = await makeRunDirectory(paths);
  try {
    if (!made && (await wasStarted(paths))) return;
    await runIn(paths, call, specText(options, request, call, env), env, where.signal);
  } catch (error) {
    // Another try made it: what goes wrong here says nothing of the wrapper that it may have sent.
    throw made ? error : asMaybeSent(asAdapterError(error, 'start'));
  }
}

async function runIn(
  paths: RunPaths,
  call: RunCall,
  spec: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(paths.work, { recursive: true, mode: 0o700 });
  await mkdir(paths.out, { recursive: true, mode: 0o700 });
  await mkdir(call.cwd, { recursive: true, mode: 0o700 });
  await writeWhole(paths.spec, spec);
  await writeWhole(paths.stdin, call.stdin);
  signal.throwIfAborted();
  await spawnWrapper(paths, call.argv, { cwd: call.cwd, env });
}

async function wasStarted(paths: RunPaths): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += LOOK_AGAIN_MS) {
    const { kind } = await lookAtRun(paths);
    if (kind !== 'unclaimed') return true;
    if (waitedMs >= OTHER_STARTER_MS) return false;
    await sleep(LOOK_AGAIN_MS);
  }
}

/** For people who look into the directory, and for the next attempt; names of variables only (RD2). */
function specText(
  options: CommandOptions,
  { runKey, attempt, work, jobKey, revision, deadlineAt }: SessionRequest,
  { argv, cwd, session, resumes }: RunCall,
  given: Readonly<Record<string, string>>,
): string {
  const { command, preset, env = {} } = options;
  const hash = createHash('sha256')
    .update(JSON.stringify({ command: command ?? preset, cwd, env }))
    .digest('hex');
  const run = { runKey, attempt, work, jobKey, revision, deadlineAt };
  const at = { ...(preset !== undefined && { preset, session, resumes }) };
  // A prompt among the arguments is in nobody's way here: it is the last one.
  const shown = { command: argv, cwd, env: Object.keys(given).sort() };
  return JSON.stringify({ v: 1, ...run, ...at, ...shown, hash }, undefined, 2);
}
