import { type EngineFiles, readJsonObject, writeJson } from './engine-files.js';

/** Where an embedded engine is. It was healthy when this was written; whether it still is, only asking it tells. */
export interface EngineRecord {
  /** host:port of the gRPC frontend */
  readonly address: string;
  readonly namespace: string;
  /**
   * Temporal's id of the namespace, chosen when the database was made. It tells our server from another one that
   * got the same port later.
   */
  readonly namespaceId: string;
  readonly webUi: string;
  /** Process id of the keeper. */
  readonly pid: number;
  readonly serverPid: number;
  /** ISO 8601, UTC: when the server became healthy. */
  readonly startedAt: string;
  /** Version of the `temporal` program. */
  readonly version: string;
}

/** @returns the record, or undefined when there is none or the file holds something else */
export function readEngineRecord(files: EngineFiles): EngineRecord | undefined {
  const found = readJsonObject(files.record);
  return found && isEngineRecord(found) ? found : undefined;
}

export function writeEngineRecord(files: EngineFiles, record: EngineRecord): void {
  writeJson(files.record, record);
}

function isEngineRecord(value: Record<string, unknown>): value is Record<string, unknown> & EngineRecord {
  const texts = ['address', 'namespace', 'namespaceId', 'webUi', 'startedAt', 'version'];
  const numbers = ['pid', 'serverPid'];
  return (
    texts.every((name) => typeof value[name] === 'string') &&
    numbers.every((name) => typeof value[name] === 'number')
  );
}
