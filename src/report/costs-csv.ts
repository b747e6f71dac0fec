import type { CostReport } from '../client/costs.js';
import type { CostSlice } from '../client/cost-slices.js';
import type { CostSession } from '../client/cost-sessions.js';
import { jobTitle } from '../contract/job.js';
import { csvLine } from '../evidence/csv.js';
import { idsText } from './costs.js';

const COLUMNS: Readonly<Record<string, (slice: CostSlice) => string | number>> = {
  id: ({ id }) => id,
  currency: ({ currency }) => currency,
  sessions: ({ sessions }) => sessions,
  cost: ({ costMicros }) => units(costMicros),
  useful: ({ usefulMicros }) => units(usefulMicros),
  wasted: ({ wastedMicros }) => units(wastedMicros),
  estimated: ({ estimatedMicros }) => units(estimatedMicros),
  cost_unknown: ({ unknown }) => unknown,
  not_paid_again: ({ attachedMicros }) => units(attachedMicros),
  open: ({ open }) => open,
  reserved: ({ reservedMicros }) => units(reservedMicros),
  input_tokens: ({ inputTokens }) => inputTokens,
  output_tokens: ({ outputTokens }) => outputTokens,
  cached_tokens: ({ cachedTokens }) => cachedTokens,
};

/** One record for each slice, none for the totals, which would be counted twice. Amounts have all their digits. */
export const costsCsv = ({ by, slices }: CostReport): readonly string[] => [
  record([by, ...Object.keys(COLUMNS)]),
  ...slices.map((slice) => record([slice.key, ...Object.values(COLUMNS).map((cell) => cell(slice))])),
];

const SESSION_COLUMNS: Readonly<Record<string, (session: CostSession) => string | number | undefined>> = {
  provider: ({ provider }) => provider,
  session: ({ ids }) => idsText(ids),
  run_key: ({ runKey }) => runKey,
  attempt: ({ attempt }) => attempt,
  site: ({ site }) => site,
  work: ({ work }) => work,
  job: ({ identity }) => jobTitle(identity),
  job_key: ({ jobKey }) => jobKey,
  batch: ({ batch, batchId }) => batch ?? batchId,
  batch_id: ({ batchId }) => batchId,
  run_id: ({ runId }) => runId,
  model: ({ model }) => model,
  began: ({ openedAt }) => openedAt,
  ended: ({ endedAt }) => endedAt,
  booked: ({ bookedAt }) => bookedAt,
  use: ({ use }) => use,
  reason: ({ reason }) => reason,
  input_tokens: ({ inputTokens }) => inputTokens,
  output_tokens: ({ outputTokens }) => outputTokens,
  cached_tokens: ({ cachedTokens }) => cachedTokens,
  cost: ({ costMicros }) => units(costMicros),
  currency: ({ currency }) => currency,
  cost_source: ({ costSource }) => costSource,
  reserved: ({ reservedMicros }) => units(reservedMicros),
  not_paid_again: ({ attached }) => attached,
};

/** One record for each session. */
export const sessionsCsv = (sessions: readonly CostSession[]): readonly string[] => [
  record(Object.keys(SESSION_COLUMNS)),
  ...sessions.map((session) => record(Object.values(SESSION_COLUMNS).map((cell) => cell(session)))),
];

const record = (cells: readonly (string | number | undefined)[]): string => csvLine(cells).trimEnd();

/** Exact, as a number that no locale can misread: six digits after the point. */
function units(micros: number): string {
  const digits = String(micros).padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
