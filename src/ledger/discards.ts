import { whyNotDiscard, type StandingJob } from '../policy/discard.js';
import { giveUpSessionsOf } from './abandoned.js';
import { recordRequest } from './audit.js';
import { endDiscard, discardOf } from './discarded.js';
import type { DiscardRequest, Discarding, Ledger, NewRequest } from './ledger.js';
import { membersOf } from './members.js';
import { JOBS_PER_WRITE, identityOf, inChunks } from './rows.js';
import { stoppedJobs } from './stopped-jobs.js';
import type { Db, Store } from './store.js';

type Discards = Pick<Ledger, 'discard'>;
type Batch = Parameters<Ledger['discard']>[0];

export const discards = (store: Store): Discards => ({
  async discard(batch, request) {
    const { keys, first, ...rest } = request.selection;
    const meant =
      keys === undefined || rest.errors !== undefined
        ? (await store.read((db) => stoppedJobs(db, batch.id, request.selection))).map((job) => job.job_key)
        : [...new Set(keys)].slice(0, first);
    const ends: Discarding[] = [];
    for (const chunk of inChunks(meant, JOBS_PER_WRITE)) {
      ends.push(...(await store.write((db) => discard(db, batch, request, chunk, store.now()))));
    }
    return ends;
  },
});

/** Judged and noted in one transaction: nothing of a job begins between the two. */
async function discard(
  db: Db,
  batch: Batch,
  { by, reason }: DiscardRequest,
  keys: readonly string[],
  at: string,
): Promise<readonly Discarding[]> {
  const members = await membersOf(db, batch.id)
    .select(['m.work', 'm.job_key', 'm.identity', 'm.position', 'j.state', 'j.revision', 'j.error_class'])
    .select(['d.discarded_by', 'd.discarded_at', 'd.reason'])
    .where('m.job_key', 'in', keys)
    .orderBy('m.position')
    .execute();
  const effects = await effectsOf(db, batch.work, keys);
  const known = new Set(members.map((member) => member.job_key));
  const ends: Discarding[] = keys
    .filter((key) => !known.has(key))
    .map((key) => ({ key, identity: undefined, outcome: 'refused', why: `${batch.name} has no such job` }));
  for (const { work, job_key: key, identity: json, state, revision, error_class, ...row } of members) {
    const identity = identityOf(json);
    const before = discardOf(row).discarded;
    if (before !== undefined) {
      ends.push({ key, identity, outcome: 'already', why: `${before.by}: ${before.reason}` });
      continue;
    }
    const errorClass = error_class ?? undefined;
    const job = state === null ? undefined : { state, errorClass, effects: effects.get(key) ?? [] };
    const why = whyNotDiscard(job);
    if (why !== undefined || revision === null) {
      ends.push({ key, identity, outcome: 'refused', ...(why !== undefined && { why }) });
      continue;
    }
    await endDiscard(db, { work, jobKey: key }, { at, by }); // of a lower revision
    await db
      .insertInto('discards')
      .values({ work, job_key: key, revision, reason, discarded_at: at, discarded_by: by })
      .execute();
    await giveUpSessionsOf(db, { work, jobKey: key }, `${by} has discarded the job: ${reason}`, at);
    ends.push({ key, identity, outcome: 'discarded' });
  }
  await note(db, batch, { by, reason }, ends, at);
  return ends;
}

async function note(
  db: Db,
  { id, name, key, work }: Batch,
  { by, reason }: Pick<DiscardRequest, 'by' | 'reason'>,
  ends: readonly Discarding[],
  at: string,
): Promise<void> {
  const request = { by, what: 'discard', batch: { id, name, key }, work } as const;
  const jobKeys = ends.filter(({ outcome }) => outcome === 'discarded').map((end) => end.key);
  if (jobKeys.length > 0) {
    const done: NewRequest = { ...request, outcome: 'done', reason, jobKeys };
    await recordRequest(db, done, at);
  }
  for (const end of ends) {
    if (end.outcome !== 'refused') continue;
    const refused: NewRequest = {
      ...request,
      outcome: 'refused',
      reason: `${reason}: ${end.why ?? ''}`,
      jobKeys: [end.key],
    };
    await recordRequest(db, refused, at);
  }
}

async function effectsOf(
  db: Db,
  work: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, StandingJob['effects']>> {
  const rows = await db
    .selectFrom('effects')
    .select(['job_key', 'effect_key', 'name', 'state', 'error_class'])
    .where('work', '=', work)
    .where('job_key', 'in', keys)
    .where('state', 'in', ['attempting', 'unknown', 'held'])
    .orderBy('position')
    .execute();
  const byJob = new Map<string, StandingJob['effects'][number][]>();
  for (const { job_key, effect_key, name, state, error_class } of rows) {
    const effects = byJob.get(job_key) ?? [];
    effects.push({ key: effect_key, name, state, errorClass: error_class ?? undefined });
    byJob.set(job_key, effects);
  }
  return byJob;
}
