import { sql, type SqlBool } from 'kysely';
import type { CostFilter, CostRow, Ledger } from './ledger.js';
import { neverRan, unanswered } from './never-ran.js';
import { identityOf, usedBy } from './rows.js';
import type { Db, Store } from './store.js';

type Costs = Pick<Ledger, 'costs' | 'costsTold' | 'costOfSessions'>;

const PAGE = 2_000;
/** Sessions that say whether the next one will tell its cost. */
const LATELY = 50;

/** Of sessions of before there was one. */
const CURRENCY_DEFAULT = 'USD';
const bookedAt = sql<string | null>`coalesce(s.settled_at, s.ended_at)`;

/** Sessions that began, one by one: whatever is summed up from them, slices add up to the total. */
export const costs = (store: Store): Costs => ({
  costs: (filter, sink) =>
    store.readOnce(async (db) => {
      let after: { readonly runKey: string; readonly attempt: number } | undefined;
      for (;;) {
        const rows = await page(db, filter, after);
        if (rows.length > 0) sink(rows);
        const last = rows.at(-1);
        if (last === undefined || rows.length < PAGE) return;
        after = last;
      }
    }),

  costsTold: ({ work, provider }) =>
    store.read(async (db) => {
      const rows = await db
        .selectFrom('sessions')
        .select('cost_source')
        .where('work', '=', work)
        .where('provider', '=', provider)
        .where('state', '=', 'collected')
        .orderBy('end_seq', 'desc')
        .limit(LATELY)
        .execute();
      const untold = rows.filter(({ cost_source }) => (cost_source ?? 'none') === 'none').length;
      return { told: rows.length - untold, untold };
    }),

  costOfSessions: ({ work, currency }) =>
    store.read(async (db) => {
      const { sessions, total, low, high } = await db
        .selectFrom('sessions as s')
        .select(({ fn }) => [
          fn.countAll<number>().as('sessions'),
          fn.sum<number | null>('s.cost_micros').as('total'),
          fn.min<number | null>('s.cost_micros').as('low'),
          fn.max<number | null>('s.cost_micros').as('high'),
        ])
        .where('s.work', '=', work)
        .where(sql<string>`coalesce(s.currency, ${CURRENCY_DEFAULT})`, '=', currency)
        .where('s.cost_source', '<>', 'none')
        .where(bookedAt, 'is not', null)
        .where(sql<SqlBool>`not ${neverRan('s')}`)
        .executeTakeFirstOrThrow();
      return sessions === 0 ? undefined : { sessions, total: total ?? 0, low: low ?? 0, high: high ?? 0 };
    }),
});

async function page(
  db: Db,
  { since, until, batchId, ids = false }: CostFilter,
  after: { readonly runKey: string; readonly attempt: number } | undefined,
): Promise<readonly CostRow[]> {
  const inBatch = sql<string>`coalesce(s.booked_batch_id, s.attached_batch_id, s.batch_id)`;
  // An open session has cost nothing yet, and its reservation is of now, whatever days are asked for.
  const rows = await db
    .selectFrom('sessions as s')
    .innerJoin('jobs as j', (join) =>
      join.onRef('j.work', '=', 's.work').onRef('j.job_key', '=', 's.job_key'),
    )
    .leftJoin('batches as b', (join) => join.on('b.id', '=', inBatch))
    .select(['s.run_key', 's.attempt', 's.work', 's.job_key', 's.site', 's.provider', 's.model', 's.state'])
    .select(['s.run_id', 's.ended_at', 's.error_class', 's.attached', 's.currency'])
    .select(['s.opened_at', 's.reserved_micros'])
    .select(['s.input_tokens', 's.output_tokens', 's.cached_tokens', 's.cost_micros', 's.cost_source'])
    .select(['s.price_table', 's.price_date', 's.artifact_sha256', 'j.identity', 'b.name as batch_name'])
    .select([bookedAt.as('booked_at'), inBatch.as('in_batch'), unanswered('s').as('unanswered')])
    .$if(ids, (query) => query.select('s.handle'))
    .where(sql<SqlBool>`not ${neverRan('s')}`)
    .$if(since !== undefined, (query) => query.where(sql<boolean>`coalesce(${bookedAt}, '9') >= ${since}`))
    .$if(until !== undefined, (query) =>
      query.where(sql<boolean>`coalesce(${bookedAt}, s.opened_at) < ${until}`),
    )
    .$if(batchId !== undefined, (query) => query.where(inBatch, '=', batchId ?? ''))
    .$if(after !== undefined, (query) =>
      query.where(
        sql<boolean>`(s.run_key, s.attempt) > (${after?.runKey ?? ''}, cast(${after?.attempt ?? 0} as integer))`,
      ),
    )
    .orderBy('s.run_key')
    .orderBy('s.attempt')
    .limit(PAGE)
    .execute();
  return rows.map((row): CostRow => ({
    runKey: row.run_key,
    attempt: row.attempt,
    work: row.work,
    jobKey: row.job_key,
    identity: identityOf(row.identity),
    site: row.site ?? undefined,
    batchId: row.in_batch,
    batchName: row.batch_name ?? undefined,
    provider: row.provider,
    model: row.model ?? undefined,
    ids: idsOf(row.handle),
    runId: row.run_id,
    openedAt: row.opened_at,
    endedAt: row.ended_at ?? undefined,
    bookedAt: row.booked_at ?? undefined,
    attached: row.attached,
    currency: row.currency ?? CURRENCY_DEFAULT,
    usage: {
      ...usedBy(row),
      ...(row.price_table !== null && {
        priceTable: { id: row.price_table, date: row.price_date ?? '' },
      }),
    },
    ...(row.booked_at === null
      ? { use: 'open', reservedMicros: row.reserved_micros }
      : useOf({ ...row, unseen: row.unanswered === 1 })),
  }));
}

const idsOf = (handle: string | null = null): CostRow['ids'] =>
  handle === null ? {} : ((JSON.parse(handle) as { readonly ids?: CostRow['ids'] }).ids ?? {});

/** What the money of an ended session was good for. */
function useOf({
  state,
  error_class,
  artifact_sha256,
  unseen,
}: {
  readonly state: string;
  readonly error_class: string | null;
  readonly artifact_sha256: string | null;
  readonly unseen: boolean;
}): { readonly use: 'useful' } | { readonly use: 'wasted'; readonly reason: string } {
  if (state === 'collected') return { use: 'useful' };
  const wasted = (reason: string) => ({ use: 'wasted', reason }) as const;
  // A start without an answer: if it ran, the session that took its place is its twin.
  if (state === 'lost') return wasted(unseen ? 'twin' : 'lost');
  if (state === 'cancelled') return wasted(error_class === 'conflict' ? 'replaced' : 'cancelled');
  if (error_class === 'lost' && artifact_sha256 !== null) return wasted('lost-artifact');
  return wasted(error_class ?? 'bug');
}
