import { statSync } from 'node:fs';
import type { EngineFiles } from './engine-files.js';
import { type ProcessLock, tryExclusiveLock } from './process-lock.js';

/**
 * Tells when nobody has used the engine for `idleMs` in a row. Ask it every second or so.
 * @returns a function that gives undefined while somebody uses it, or did a short time ago; then the exclusive
 *          lock on the users' file, which keeps new users out until it is released
 */
export function watchUsers(files: EngineFiles, idleMs: number): () => ProcessLock | undefined {
  let lastUse = performance.now();
  let lastTouch = touchedAt(files);
  return () => {
    const touch = touchedAt(files);
    if (touch !== lastTouch) lastUse = performance.now(); // a user came and went between two looks
    lastTouch = touch;

    const lock = tryExclusiveLock(files.usersLock);
    if (!lock) lastUse = performance.now();
    else if (performance.now() - lastUse >= idleMs) return lock;
    lock?.release();
    return undefined;
  };
}

/** Users set the time of the file as they come and go; `stat` opens nothing, so it costs nobody a lock. */
const touchedAt = (files: EngineFiles): number =>
  statSync(files.usersLock, { throwIfNoEntry: false })?.mtimeMs ?? 0;
