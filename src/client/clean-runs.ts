import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRunDirectory, runPaths, runsFolder } from '../activities/providers/command/run-directory.js';
import { lookAtRun } from '../activities/providers/command/run-state.js';
import { durationMs, durationSchema, type Duration } from '../contract/batch-file.js';
import { UsageError } from '../contract/errors.js';
import { isFinished, OPEN_SESSION } from '../contract/states.js';
import { systemCode } from '../contract/thrown.js';
import type { KnownSession, SessionId } from '../ledger/ledger.js';
import type { Connections } from './connections.js';
import { namesIn } from './names-in.js';

export interface CleanOptions {
  /** Of runs whose session has ended so long ago, such as `30d`. */
  readonly runsOlderThan: Duration;
  /** Only look. */
  readonly list?: boolean;
}

export interface CleanedRun extends SessionId {
  readonly work: string;
  readonly jobKey: string;
  readonly endedAt: string;
  readonly bytes: number;
}

export interface Cleaned {
  /** Run directories that were taken away, or would be. */
  readonly runs: readonly CleanedRun[];
  /** Of all of them. */
  readonly bytes: number;
  /** Run directories that stay. */
  readonly kept: number;
}

/** A directory on its way out: renamed in one step, so that none is ever half there under its name. */
const LEAVING = '.removed';

/**
 * Takes away what programs of done jobs have left on this host. What a run of a job that is not done left is what the next
 * start goes on with, and people look at; a directory that the ledger does not know may be another ledger's.
 * @throws UsageError
 */
export async function cleanRuns(
  { runsOlderThan, list = false }: CleanOptions,
  connections: Pick<Connections, 'ledger' | 'config'>,
): Promise<Cleaned> {
  const age = durationSchema.safeParse(runsOlderThan);
  if (!age.success) throw new UsageError(`"${runsOlderThan}" is no duration such as "12h" or "30d"`);
  const before = new Date(Date.now() - durationMs(age.data)).toISOString();
  const { stateDir } = connections.config;
  const ledger = await connections.ledger();
  const runs: CleanedRun[] = [];
  const leaving: string[] = [];
  let kept = 0;
  for (const name of await namesIn(runsFolder(stateDir))) {
    const path = join(runsFolder(stateDir), name);
    if (name.endsWith(LEAVING)) {
      leaving.push(path);
      continue;
    }
    const run = parseRunDirectory(name);
    const session = run && (await ledger.sessionOf(run));
    if (!run || !session || !mayGo(session, before) || (await isInUse(stateDir, run))) {
      kept++;
      continue;
    }
    const { work, jobKey, endedAt = '' } = session;
    runs.push({ ...run, work, jobKey, endedAt, bytes: await bytesIn(path) });
    if (!list && (await moved(path, `${path}${LEAVING}`))) leaving.push(`${path}${LEAVING}`);
  }
  if (!list) await removeAll(leaving);
  return { runs, bytes: runs.reduce((sum, { bytes }) => sum + bytes, 0), kept };
}

const mayGo = ({ state, jobState, endedAt }: KnownSession, before: string): boolean =>
  isFinished(jobState) && !OPEN_SESSION.includes(state) && endedAt !== undefined && endedAt < before;

/** A program that outlived its session, or may: one of another host is seen only there. */
async function isInUse(stateDir: string, run: SessionId): Promise<boolean> {
  const { kind } = await lookAtRun(runPaths(stateDir, run));
  return kind === 'alive' || kind === 'claiming' || kind === 'elsewhere';
}

/** False where somebody else, who cleans too, was quicker. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** One that can't be removed stands in no other's way. */
async function removeAll(paths: readonly string[]): Promise<void> {
  const ends = await Promise.allSettled(paths.map((path) => rm(path, { recursive: true, force: true })));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const stats = await lstat(join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += stats?.size ?? 0;
  }
  return bytes;
}
