// Puts a server that tests run against into the cache folder, once, however many processes ask for it at a time.
import Database from 'better-sqlite3';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Written last, and holds the recipe: a folder without it was left by an installation that was cut short. */
const MARKER = '.installed';
const LOCK_POLL_MS = 500;

export const serversFolder = () =>
  process.env.NIGHTSHIFT_TEST_SERVERS || join(homedir(), '.cache', 'nightshift-test-servers');

/** True where the folder holds a whole installation made by exactly this recipe. */
export function isInstalled(folder, recipe) {
  try {
    return readFileSync(join(folder, MARKER), 'utf8') === recipe;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Installs what is missing; waits while another process does.
 * @param {string} folder absolute
 * @param {string} recipe what is installed; another text makes the folder anew
 * @param {(folder: string) => void | Promise<void>} make fills the empty folder
 * @returns {Promise<string>} the folder
 */
export async function installOnce(folder, recipe, make) {
  mkdirSync(dirname(folder), { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    if (isInstalled(folder, recipe)) return folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    await make(folder);
    writeFileSync(join(folder, MARKER), recipe);
    return folder;
  } finally {
    unlock();
  }
}

/** A lock that the system takes back from a process that dies: SQLite's, on an empty database. */
async function lock(file) {
  const database = new Database(file, { timeout: 0 });
  for (;;) {
    try {
      database.exec('BEGIN EXCLUSIVE');
      return () => database.close();
    } catch (error) {
      if (error.code !== 'SQLITE_BUSY') {
        database.close();
        throw error;
      }
      await sleep(LOCK_POLL_MS);
    }
  }
}
