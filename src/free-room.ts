import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { statePaths, type Config } from './config.js';
import { FULL_MIB } from './policy/waits.js';

const MIB = 1024 * 1024;

/** Less may not last a night: each job adds to the ledger, the artifacts and, when it is embedded, the engine's file. */
const WARN_BYTES = 500 * MIB;

/** With less no session is begun: the log that the ledger writes before its file grows to tens of MiB by itself. */
const FAIL_BYTES = 100 * MIB;

/** What is free where the state is kept. */
export interface Room {
  readonly dir: string;
  readonly freeBytes: number;
  readonly status: 'ok' | 'warn' | 'fail';
}

/** @param dir need not be there yet. @returns undefined where nobody can tell */
export async function roomIn(dir: string): Promise<Room | undefined> {
  for (let at = resolve(dir); ; at = dirname(at)) {
    try {
      const { blocks, bavail, bsize } = await statfs(at);
      if (blocks === 0) return undefined; // some file systems in user space don't count any
      const freeBytes = bavail * bsize;
      return { dir, freeBytes, status: roomStatus(freeBytes) };
    } catch {
      if (dirname(at) === at) return undefined;
    }
  }
}

export function roomStatus(freeBytes: number): Room['status'] {
  if (freeBytes < FAIL_BYTES) return 'fail';
  return freeBytes < WARN_BYTES ? 'warn' : 'ok';
}

/** Folders of this host to which a run writes; where the ledger is a database elsewhere, nobody can tell of that one here. */
export const keptIn = ({ ledger, stateDir }: Pick<Config, 'ledger' | 'stateDir'>): readonly string[] => [
  stateDir,
  ...('path' in ledger ? [dirname(ledger.path)] : []),
  statePaths(stateDir).artifacts,
];

/** The first of them on whose disk nothing can be written before there is more room. */
export async function fullFolder(folders: readonly string[]): Promise<string | undefined> {
  for (const dir of new Set(folders)) {
    const room = await roomIn(dir);
    if (room !== undefined && room.freeBytes < FULL_MIB * MIB) return dir;
  }
  return undefined;
}

/** What is in the way of a start that needs sessions, and what to do; undefined where there is room enough. */
export function noRoom(
  room: Room | undefined,
): { readonly message: string; readonly hint: string } | undefined {
  if (room?.status !== 'fail') return undefined;
  return {
    message: `${Math.floor(room.freeBytes / MIB)} MiB are free where the state is kept (${room.dir}), and no session begins below ${FAIL_BYTES / MIB} MiB`,
    hint: 'free some room there, or keep the state elsewhere: --state, NIGHTSHIFT_STATE',
  };
}
