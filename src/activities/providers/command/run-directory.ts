import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AdapterError } from '../../../contract/errors.js';
import { systemCode } from '../../../contract/thrown.js';

/**
 * The directory of one run: its handle, its claim and its evidence.
 *
 *  RD1. Its name is made from the run key and the paid attempt, so whoever looks for the session finds it.
 *  RD2. No secret is ever in it: `spec.json` has the names of variables, not their values.
 */
export interface RunPaths {
  readonly dir: string;
  /** What was asked for, for people. */
  readonly spec: string;
  /** The job, as the program reads it. */
  readonly stdin: string;
  /** Made exclusively by the wrapper before it runs the program: claim and process identity in one. */
  readonly claim: string;
  readonly stdout: string;
  readonly stderr: string;
  /** Written by the wrapper when the program is gone. */
  readonly exit: string;
  /** Written before a run is stopped: whatever its exit code, it was stopped. */
  readonly stop: string;
  /** How long its host slept while it ran, where it did. */
  readonly slept: string;
  /** `NIGHTSHIFT_RESULT_FILE`. */
  readonly result: string;
  /** Room for the program's own files; removed on release. */
  readonly work: string;
  /** `NIGHTSHIFT_OUT_DIR`. */
  readonly out: string;
}

/** Where the directories of all runs are. */
export const runsFolder = (stateDir: string): string => join(stateDir, 'runs');

/** The run that a directory is of; undefined for any other name. */
export function parseRunDirectory(
  name: string,
): { readonly runKey: string; readonly attempt: number } | undefined {
  const [, runKey, attempt] = /^([0-9a-f]{32})-([1-9]\d{0,8})$/.exec(name) ?? [];
  return runKey === undefined ? undefined : { runKey, attempt: Number(attempt) };
}

/** @throws AdapterError `bug` for a key or attempt that would not make a directory name */
export function runPaths(
  stateDir: string,
  run: { readonly runKey: string; readonly attempt: number },
): RunPaths {
  if (!/^[0-9a-f]{32}$/.test(run.runKey) || !Number.isSafeInteger(run.attempt) || run.attempt < 1) {
    throw new AdapterError('bug', `no run can be called "${run.runKey}-${run.attempt}"`, { sent: 'no' });
  }
  const dir = join(runsFolder(stateDir), `${run.runKey}-${run.attempt}`);
  return {
    dir,
    spec: join(dir, 'spec.json'),
    stdin: join(dir, 'stdin'),
    claim: join(dir, 'pid.json'),
    stdout: join(dir, 'stdout'),
    stderr: join(dir, 'stderr'),
    exit: join(dir, 'exit'),
    stop: join(dir, 'cancel'),
    slept: join(dir, 'slept.json'),
    result: join(dir, 'result.json'),
    work: join(dir, 'work'),
    out: join(dir, 'out'),
  };
}

/** True when this call made the directory, false when it was there. Private: input and output may be confidential. */
export async function makeRunDirectory({ dir }: RunPaths): Promise<boolean> {
  await mkdir(dirname(dir), { recursive: true, mode: 0o700 });
  try {
    await mkdir(dir, { mode: 0o700 });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Whole or not at all for readers. Several starts of one run may write the same at once. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  await writeFile(temporary, text, { flag: 'wx', mode: 0o600 });
  await rename(temporary, path);
}

/** True when this call made the file. */
export async function writeExclusive(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined when there is nothing of that name. Links are not followed. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The last bytes of a file as text; empty when there is no such file. */
export async function readTail(path: string, bytesMax: number): Promise<string> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytesMax);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
