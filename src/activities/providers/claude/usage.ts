import { NOTHING_USED, type Usage } from '../../../ledger/ledger.js';
import { phaseOf, textId } from '../managed/handle.js';
import { ownTable } from '../managed/options.js';
import { namedIn, tableFor, tokenCostMicros } from '../managed/price-table.js';
import { reservedUsage } from '../managed/usage.js';
import { ANTHROPIC_PRICES, SESSION_HOUR_MICROS } from '../prices/anthropic.js';
import type { ProviderContext, SessionHandle } from '../provider.js';
import type { ClaudeApi } from './api.js';
import type { ClaudeOptions } from './options.js';
import type { Session } from './replies.js';

const MICROS_PER_CENT = 10_000;
const HOUR_S = 3600;

type PriceOptions = Pick<ClaudeOptions, 'prices' | 'reserve' | 'budget'>;

/**
 * What a session used. The service reports its cost in cents; for a model without a list price it is reckoned from
 * the tokens. A session that is gone is booked with its budget, or its reserve where it has none.
 */
export async function usageOfSession(
  handle: SessionHandle,
  { api, options }: { api: ClaudeApi; options: ClaudeOptions },
  { signal }: ProviderContext,
): Promise<Usage> {
  const id = textId(handle, 'session');
  if (id === undefined || phaseOf(handle) === 'prepared') return NOTHING_USED;
  const session = await api.session(id, signal);
  if (!session) return reservedUsage(mostOf(options));
  // Where no prompt arrived nothing was used, however unclear its sending was.
  return usageOf(session, options) ?? (await withoutFigures(id, options, api, signal));
}

/** undefined where the session shows no use at all. */
export function usageOf(session: Session, options: PriceOptions): Usage | undefined {
  const { usage = {} } = session;
  const whole = (count = 0): number => Math.round(count);
  const cached = whole(usage.cache_read_input_tokens);
  const written = whole(usage.cache_creation_input_tokens) || cacheWrites(usage.cache_creation ?? {});
  const input = whole(usage.input_tokens);
  const output = whole(usage.output_tokens);
  const model = modelOf(session);
  const counts = {
    inputTokens: input + cached + written,
    outputTokens: output,
    cachedTokens: cached,
    ...(model !== '' && { model }),
  };

  if (usage.list_cost) {
    const costMicros = Math.ceil(Number(usage.list_cost.amount) * MICROS_PER_CENT);
    return { ...counts, costMicros, costSource: 'provider', currency: 'USD' };
  }
  if (counts.inputTokens + output === 0) return undefined;
  const table = ownTable(options.prices) ?? tableFor(ANTHROPIC_PRICES, model, startOf(session));
  if (!table) return reservedUsage(mostOf(options), counts);
  const hours = Math.ceil(((usage.active_seconds ?? 0) * SESSION_HOUR_MICROS) / HOUR_S);
  const tokens = tokenCostMicros({ input, output, cached, cacheWrite: written }, table.price);
  return {
    ...counts,
    costMicros: tokens + hours,
    costSource: 'price-table',
    currency: 'USD',
    priceTable: namedIn(table),
  };
}

async function withoutFigures(
  id: string,
  options: PriceOptions,
  api: ClaudeApi,
  signal: AbortSignal,
): Promise<Usage> {
  const messages = await api.newestEvents(id, ['user.message'], 1, signal);
  return messages?.length === 0 ? NOTHING_USED : reservedUsage(mostOf(options));
}

/** A session may go over its budget by its last request; what was set aside is the better guess then too. */
export const mostOf = ({ budget, reserve }: PriceOptions): number => budget ?? reserve;

const cacheWrites = (created: {
  ephemeral_5m_input_tokens?: number | undefined;
  ephemeral_1h_input_tokens?: number | undefined;
}): number => Math.round((created.ephemeral_5m_input_tokens ?? 0) + (created.ephemeral_1h_input_tokens ?? 0));

const modelOf = ({ agent }: Session): string =>
  typeof agent?.model === 'string' ? agent.model : (agent?.model?.id ?? '');

const startOf = ({ created_at = '' }: Session): Date => {
  const at = new Date(created_at);
  return Number.isNaN(at.getTime()) ? new Date() : at;
};
