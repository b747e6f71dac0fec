import type { Usage } from '../../../ledger/ledger.js';

/** Micro-units of US dollars per million tokens: 0.75 USD is 750,000. */
export interface TokenPrice {
  readonly input: number;
  readonly output: number;
  /** Input that came from a cache. */
  readonly cached: number;
  /** Input that was written to a cache; as `input` where absent. */
  readonly cacheWrite?: number;
}

/** Prices of some models in a time, with where they are from. */
export interface PriceTable {
  /** Shown beside a cost, so that a figure can be traced. */
  readonly id: string;
  readonly source: string;
  /** Day on which the source was read. */
  readonly readOn: string;
  /** ISO 8601; the first moment of its validity. */
  readonly from: string;
  /** ISO 8601; the first moment after it. */
  readonly until?: string;
  readonly models: RegExp;
  readonly price: TokenPrice;
}

/** Tokens, none of them counted in two fields. */
export interface BilledTokens {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly cacheWrite?: number;
}

/** What a cost reckoned with a table says of it. */
export const namedIn = ({
  id,
  readOn,
}: Pick<PriceTable, 'id' | 'readOn'>): NonNullable<Usage['priceTable']> => ({
  id,
  date: readOn,
});

/** The table for a model at a time: the one that was valid when the session started decides its price. */
export const tableFor = (tables: readonly PriceTable[], model: string, at: Date): PriceTable | undefined =>
  tables.find(
    ({ models, from, until }) =>
      models.test(model) &&
      at.getTime() >= Date.parse(from) &&
      (until === undefined || at.getTime() < Date.parse(until)),
  );

/** Whole micro-dollars, rounded up. */
export function tokenCostMicros(tokens: BilledTokens, price: TokenPrice): number {
  const { input, output, cached, cacheWrite = 0 } = tokens;
  const sum =
    input * price.input +
    output * price.output +
    cached * price.cached +
    cacheWrite * (price.cacheWrite ?? price.input);
  return Math.ceil(sum / 1_000_000);
}
