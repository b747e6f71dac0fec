import pg from 'pg';
import { AdapterError } from '../contract/errors.js';

/** Connections of one process; all writing goes through one of them at a time, the others read. */
const CONNECTIONS_MAX = 8;
const CONNECT_TIMEOUT_MS = 10_000;
/** Unused connections are given back; quiet ones die unnoticed behind firewalls. */
const IDLE_MS = 30_000;

/** What the server ends by itself, so that nothing of ours stands in the way of others for long; in milliseconds. */
const TIMEOUTS = {
  statement_timeout: 60_000,
  // Longer than a frozen holder may keep the lock.
  lock_timeout: 15_000,
  // Who reads may be waited for, as by a person with a pager, but not for ever: the server keeps old rows for it.
  idle_in_transaction_session_timeout: 600_000,
} as const;

/** A process that was suspended in mid-write holds the lock of all writers until then. */
export const WRITER_IDLE_MS = 10_000;

/** Beyond what the server needs to end a statement by itself: then it is gone, or the network is. */
const ANSWER_TIMEOUT_MS = TIMEOUTS.statement_timeout + 5_000;

const OLDEST_SERVER = 130_000; // pg_current_xact_id_if_assigned()

/**
 * Settings of each connection. Tables are found in the schema that comes first in the search path and nowhere else,
 * and nothing is written outside a transaction that says so. A `synchronous_commit` that is off, which loses the last
 * commits in a crash, is put on.
 */
const PREPARE = `
  select
    current_setting('server_version_num')::int as version,
    current_setting('server_encoding') as encoding,
    current_schema() as schema,
    quote_ident(current_schema())::regnamespace::oid as schema_oid,
    set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false),
    set_config('default_transaction_read_only', 'on', false),
    set_config('client_min_messages', 'warning', false),
    set_config('synchronous_commit',
      case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end,
      false)
    ${Object.entries(TIMEOUTS)
      .map(([name, ms]) => `, set_config('${name}', '${ms}', false)`)
      .join('')}`;

interface Prepared {
  readonly version: number;
  readonly encoding: string;
  readonly schema: string | null;
  readonly schema_oid: number;
}

/** OID of the ledger's schema, by connection. */
const schemas = new WeakMap<pg.ClientBase, number>();

/** @param url as the operator gave it; a password in it is never shown */
export function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    application_name: 'nightshift', // one given in the URL goes before it
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser },
    verify: (client, done) => void prepare(client).then(() => done(), done),
  });
  // A connection that breaks is noticed by whoever uses it next; without these, it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** For `pg_advisory_xact_lock(int4, int4)`: the same bits, read as a signed number. */
export const schemaLock = (client: pg.ClientBase): number => (schemas.get(client) ?? 0) | 0;

async function prepare(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<Prepared>(PREPARE);
  const [server] = rows;
  if (server === undefined) throw new Error('the server did not say what it is');
  assertUsable(server);
  schemas.set(client, server.schema_oid);
}

function assertUsable({ version, encoding, schema }: Prepared): void {
  if (version < OLDEST_SERVER) {
    throw new AdapterError(
      'config',
      `PostgreSQL ${Math.floor(version / 10_000)} is too old for the ledger: 13 or newer is needed`,
    );
  }
  if (encoding !== 'UTF8') {
    throw new AdapterError(
      'config',
      `the ledger's database has the encoding ${encoding}: make one with "create database … encoding 'UTF8'"`,
    );
  }
  if (schema === null) {
    throw new AdapterError(
      'config',
      `no schema of the search path exists in the ledger's database: run "create schema", or name another one ` +
        `with "?options=-csearch_path%3DNAME"`,
    );
  }
}

/** Sums and counts come as text, for they could be larger than a number can be; ours are not. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): unknown {
  return WHOLE.includes(oid) && format !== 'binary' ? wholeNumber : pg.types.getTypeParser(oid, format);
}

const WHOLE: readonly number[] = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is not a whole number that fits`);
  return value;
}
