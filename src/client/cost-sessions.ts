import { idsIn } from '../activities/session/session-name.js';
import type { CostRow } from '../ledger/ledger.js';

/** One session, to be held against the bill of its service. Money is in whole micro-units of the currency. */
export interface CostSession {
  readonly provider: string;
  /** Ids by which the service knows it; empty where it was never told any. */
  readonly ids: Readonly<Record<string, string | number>>;
  /** What it carries at the service that is ours. */
  readonly runKey: string;
  readonly attempt: number;
  readonly work: string;
  readonly jobKey: string;
  readonly identity: Readonly<Record<string, string>>;
  readonly site: string | undefined;
  readonly batchId: string;
  readonly batch: string | undefined;
  /** Run of the job's Workflow that began it. */
  readonly runId: string;
  readonly model: string | undefined;
  readonly openedAt: string;
  /** Undefined while it is under way. */
  readonly endedAt: string | undefined;
  /** The day it belongs to is that of this instant. */
  readonly bookedAt: string | undefined;
  readonly use: CostRow['use'];
  /** Why its money was wasted. */
  readonly reason: string | undefined;
  readonly currency: string;
  readonly costMicros: number;
  readonly costSource: CostRow['usage']['costSource'];
  /** Set aside while it is under way; not part of the cost. */
  readonly reservedMicros: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  /** How often a later try went on with it. */
  readonly attached: number;
}

export function costSession(row: CostRow): CostSession {
  const { runKey, attempt, work, jobKey, identity, site, batchId, batchName, provider, model } = row;
  const { runId, openedAt, endedAt, bookedAt, use, currency, attached } = row;
  const { inputTokens, outputTokens, cachedTokens, costMicros, costSource } = row.usage;
  return {
    ...{ provider, ids: Object.fromEntries(idsIn(row.ids)), runKey, attempt, work, jobKey, identity, site },
    ...{ batchId, batch: batchName, runId, model, openedAt, endedAt, bookedAt, use },
    reason: row.use === 'wasted' ? row.reason : undefined,
    ...{ currency, costMicros, costSource },
    reservedMicros: row.use === 'open' ? row.reservedMicros : 0,
    ...{ inputTokens, outputTokens, cachedTokens, attached },
  };
}
