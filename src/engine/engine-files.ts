import { renameSync, writeFileSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What lies in `<state directory>/engine/`. Everything but the database may be deleted while no engine runs. */
export interface EngineFiles {
  readonly dir: string;
  /** Temporal's own database: Workflow histories. */
  readonly database: string;
  /** Where a healthy engine is; written by the keeper. See {@link EngineRecord}. */
  readonly record: string;
  /** Shared by every process that uses the engine. The keeper ends when it can have it for itself. */
  readonly usersLock: string;
  /** Held by the keeper for life: whoever can take it knows that there is none. */
  readonly keeperLock: string;
  /** Held by the process that is just starting a keeper. */
  readonly startLock: string;
  /** Process id of the server, written by the server's own process before it becomes the server. */
  readonly serverPid: string;
  /** Ports of the last start, tried first at the next one, so that addresses stay valid. */
  readonly ports: string;
  /** What has been set up in the database beyond what Temporal does itself. */
  readonly provisioned: string;
  /** Why the last start failed, for the processes that waited for it. */
  readonly failure: string;
  /** Why the last keeper gave up, in its own words. */
  readonly keeperError: string;
  readonly keeperLog: string;
  readonly serverLog: string;
}

export function engineFiles(stateDir: string): EngineFiles {
  const dir = join(resolve(stateDir), 'engine');
  return {
    dir,
    database: join(dir, 'temporal.db'),
    record: join(dir, 'engine.json'),
    usersLock: join(dir, 'users.lock'),
    keeperLock: join(dir, 'keeper.lock'),
    startLock: join(dir, 'start.lock'),
    serverPid: join(dir, 'server.pid'),
    ports: join(dir, 'ports.json'),
    provisioned: join(dir, 'provisioned.json'),
    failure: join(dir, 'failure.json'),
    keeperError: join(dir, 'keeper-error.txt'),
    keeperLog: join(dir, 'keeper.log'),
    serverLog: join(dir, 'server.log'),
  };
}

/** Replaces the file in one step: a reader sees the old text or the new one, never a part. */
export function writeJson(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/** @returns the object in the file; undefined when there is no such file, or anything else in it */
export function readJsonObject(path: string): Record<string, unknown> | undefined {
  const text = readTextIfPresent(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // a half-written or foreign file counts as none: it is written anew
  }
}

/** @returns the text, or undefined when the file cannot be read */
export function readTextIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
