import { sql } from 'kysely';
import type { Db } from './store.js';

/** What the clock of the database's host shows; ISO 8601. */
export async function postgresClock(db: Db): Promise<string> {
  const { rows } = await sql<{ at: string }>`
    select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`.execute(db);
  const at = rows[0]?.at;
  if (at === undefined) throw new Error('the database did not tell the time');
  return at;
}
