import { sql, type RawBuilder } from 'kysely';
import {
  decideBudget,
  type BudgetDecision,
  type BudgetLimits,
  type BudgetStanding,
  type Counted,
  type Spent,
} from '../policy/budget.js';
import { budgetDay, type BudgetDay } from '../policy/budget-day.js';
import type { JobId, RoomAsked, SessionBudget, SessionEnd, Usage } from './ledger.js';
import type { ErrorClass } from '../contract/errors.js';
import { hasRun, isPrepared, neverRan } from './never-ran.js';
import { identityOf } from './rows.js';
import type { SessionsTable } from './schema.js';
import type { Db } from './store.js';

/** Sessions that say what one more may cost. */
const LATELY = 50;

/** When a session was booked; those given up for another payload have only their end. */
const BOOKED_AT = sql<string | null>`coalesce(settled_at, ended_at)`;

/**
 * Whether there is room for one more session.
 *  B1. Asked in the transaction that writes the reservation, which holds the lock of all writers: of sessions that
 *      ask at once, each sees what those before it have reserved.
 *  B2. A reservation counts until its session has ended, whatever became of the worker: it is a column of the
 *      session, so neither can be there without the other.
 *  B3. Of a session that nobody watches any more, its own job and batch go on counting it, and so does the day it was
 *      opened. Later days and nights do not: it may never be looked at again, and nobody could start beside it.
 */
export async function roomFor(
  db: Db,
  session: RoomAsked,
  { limits, capMicros }: SessionBudget,
  at: string,
): Promise<BudgetDecision> {
  const today = budgetDay(new Date(at), limits);
  const standing = await standingOf(db, session, limits.currency, today);
  const counted = await countedIn(db, session.batchId, limits);
  return decideBudget(limits, { ...standing, ...counted }, today.until.toISOString(), capMicros);
}

async function standingOf(
  db: Db,
  session: RoomAsked,
  currency: string,
  today: BudgetDay,
): Promise<BudgetStanding> {
  const { work, jobKey, batchId } = session;
  const site = session.site ?? (await siteOf(db, session));
  const ofJob = sql<boolean>`work = ${work} and job_key = ${jobKey}`;
  const spent = spentIn(db, currency, today);
  const seenMicros = await highestLately(db, session, currency);
  const others = await db
    .selectFrom('sessions')
    .select('currency')
    .distinct()
    .where(sql<boolean>`((${ofJob}) or booked_batch_id = ${batchId})`)
    .where('currency', '<>', currency)
    .where('cost_micros', '>', 0)
    .execute();
  return {
    job: await spent.of(ofJob, ofJob),
    batch: await spent.batch(batchId),
    day: await spent.day(),
    ...(site !== null && { site: { name: site, ...(await spent.site(site)) } }),
    ...(seenMicros !== undefined && { seenMicros }),
    otherCurrencies: others.flatMap((row) => row.currency ?? []),
  };
}

/** What of the sessions booked, today where a budget is of a day, and of those under way counts for which budget. */
export function spentIn(db: Db, currency: string, day: BudgetDay) {
  const [from, until] = [day.from.toISOString(), day.until.toISOString()];
  const today = sql<boolean>`${BOOKED_AT} >= ${from} and ${BOOKED_AT} < ${until}`;
  const isLive = sql<boolean>`((opened_at >= ${from} and opened_at < ${until}) or exists (
    select 1 from jobs as j where j.work = sessions.work and j.job_key = sessions.job_key and j.state = 'running'))`; // B3
  const of = async (booked: RawBuilder<boolean>, open: RawBuilder<boolean>): Promise<Spent> => ({
    bookedMicros: await sum(db, 'cost_micros', sql`ended_at is not null and ${booked}`, currency),
    reservedMicros: await sum(db, 'reserved_micros', sql`ended_at is null and ${open}`, currency),
  });
  return {
    of,
    batch: (batchId: string) =>
      of(sql`booked_batch_id = ${batchId}`, sql`coalesce(attached_batch_id, batch_id) = ${batchId}`),
    day: () => of(today, isLive),
    site: (name: string) => of(sql`site = ${name} and ${today}`, sql`site = ${name} and ${isLive}`),
  };
}

/** What a batch has used beside money, where a budget asks for it. A start that was surely refused is no session. */
export async function countedIn(
  db: Db,
  batchId: string,
  { sessions, tokens }: Pick<BudgetLimits, 'sessions' | 'tokens'>,
): Promise<{ readonly counted?: Counted }> {
  if (sessions === undefined && tokens === undefined) return {};
  // In two, as for money: no index knows the one column or the other.
  const of = (scope: RawBuilder<boolean>) =>
    db
      .selectFrom('sessions')
      .select(({ fn }) => [
        fn.countAll<number>().as('sessions'),
        sql<number | null>`sum(input_tokens + output_tokens)`.as('tokens'),
      ])
      .where(scope)
      .where(sql<boolean>`not ${neverRan('sessions')}`)
      .executeTakeFirstOrThrow();
  const ended = await of(sql`ended_at is not null and booked_batch_id = ${batchId}`);
  const open = await of(sql`ended_at is null and coalesce(attached_batch_id, batch_id) = ${batchId}`);
  return {
    counted: {
      endedSessions: ended.sessions,
      openSessions: open.sessions,
      tokens: (ended.tokens ?? 0) + (open.tokens ?? 0),
    },
  };
}

async function sum(
  db: Db,
  column: 'cost_micros' | 'reserved_micros',
  scope: RawBuilder<boolean>,
  currency: string,
): Promise<number> {
  const { micros } = await db
    .selectFrom('sessions')
    .select((eb) => eb.fn.sum<number | null>(column).as('micros'))
    .where(scope)
    .where('currency', '=', currency)
    .executeTakeFirstOrThrow();
  return micros ?? 0;
}

/** Estimates say nothing of what sessions cost. One that made its artifact and reported no cost counts as free. */
async function highestLately(
  db: Db,
  session: Pick<RoomAsked, 'work' | 'provider'>,
  currency: string,
): Promise<number | undefined> {
  const lately = db
    .selectFrom('sessions')
    .select('cost_micros')
    .where('work', '=', session.work)
    .where('provider', '=', session.provider)
    .where('currency', '=', currency)
    .where((eb) =>
      eb.or([
        eb('cost_source', 'in', ['provider', 'price-table', 'reported']),
        eb.and([eb('cost_source', '=', 'none'), eb('state', '=', 'collected')]),
      ]),
    )
    .orderBy('end_seq', 'desc')
    .limit(LATELY);
  const { highest } = await db
    .selectFrom(lately.as('lately'))
    .select((eb) => eb.fn.max<number | null>('cost_micros').as('highest'))
    .executeTakeFirstOrThrow();
  return highest ?? undefined;
}

/** The field `site` of the job's identity, where it has one. */
export async function siteOf(db: Db, { work, jobKey }: JobId): Promise<string | null> {
  const job = await db
    .selectFrom('jobs')
    .select('identity')
    .where('work', '=', work)
    .where('job_key', '=', jobKey)
    .executeTakeFirst();
  return job === undefined ? null : (identityOf(job.identity)['site'] ?? null);
}

/** In which a session is booked where its provider says nothing: that of the batch. */
export async function currencyOf(db: Db, batchId: string): Promise<string> {
  const batch = await db
    .selectFrom('batches')
    .select('currency')
    .where('id', '=', batchId)
    .executeTakeFirst();
  return batch?.currency ?? 'USD';
}

/** Ends that left a session no time to say what it cost. One that came to its own end and said nothing is free. */
const CUT_OFF: ReadonlySet<ErrorClass> = new Set([
  'lost',
  'timeout',
  'transient',
  'unknown',
  'conflict',
  'bug',
]);

/**
 * What the end of a session books. What its provider knows is booked as it is. Where nobody knows what it cost:
 *
 *  B4. A guess is never more than was set aside for the session: a budget that let it begin holds what becomes of it. Where
 *      no budget has set anything aside, it is what the provider estimates, or the reserve of its agent.
 *  B5. What surely never ran, for nothing that costs money was sent, or its service says so, books nothing.
 *  B6. One that ran, was cut off, and told nothing, is guessed at, as waste: budgets never show less than may have been
 *      spent. One that came to its own end and told nothing is free.
 */
export function settled(
  session: Pick<SessionsTable, 'currency' | 'settled_at' | 'handle'> & {
    readonly reserved_micros: number;
    readonly started_seq: number | null;
  },
  end: SessionEnd,
  at: string,
) {
  const { usage } = end;
  const { micros, source } = costOf(session, end);
  return {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cached_tokens: usage.cachedTokens,
    cost_micros: micros,
    cost_source: source,
    currency: usage.currency ?? session.currency,
    model: usage.model ?? null,
    price_table: usage.priceTable?.id ?? null,
    price_date: usage.priceTable?.date ?? null,
    settled_at: session.settled_at ?? at,
  };
}

interface Cost {
  readonly micros: number;
  readonly source: Usage['costSource'];
}

function costOf(session: Parameters<typeof settled>[0], end: SessionEnd): Cost {
  const { costMicros, costSource } = end.usage;
  const told = { micros: costMicros, source: costSource };
  if (costSource === 'estimate') return mayHaveRun(session, end) ? atMost(session, costMicros) : NOTHING; // B5
  if (costSource !== 'none') return told;
  return (mayHaveRun(session, end) && wasCutOff(end) && guessOf(session, end)) || told;
}

const NOTHING: Cost = { micros: 0, source: 'none' };

/** Of one that is lost before its start was answered nobody knows. */
const mayHaveRun = (session: Parameters<typeof hasRun>[0], { state }: SessionEnd): boolean =>
  state === 'lost' ? !isPrepared(session.handle) : hasRun(session);

const wasCutOff = (end: SessionEnd): boolean =>
  end.state === 'lost' ||
  (end.state !== 'collected' && (end.errorClass === undefined || CUT_OFF.has(end.errorClass)));

/** B4 */
const atMost = ({ reserved_micros: setAside }: { readonly reserved_micros: number }, micros: number): Cost =>
  setAside > 0 && micros > setAside
    ? { micros: setAside, source: 'reserved' }
    : { micros, source: 'estimate' };

function guessOf(
  { reserved_micros: setAside }: { readonly reserved_micros: number },
  end: SessionEnd,
): Cost | undefined {
  if (setAside > 0) return { micros: setAside, source: 'reserved' };
  const reserve = 'reserveMicros' in end ? end.reserveMicros : undefined;
  return reserve === undefined ? undefined : { micros: reserve, source: 'estimate' };
}
