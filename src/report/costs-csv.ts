import type { CostReport } from '../client/costs.js';
import type { CostSlice } from '../client/cost-slices.js';
import { csvLine } from '../evidence/csv.js';

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

const record = (cells: readonly (string | number)[]): string => csvLine(cells).trimEnd();

/** Exact, as a number that no locale can misread: six digits after the point. */
function units(micros: number): string {
  const digits = String(micros).padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
