import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Batch } from '../batch/read-batch.js';
import { apartIn, ledgerPlace, statePaths, type Config } from '../config.js';
import { AdapterError, UsageError } from '../contract/errors.js';
import { fateOf, FATES, type Fate } from '../policy/drill.js';
import { hasLanded } from '../policy/verdict.js';
import { shellWord } from '../policy/shell-word.js';
import { copyArtifacts } from './artifact-copies.js';
import { restore, type Restoration, type RestoreRequest } from './backup.js';
import { Connections } from './connections.js';
import type { PlannedEffect, PlannedJob } from './plan.js';
import { rehearseBatch, wouldPay, type RehearseOptions } from './rehearse.js';

/** An effect that has landed and that a start after the restore would not simply leave as it is. */
export interface DrilledEffect {
  readonly fate: Extract<Fate, 'again' | 'asked'>;
  readonly title: string;
  readonly name: string;
  readonly target: string;
  readonly why: string | undefined;
}

export interface DrilledBatch {
  readonly name: string;
  readonly key: string;
  readonly jobs: number;
  /** Effects that have landed by now, and what would become of them. */
  readonly landed: number;
  readonly counts: Readonly<Record<Fate, number>>;
  /** Jobs whose every effect has landed, and for which an agent would be paid again. */
  readonly paidAgain: number;
  readonly findings: readonly DrilledEffect[];
}

export interface DrillRequest extends Pick<RestoreRequest, 'artifacts'> {
  /** A backup; for a ledger in PostgreSQL, the URL of a database of its own that one was restored into. */
  readonly file: string;
}

export interface Drill extends Pick<Restoration, 'from' | 'receipts' | 'jobs' | 'newestAt' | 'artifacts'> {
  /** Undefined of a database, which others restored. */
  readonly restoredMs: number | undefined;
  readonly batches: readonly DrilledBatch[];
}

/**
 * Rehearses what a start of these batches would do, after a restore of a backup, to what has landed by now, as the
 * ledger in use knows it: from a copy of the backup in a place of its own, or from a database that one was restored
 * into. Publishers can only look; nothing in use is changed, and nothing is left behind.
 * @throws UsageError when there is no such file, or the database named is the ledger in use
 * @throws AdapterError `config` when it can't be restored, or the database has no ledger of this release
 */
export async function drill(
  request: DrillRequest,
  batches: readonly Batch[],
  connections: Connections,
  options: RehearseOptions = {},
): Promise<Drill> {
  const { config, who, notify } = connections;
  const backup = ledgerPlace(request.file);
  const place = await mkdtemp(join(tmpdir(), 'nightshift-drill-'));
  const apart = apartIn(config, place);
  const restored = new Connections('url' in backup ? { ...apart, ledger: backup } : apart, notify, 'look');
  try {
    const { from, receipts, jobs, newestAt, artifacts, restoredMs } =
      'url' in backup
        ? await lookInto(restored, connections, request)
        : await restoreInto(apart, config, request, who);
    const drilled: DrilledBatch[] = [];
    for (const batch of batches) drilled.push(await drillBatch(batch, restored, connections, options));
    return { from, receipts, jobs, newestAt, ...(artifacts && { artifacts }), restoredMs, batches: drilled };
  } finally {
    await restored.close();
    await rm(place, { recursive: true, force: true });
  }
}

type Restored = Omit<Drill, 'batches'>;

async function restoreInto(
  apart: Config,
  inUse: Config,
  request: DrillRequest,
  who: string,
): Promise<Restored> {
  if ('url' in inUse.ledger) throw onPostgres(request.file);
  const began = performance.now();
  const restored = await restore(apart, request, who);
  return { ...restored, restoredMs: Math.round(performance.now() - began) };
}

/** The database stays as it is, and is not brought up to date. */
async function lookInto(
  restored: Connections,
  inUse: Connections,
  { artifacts }: DrillRequest,
): Promise<Restored> {
  const ledger = await restored.ledger();
  const { dialect, path: from, settings } = await ledger.inspect();
  if (dialect !== 'postgres') throw noLedger(); // what is read of a database without one is empty, in memory
  const used = await (await inUse.ledger()).inspect();
  if (used.path === from && used.settings['schema'] === settings['schema']) {
    throw new UsageError(
      `${from} is the ledger in use: name a database of its own, with a backup restored into it`,
    );
  }
  const { artifacts: own } = statePaths(restored.config.stateDir);
  const folder = artifacts === undefined ? undefined : resolve(artifacts);
  return {
    from,
    ...(await ledger.contents()),
    restoredMs: undefined,
    ...(folder !== undefined && { artifacts: { folder, ...(await copyArtifacts(folder, own)) } }),
  };
}

async function drillBatch(
  batch: Batch,
  restored: Connections,
  inUse: Connections,
  options: RehearseOptions,
): Promise<DrilledBatch> {
  const ledger = await inUse.ledger();
  const now = await ledger.jobs(
    batch.definition.work,
    batch.jobs.map(({ key }) => key),
  );
  const { name, key, jobs } = await rehearseBatch(batch, restored, options);
  const counts: Record<Fate, number> = { known: 0, found: 0, again: 0, asked: 0 };
  const findings: DrilledEffect[] = [];
  let paidAgain = 0;
  for (const job of jobs) {
    const hasLandedNow = ({ key: effect }: PlannedEffect) =>
      hasLanded(now.get(job.key), effect, job.revision);
    const landed = job.effects.filter(hasLandedNow);
    for (const effect of landed) {
      const fate = fateOf(effect.action);
      counts[fate]++;
      if (fate === 'again' || fate === 'asked') findings.push(findingOf(job, effect, fate));
    }
    if (landed.length > 0 && landed.length === job.effects.length && wouldPay(job)) paidAgain++;
  }
  const landed = FATES.reduce((sum, fate) => sum + counts[fate], 0);
  return { name, key, jobs: jobs.length, landed, counts, paidAgain, findings };
}

const findingOf = (
  { title }: PlannedJob,
  { name, target, why }: PlannedEffect,
  fate: DrilledEffect['fate'],
): DrilledEffect => ({ fate, title, name, target, why });

const onPostgres = (file: string): AdapterError =>
  new AdapterError(
    'config',
    'the ledger is in PostgreSQL: its own tools restore it, into a database of its own, which a drill takes in place of the file:\n' +
      `  pg_restore --single-transaction --dbname="$DRILL" ${shellWord(file)} && nightshift ledger drill "$DRILL" FILE`,
  );

const noLedger = (): AdapterError =>
  new AdapterError(
    'config',
    'the database has no ledger: restore a backup into it first, with pg_restore --single-transaction',
  );
