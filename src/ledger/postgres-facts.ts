import { sql } from 'kysely';
import type { LedgerDialect } from './dialect.js';
import { postgresClock } from './postgres-clock.js';
import type { Db } from './store.js';

/** Settings without which a commit that was acknowledged may be lost in a crash, and pages may be torn. */
const MUST_BE_ON = {
  fsync: 'a crash of the server can destroy the ledger',
  full_page_writes: 'a crash of the server can destroy the ledger',
} as const;

const SHOWN = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'synchronous_standby_names',
  'data_checksums',
  'server_encoding',
  'lock_timeout',
  'statement_timeout',
  'idle_in_transaction_session_timeout',
] as const;

/** What `doctor` shows. @param place names the database to people */
export async function postgresFacts(db: Db, place: string): ReturnType<LedgerDialect['facts']> {
  const { rows } = await sql<{ name: string; value: string }>`
    select name, current_setting(name) as value from unnest(${[...SHOWN]}::text[]) as name`.execute(db);
  const { rows: about } = await sql<{ version: string; schema: string; standby: boolean; bytes: number }>`
    select current_setting('server_version') as version, current_schema() as schema,
      pg_is_in_recovery() as standby,
      (select coalesce(sum(pg_total_relation_size(oid)), 0) from pg_class
        where relnamespace = quote_ident(current_schema())::regnamespace and relkind = 'r') as bytes`.execute(
    db,
  );
  const { rows: silenced } = await sql<{ trigger: string }>`
    select t.tgname as trigger from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where c.relnamespace = quote_ident(current_schema())::regnamespace and t.tgenabled = 'D'
      order by 1`.execute(db);
  const [{ version, schema, standby, bytes } = { version: 'unknown', schema: '', standby: false, bytes: 0 }] =
    about;
  const settings = {
    schema,
    ...Object.fromEntries(rows.map(({ name, value }) => [name, value])),
    bytes: String(bytes),
  };
  const problems = problemsOf(settings, standby);
  for (const { trigger } of silenced) problems.push(`trigger ${trigger} is disabled: enable it`);
  const clockAheadMs = await aheadOfUs(db);
  return { path: place, engineVersion: version, settings, problems, clockAheadMs };
}

async function aheadOfUs(db: Db): Promise<number> {
  const askedMs = Date.now();
  const theirsMs = Date.parse(await postgresClock(db));
  return theirsMs - (askedMs + Date.now()) / 2;
}

function problemsOf(settings: Readonly<Record<string, string>>, standby: boolean): string[] {
  const problems = Object.entries(MUST_BE_ON)
    .filter(([name]) => settings[name] !== 'on')
    .map(([name, why]) => `${name} is ${settings[name]}: ${why}`);
  // Each connection puts it on; a pooler may hand over one that was never asked.
  if (settings['synchronous_commit'] === 'off')
    problems.push('synchronous_commit is off: a crash of the server loses receipts');
  if (standby) problems.push('the server is a standby and can only be read: name the primary');
  return problems;
}
