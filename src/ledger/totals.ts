import { sql, type SqlBool } from 'kysely';
import type { Totals } from '../contract/result.js';
import { MICROS } from '../policy/money.js';
import type { Ledger } from './ledger.js';
import { membersOf, memberState } from './members.js';
import { leftOpen } from './left-open.js';
import { countCostUnknown, neverRan } from './never-ran.js';
import { isOfBatch } from './of-batch.js';
import type { Db, Store } from './store.js';
import { isTakenBack } from './taken-back.js';

type Figures = Pick<
  Ledger,
  'counts' | 'finishedBefore' | 'lastMove' | 'firstBegun' | 'totals' | 'spend' | 'spendOfJob'
>;
type StateCounts = Awaited<ReturnType<Ledger['counts']>>;

/** Figures are read from the rows that carry the states, so they always agree with them. */
export const figures = (store: Store): Figures => ({
  counts: (batchId, since) => countJobs(store.db, batchId, since),

  async finishedBefore(batchId, since, at) {
    const { jobs } = await membersOf(store.db, batchId)
      .innerJoin('history as h', 'h.seq', 'j.finished_seq')
      .select(({ fn }) => fn.countAll<number>().as('jobs'))
      .where('j.batch_id', '=', batchId)
      .where('j.finished_seq', '>', since)
      .where('h.at', '<=', at)
      .executeTakeFirstOrThrow();
    return jobs;
  },

  lastMove: (batchId, enough) => store.read((db) => lastMove(db, batchId, enough)),
  firstBegun: (batchId, since) => store.read((db) => firstBegun(db, batchId, since)),

  totals: (batchId, since) =>
    store.read(async (db): Promise<Totals> => {
      const { waiting: _w, running: _r, gated: _g, ...counts } = await countJobs(db, batchId, since);
      return {
        counts,
        sessions: await countSessions(db, batchId, since),
        effects: await countEffects(db, batchId, since),
        cost: await sumCost(db, batchId, since),
      };
    }),

  async spend({ batchId }) {
    const { micros } = await store.db
      .selectFrom('sessions')
      .select((eb) => eb.fn.sum<number>('cost_micros').as('micros'))
      .where('booked_batch_id', '=', batchId)
      .executeTakeFirstOrThrow();
    return micros ?? 0;
  },

  async spendOfJob({ work, jobKey }) {
    const { micros, unknown } = await store.db
      .selectFrom('sessions')
      .select(({ fn }) => [
        fn.sum<number | null>('cost_micros').as('micros'),
        countCostUnknown('sessions').as('unknown'),
      ])
      .where('work', '=', work)
      .where('job_key', '=', jobKey)
      .executeTakeFirstOrThrow();
    return { micros: micros ?? 0, unknown: unknown ?? 0 };
  },
});

async function lastMove(db: Db, batchId: string, enough: string): Promise<string | undefined> {
  const jobs = await membersOf(db, batchId)
    .select(({ fn }) => fn.max('j.updated_at').as('at'))
    .where('j.batch_id', '=', batchId)
    .where('j.state', 'not in', ['waiting', 'running'])
    .executeTakeFirst();
  if ((jobs?.at ?? '') > enough) return jobs?.at ?? undefined;
  const sessions = await db
    .selectFrom('sessions')
    .select(({ fn }) => fn.max('ended_at').as('at'))
    .where(isOfBatch('sessions', batchId))
    .where((eb) => eb.or([eb('state', '=', 'collected'), eb('error_class', '=', 'rejected')]))
    .executeTakeFirst();
  const receipts = await db
    .selectFrom('receipts')
    .select(({ fn }) => fn.max('recorded_at').as('at'))
    .where('batch_id', '=', batchId)
    .executeTakeFirst();
  return [jobs, sessions, receipts]
    .map((row) => row?.at ?? undefined)
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);
}

async function firstBegun(db: Db, batchId: string, since: string): Promise<string | undefined> {
  const begun = sql<string>`coalesce(${sql.ref('h.at')}, ${sql.ref('s.opened_at')})`;
  const sessions = await db
    .selectFrom('sessions as s')
    .leftJoin('history as h', 'h.seq', 's.attached_seq')
    .select(({ fn }) => fn.min<string | null>(begun).as('at'))
    .where(isOfBatch('s', batchId))
    .where((eb) =>
      eb.or([
        eb('s.ended_at', 'is', null),
        eb('s.state', '=', 'lost'),
        eb('s.error_class', 'in', ['timeout', 'lost']),
      ]),
    )
    .where(begun, '>=', since)
    .executeTakeFirst();
  const effects = await db
    .selectFrom('effects')
    .select(({ fn }) => fn.min('last_sent_at').as('at'))
    .where('batch_id', '=', batchId)
    .where('state', '=', 'attempting')
    .where('last_sent_at', '>=', since)
    .executeTakeFirst();
  return [sessions?.at, effects?.at].filter((at) => typeof at === 'string').sort()[0];
}

/** A finished job counts as `done` when this batch did it after `since`, and as `adopted` when it was found done. */
async function countJobs(db: Db, batchId: string, since: number): Promise<StateCounts> {
  const finishedNow = sql<number>`case
    when ${sql.ref('j.batch_id')} = ${batchId} and ${sql.ref('j.finished_seq')} > ${since} then 1 else 0 end`;
  const rows = await membersOf(db, batchId)
    .select([memberState.as('shown'), finishedNow.as('finished_now')])
    .select(({ fn }) => fn.countAll<number>().as('jobs'))
    .groupBy([sql.ref('shown'), sql.ref('finished_now')]) // by name: PostgreSQL takes the expressions for others
    .execute();
  const counts = { jobs: 0, done: 0, adopted: 0, parked: 0, held: 0, cancelled: 0 };
  const all = { ...counts, waiting: 0, running: 0, gated: 0, discarded: 0 };
  for (const { shown, finished_now, jobs } of rows) {
    all[shown === 'done' && finished_now === 0 ? 'adopted' : shown] += jobs;
    all.jobs += jobs;
  }
  const { discarded, ...others } = all;
  return { ...others, ...(discarded > 0 && { discarded }) };
}

/** A session that was only intended never ran as far as we know, so it is wasted at most, not started. */
async function countSessions(db: Db, batchId: string, since: number): Promise<Totals['sessions']> {
  const { started } = await db
    .selectFrom('sessions')
    .select((eb) => eb.fn.countAll<number>().as('started'))
    .where('batch_id', '=', batchId)
    .where('intent_seq', '>', since)
    .where('started_seq', 'is not', null)
    .where(sql<SqlBool>`not ${neverRan('sessions')}`)
    .executeTakeFirstOrThrow();
  const { attached } = await db
    .selectFrom('sessions')
    .select((eb) => eb.fn.countAll<number>().as('attached'))
    .where('attached_batch_id', '=', batchId)
    .where('attached_seq', '>', since)
    .executeTakeFirstOrThrow();
  const { wasted } = await db
    .selectFrom('sessions')
    .select((eb) => eb.fn.countAll<number>().as('wasted'))
    .where('booked_batch_id', '=', batchId)
    .where(sql<SqlBool>`not ${neverRan('sessions')}`)
    .where('end_seq', '>', since)
    .where('state', '<>', 'collected')
    .executeTakeFirstOrThrow();
  return { started, attached, wasted };
}

async function countEffects(db: Db, batchId: string, since: number): Promise<Totals['effects']> {
  const { landed } = await db
    .selectFrom('receipts as r')
    .innerJoin('effects as e', 'e.effect_key', 'r.effect_key')
    .select((eb) => eb.fn.countAll<number>().as('landed'))
    .where('r.batch_id', '=', batchId)
    .where('r.recorded_seq', '>', since)
    .where('r.adopted', '=', 0)
    .where('e.undoes', 'is', null)
    .executeTakeFirstOrThrow();
  const rows = await db
    .selectFrom('batch_jobs as m')
    .innerJoin('effects as e', (join) =>
      join.onRef('e.work', '=', 'm.work').onRef('e.job_key', '=', 'm.job_key'),
    )
    .leftJoin('receipts as r', (join) =>
      join
        .onRef('r.effect_key', '=', 'e.effect_key')
        .onRef('r.revision', '=', 'e.landed_revision')
        .on('r.batch_id', '=', batchId)
        .on('r.recorded_seq', '>', since)
        .on('r.adopted', '=', 0),
    )
    .select(['e.state', ({ fn }) => fn.countAll<number>().as('effects')])
    .where('m.batch_id', '=', batchId)
    .where('e.undoes', 'is', null)
    .where('e.state', 'in', ['landed', 'unknown', 'held'])
    .where(sql<SqlBool>`not ${isTakenBack}`)
    .where('r.effect_key', 'is', null) // those with such a receipt are counted above
    .groupBy('e.state')
    .execute();
  const of = (state: string): number => rows.find((row) => row.state === state)?.effects ?? 0;
  return { landed, adopted: of('landed'), unknown: of('unknown'), held: of('held') };
}

/** Sessions may be booked in another currency than the batch file names; of several, the one in which most was spent. */
async function sumCost(db: Db, batchId: string, since: number): Promise<Totals['cost']> {
  const batch = await db
    .selectFrom('batches')
    .select('currency')
    .where('id', '=', batchId)
    .executeTakeFirst();
  const rows = await db
    .selectFrom('sessions')
    .select(({ eb, fn }) => [
      'currency',
      fn.sum<number | null>('cost_micros').as('total'),
      fn
        .sum<number | null>(
          eb.case().when('state', '=', 'collected').then(0).else(eb.ref('cost_micros')).end(),
        )
        .as('wasted'),
      countCostUnknown('sessions').as('unknown'),
    ])
    .where('booked_batch_id', '=', batchId)
    .where('end_seq', '>', since)
    .groupBy('currency')
    .orderBy('total', 'desc')
    .execute();
  const { untold } = await leftOpen(db, batchId, since)
    .select(({ fn }) => fn.countAll<number>().as('untold'))
    .executeTakeFirstOrThrow();
  const [most] = rows;
  const total = most?.total ?? 0;
  return {
    currency: (total > 0 ? most?.currency : undefined) ?? batch?.currency ?? 'USD',
    total: total / MICROS,
    wasted: (most?.wasted ?? 0) / MICROS,
    unknown: rows.reduce((sum, row) => sum + (row.unknown ?? 0), untold),
  };
}
