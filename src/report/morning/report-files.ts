import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../identity/digest.js';
import { parseBatchWorkflowId } from '../../identity/workflow-ids.js';
import { clockParts } from '../format.js';
import type { MorningReport, PlannedNight } from './model.js';

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
  report: MorningReport,
  html: string,
  folder: string,
  { newest }: { readonly newest: boolean },
): Promise<SavedReport> {
  const { name } = report;
  await mkdir(folder, { recursive: true });
  const path = join(folder, fileOf(report));
  const latest = latestOf(folder, name);
  await replaceFile(path, html);
  if (newest) await replaceFile(latest, html);
  await dropOld(folder, name);
  return { path, latest: newest ? latest : undefined };
}

/** Takes a report away. Where it was the latest, the newest of the others is. */
export async function dropReport(file: string, folder: string, name: string): Promise<void> {
  const latest = latestOf(folder, name);
  const wasLatest = (await textOf(latest)) === (await textOf(join(folder, file)));
  await rm(join(folder, file), { force: true });
  if (!wasLatest) return;
  const newest = (await ownFiles(folder, name)).at(-1);
  const html = newest === undefined ? undefined : await textOf(join(folder, newest));
  if (html === undefined) await rm(latest, { force: true });
  else await replaceFile(latest, html);
}

/** Undefined where there is none: somebody may be tidying up. */
async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

const latestOf = (folder: string, name: string): string => join(folder, `${name}-latest.html`);

function fileOf({ name, night, planned: [planned], knownAt, madeAt, timeZone }: MorningReport): string {
  if (night === undefined && planned !== undefined) return nightFile(name, planned);
  const end = parseBatchWorkflowId(night?.batchId ?? '')?.batchKey.slice(0, 6) ?? '000000';
  return `${name}-${stampOf(night?.openedAt ?? knownAt ?? madeAt, timeZone)}-${end}.html`;
}

/** A night that never was has a file by the time at which it was due, and by its schedule. */
export const nightFile = (
  name: string,
  { schedule, night }: Pick<PlannedNight, 'schedule' | 'night'>,
): string => `${name}-${night.replace('T', '-').replace(':', '')}00-${sha256Hex(schedule).slice(0, 6)}.html`;

/** Files of reports of one batch name, and whether one more of such a name would stay. */
export async function reportFiles(
  folder: string,
  name: string,
): Promise<{ readonly has: (file: string) => boolean; readonly keeps: (file: string) => boolean }> {
  const files = await ownFiles(folder, name);
  const present = new Set(files);
  const oldest = files.at(-KEPT);
  return {
    has: (file) => present.has(file),
    keeps: (file) => oldest === undefined || file > oldest,
  };
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
  for (const file of (await ownFiles(folder, name)).slice(0, -KEPT))
    await rm(join(folder, file), { force: true });
}

/** Oldest first. */
async function ownFiles(folder: string, name: string): Promise<readonly string[]> {
  const own = new RegExp(`^${name}-${STAMP}\\.html$`);
  return (await readdir(folder)).filter((file) => own.test(file)).sort();
}

function stampOf(iso: string, timeZone: string): string {
  const part = clockParts(new Date(iso), timeZone);
  return `${part('year')}-${part('month')}-${part('day')}-${part('hour')}${part('minute')}${part('second')}`;
}
