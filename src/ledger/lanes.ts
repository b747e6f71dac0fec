/**
 * Lanes: what all worker processes share of one account at one service.
 *  N1. What a lane's state means, and what follows, is decided in `policy/limits`; here it is read, changed and written
 *      in one transaction, so that each change is made once and in one order.
 *  N2. The clock is the database's where hosts share it (PostgreSQL), and this host's where one host has it (SQLite).
 */
import { postgresClock } from './postgres-clock.js';
import { NEW_LANE, type LaneNote, type LaneState } from '../policy/limits/state.js';
import type { HeldPlace, LaneChange, LaneId, LaneNoteRow, LaneRow, Ledger } from './ledger.js';
import type { Db, Store } from './store.js';

type Lanes = Pick<Ledger, 'changeLane' | 'lane' | 'lanes' | 'keepPlaces' | 'resetLane' | 'laneNotes'>;

/** Reads the clock of N2 within a transaction. */
type Clock = (db: Db) => Promise<string>;

export function lanes(store: Store, dialect: 'sqlite' | 'postgres'): Lanes {
  const clock: Clock = dialect === 'postgres' ? postgresClock : () => Promise.resolve(store.now());
  return {
    changeLane: (lane, decide, holder) =>
      store.write(async (db) => {
        const at = await clock(db);
        const places = holder === undefined ? undefined : await placesOf(db, lane.id, holder.who, at);
        const row = await stateRow(db, lane.id);
        const before = row === undefined ? NEW_LANE : stateOf(row.state);
        const nowMs = Date.parse(at);
        const change = decide(before, nowMs, places);
        if (change.state !== before) await writeState(db, lane, change.state, at, row !== undefined);
        if (holder !== undefined && change.place !== undefined) {
          await changePlace(db, lane.id, holder, change.place, at);
        }
        await writeNotes(db, lane.id, change.notes ?? [], at);
        return { result: change.result, state: change.state, nowMs };
      }),

    lane: (id) =>
      store.read(async (db) => {
        const row = await stateRow(db, id);
        return row && { state: stateOf(row.state), nowMs: Date.parse(await clock(db)) };
      }),

    lanes: () =>
      store.read(async (db) => {
        const at = await clock(db);
        const rows = await db
          .selectFrom('lanes as l')
          .selectAll('l')
          .select((eb) =>
            eb
              .selectFrom('lane_places as p')
              .whereRef('p.lane', '=', 'l.lane')
              .where('p.expires_at', '>', at)
              .select((count) => count.fn.countAll<number>().as('held'))
              .as('held'),
          )
          .orderBy('l.label')
          .execute();
        return rows.map((row): LaneRow => ({
          id: row.lane,
          label: row.label,
          state: stateOf(row.state),
          sessions: row.held ?? 0,
          nowMs: Date.parse(at),
        }));
      }),

    keepPlaces: (places, leaseMs) =>
      store.write(async (db) => {
        const expires = later(await clock(db), leaseMs);
        const lost: HeldPlace[] = [];
        for (const place of places) {
          const { numUpdatedRows } = await db
            .updateTable('lane_places')
            .set({ expires_at: expires })
            .where('lane', '=', place.lane)
            .where('holder', '=', place.who)
            .executeTakeFirstOrThrow();
          if (numUpdatedRows === 0n) lost.push(place);
        }
        return lost;
      }),

    resetLane: (id, by) =>
      store.write(async (db) => {
        const row = await stateRow(db, id);
        if (row === undefined) return false;
        const at = await clock(db);
        const { declared, tokensPerSession } = stateOf(row.state);
        const state = { ...NEW_LANE, declared, tokensPerSession };
        await writeState(db, { id, label: row.label }, state, at, true);
        await writeNotes(db, id, [{ what: 'reset', why: `${by} reset it` }], at);
        return true;
      }),

    async laneNotes({ since = 0, limit } = {}) {
      const rows = await store.db
        .selectFrom('lane_notes as n')
        .innerJoin('lanes as l', 'l.lane', 'n.lane')
        .selectAll('n')
        .select('l.label')
        .where('n.seq', '>', since)
        .orderBy('n.seq', 'desc')
        .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
        .execute();
      return rows.reverse().map((row): LaneNoteRow => ({
        seq: row.seq,
        at: row.at,
        lane: row.lane,
        label: row.label,
        what: row.what,
        cause: row.cause ?? undefined,
        why: row.why,
        retryAt: row.retry_at ?? undefined,
      }));
    },
  };
}

/** A state of an older release lacks what was added since. */
const stateOf = (json: string): LaneState => ({ ...NEW_LANE, ...(JSON.parse(json) as Partial<LaneState>) });

const later = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString();

const stateRow = (db: Db, id: string) =>
  db.selectFrom('lanes').select(['state', 'label']).where('lane', '=', id).executeTakeFirst();

async function writeState(
  db: Db,
  { id, label }: LaneId,
  state: LaneState,
  at: string,
  known: boolean,
): Promise<void> {
  const values = { label, state: JSON.stringify(state), updated_at: at };
  if (known) await db.updateTable('lanes').set(values).where('lane', '=', id).execute();
  else
    await db
      .insertInto('lanes')
      .values({ lane: id, ...values })
      .execute();
}

async function placesOf(
  db: Db,
  lane: string,
  who: string,
  at: string,
): Promise<Parameters<LaneChange<unknown>>[2]> {
  await db.deleteFrom('lane_places').where('lane', '=', lane).where('expires_at', '<=', at).execute();
  const rows = await db
    .selectFrom('lane_places')
    .select(['holder', 'tokens'])
    .where('lane', '=', lane)
    .execute();
  const mine = rows.find(({ holder }) => holder === who);
  return { held: rows.length, ...(mine && { mine: { tokens: mine.tokens } }) };
}

async function changePlace(
  db: Db,
  lane: string,
  { who, batchId, leaseMs }: { who: string; batchId: string; leaseMs: number },
  place: { readonly tokens: number } | 'free',
  at: string,
): Promise<void> {
  await db.deleteFrom('lane_places').where('lane', '=', lane).where('holder', '=', who).execute();
  if (place === 'free') return;
  await db
    .insertInto('lane_places')
    .values({
      lane,
      holder: who,
      batch_id: batchId,
      tokens: place.tokens,
      taken_at: at,
      expires_at: later(at, leaseMs),
    })
    .execute();
}

async function writeNotes(db: Db, lane: string, notes: readonly LaneNote[], at: string): Promise<void> {
  for (const { what, cause, why, retryAt } of notes) {
    await db
      .insertInto('lane_notes')
      .values({
        at,
        lane,
        what,
        cause: cause ?? null,
        why,
        retry_at: retryAt === undefined ? null : new Date(retryAt).toISOString(),
      })
      .execute();
  }
}
