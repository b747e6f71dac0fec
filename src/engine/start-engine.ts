/**
 * Brings up the embedded engine of a state directory, once, however many processes ask at the same time.
 *  E1. One process starts, the holder of `start.lock`; the others wait for `engine.json`.
 *  E2. The waiting do not repeat a failure: they report the one they waited for.
 */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { locateBinary } from './binary.js';
import { EngineUnavailable } from './engine-unavailable.js';
import { type EngineFiles, readJsonObject, writeJson } from './engine-files.js';
import type { EngineRecord } from './engine-record.js';
import { type KeeperProcess, startKeeper } from './keeper-process.js';
import { tryExclusiveLock } from './process-lock.js';
import { isKeeperAlive, runningEngine } from './running-engine.js';

export interface StartOptions {
  readonly stateDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Generous: the keeper itself gives a server 45 s, and a stopping keeper may have to end first. */
const START_TIMEOUT_MS = 60_000;

/**
 * @returns  the engine, healthy
 * @throws   EngineUnavailable; or the signal's reason. The caller must hold a share of the users' lock.
 */
export async function startEngine(files: EngineFiles, options: StartOptions): Promise<EngineRecord> {
  const askedAt = Date.now();
  for (let told = false; ;) {
    options.signal?.throwIfAborted();
    const lock = tryExclusiveLock(files.startLock);
    if (lock) {
      try {
        return await startAlone(files, options);
      } catch (error) {
        if (error instanceof EngineUnavailable) writeFailure(files, error);
        throw error;
      } finally {
        lock.release();
      }
    }
    if (!told) options.onProgress('another process is starting the embedded Temporal; waiting for it');
    told = true;
    await sleep(100 + Math.random() * 150); // apart, so that a hundred waiting do not ask all at once
    const running = await runningEngine(files);
    if (running) return running;
    const failure = readFailure(files, askedAt); // E2
    if (failure) throw failure;
  }
}

async function startAlone(files: EngineFiles, options: StartOptions): Promise<EngineRecord> {
  const { stateDir, env, onProgress, signal } = options;
  const running = await runningEngine(files);
  if (running) return running;
  rmSync(files.failure, { force: true });

  let startedAt = Date.now();
  let keeper: KeeperProcess | undefined;
  while (Date.now() - startedAt < START_TIMEOUT_MS) {
    signal?.throwIfAborted();
    if (!keeper && !isKeeperAlive(files)) {
      const binary = await locateBinary({ env, onProgress, signal });
      onProgress(`starting the embedded Temporal ${binary.version} (${binary.path})…`);
      signal?.throwIfAborted();
      startedAt = Date.now(); // a download has its own limits
      rmSync(files.record, { force: true }); // of a killed keeper; its server may even answer, until the new one ends it
      keeper = startKeeper(files, { stateDir, binary, env });
    }
    await sleep(25);
    const record = await runningEngine(files);
    if (record) {
      const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
      onProgress(`engine ready in ${seconds} s, Web UI ${record.webUi}`);
      return record;
    }
    const failure = keeper?.failure();
    if (failure) throw unavailable(files, failure);
    if (failure === '') keeper = undefined; // it found another keeper, or was told to stop: look again
  }
  throw unavailable(files, `no healthy engine in ${START_TIMEOUT_MS / 1_000} s`);
}

const unavailable = (files: EngineFiles, reason: string): EngineUnavailable =>
  new EngineUnavailable(
    'The embedded Temporal did not start.',
    [`embedded engine in ${files.dir}: ${reason}`],
    `Look into ${files.serverLog} and ${files.keeperLog}; or run a Temporal server yourself and set TEMPORAL_ADDRESS.`,
  );

function writeFailure(files: EngineFiles, { what, tried, next }: EngineUnavailable): void {
  writeJson(files.failure, { at: Date.now(), what, tried, next });
}

/** @returns the failure of a start that ended after `since` (ms since the epoch) */
function readFailure(files: EngineFiles, since: number): EngineUnavailable | undefined {
  const found = readJsonObject(files.failure);
  if (typeof found?.['at'] !== 'number' || found['at'] < since || !Array.isArray(found['tried']))
    return undefined;
  return new EngineUnavailable(String(found['what']), found['tried'].map(String), String(found['next']));
}
