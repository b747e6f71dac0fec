import { centsOf } from '../agent/money.js';
import { timestamp } from '../clock.js';
import { spentBy, statusOf, type Session, type Span } from './session.js';

/** The resource as GET and lists show it. */
export function sessionJson(session: Session, spans: readonly Span[], now: number): SessionJson {
  const paid = spans.length > 0;
  const { activeMs } = spentBy(session, spans, now);
  const {
    archived_at: _archived,
    created_at: _created,
    updated_at: _updated,
    metadata: _metadata,
    ...agent
  } = session.agent;
  return {
    id: session.id,
    type: 'session',
    status: statusOf(session, spans, now),
    agent,
    environment_id: session.environmentId,
    title: session.title,
    metadata: session.metadata,
    budget: budgetJson(session.budgetCents),
    resources: session.resources,
    vault_ids: session.vaultIds,
    outcome_evaluations: [],
    deployment_id: null,
    archived_at: session.archivedAt === undefined ? null : timestamp(session.archivedAt),
    created_at: timestamp(session.createdAt),
    updated_at: timestamp(session.updatedAt),
    stats: paid
      ? { active_seconds: seconds(activeMs), duration_seconds: seconds(now - session.createdAt) }
      : {},
    usage: paid ? usageJson(session, spans, now) : { list_cost: null },
  };
}

export interface SessionJson {
  readonly id: string;
  readonly [field: string]: unknown;
}

export function usageJson(session: Session, spans: readonly Span[], at: number): Record<string, unknown> {
  const { tokens, activeMs, micros } = spentBy(session, spans, at);
  return {
    input_tokens: tokens.input - tokens.cached,
    output_tokens: tokens.output + tokens.thought,
    cache_read_input_tokens: tokens.cached,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    active_seconds: seconds(activeMs),
    server_tool_use: { web_search_requests: 0, web_fetch_requests: 0 },
    list_cost: { amount: String(centsOf(micros)), currency: 'USD' },
  };
}

/** Cents, as a text. */
export const budgetJson = (cents: number | null): Record<string, unknown> | null =>
  cents === null ? null : { type: 'limit', max_list_cost: { amount: String(cents), currency: 'USD' } };

const seconds = (ms: number): number => Math.round(ms) / 1000;
