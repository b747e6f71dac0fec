import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const STALE_MS = 7 * 24 * 3600 * 1000;

/** Dates of intents on this host, in a folder that may vanish at any time. */
export interface IntentDates {
  /**
   * The date of a commit that is to be made: that of the first try on this host, in whole seconds, so that a commit
   * that is made again on the same parent is the same commit.
   */
  of(name: string, now: Date): Promise<Date>;
  /** It landed: nothing will be made again. */
  forget(name: string): Promise<void>;
}

export function intentDates(folder: string): IntentDates {
  return {
    async of(name, now) {
      const file = join(folder, name);
      const second = new Date(Math.floor(now.getTime() / 1000) * 1000);
      await mkdir(folder, { recursive: true });
      try {
        await writeFile(file, second.toISOString(), { flag: 'wx' });
        await removeStale(folder, now);
        return second;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      const known = new Date(await readFile(file, 'utf8').catch(() => ''));
      // Empty after a crash, or just forgotten by the try that landed; any date does then.
      return Number.isNaN(known.getTime()) ? second : known;
    },
    forget: (name) => rm(join(folder, name), { force: true }),
  };
}

async function removeStale(folder: string, now: Date): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const info = await stat(file).catch(() => undefined);
    if (info !== undefined && now.getTime() - info.mtimeMs > STALE_MS) await rm(file, { force: true });
  }
}
