import { existsSync, mkdirSync, utimesSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../contract/thrown.js';
import { type EngineFiles, engineFiles } from './engine-files.js';
import { EngineUnavailable } from './engine-unavailable.js';
import type { Engine } from './open-engine.js';
import { type ProcessLock, trySharedLock } from './process-lock.js';
import { isKeeperAlive, runningEngine } from './running-engine.js';
import { startEngine, type StartOptions } from './start-engine.js';

/** A stopping keeper keeps users out while it ends its server: at most 8 + 2 × 5 s. */
const STOPPING_TIMEOUT_MS = 30_000;
const WATCH_MS = 4_000;

/**
 * Joins or starts the embedded engine of a state directory, and sees to it that it stays while it is in use.
 * @throws EngineUnavailable; or the reason of `signal`
 */
export async function openEmbedded(options: StartOptions): Promise<Engine> {
  const files = engineFiles(options.stateDir);
  makeFolder(files);
  const share = await shareUsersLock(files, options.signal);
  try {
    const record = (await runningEngine(files)) ?? (await startEngine(files, options));
    const watch = startAgainWhenKeeperDies(files, options);
    return {
      kind: 'embedded',
      address: record.address,
      namespace: record.namespace,
      webUi: record.webUi,
      connection: { address: record.address },
      release() {
        clearInterval(watch);
        share.release();
        touch(files);
      },
    };
  } catch (error) {
    share.release();
    throw error;
  }
}

function makeFolder(files: EngineFiles): void {
  try {
    mkdirSync(files.dir, { recursive: true, mode: 0o700 }); // histories hold what jobs were given
  } catch (error) {
    throw new EngineUnavailable(
      'The embedded Temporal has no folder to keep its database in.',
      [`${files.dir}: ${messageOf(error)}`],
      'Choose a folder that can be written: --state or NIGHTSHIFT_STATE.',
      { cause: error },
    );
  }
}

async function shareUsersLock(files: EngineFiles, signal: AbortSignal | undefined): Promise<ProcessLock> {
  const deadline = Date.now() + STOPPING_TIMEOUT_MS;
  for (;;) {
    signal?.throwIfAborted();
    const share = trySharedLock(files.usersLock);
    if (share) {
      touch(files);
      return share;
    }
    if (Date.now() > deadline) {
      throw new EngineUnavailable(
        'The embedded Temporal is stopping, but does not end.',
        [`${files.usersLock}: held for ${STOPPING_TIMEOUT_MS / 1_000} s by a keeper that stops its server`],
        `Look into ${files.keeperLog}.`,
      );
    }
    await sleep(20 + Math.random() * 40);
  }
}

/** Tells the keeper that the engine was used, however short the use. */
function touch(files: EngineFiles): void {
  const now = new Date();
  try {
    utimesSync(files.usersLock, now, now);
  } catch {
    // the folder is gone, and with it the engine
  }
}

/**
 * The keeper starts a dead server again; who starts a dead keeper? Its users: the new one takes the old ports, so
 * clients that are connected only see a short break. Does not keep this process alive.
 */
function startAgainWhenKeeperDies(files: EngineFiles, options: StartOptions): NodeJS.Timeout {
  let busy = false;
  let told = false;
  const look = async (): Promise<void> => {
    if (busy || !existsSync(files.dir)) return; // a removed state directory is not made again
    busy = true;
    try {
      if (!isKeeperAlive(files)) await startEngine(files, { ...options, signal: undefined });
      told = false;
    } catch (error) {
      if (!told) options.onProgress(`the embedded Temporal ended and does not start again: ${String(error)}`);
      told = true;
    } finally {
      busy = false;
    }
  };
  return setInterval(() => void look(), WATCH_MS * (1 + Math.random() / 2)).unref();
}
