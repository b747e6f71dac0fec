import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AdapterError, asMaybeSent } from '../../../contract/errors.js';
import type { SessionRequest } from '../provider.js';
import { workerPath } from './environment.js';
import { programOf, type CommandOptions } from './options.js';
import { mustSuitPreset } from './preset-host.js';
import { presetOf } from './presets/index.js';
import { callFor, workingDirectory, type RunCall } from './run-call.js';
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

/**
 * Said before anything is started: it would be the same for every job.
 * @throws AdapterError `config` with `sent: 'no'`
 */
export async function mustBeRunnable(
  options: CommandOptions,
  baseDir: string,
  env: Readonly<Record<string, string>> = options.env ?? {},
): Promise<void> {
  const searchPath = env['PATH'] ?? workerPath();
  const preset = presetOf(options);
  const [program] = programOf(options);
  const cwd = workingDirectory(options, baseDir);
  const folder = await stat(cwd).catch(() => undefined);
  if (!folder?.isDirectory()) throw unusable(`the working directory ${cwd} does not exist; see agent.cwd`);
  if (program.includes('/')) {
    const path = resolve(preset ? baseDir : cwd, program);
    const found = await lookAtProgram(path);
    if (found === 'missing') throw unusable(`the program ${path} does not exist; see agent.command`);
    if (found === 'not executable')
      throw unusable(`${path} may not be run; chmod +x it, or name its interpreter`);
  } else if (!(await isOnPath(program, searchPath, cwd))) {
    const how =
      preset?.program === program ? `install ${preset.title}: ${preset.install}` : 'see agent.command';
    throw unusable(`the program "${program}" is not on PATH (${searchPath}); ${how}`);
  }
  await mustSuitPreset(options, env);
}

async function isOnPath(program: string, searchPath: string, cwd: string): Promise<boolean> {
  for (const folder of searchPath.split(':')) {
    const path = isAbsolute(folder) ? join(folder, program) : resolve(cwd, folder, program);
    if ((await lookAtProgram(path)) === 'executable') return true;
  }
  return false;
}

async function lookAtProgram(path: string): Promise<'executable' | 'not executable' | 'missing'> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return 'missing';
  if (!found.isFile()) return 'not executable';
  return access(path, constants.X_OK).then(
    () => 'executable' as const,
    () => 'not executable' as const,
  );
}

const unusable = (message: string): AdapterError => new AdapterError('config', message, { sent: 'no' });
