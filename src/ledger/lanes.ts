/**
 * Lanes: what all worker processes share of one account at one service.
 *  N1. What a lane's state means, and what follows, is decided in `policy/limits`; here it is read, changed and written
 *      in one transaction, so that each change is made once and in one order.
 *  N2. The clock is the database's where hosts share it (PostgreSQL), and this host's where one host has it (SQLite).
 *  N3. That clock may be set back. What was written down by a later one counts from when that was: else everybody would
 *      wait for as long as it was set back by.
 */
import type { Selectable } from 'kysely';
import { postgresClock } from './postgres-clock.js';
import { NEW_LANE, movedBack, type LaneNote, type LaneState } from '../policy/limits/state.js';
import type { HeldPlace, LaneChange, LaneId, LaneNoteRow, LaneRow, Ledger } from './ledger.js';
import type { LanesTable } from './schema.js';
import type { Db, Store } from './store.js';

type Lanes = Pick<Ledger, 'changeLane' | 'lane' | 'lanes' | 'keepPlaces' | 'resetLane' | 'laneNotes'>;

type Holder = NonNullable<Parameters<Ledger['changeLane']>[2]>;

/** Reads the clock of N2 within a transaction. */
type Clock = (db: Db) => Promise<string>;

export function lanes(store: Store, dialect: 'sqlite' | 'postgres'): Lanes {
  const clock: Clock = dialect === 'postgres' ? postgresClock : () => Promise.resolve(store.now());
  return {
    changeLane: (lane, decide, holder) =>
      store.write(async (db) => {
        const at = await clock(db);
        const places = holder && (await placesOf(db, lane.id, holder, at));
        const row = await stateRow(db, lane.id);
        const before = row === undefined ? NEW_LANE : stateOf(row, at);
        const nowMs = Date.parse(at);
        const change = decide(before, nowMs, places);
        if (change.state !== before || (row && isAhead(row, at)))
          await writeState(db, lane, change.state, at, row !== undefined);
        if (holder !== undefined && change.place !== undefined) {
          await changePlace(db, lane.id, holder, change.place, at);
        }
        await writeNotes(db, lane.id, change.notes ?? [], at);
        return { result: change.result, state: change.state, nowMs };
      }),

    async lane(id) {
      const { at, row } = await store.read(async (db) => ({
        row: await stateRow(db, id),
        at: await clock(db),
      }));
      if (row === undefined) return undefined;
      // Written down, or each look would count from itself.
      if (isAhead(row, at)) await store.write((db) => setBack(db, id, clock));
      return { state: stateOf(row, at), nowMs: Date.parse(at) };
    },

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
          state: stateOf(row, at),
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
        const { declared, tokensPerSession } = stateOf(row, at);
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

type StateRow = Pick<Selectable<LanesTable>, 'state' | 'updated_at'>;

/** N3. A state of an older release lacks what was added since. */
function stateOf(row: StateRow, at: string): LaneState {
  const state = { ...NEW_LANE, ...(JSON.parse(row.state) as Partial<LaneState>) };
  return isAhead(row, at) ? movedBack(state, Date.parse(row.updated_at) - Date.parse(at)) : state;
}

/** Whether the clock was set back since. */
const isAhead = (row: StateRow, at: string): boolean => row.updated_at > at;

async function setBack(db: Db, id: string, clock: Clock): Promise<void> {
  const row = await stateRow(db, id);
  const at = await clock(db);
  if (row && isAhead(row, at)) await writeState(db, { id, label: row.label }, stateOf(row, at), at, true);
}

const later = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString();

const stateRow = (db: Db, id: string) =>
  db.selectFrom('lanes').select(['state', 'label', 'updated_at']).where('lane', '=', id).executeTakeFirst();

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
  { who, leaseMs }: Holder,
  at: string,
): Promise<Parameters<LaneChange<unknown>>[2]> {
  await db.deleteFrom('lane_places').where('lane', '=', lane).where('expires_at', '<=', at).execute();
  const latest = later(at, leaseMs); // N3: whoever holds one renews it well before that
  await db
    .updateTable('lane_places')
    .set({ expires_at: latest })
    .where('lane', '=', lane)
    .where('expires_at', '>', latest)
    .execute();
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
  { who, batchId, leaseMs }: Holder,
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
