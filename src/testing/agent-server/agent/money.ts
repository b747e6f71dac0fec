import type { Tokens } from './plan.js';

/** US dollars per million tokens, which are micro-dollars per token. */
interface Price {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
}

/** Third-party token prices of October 2026, for Flash 3.6 to 3.8; valid to 2026-12-31. */
const FLASH: Price = { input: 0.75, output: 3.75, cached: 0.075 };

/** Third-party token prices of 2026; reading the cache costs a tenth of the input. */
const CLAUDE: readonly (readonly [name: RegExp, price: Price])[] = [
  [/sonnet/, { input: 2, output: 10, cached: 0.2 }],
  [/opus/, { input: 4, output: 20, cached: 0.4 }],
  [/haiku/, { input: 1, output: 5, cached: 0.1 }],
  [/fable/, { input: 10, output: 50, cached: 1 }],
];

/** $0.08 for each hour in which a session runs. Source: the vendor's page on managed-agent pricing. */
const SESSION_MICROS_PER_MS = 80_000 / 3_600_000;

/** Micro-dollars, whole. */
const costOf = ({ input, cached, output, thought }: Tokens, price: Price): number =>
  Math.round((input - cached) * price.input + cached * price.cached + (output + thought) * price.output);

export const geminiMicros = (tokens: Tokens): number => costOf(tokens, FLASH);

/** Undefined for a model that has no list price. */
export function claudeMicros(model: string, tokens: Tokens, activeMs: number): number | undefined {
  const price = CLAUDE.find(([name]) => name.test(model))?.[1];
  return price && costOf(tokens, price) + Math.round(activeMs * SESSION_MICROS_PER_MS);
}

/** Whole cents, rounded up. */
export const centsOf = (micros: number): number => Math.ceil(micros / 10_000);
