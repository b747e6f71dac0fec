import { jobTitle } from '../contract/job.js';
import type { CostRow } from '../ledger/ledger.js';

/** What costs can be split by. */
export const COST_DIMENSIONS = [
  'site',
  'work',
  'batch',
  'job',
  'provider',
  'model',
  'day',
  'reason',
] as const;
export type CostDimension = (typeof COST_DIMENSIONS)[number];

/** Sums over some sessions. Money is in whole micro-units of the currency: 0.01 USD is 10,000. */
export interface CostSums {
  /** Sessions that are over. */
  sessions: number;
  costMicros: number;
  usefulMicros: number;
  /** Of sessions whose artifact no job has. `costMicros` is this and `usefulMicros`. */
  wastedMicros: number;
  /** Part of `costMicros` that was set aside or estimated, because the real cost could not be learnt. */
  estimatedMicros: number;
  /** Part of `estimatedMicros` that budgets had set aside for those sessions. */
  setAsideMicros: number;
  /** Sessions whose cost is not known, and counts as nothing. */
  unknown: number;
  /** Of useful sessions that a later try went on with: what it would have paid again. */
  attachedMicros: number;
  /** Sessions under way, and what is set aside for them; not part of the cost. */
  open: number;
  reservedMicros: number;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
}

export interface CostSlice extends CostSums {
  /** `-` where a session has no such thing: a job without a site, a provider that names no model. */
  readonly key: string;
  /** Tells jobs of one title apart. */
  readonly id: string;
  readonly currency: string;
}

const NONE = '-';

/**
 * Adds sessions up by one dimension, apart by currency. Each session is in exactly one slice, so slices add up to the
 * total to the micro-unit.
 */
export class CostTable {
  private readonly slices = new Map<string, CostSlice>();

  /** @param dayName names the day of an instant; needed by `day` only */
  constructor(
    private readonly by: CostDimension | 'all',
    private readonly dayName: (at: Date) => string,
  ) {}

  add(row: CostRow): void {
    const { key, id } = this.placeOf(row);
    const { currency } = row;
    const at = JSON.stringify([id, currency]);
    const slice = this.slices.get(at) ?? { key, id, currency, ...noCosts() };
    this.slices.set(at, slice);
    addTo(slice, row);
  }

  /** Days in their order; all else the dearest first. */
  result(): readonly CostSlice[] {
    const byKey = (a: CostSlice, b: CostSlice) => compare(a.currency, b.currency) || compare(a.id, b.id);
    const byCost = (a: CostSlice, b: CostSlice) =>
      compare(a.currency, b.currency) || b.costMicros - a.costMicros || compare(a.id, b.id);
    return [...this.slices.values()].sort(this.by === 'day' ? byKey : byCost);
  }

  private placeOf(row: CostRow): { readonly key: string; readonly id: string } {
    if (this.by === 'job') return { key: jobTitle(row.identity), id: `${row.work}:${row.jobKey}` };
    if (this.by === 'batch') return { key: row.batchName ?? row.batchId, id: row.batchId };
    const key = this.keyOf(row, this.by) ?? NONE;
    return { key, id: key };
  }

  private keyOf(row: CostRow, by: Exclude<CostDimension, 'job' | 'batch'> | 'all'): string | undefined {
    if (by === 'all') return 'total';
    if (by === 'day') return this.dayName(new Date(row.bookedAt ?? row.openedAt));
    if (by === 'reason') return row.use === 'wasted' ? `wasted: ${row.reason}` : row.use;
    return row[by];
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const noCosts = (): CostSums => ({
  sessions: 0,
  costMicros: 0,
  usefulMicros: 0,
  wastedMicros: 0,
  estimatedMicros: 0,
  setAsideMicros: 0,
  unknown: 0,
  attachedMicros: 0,
  open: 0,
  reservedMicros: 0,
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
});

function addTo(sums: CostSums, row: CostRow): void {
  if (row.use === 'open') {
    sums.open += 1;
    sums.reservedMicros += row.reservedMicros;
    return;
  }
  const { costMicros, costSource, inputTokens, outputTokens, cachedTokens } = row.usage;
  sums.sessions += 1;
  sums.costMicros += costMicros;
  if (row.use === 'useful') sums.usefulMicros += costMicros;
  else sums.wastedMicros += costMicros;
  if (costSource === 'estimate' || costSource === 'reserved') sums.estimatedMicros += costMicros;
  if (costSource === 'reserved') sums.setAsideMicros += costMicros;
  if (costSource === 'none') sums.unknown += 1;
  if (row.use === 'useful' && row.attached > 0) sums.attachedMicros += costMicros;
  sums.inputTokens += inputTokens;
  sums.outputTokens += outputTokens;
  sums.cachedTokens += cachedTokens;
}
