import { DAY_MS } from '../../../contract/units.js';
import type { OutFile } from '../agent/outputs.js';
import { timestamp } from '../clock.js';
import type { Who } from '../draw.js';
import type { World } from '../http/call.js';
import { notFound } from './errors.js';
import { activeUntil, filesWritten, lossOf, restartOf, type Interaction } from './interaction.js';

/** A sandbox, as it is stored. Files written by runs are not: they follow from the runs and the time. */
export interface Environment {
  readonly id: string;
  /** From the claim that was put into it. */
  readonly who: Who;
  readonly createdAt: number;
  readonly lastAccessed: number;
  readonly network?: unknown;
}

export interface FileInIt extends OutFile {
  readonly at: number;
}

/** Deleted that long after the last activity. Source: ai.google.dev/gemini-api/docs/agent-environment */
const KEPT_MS = 7 * DAY_MS;

const runsIn = ({ id }: Environment, { store }: World): Interaction[] => store.list('interaction', id);

/** @throws Refusal 404 for one deleted, lost or too long unused */
export function environmentOf(id: string, world: World, now: number): Environment {
  const found = world.store.get<Environment>('environment', id);
  if (!found || isGone(found, world, now)) throw notFound(`Environment '${id}'`);
  return found;
}

export function isGone(environment: Environment, world: World, now: number): boolean {
  const runs = runsIn(environment, world);
  return runs.some((run) => now >= lossOf(run)) || now >= activityOf(environment, runs, now) + KEPT_MS;
}

const activityOf = ({ lastAccessed }: Environment, runs: readonly Interaction[], now: number): number =>
  Math.max(lastAccessed, ...runs.map((run) => activeUntil(run, now)));

/** Everything in it by now, sorted by path. A restart of the sandbox takes all that was there. */
export function filesIn(environment: Environment, world: World, now: number): FileInIt[] {
  const runs = runsIn(environment, world);
  const lastRestart = Math.max(0, ...runs.flatMap((run) => restartOf(run, now) ?? []));
  const files = new Map<string, FileInIt>();
  for (const file of world.store.blobs(environment.id)) files.set(file.path, file);
  for (const run of runs) for (const file of filesWritten(run, now)) files.set(file.path, file);
  return [...files.values()].filter(({ at }) => at >= lastRestart).sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function environmentJson(
  environment: Environment,
  world: World,
  now: number,
): Record<string, unknown> {
  const files = filesIn(environment, world, now);
  const lastAccessed = activityOf(environment, runsIn(environment, world), now);
  const updated = Math.max(environment.createdAt, ...files.map(({ at }) => at));
  return {
    id: environment.id,
    status: 'active',
    created: timestamp(environment.createdAt),
    updated: timestamp(updated),
    last_accessed: timestamp(lastAccessed),
    file_count: String(files.length),
    size_bytes: String(files.reduce((sum, { bytes }) => sum + bytes.length, 0)),
    ...(environment.network !== undefined && { network: environment.network }),
  };
}

/** Marks it as used now, and as belonging to a run once one claims it. */
export function touch(environment: Environment, world: World, now: number, who?: Who): void {
  const next: Environment = { ...environment, lastAccessed: now, ...(who && { who }) };
  world.store.put('environment', environment.id, next);
}
