/**
 * Pauses, as Activities ask for them.
 *  H1. A hold is read in the very transaction that commits a new session or effect: once it is written, none begins.
 *  H2. A hold stays until somebody lifts it: no start, restart or release ends it.
 */
import { DEFAULT_LEVEL, type Hold, type HoldScope, type WideHold } from '../contract/holds.js';
import { OPEN_SESSION } from '../contract/states.js';
import { holdsStep, levelMeant, strictest } from '../policy/hold.js';
import { HeldBack, type Gate, type InHand, type Ledger } from './ledger.js';
import { pausesOf } from './pauses.js';
import type { HoldsTable } from './schema.js';
import type { Db, Store } from './store.js';
import type { Selectable } from 'kysely';

type Holds = Pick<Ledger, 'placeHold' | 'liftHold' | 'holds' | 'holdOf' | 'pauses' | 'inHand'>;

export const holds = (store: Store): Holds => ({
  placeHold: (scope, asked, by, reason) =>
    store.write(async (db) => {
      const since = store.now();
      const before = await lift(db, scope, by, since); // another level, or another reason, is another hold
      const level = levelMeant(asked, before?.level);
      const row = {
        scope: scope.kind,
        subject: nameOf(scope),
        level,
        held_by: by,
        reason: reason ?? null,
        since,
      };
      await db.insertInto('holds').values(row).execute();
      return { scope, level, by, reason, since };
    }),

  liftHold: (scope, by) => store.write((db) => lift(db, scope, by, store.now())),

  async holds() {
    const rows = await on(store.db).orderBy('seq').execute();
    return rows.map(holdRow);
  },

  holdOf: (gate) => store.read((db) => holdOf(db, gate)),

  pauses: (gate, since) => store.read((db) => pausesOf(db, gate, since)),

  inHand: (scope) => store.read((db) => inHand(db, scope)),
});

/** H1. @throws HeldBack */
export async function assertMayBegin(db: Db, gate: Gate | undefined): Promise<void> {
  if (gate === undefined) return;
  const hold = await holdOf(db, gate);
  if (hold !== undefined && holdsStep(hold.level, gate.underWay)) throw new HeldBack(hold);
}

async function holdOf(
  db: Db,
  { batchId, work, provider }: Omit<Gate, 'underWay'>,
): Promise<Hold | undefined> {
  const batch =
    batchId === undefined
      ? undefined
      : await db
          .selectFrom('batches')
          .select(['name', 'state', 'pause_level', 'updated_by', 'reason', 'updated_at'])
          .where('id', '=', batchId)
          .executeTakeFirst();
  const rows = await on(db)
    .where((eb) =>
      eb.or([
        eb('scope', '=', 'all'),
        eb.and([eb('scope', '=', 'work'), eb('subject', '=', work)]),
        eb.and([eb('scope', '=', 'provider'), eb('subject', '=', provider)]),
      ]),
    )
    .orderBy('seq')
    .execute();
  const found: Hold[] = rows.map(holdRow);
  if (batch?.state === 'paused') {
    found.push({
      scope: { kind: 'batch', name: batch.name },
      level: batch.pause_level ?? DEFAULT_LEVEL,
      by: batch.updated_by,
      reason: batch.reason ?? undefined,
      since: batch.updated_at,
    });
  }
  const level = strictest(...found.map((hold) => hold.level));
  return found.find((hold) => hold.level === level);
}

async function lift(db: Db, scope: HoldScope, by: string, at: string): Promise<WideHold | undefined> {
  const row = await on(db)
    .where('scope', '=', scope.kind)
    .where('subject', '=', nameOf(scope))
    .executeTakeFirst();
  if (row === undefined) return undefined;
  await db.updateTable('holds').set({ lifted_at: at, lifted_by: by }).where('seq', '=', row.seq).execute();
  return holdRow(row);
}

async function inHand(db: Db, scope: Parameters<Ledger['inHand']>[0]): Promise<InHand> {
  const sessions = await db
    .selectFrom('sessions as s')
    .where('s.ended_at', 'is', null)
    .where('s.state', 'in', OPEN_SESSION)
    .$if(scope.kind === 'work', (query) => query.where('s.work', '=', nameOf(scope)))
    .$if(scope.kind === 'provider', (query) => query.where('s.provider', '=', nameOf(scope)))
    .$if(scope.kind === 'batch', (query) =>
      query.where((eb) => eb(eb.fn.coalesce('s.attached_batch_id', 's.batch_id'), '=', nameOf(scope))),
    )
    .select((eb) => ['s.state', eb.fn.countAll<number>().as('n')])
    .groupBy('s.state')
    .execute();
  const effects = await db
    .selectFrom('effects as e')
    .where('e.state', '=', 'attempting')
    .$if(scope.kind === 'work', (query) => query.where('e.work', '=', nameOf(scope)))
    .$if(scope.kind === 'batch', (query) => query.where('e.batch_id', '=', nameOf(scope)))
    .$if(scope.kind === 'provider', (query) =>
      query.where((eb) =>
        eb.exists(
          eb
            .selectFrom('sessions as s')
            .select('s.run_key')
            .whereRef('s.work', '=', 'e.work')
            .whereRef('s.job_key', '=', 'e.job_key')
            .where('s.provider', '=', nameOf(scope)),
        ),
      ),
    )
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  const of = (state: string) => Number(sessions.find((row) => row.state === state)?.n ?? 0);
  return { starting: of('intent'), sessions: of('started'), effects: Number(effects.n) };
}

const on = (db: Db) => db.selectFrom('holds').selectAll().where('lifted_at', 'is', null);

const nameOf = (scope: Hold['scope']): string => (scope.kind === 'all' ? '' : scope.name);

export const holdRow = (row: Selectable<HoldsTable>): WideHold => ({
  scope: row.scope === 'all' ? { kind: 'all' } : { kind: row.scope, name: row.subject },
  level: row.level,
  by: row.held_by,
  reason: row.reason ?? undefined,
  since: row.since,
});
