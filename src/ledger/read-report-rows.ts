import { sql, type SqlBool } from 'kysely';
import { FINISHED } from '../contract/states.js';
import { closuresOf } from './closures.js';
import { lastArtifact, lastArtifactOf } from './last-artifact.js';
import type { BatchRow, Ledger } from './ledger.js';
import { membersOf, memberState } from './members.js';
import { leftOpen } from './left-open.js';
import { countCostUnknown, neverRan } from './never-ran.js';
import type {
  Beat,
  DiscardedJob,
  FailureRow,
  LandedRow,
  ReportCostRow,
  NightFigures,
  ReportJob,
  ReportRows,
  Span,
} from './report-rows.js';
import { openQuestions } from './questions.js';
import { identityOf } from './rows.js';
import type { Db, Store } from './store.js';
import { unapproved, unapprovedOf, waitsForAnswer } from './unapproved.js';
import { isTakenBack } from './taken-back.js';

type Reported = Pick<Ledger, 'reportRows'>;

/** As many as a night may leave parked: what is counted and grouped here is not a sample. */
const UNFINISHED_MAX = 20_000;
const LANDED_MAX = 2_000;
const FAILURES_MAX = 2_000;
const SPAN_JOBS_MAX = 200;
/** This one and those before it that it is compared with. */
const NIGHTS_MAX = 14;
const FAILURES_OF_A_NIGHT_MAX = 200;
const CHANGES_MAX = 500;
const REQUESTS_MAX = 1_000;

type Rest = Pick<Ledger, 'batch' | 'totals' | 'counts' | 'requests'>;

/** @param rest figures that other views show too, so that the report says the same */
export const reportRows = (store: Store, rest: Rest): Reported => ({
  async reportRows(batchId) {
    const batch = await rest.batch(batchId);
    if (batch === undefined) return undefined;
    const [totals, counts, requests] = [
      await rest.totals(batchId, 0),
      await rest.counts(batchId, 0),
      await rest.requests({ batchId, limit: REQUESTS_MAX }),
    ];
    return store.read(async (db): Promise<ReportRows> => {
      const busiest = await busiestJobs(db, batch);
      return {
        batch,
        begunAt: await begunAt(db, batch),
        counts,
        totals,
        requests,
        unfinished: await unfinishedJobs(db, batchId),
        discarded: await discardedJobs(db, batchId),
        questions: await openQuestions(db, batchId),
        landed: await landedEffects(db, batchId),
        foundThere: await countFound(db, batchId),
        takenOver: await countTakenOver(db, batchId),
        failures: await failuresOf(db, batchId),
        costs: await costsOf(db, batch),
        notPaidAgainMicros: await notPaidAgain(db, batchId),
        beats: await beatsOf(db, batch),
        spans: await spansOf(db, batch, busiest.slice(0, SPAN_JOBS_MAX)),
        jobsWorkedOn: busiest.length,
        changes: await changesOf(db, batch),
        closures: await closuresOf(db, batch),
        nights: await figuresOf(db, batch),
      };
    });
  },
});

async function begunAt(db: Db, { id, openedAt }: BatchRow): Promise<string> {
  const { first } = await db
    .selectFrom('sessions')
    .select(({ fn }) => fn.min<string | null>('opened_at').as('first'))
    .where('batch_id', '=', id)
    .executeTakeFirstOrThrow();
  return first !== null && first < openedAt ? first : openedAt;
}

async function unfinishedJobs(db: Db, batchId: string): Promise<readonly ReportJob[]> {
  const rows = await membersOf(db, batchId)
    .select(['m.work', 'm.job_key', 'm.identity', 'm.verdict', 'm.note', memberState.as('state')])
    .select(['j.error_class', 'j.error_message'])
    .select([lastArtifact.as('last_artifact'), unapproved.as('unapproved'), waitsForAnswer.as('asks')])
    .where(memberState, 'not in', [...FINISHED, 'discarded'])
    .orderBy('m.position')
    .limit(UNFINISHED_MAX)
    .execute();
  return rows.map((row) => ({
    work: row.work,
    jobKey: row.job_key,
    identity: identityOf(row.identity),
    state: row.state,
    verdict: row.verdict,
    errorClass: row.verdict === 'conflict' ? 'conflict' : (row.error_class ?? undefined),
    message: (row.verdict === 'conflict' ? row.note : row.error_message) ?? '',
    ...(row.verdict !== 'conflict' && unapprovedOf(row)),
    ...(row.asks === 1 && { asks: true as const }),
    ...lastArtifactOf(row),
  }));
}

async function discardedJobs(db: Db, batchId: string): Promise<readonly DiscardedJob[]> {
  const rows = await membersOf(db, batchId)
    .select(['m.work', 'm.job_key', 'm.identity', 'd.discarded_by', 'd.discarded_at', 'd.reason'])
    .where('d.seq', 'is not', null)
    .orderBy('m.position')
    .limit(UNFINISHED_MAX)
    .execute();
  return rows.map((row) => ({
    work: row.work,
    jobKey: row.job_key,
    identity: identityOf(row.identity),
    by: row.discarded_by ?? '',
    at: row.discarded_at ?? '',
    reason: row.reason ?? '',
  }));
}

async function landedEffects(db: Db, batchId: string): Promise<readonly LandedRow[]> {
  const rows = await membersOf(db, batchId)
    .innerJoin('effects as e', (join) =>
      join.onRef('e.work', '=', 'm.work').onRef('e.job_key', '=', 'm.job_key'),
    )
    .innerJoin('receipts as r', (join) =>
      join.onRef('r.effect_key', '=', 'e.effect_key').onRef('r.revision', '=', 'e.landed_revision'),
    )
    .select(['m.work', 'm.job_key', 'm.identity', 'e.name', 'e.use', 'e.target'])
    .select(['r.id', 'r.url', 'r.landed_at', 'r.adopted', 'r.batch_id'])
    .where('e.state', '=', 'landed')
    .where('e.undoes', 'is', null)
    .where(sql<SqlBool>`not ${isTakenBack}`)
    .orderBy('m.position')
    .orderBy('e.position')
    .limit(LANDED_MAX)
    .execute();
  return rows.map((row) => ({
    work: row.work,
    jobKey: row.job_key,
    identity: identityOf(row.identity),
    effect: row.name,
    use: row.use,
    target: row.target,
    id: row.id,
    url: row.url ?? undefined,
    at: row.landed_at,
    earlier: row.adopted === 1 || row.batch_id !== batchId,
  }));
}

async function countFound(db: Db, batchId: string): Promise<number> {
  const { found } = await db
    .selectFrom('receipts')
    .select(({ fn }) => fn.countAll<number>().as('found'))
    .where('batch_id', '=', batchId)
    .where('adopted', '=', 1)
    .executeTakeFirstOrThrow();
  return found;
}

/** A worker that has begun something later came back: it was frozen or cut off, or its host has started it again. */
async function countTakenOver(db: Db, batchId: string): Promise<number> {
  const lastSeen = db
    .selectFrom('attempts')
    .select(({ fn }) => ['worker', fn.max('started_at').as('at')])
    .where('batch_id', '=', batchId)
    .groupBy('worker')
    .as('seen');
  const { tries } = await db
    .selectFrom('attempts as a')
    .innerJoin(lastSeen, 'seen.worker', 'a.worker')
    .innerJoin('attempts as next', (join) =>
      join
        .onRef('next.work', '=', 'a.work')
        .onRef('next.job_key', '=', 'a.job_key')
        .onRef('next.effect_key', '=', 'a.effect_key')
        .on('next.number', '=', sql<number>`a.number + 1`)
        .onRef('next.worker', '<>', 'a.worker'),
    )
    .select(({ fn }) => fn.countAll<number>().as('tries'))
    .where('a.batch_id', '=', batchId)
    .where('a.outcome', '=', 'superseded')
    .whereRef('seen.at', '>', 'a.ended_at')
    .executeTakeFirstOrThrow();
  return tries;
}

async function failuresOf(db: Db, batchId: string): Promise<readonly FailureRow[]> {
  const sessions = await db
    .selectFrom('sessions as s')
    .innerJoin('jobs as j', (join) =>
      join.onRef('j.work', '=', 's.work').onRef('j.job_key', '=', 's.job_key'),
    )
    .select(['s.error_class', 's.error_message'])
    .select(({ fn }) => [
      fn.countAll<number>().as('count'),
      fn.sum<number>('s.cost_micros').as('micros'),
      fn.min<string>('j.identity').as('example'),
    ])
    .where('s.booked_batch_id', '=', batchId)
    .where('s.error_class', 'is not', null)
    .groupBy(['s.error_class', 's.error_message'])
    .orderBy('count', 'desc')
    .limit(FAILURES_MAX)
    .execute();
  const effects = await membersOf(db, batchId)
    .innerJoin('effects as e', (join) =>
      join.onRef('e.work', '=', 'm.work').onRef('e.job_key', '=', 'm.job_key'),
    )
    .select(['e.error_class', 'e.error_message'])
    .select(({ fn }) => [
      fn.countAll<number>().as('count'),
      sql<number>`0`.as('micros'),
      fn.min<string>('m.identity').as('example'),
    ])
    .where('e.error_class', 'is not', null)
    .groupBy(['e.error_class', 'e.error_message'])
    .orderBy('count', 'desc')
    .limit(FAILURES_MAX)
    .execute();
  const of =
    (kind: FailureRow['of']) =>
    (row: (typeof effects)[number]): FailureRow => ({
      of: kind,
      errorClass: row.error_class ?? 'bug',
      message: row.error_message ?? '',
      count: row.count,
      costMicros: row.micros,
      example: identityOf(row.example),
    });
  return [...sessions.map(of('session')), ...effects.map(of('effect'))];
}

const WASTED_MICROS = sql<number>`sum(case when s.state = 'collected' then 0 else s.cost_micros end)`;

async function costsOf(db: Db, batch: BatchRow): Promise<readonly ReportCostRow[]> {
  const rows = await db
    .selectFrom('sessions as s')
    .select(['s.site', 's.work', 's.currency', WASTED_MICROS.as('wasted')])
    .select(({ fn }) => [
      fn.countAll<number>().as('sessions'),
      fn.sum<number>('s.cost_micros').as('micros'),
      countCostUnknown('s').as('unknown'),
    ])
    .where('s.booked_batch_id', '=', batch.id)
    .where(sql<SqlBool>`not ${neverRan('s')}`)
    .groupBy(['s.site', 's.work', 's.currency'])
    .execute();
  const untold = await leftOpen(db, batch.id)
    .select(['s.site', 's.work', 's.currency'])
    .select(({ fn }) => fn.countAll<number>().as('sessions'))
    .groupBy(['s.site', 's.work', 's.currency'])
    .execute();
  const nothing = { micros: 0, wasted: 0 };
  return [...rows, ...untold.map((row) => ({ ...row, ...nothing, unknown: row.sessions }))].map((row) => ({
    site: row.site ?? '',
    work: row.work,
    currency: row.currency ?? batch.currency,
    sessions: row.sessions,
    costMicros: row.micros,
    wastedMicros: row.wasted,
    unknown: row.unknown ?? 0,
  }));
}

async function notPaidAgain(db: Db, batchId: string): Promise<number> {
  const { micros } = await db
    .selectFrom('sessions')
    .select(({ fn }) => fn.sum<number | null>('cost_micros').as('micros'))
    .where('booked_batch_id', '=', batchId)
    .where('state', '=', 'collected')
    .where('attached', '>', 0)
    .executeTakeFirstOrThrow();
  return micros ?? 0;
}

/** Tries of effects that the batch made in its last run. By the jobs it names: tries are found by job. */
const triesOf = (db: Db, { id, openedAt }: BatchRow) =>
  db
    .selectFrom('batch_jobs as m')
    .innerJoin('attempts as a', (join) =>
      join.onRef('a.work', '=', 'm.work').onRef('a.job_key', '=', 'm.job_key'),
    )
    .where('m.batch_id', '=', id)
    .where('a.batch_id', '=', id)
    .where('a.effect_key', '<>', '')
    .where('a.started_at', '>=', openedAt);

/** Sessions that were under way in its last run, whoever had begun them. */
const sessionsOf = (db: Db, { id, openedAt }: BatchRow) =>
  db
    .selectFrom('batch_jobs as m')
    .innerJoin('sessions as s', (join) =>
      join.onRef('s.work', '=', 'm.work').onRef('s.job_key', '=', 'm.job_key'),
    )
    .where('m.batch_id', '=', id)
    .where((eb) =>
      eb.or([
        eb('s.batch_id', '=', id),
        eb('s.booked_batch_id', '=', id),
        eb('s.attached_batch_id', '=', id),
      ]),
    )
    .where((eb) => eb.or([eb('s.ended_at', 'is', null), eb('s.ended_at', '>=', openedAt)]));

async function beatsOf(db: Db, batch: BatchRow): Promise<readonly Beat[]> {
  const second = (column: string) => sql<string>`substr(${sql.ref(column)}, 1, 19)`;
  const good = (column: string, word: string) =>
    sql<'good' | 'bad'>`case when ${sql.ref(column)} = ${word} then 'good' else 'bad' end`;
  const parts = [
    await sessionsOf(db, batch)
      .select([second('s.opened_at').as('second'), sql<'begun'>`'begun'`.as('what')])
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .groupBy(sql.ref('second'))
      .execute(),
    await sessionsOf(db, batch)
      .select([second('s.ended_at').as('second'), good('s.state', 'collected').as('what')])
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('s.ended_at', 'is not', null)
      .groupBy([sql.ref('second'), sql.ref('what')])
      .execute(),
    await triesOf(db, batch)
      .select([second('a.started_at').as('second'), sql<'begun'>`'begun'`.as('what')])
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .groupBy(sql.ref('second'))
      .execute(),
    await triesOf(db, batch)
      .select([second('a.ended_at').as('second'), good('a.outcome', 'landed').as('what')])
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('a.ended_at', 'is not', null)
      .groupBy([sql.ref('second'), sql.ref('what')])
      .execute(),
  ];
  return parts.flat();
}

interface JobTried {
  readonly work: string;
  readonly job_key: string;
}

/** Those with most tries first, then those that took longest to begin. */
async function busiestJobs(db: Db, batch: BatchRow): Promise<readonly JobTried[]> {
  const tries = new Map<string, JobTried & { count: number; first: string }>();
  const add = (rows: readonly (JobTried & { readonly count: number; readonly first: string })[]) => {
    for (const row of rows) {
      const key = `${row.work}:${row.job_key}`;
      const known = tries.get(key);
      if (known === undefined) tries.set(key, { ...row });
      else known.count += row.count;
    }
  };
  add(
    await sessionsOf(db, batch)
      .select(['s.work', 's.job_key'])
      .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min<string>('s.opened_at').as('first')])
      .groupBy(['s.work', 's.job_key'])
      .execute(),
  );
  add(
    await triesOf(db, batch)
      .select(['a.work', 'a.job_key'])
      .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min<string>('a.started_at').as('first')])
      .groupBy(['a.work', 'a.job_key'])
      .execute(),
  );
  return [...tries.values()].sort((a, b) => b.count - a.count || (a.first < b.first ? -1 : 1));
}

async function spansOf(db: Db, batch: BatchRow, jobs: readonly JobTried[]): Promise<readonly Span[]> {
  if (jobs.length === 0) return [];
  // Asked of the list of jobs: asked of their tries, SQLite would look each key up for each job of the batch.
  const keys = jobs.map(({ job_key }) => job_key);
  const sessions = await sessionsOf(db, batch)
    .select(['m.work', 'm.job_key', 'm.identity', sql<string>`'agent'`.as('step')])
    .select(['s.opened_at as from', 's.ended_at as to', 's.state as end', 's.error_class'])
    .where('m.job_key', 'in', keys)
    .orderBy('s.opened_at')
    .execute();
  const tries = await triesOf(db, batch)
    .select(['m.work', 'm.job_key', 'm.identity', 'a.step'])
    .select(['a.started_at as from', 'a.ended_at as to', 'a.outcome as end'])
    .where('m.job_key', 'in', keys)
    .orderBy('a.started_at')
    .execute();
  return [...sessions, ...tries.map((row) => ({ ...row, error_class: null }))].map((row): Span => ({
    work: row.work,
    jobKey: row.job_key,
    identity: identityOf(row.identity),
    step: row.step,
    from: row.from,
    to: row.to ?? undefined,
    end: row.end ?? undefined,
    errorClass: row.error_class ?? undefined,
  }));
}

async function changesOf(db: Db, { id, openedSeq }: BatchRow): Promise<ReportRows['changes']> {
  const rows = await db
    .selectFrom('history')
    .select(['at', 'to_state', 'detail'])
    .where('batch_id', '=', id)
    .where('seq', '>', openedSeq)
    .where('kind', '=', 'batch')
    .orderBy('seq')
    .limit(CHANGES_MAX)
    .execute();
  return rows.map((row) => ({
    at: row.at,
    to: row.to_state as BatchRow['state'],
    detail: row.detail ?? '',
  }));
}

async function figuresOf(db: Db, { name, openedSeq }: BatchRow): Promise<readonly NightFigures[]> {
  const batches = await db
    .selectFrom('batches')
    .select(['id', 'opened_seq', 'opened_at', 'state', 'currency', 'jobs'])
    .where('name', '=', name)
    .where('opened_seq', '<=', openedSeq)
    .orderBy('opened_seq', 'desc')
    .limit(NIGHTS_MAX)
    .execute();
  const figures: NightFigures[] = [];
  let next = Number.MAX_SAFE_INTEGER;
  for (const batch of batches) {
    figures.push({
      batchId: batch.id,
      openedAt: batch.opened_at,
      state: batch.state,
      currency: batch.currency,
      ...(await jobsOfNight(db, batch.id, next)),
      ...(await sessionsOfNight(db, batch.id)),
      failures: await failuresOfNight(db, batch.id),
    });
    next = batch.opened_seq;
  }
  return figures;
}

async function jobsOfNight(
  db: Db,
  batchId: string,
  before: number,
): Promise<Pick<NightFigures, 'jobs' | 'finished'>> {
  const { jobs, finished } = await membersOf(db, batchId)
    .select(({ fn }) => fn.countAll<number>().as('jobs'))
    .select(
      sql<number | null>`sum(case when ${sql.ref('m.verdict')} <> 'conflict'
        and ${sql.ref('j.finished_seq')} <= ${before} then 1 else 0 end)`.as('finished'),
    )
    .executeTakeFirstOrThrow();
  return { jobs, finished: finished ?? 0 };
}

async function sessionsOfNight(
  db: Db,
  batchId: string,
): Promise<Pick<NightFigures, 'sessions' | 'wasted' | 'costMicros' | 'wastedMicros' | 'unknown'>> {
  const ran = sql`(not ${neverRan('s')})`;
  const row = await db
    .selectFrom('sessions as s')
    .select(({ fn }) => [
      sql<number | null>`sum(case when ${ran} then 1 else 0 end)`.as('sessions'),
      sql<number | null>`sum(case when ${ran} and s.state <> 'collected' then 1 else 0 end)`.as('wasted'),
      fn.sum<number | null>('s.cost_micros').as('micros'),
      WASTED_MICROS.as('wastedMicros'),
      countCostUnknown('s').as('unknown'),
    ])
    .where('s.booked_batch_id', '=', batchId)
    .executeTakeFirstOrThrow();
  return {
    sessions: row.sessions ?? 0,
    wasted: row.wasted ?? 0,
    costMicros: row.micros ?? 0,
    wastedMicros: row.wastedMicros ?? 0,
    unknown: row.unknown ?? 0,
  };
}

async function failuresOfNight(db: Db, batchId: string): Promise<NightFigures['failures']> {
  const rows = await db
    .selectFrom('sessions')
    .select(['error_class', 'error_message'])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('booked_batch_id', '=', batchId)
    .where('error_class', 'is not', null)
    .groupBy(['error_class', 'error_message'])
    .orderBy('count', 'desc')
    .limit(FAILURES_OF_A_NIGHT_MAX)
    .execute();
  return rows.map((row) => ({
    of: 'session',
    errorClass: row.error_class ?? 'bug',
    message: row.error_message ?? '',
    count: row.count,
  }));
}
