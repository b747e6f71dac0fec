import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AdapterError } from '../../../contract/errors.js';
import type { SessionRequest } from '../provider.js';
import { workerPath } from './environment.js';
import type { CommandOptions } from './options.js';
import { makeRunDirectory, writeWhole, type RunPaths } from './run-directory.js';
import { lookAtRun } from './run-state.js';
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
  signal: AbortSignal,
): Promise<void> {
  const { command } = options;
  const cwd = workingDirectory(options, request.baseDir);
  await mustBeRunnable(options, request.baseDir, env['PATH']);

  const made = await makeRunDirectory(paths);
  if (!made && (await wasStarted(paths))) return;
  await mkdir(paths.work, { recursive: true, mode: 0o700 });
  await mkdir(paths.out, { recursive: true, mode: 0o700 });
  await writeWhole(paths.spec, specText(options, request, cwd, env));
  await writeWhole(paths.stdin, jobText(request));
  signal.throwIfAborted();
  await spawnWrapper(paths, command, { cwd, env });
}

async function wasStarted(paths: RunPaths): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += LOOK_AGAIN_MS) {
    const { kind } = await lookAtRun(paths);
    if (kind !== 'unclaimed') return true;
    if (waitedMs >= OTHER_STARTER_MS) return false;
    await sleep(LOOK_AGAIN_MS);
  }
}

/** The job as the program reads it on stdin. */
const jobText = ({ work, jobKey, identity, input, revision, attempt, prompt }: SessionRequest): string =>
  JSON.stringify({
    v: 1,
    work,
    key: jobKey,
    identity,
    input,
    revision,
    attempt,
    ...(prompt !== undefined && { prompt }),
  });

/** For people who look into the directory; names of variables only (RD2). */
function specText(
  { command, env = {} }: CommandOptions,
  { runKey, attempt, work, jobKey, revision, deadlineAt }: SessionRequest,
  cwd: string,
  given: Readonly<Record<string, string>>,
): string {
  const hash = createHash('sha256').update(JSON.stringify({ command, cwd, env })).digest('hex');
  const run = { runKey, attempt, work, jobKey, revision, deadlineAt };
  return JSON.stringify({ v: 1, ...run, command, cwd, env: Object.keys(given).sort(), hash }, undefined, 2);
}

const workingDirectory = ({ cwd = '.' }: CommandOptions, baseDir: string): string => resolve(baseDir, cwd);

/**
 * Said before anything is started: it would be the same for every job.
 * @throws AdapterError `config` with `sent: 'no'`
 */
export async function mustBeRunnable(
  options: CommandOptions,
  baseDir: string,
  searchPath: string = options.env?.['PATH'] ?? workerPath(),
): Promise<void> {
  const [program = ''] = options.command;
  const cwd = workingDirectory(options, baseDir);
  const folder = await stat(cwd).catch(() => undefined);
  if (!folder?.isDirectory()) throw unusable(`the working directory ${cwd} does not exist; see agent.cwd`);
  if (program.includes('/')) {
    const path = resolve(cwd, program);
    const found = await lookAtProgram(path);
    if (found === 'missing') throw unusable(`the program ${path} does not exist; see agent.command`);
    if (found === 'not executable')
      throw unusable(`${path} may not be run; chmod +x it, or name its interpreter`);
    return;
  }
  for (const folder of searchPath.split(':')) {
    const path = isAbsolute(folder) ? join(folder, program) : resolve(cwd, folder, program);
    if ((await lookAtProgram(path)) === 'executable') return;
  }
  throw unusable(`the program "${program}" is not on PATH (${searchPath}); see agent.command`);
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
