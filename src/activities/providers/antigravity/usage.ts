import { NOTHING_USED, type Usage } from '../../../ledger/ledger.js';
import { phaseOf, textId, timeId } from '../managed/handle.js';
import { ownTable, undatedPrices } from '../managed/options.js';
import { namedIn, tableFor, tokenCostMicros } from '../managed/price-table.js';
import { reservedUsage } from '../managed/usage.js';
import { GOOGLE_PRICES } from '../prices/google.js';
import type { ProviderContext, SessionHandle } from '../provider.js';
import type { GeminiApi } from './api.js';
import type { AntigravityOptions } from './options.js';
import type { Interaction } from './replies.js';

type PriceOptions = Pick<AntigravityOptions, 'model' | 'prices' | 'reserve'>;

/**
 * What a run used. The service reports tokens and no money; a run whose tokens can't be learnt, because it still
 * runs, is gone, or got no answer to its start, is booked with its reserve.
 */
export async function usageOfRun(
  handle: SessionHandle,
  { api, options }: { api: GeminiApi; options: AntigravityOptions },
  { signal }: ProviderContext,
): Promise<Usage> {
  if (phaseOf(handle) === 'prepared') return NOTHING_USED;
  const id = textId(handle, 'interaction');
  const run = id === undefined ? undefined : await api.interaction(id, signal);
  if (!run?.usage) return reservedUsage(options.reserve);
  return usageOfTokens(run.usage, new Date(startOf(run, handle)), options);
}

/** A run whose model has no table is booked with its reserve, however little it has cost. */
export function priceNotes({ model, prices, reserve }: PriceOptions, now: Date): string[] {
  if (prices !== undefined || tableFor(GOOGLE_PRICES, model, now) !== undefined) return undatedPrices(prices);
  const booked = `each of its sessions is booked at ${reserve} USD (agent.with.reserve), or at what a budget has set aside for it, whatever it cost`;
  return [`no price of ${model} is known: ${booked}; give agent.with.prices`];
}

/** The clock of the service, where it says when the run was made: its prices change at its own midnight. */
const startOf = ({ created = '' }: Interaction, handle: SessionHandle): number => {
  const said = Date.parse(created);
  return Number.isNaN(said) ? (timeId(handle, 'startedAt') ?? timeId(handle, 'sentAt') ?? 0) : said;
};

/**
 * Cached tokens are part of the input; thoughts come beside the output, results of tools beside the input.
 * Source: `UsageMetadata` in the types of @google/genai 2.32.0, which documents these counts of the same service.
 */
export function usageOfTokens(
  usage: NonNullable<Interaction['usage']>,
  startedAt: Date,
  { model, prices, reserve }: PriceOptions,
): Usage {
  const whole = (count = 0): number => Math.round(count);
  const cached = whole(usage.total_cached_tokens);
  const input = Math.max(whole(usage.total_input_tokens), cached) + whole(usage.total_tool_use_tokens);
  const output = whole(usage.total_output_tokens) + whole(usage.total_thought_tokens);
  const counts = { inputTokens: input, outputTokens: output, cachedTokens: cached, model };

  const table = ownTable(prices) ?? tableFor(GOOGLE_PRICES, model, startedAt);
  if (!table) return reservedUsage(reserve, counts);
  const costMicros = tokenCostMicros({ input: input - cached, output, cached }, table.price);
  return { ...counts, costMicros, costSource: 'price-table', currency: 'USD', priceTable: namedIn(table) };
}
