import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { AdapterError } from '../../../contract/errors.js';
import type { Statement } from './statements.js';

/** Rows of one statement. */
export type Query = <Row extends QueryResultRow>(statement: Statement) => Promise<Row[]>;

/** How far a transaction had come when it failed: before its COMMIT left, nothing of it can be there. */
export class TransactionFailed extends Error {
  override readonly name = 'TransactionFailed';
  constructor(
    readonly stage: 'connect' | 'work' | 'commit',
    cause: unknown,
  ) {
    super(`the transaction failed [stage=${stage}]`, { cause });
  }
}

export interface TransactionOptions {
  readonly timeoutMs: number;
  readonly readOnly?: boolean;
  /** Asked once more before COMMIT. */
  readonly signal: AbortSignal;
}

/**
 * Runs `work` in one transaction, sent once. READ COMMITTED, whatever the database's default is: there, the SELECT
 * after an INSERT that found its key taken sees the other's row, where REPEATABLE READ fails.
 * @throws TransactionFailed for everything that goes wrong, errors of `work` included
 */
export async function inTransaction<T>(
  pool: Pool,
  { timeoutMs, readOnly = false, signal }: TransactionOptions,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  let stage: TransactionFailed['stage'] = 'connect';
  let client: PoolClient | undefined;
  let broken: Error | undefined;
  // Without a listener, a connection that is lost between two statements would end the process.
  const onError = (error: Error) => (broken = error);
  try {
    client = await pool.connect();
    client.on('error', onError);
    const query = queryOf(client);
    stage = 'work';
    await query({
      text: `BEGIN ISOLATION LEVEL READ COMMITTED ${readOnly ? 'READ ONLY' : 'READ WRITE'}`,
      values: [],
    });
    await query({ text: SETTINGS, values: [String(timeoutMs)] });
    const result = await work(query);
    if (signal.aborted) throw new AdapterError('transient', 'stopped before COMMIT', { sent: 'no' });
    stage = 'commit';
    await query({ text: 'COMMIT', values: [] });
    return result;
  } catch (error) {
    broken ??= error instanceof Error ? error : new Error(String(error));
    throw new TransactionFailed(stage, error);
  } finally {
    client?.off('error', onError);
    // A connection that failed is closed, which also rolls its transaction back.
    client?.release(broken);
  }
}

/**
 * Set for the transaction only: a pooler may give the connection to somebody else next. A receipt must not be written
 * for a row that the server may still lose, so asynchronous commit is switched off where it is on.
 */
const SETTINGS = `
  SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true),
    set_config('idle_in_transaction_session_timeout', $1, true),
    set_config('synchronous_commit',
      CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)`;

const queryOf =
  (client: PoolClient): Query =>
  async <Row extends QueryResultRow>({ text, values }: Statement) =>
    (await client.query<Row>(text, [...values])).rows;
