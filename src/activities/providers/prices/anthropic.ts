import type { PriceTable, TokenPrice } from '../managed/price-table.js';

/**
 * For estimates only: the service reports what a session cost, except for models without a list price.
 * Reading a cache costs a tenth of the input, writing one for five minutes a quarter more than the input.
 */
const priced = (model: string, usdInput: number, usdOutput: number): PriceTable => {
  const input = usdInput * 1_000_000;
  const price: TokenPrice = {
    input,
    output: usdOutput * 1_000_000,
    cached: input / 10,
    cacheWrite: (input * 5) / 4,
  };
  return {
    id: `anthropic-2026-11-${model}`,
    source: 'third-party reports of token prices, November 2026',
    readOn: '2026-11-23',
    from: '2026-01-01T00:00:00Z',
    models: new RegExp(`(^|-)${model}(-|$)`),
    price,
  };
};

export const ANTHROPIC_PRICES: readonly PriceTable[] = [
  priced('sonnet', 2, 10),
  priced('opus', 4, 20),
  priced('haiku', 1, 5),
  priced('fable', 10, 50),
];

/** Micro-dollars for an hour in which a session runs. Source: platform.claude.com, pricing of managed agents. */
export const SESSION_HOUR_MICROS = 80_000;
