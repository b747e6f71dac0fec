import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clockParts } from '../format.js';
import type { MorningReport } from './model.js';

/** Reports kept of each name; the newest stay. */
const KEPT = 100;

const STAMP = String.raw`\d{4}-\d{2}-\d{2}-\d{6}-[0-9a-f]{6}`;

export interface SavedReport {
  readonly path: string;
  /** The same under a name that stays; undefined where a later night has it. */
  readonly latest: string | undefined;
}

/**
 * Writes a report into the folder of reports: `nightly-2026-11-23-040326-1a2b3c.html`, by the local time at which the
 * run was opened and the key of the batch, so that the same run has the same file however often it is written; and
 * `nightly-latest.html`. Readers see an old report or the new one, never half of one.
 */
export async function saveReport(
  { name, night, madeAt, timeZone }: MorningReport,
  html: string,
  folder: string,
  { newest }: { readonly newest: boolean },
): Promise<SavedReport> {
  await mkdir(folder, { recursive: true });
  const key = night?.batchId.split(':')[2]?.slice(0, 6) ?? '';
  const end = /^[0-9a-f]{6}$/.test(key) ? key : '000000';
  const path = join(folder, `${name}-${stampOf(night?.openedAt ?? madeAt, timeZone)}-${end}.html`);
  const latest = join(folder, `${name}-latest.html`);
  await replaceFile(path, html);
  if (newest) await replaceFile(latest, html);
  await dropOld(folder, name);
  return { path, latest: newest ? latest : undefined };
}

/** Whole or not at all. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    await writeFile(temporary, text, { mode: 0o600 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function dropOld(folder: string, name: string): Promise<void> {
  const own = new RegExp(`^${name}-${STAMP}\\.html$`);
  const files = (await readdir(folder)).filter((file) => own.test(file)).sort();
  for (const file of files.slice(0, -KEPT)) await rm(join(folder, file), { force: true });
}

function stampOf(iso: string, timeZone: string): string {
  const part = clockParts(new Date(iso), timeZone);
  return `${part('year')}-${part('month')}-${part('day')}-${part('hour')}${part('minute')}${part('second')}`;
}
