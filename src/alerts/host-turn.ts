import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { tryExclusiveLock } from '../engine/index.js';
import { sha256Hex } from '../identity/digest.js';
import type { Turn } from './unwritable.js';

/**
 * Which of the workers of one state directory tells of a batch what the ledger can't keep them from telling twice. By a lock
 * that the kernel frees with the process: nothing is written for it, so it can be had on a disk that is full.
 * @param folder shared by those workers
 */
export const hostTurn =
  (folder: string) =>
  (batchId: string): Turn | undefined => {
    const path = join(folder, `telling-${sha256Hex(batchId).slice(0, 16)}.lock`);
    try {
      const lock = tryExclusiveLock(path);
      return (
        lock && {
          release() {
            lock.release();
            remove(path);
          },
        }
      );
    } catch {
      return ALONE;
    }
  };

/** Who can't ask the others tells it: twice is better than not at all. */
const ALONE: Turn = { release: () => undefined };

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // an empty file that stays in nobody's way
  }
}
