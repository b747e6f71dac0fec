import type { Pool } from 'pg';
import { durationMs } from '../../../contract/batch-file.js';
import type { PostgresOptions } from './options.js';

/** Connections of one worker to one database, over all effects. */
const CONNECTIONS_MAX = 4;
/** Long enough for the next effect of a busy batch, short enough to leave the server alone afterwards. */
const IDLE_MS = 10_000;
/** The server's own limit comes first; this one is for a server that is gone without a word. */
const ANSWER_MARGIN_MS = 2_000;
const POOLS_MAX = 50;

const pools = new Map<string, Promise<Pool>>();

/** The pool of a connection string, made at its first use. Its idle connections keep no process alive. */
export function poolOf({ url, timeout }: Pick<PostgresOptions, 'url' | 'timeout'>): Promise<Pool> {
  const timeoutMs = durationMs(timeout);
  const key = `${timeoutMs} ${url}`;
  const known = pools.get(key);
  if (known) return known;
  const [oldest] = pools.keys();
  // What was taken out of it ends with its idle time; only the sharing ends now.
  if (pools.size >= POOLS_MAX && oldest !== undefined) pools.delete(oldest);
  const made = makePool(url, timeoutMs);
  pools.set(key, made);
  made.catch(() => pools.delete(key));
  return made;
}

async function makePool(url: string, timeoutMs: number): Promise<Pool> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'nightshift',
    max: CONNECTIONS_MAX,
    idleTimeoutMillis: IDLE_MS,
    allowExitOnIdle: true,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs + ANSWER_MARGIN_MS,
    keepAlive: true,
  });
  // An idle connection that the server closes is no error of anybody: the pool has dropped it already.
  pool.on('error', () => undefined);
  return pool;
}
