import { sql, type SqlBool } from 'kysely';
import type { JobReport } from '../contract/result.js';
import type { ErrorClass } from '../contract/errors.js';
import { OPEN_SESSION, type ShownJobState } from '../contract/states.js';
import { USED_UP_LIKE } from '../policy/budget.js';
import { MICROS } from '../policy/money.js';
import { IN_PROGRESS, isHeldForSession } from './job-state.js';
import { lastArtifact, lastArtifactOf } from './last-artifact.js';
import type { Ledger, Verdict } from './ledger.js';
import { discardOf } from './discarded.js';
import { membersOf, memberState } from './members.js';
import { countCostUnknown, neverRan } from './never-ran.js';
import { artifactOf, identityOf } from './rows.js';
import type { Db, Store } from './store.js';
import { isTakenBack } from './taken-back.js';
import { unapproved, unapprovedOf } from './unapproved.js';

type Reports = Pick<Ledger, 'jobReports' | 'activeJobs' | 'gatedByBudget'>;

export const reports = (store: Store): Reports => ({
  jobReports: (batchId, only = {}) => store.read((db) => jobReports(db, batchId, only)),

  async activeJobs(batchId, limit) {
    const rows = await membersOf(store.db, batchId)
      .select(['m.work', 'm.job_key', 'm.identity', 'j.state', 'j.step', 'j.active_since'])
      .select((eb) =>
        eb
          .and([
            eb('j.artifact_sha256', 'is', null),
            eb.not(
              eb.exists(
                eb
                  .selectFrom('sessions as s')
                  .select('s.run_key')
                  .whereRef('s.work', '=', 'j.work')
                  .whereRef('s.job_key', '=', 'j.job_key')
                  .where('s.state', 'in', OPEN_SESSION),
              ),
            ),
          ])
          .as('sessionless'),
      )
      .where('m.verdict', '<>', 'conflict')
      .where('j.state', 'in', IN_PROGRESS)
      .orderBy('j.active_since')
      .orderBy('m.position')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      work: row.work,
      jobKey: row.job_key,
      identity: identityOf(row.identity),
      state: row.state ?? 'running',
      step: row.step ?? '',
      sessionless: Boolean(row.sessionless),
      since: row.active_since ?? '',
    }));
  },

  async gatedByBudget(batchId) {
    const { jobs, why } = await gatedByBudget(store.db, batchId);
    return { jobs: Number(jobs), why: why ?? '' };
  },
});

/** Of those that wait for a budget: how many, and what one of them was told. */
const gatedByBudget = (db: Db, batchId: string) =>
  membersOf(db, batchId)
    .select(({ fn }) => [fn.countAll<number>().as('jobs'), fn.min('j.error_message').as('why')])
    .where(memberState, '=', 'gated')
    .where('j.error_class', '=', 'budget')
    .executeTakeFirstOrThrow();

interface Only {
  readonly states?: readonly ShownJobState[];
  readonly notForDay?: boolean;
  readonly limit?: number;
  readonly changedSince?: string;
  readonly brief?: boolean;
}

/** The budget of a day or a site has room again by itself; `usedUpUntilOf` says the same of a report. */
const waitsForDay = sql<SqlBool>`(${memberState} = 'gated' and coalesce(${sql.ref('j.error_class')}, '') = 'budget'
  and coalesce(${sql.ref('j.error_message')}, '') like ${USED_UP_LIKE})`;

/** In the order of the member list. Two or three queries, however many jobs there are. */
async function jobReports(
  db: Db,
  batchId: string,
  { states, notForDay = false, limit, changedSince, brief = false }: Only,
): Promise<readonly JobReport[]> {
  const members = await membersOf(db, batchId)
    .select(['m.position', 'm.job_key', 'm.identity', 'm.verdict', 'm.note', memberState.as('state')])
    .select(['j.error_class', 'j.error_message', 'j.step'])
    .select(['j.artifact_sha256', 'j.artifact_bytes', 'j.artifact_mime'])
    .select([lastArtifact.as('last_artifact'), unapproved.as('unapproved')])
    .select(['d.discarded_by', 'd.discarded_at', 'd.reason'])
    .$if(states !== undefined, (query) => query.where(memberState, 'in', states ?? []))
    .$if(notForDay, (query) => query.where(sql<SqlBool>`not ${waitsForDay}`))
    .$if(changedSince !== undefined, (query) =>
      query.where('j.batch_id', '=', batchId).where('j.updated_at', '>=', changedSince ?? ''),
    )
    .orderBy('m.position')
    .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
    .execute();
  const last = members.at(-1);
  if (last === undefined) return [];

  const upTo = last.position;
  const effects = await effectsOf(db, batchId, { states, upTo });
  const spent = brief ? undefined : await spentOn(db, batchId, { states, upTo });
  return members.map((row) => ({
    key: row.job_key,
    identity: identityOf(row.identity),
    state: row.state,
    effects: effects.get(row.position) ?? [],
    ...artifactIn(row),
    ...spent?.get(row.position),
    ...errorOf(row),
    ...(row.verdict !== 'conflict' && isHeldForSession(row) && { heldForSession: true as const }),
    ...(row.verdict !== 'conflict' && unapprovedOf(row)),
    ...lastArtifactOf(row),
    ...discardOf(row),
  }));
}

type EffectReports = JobReport['effects'];

/** The members that the reports are about. */
interface Reported {
  readonly states: readonly ShownJobState[] | undefined;
  readonly upTo: number;
}

/** Their effects, by their position in the list. */
async function effectsOf(
  db: Db,
  batchId: string,
  { states, upTo }: Reported,
): Promise<ReadonlyMap<number, EffectReports>> {
  const rows = await membersOf(db, batchId)
    .innerJoin('effects as e', (join) =>
      join.onRef('e.work', '=', 'm.work').onRef('e.job_key', '=', 'm.job_key'),
    )
    .leftJoin('receipts as r', (join) =>
      join.onRef('r.effect_key', '=', 'e.effect_key').onRef('r.revision', '=', 'e.landed_revision'),
    )
    .select(['m.position', 'e.name', 'e.target', 'e.state', 'r.id', 'r.url'])
    .select(isTakenBack.as('taken_back'))
    .where('e.undoes', 'is', null)
    .where('m.position', '<=', upTo)
    .$if(states !== undefined, (query) => query.where(memberState, 'in', states ?? []))
    .orderBy('m.position')
    .orderBy('e.position')
    .execute();
  const byPosition = new Map<number, EffectReports>();
  for (const { position, name, target, state, id, url, taken_back: takenBack } of rows) {
    const effects = byPosition.get(position) ?? [];
    effects.push({
      ...{ name, target, state },
      ...(id !== null && { id }),
      ...(url !== null && { url }),
      ...(takenBack && { takenBack: true as const }),
    });
    byPosition.set(position, effects);
  }
  return byPosition;
}

/** What their sessions used and cost, likewise. Of several currencies, the one in which most was spent. */
async function spentOn(
  db: Db,
  batchId: string,
  { states, upTo }: Reported,
): Promise<ReadonlyMap<number, Pick<JobReport, 'tokens' | 'cost'>>> {
  const meant = membersOf(db, batchId)
    .select('m.position')
    .where(memberState, 'in', states ?? []);
  const rows = await db
    .selectFrom('batch_jobs as m')
    .innerJoin('sessions as s', (join) =>
      join.onRef('s.work', '=', 'm.work').onRef('s.job_key', '=', 'm.job_key'),
    )
    .innerJoin('batches as b', 'b.id', 'm.batch_id')
    .select(({ eb, fn }) => [
      'm.position',
      fn.coalesce('s.currency', 'b.currency').as('currency'),
      fn.sum<number>('s.input_tokens').as('input'),
      fn.sum<number>('s.output_tokens').as('output'),
      fn.sum<number>('s.cached_tokens').as('cached'),
      fn.sum<number>('s.cost_micros').as('total'),
      fn
        .sum<number>(eb.case().when('s.state', '=', 'collected').then(0).else(eb.ref('s.cost_micros')).end())
        .as('wasted'),
      countCostUnknown('s').as('unknown'),
    ])
    .where('m.batch_id', '=', batchId)
    .where('s.ended_at', 'is not', null)
    .where(sql<SqlBool>`not ${neverRan('s')}`)
    .where('m.position', '<=', upTo)
    .$if(states !== undefined, (query) => query.where('m.position', 'in', meant))
    .groupBy(['m.position', 's.currency', 'b.currency'])
    .orderBy('m.position')
    .orderBy('total', 'desc')
    .execute();
  const byPosition = new Map<number, Pick<JobReport, 'tokens' | 'cost'>>();
  for (const { position, currency, input, output, cached, total, wasted, unknown } of rows) {
    const tokens = byPosition.get(position)?.tokens ?? { input: 0, output: 0, cached: 0 };
    const cost = byPosition.get(position)?.cost ?? {
      currency,
      total: total / MICROS,
      wasted: wasted / MICROS,
      unknown: 0,
    };
    tokens.input += input;
    tokens.output += output;
    tokens.cached += cached;
    cost.unknown += unknown ?? 0;
    byPosition.set(position, { tokens, cost });
  }
  return byPosition;
}

/** A conflict is about another payload than what is stored was made for. */
function artifactIn(
  row: Parameters<typeof artifactOf>[0] & { readonly verdict: Verdict },
): Pick<JobReport, 'artifact'> {
  const artifact = row.verdict === 'conflict' ? undefined : artifactOf(row);
  return artifact ? { artifact } : {};
}

function errorOf(row: {
  readonly verdict: Verdict;
  readonly note: string | null;
  readonly error_class: ErrorClass | null;
  readonly error_message: string | null;
}): Pick<JobReport, 'error'> {
  if (row.verdict === 'conflict') {
    return {
      error: { class: 'conflict', message: row.note ?? 'the payload differs from the one done before' },
    };
  }
  if (row.error_class === null) return {};
  return { error: { class: row.error_class, message: row.error_message ?? '' } };
}
