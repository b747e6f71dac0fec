import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Batch } from '../batch/read-batch.js';
import { apartIn } from '../config.js';
import { AdapterError } from '../contract/errors.js';
import { fateOf, FATES, type Fate } from '../policy/drill.js';
import { hasLanded } from '../policy/verdict.js';
import { shellWord } from '../policy/shell-word.js';
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

export interface Drill extends Pick<Restoration, 'from' | 'receipts' | 'jobs' | 'newestAt' | 'artifacts'> {
  readonly restoredMs: number;
  readonly batches: readonly DrilledBatch[];
}

/**
 * Restores a backup into a place of its own, and rehearses from there what a start of these batches would do to what
 * has landed by now, as the ledger in use knows it. Publishers can only look; nothing in use is changed, and nothing is
 * left behind.
 * @throws UsageError when there is no such file; AdapterError `config` when it can't be restored
 */
export async function drill(
  request: RestoreRequest,
  batches: readonly Batch[],
  connections: Connections,
  options: RehearseOptions = {},
): Promise<Drill> {
  const { config, who, notify } = connections;
  if (!('path' in config.ledger)) throw onPostgres(request.file);
  const place = await mkdtemp(join(tmpdir(), 'nightshift-drill-'));
  const apart = new Connections(apartIn(config, place), notify, 'look');
  try {
    const began = performance.now();
    const { from, receipts, jobs, newestAt, artifacts } = await restore(apart.config, request, who);
    const restoredMs = Math.round(performance.now() - began);
    const drilled: DrilledBatch[] = [];
    for (const batch of batches) drilled.push(await drillBatch(batch, apart, connections, options));
    return { from, receipts, jobs, newestAt, ...(artifacts && { artifacts }), restoredMs, batches: drilled };
  } finally {
    await apart.close();
    await rm(place, { recursive: true, force: true });
  }
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
    'the ledger is in PostgreSQL, whose own tools restore it: into a database of its own, from which a dry run tells the same:\n' +
      `  pg_restore --dbname="$DRILL" ${shellWord(file)} && NIGHTSHIFT_LEDGER="$DRILL" nightshift run FILE --dry-run`,
  );
