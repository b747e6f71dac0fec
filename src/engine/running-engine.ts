import { existsSync } from 'node:fs';
import { type EngineFiles, engineFiles } from './engine-files.js';
import { type EngineRecord, readEngineRecord } from './engine-record.js';
import { probeNamespaceId } from './namespace-probe.js';
import { trySharedLock } from './process-lock.js';

/** Generous: a hundred processes may be starting on two cores. A closed port answers at once anyway. */
const PROBE_TIMEOUT_MS = 5_000;

/**
 * The embedded engine of this state directory, if one runs and answers. Starts nothing and does not count as use.
 * @returns undefined when there is none, or none that is healthy now
 */
export async function peekEngine(stateDir: string): Promise<EngineRecord | undefined> {
  return runningEngine(engineFiles(stateDir));
}

/** @see peekEngine */
export async function runningEngine(files: EngineFiles): Promise<EngineRecord | undefined> {
  // In this order: no keeper gets its lock while a record of an earlier one is there, so what is read under a living
  // keeper is its own. Without a keeper the server is about to end.
  if (!isKeeperAlive(files)) return undefined;
  const record = readEngineRecord(files);
  if (!record) return undefined;
  const namespaceId = await probeNamespaceId(record.address, PROBE_TIMEOUT_MS);
  return namespaceId === record.namespaceId ? record : undefined;
}

/** True while some process is the keeper, healthy or not. */
export function isKeeperAlive(files: EngineFiles): boolean {
  if (!existsSync(files.keeperLock)) return false; // a look must not create files
  const lock = trySharedLock(files.keeperLock);
  lock?.release();
  return lock === undefined;
}
