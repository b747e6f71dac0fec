import type { ArtifactRef } from '../contract/artifact.js';
import type { Receipt } from '../contract/receipt.js';
import type { HistoryRow, SessionRow, Usage } from './ledger.js';
import type { HistoryTable, ReceiptsTable, SessionsTable } from './schema.js';
import { sql, type RawBuilder, type Selectable, type SqlBool } from 'kysely';

/** Identity as it was written: fields in their declared order. */
export const identityOf = (json: string): Readonly<Record<string, string>> =>
  JSON.parse(json) as Readonly<Record<string, string>>;

/** The columns that hold an artifact reference; all null without one. */
export const artifactColumns = (artifact: ArtifactRef | undefined) => ({
  artifact_sha256: artifact?.sha256 ?? null,
  artifact_bytes: artifact?.bytes ?? null,
  artifact_mime: artifact?.mime ?? null,
});

export function artifactOf(row: ReturnType<typeof artifactColumns>): ArtifactRef | undefined {
  if (row.artifact_sha256 === null || row.artifact_bytes === null) return undefined;
  return {
    sha256: row.artifact_sha256,
    bytes: row.artifact_bytes,
    ...(row.artifact_mime !== null && { mime: row.artifact_mime }),
  };
}

export const receiptOf = (
  row: Pick<ReceiptsTable, 'effect_key' | 'revision' | 'id' | 'url' | 'sha256' | 'landed_at' | 'adopted'>,
): Receipt => ({
  effectKey: row.effect_key,
  revision: row.revision,
  id: row.id,
  ...(row.url !== null && { url: row.url }),
  sha256: row.sha256,
  landedAt: row.landed_at,
  adopted: row.adopted === 1,
});

export const historyOf = (row: Selectable<HistoryTable>): HistoryRow => ({
  seq: row.seq,
  at: row.at,
  kind: row.kind,
  subject: row.subject,
  from: row.from_state ?? undefined,
  to: row.to_state,
  by: row.written_by,
  detail: row.detail ?? undefined,
});

export const sessionRowOf = (
  row: Pick<
    SessionsTable,
    'run_key' | 'attempt' | 'provider' | 'revision' | 'state' | 'handle' | 'opened_at'
  >,
): SessionRow => ({
  runKey: row.run_key,
  attempt: row.attempt,
  provider: row.provider,
  revision: row.revision,
  state: row.state,
  handle: row.handle === null ? undefined : (JSON.parse(row.handle) as unknown),
  openedAt: row.opened_at,
});

/** What a session has used; zeros while nothing is booked. */
export const usedBy = (
  row: Pick<
    Selectable<SessionsTable>,
    'input_tokens' | 'output_tokens' | 'cached_tokens' | 'cost_micros' | 'cost_source'
  >,
): Pick<Usage, 'inputTokens' | 'outputTokens' | 'cachedTokens' | 'costMicros' | 'costSource'> => ({
  inputTokens: row.input_tokens,
  outputTokens: row.output_tokens,
  cachedTokens: row.cached_tokens,
  costMicros: row.cost_micros,
  costSource: row.cost_source ?? 'none',
});

/** Jobs of one transaction: whoever else writes to the ledger waits for milliseconds, however many are changed. */
export const JOBS_PER_WRITE = 500;

/** Keys of one query: few enough for every database, enough that the number of queries does not matter. */
export const KEYS_PER_QUERY = 500;

/** `list` cut into parts for queries that name each key. */
export function* inChunks<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}

/** Whether a column has that text somewhere, whatever signs the text has. */
export const holdsText = (column: string, text: string): RawBuilder<SqlBool> =>
  sql<SqlBool>`${sql.ref(column)} like ${`%${text.replace(/[!%_]/g, '!$&')}%`} escape '!'`;
