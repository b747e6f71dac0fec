import { holdText } from '../contract/holds.js';
import { holdRow } from './holds.js';
import type { BatchRow } from './ledger.js';
import type { Closure } from './report-rows.js';
import type { Db } from './store.js';

const NOTES_MAX = 2_000;
const HOLDS_MAX = 200;
/** A lane's id is its adapter's name and a hash (`laneIdOf`). */
const HASH = /-[0-9a-f]{16}$/;

/** What kept jobs of the batch from starting in its last run, beside its own pauses: closed lanes and wider pauses. */
export async function closuresOf(db: Db, batch: BatchRow): Promise<readonly Closure[]> {
  return [...(await lanesOf(db, batch)), ...(await holdsOf(db, batch))];
}

/** Lanes of all adapters that jobs of this work have used. */
async function lanesOf(db: Db, { work, openedAt, closedAt }: BatchRow): Promise<readonly Closure[]> {
  const notes = await db
    .selectFrom('lane_notes as n')
    .innerJoin('lanes as l', 'l.lane', 'n.lane')
    .select(['n.at', 'n.lane', 'n.what', 'n.why', 'n.cause', 'n.retry_at', 'l.label'])
    .$if(closedAt !== undefined, (query) => query.where('n.at', '<=', closedAt ?? ''))
    .orderBy('n.seq', 'desc')
    .limit(NOTES_MAX)
    .execute();
  const closures: Closure[] = [];
  const used = new Map<string, boolean>();
  const shut = new Map<string, Closure & { to?: string }>();
  for (const { at, lane, what, why, cause, retry_at, label } of notes.reverse()) {
    const open = shut.get(lane);
    if (open !== undefined) open.to = at;
    shut.delete(lane);
    const waits = what === 'opened' || (what === 'slowed' && retry_at !== null);
    if (!waits) continue;
    const name = lane.replace(HASH, '');
    if (!used.has(name)) used.set(name, await isUsed(db, work, name));
    if (used.get(name) !== true) continue;
    const closure: Closure & { to?: string } = {
      of: 'lane',
      from: at,
      cause: cause ?? 'transient',
      label,
      why,
      // Nobody says when it may be asked again: that is found out by its next request.
      ...(what === 'slowed' && { to: retry_at ?? at }),
    };
    closures.push(closure);
    if (what === 'opened') shut.set(lane, closure);
  }
  return closures.filter(({ to }) => to === undefined || to > openedAt);
}

/** An adapter of the operator's own is named by its path in the batch file, and by itself in the ledger. */
async function isUsed(db: Db, work: string, name: string): Promise<boolean> {
  if (/^\.{0,2}\//.test(name)) return true;
  const [session, effect] = [
    await db
      .selectFrom('sessions')
      .select('run_key')
      .where('work', '=', work)
      .where('provider', '=', name)
      .limit(1)
      .executeTakeFirst(),
    await db
      .selectFrom('effects')
      .select('effect_key')
      .where('work', '=', work)
      .where('use', '=', name)
      .limit(1)
      .executeTakeFirst(),
  ];
  return session !== undefined || effect !== undefined;
}

async function holdsOf(db: Db, { work, openedAt, closedAt }: BatchRow): Promise<readonly Closure[]> {
  const rows = await db
    .selectFrom('holds')
    .selectAll()
    .where((eb) => eb.or([eb('lifted_at', 'is', null), eb('lifted_at', '>', openedAt)]))
    .$if(closedAt !== undefined, (query) => query.where('since', '<=', closedAt ?? ''))
    .orderBy('seq')
    .limit(HOLDS_MAX)
    .execute();
  const closures: Closure[] = [];
  for (const row of rows) {
    const { scope, subject, since, lifted_at } = row;
    if (scope === 'work' && subject !== work) continue;
    if (scope === 'provider' && !(await isUsed(db, work, subject))) continue;
    const why = holdText(holdRow(row));
    closures.push({ of: 'hold', from: since, why, ...(lifted_at !== null && { to: lifted_at }) });
  }
  return closures;
}
