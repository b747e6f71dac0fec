import type { HoldScope } from '../contract/holds.js';
import type { ControlState } from '../contract/messages.js';
import { audited, reasonAbout } from './audited.js';
import type { Connections } from './connections.js';
import { scopeRequest } from './holds.js';
import { assertConcurrency, concurrencyText, setConcurrency, type Answer } from './operate.js';
import { membersUnderWay } from './scope-members.js';

/** A batch that the ledger had as under way, and its answer. */
export interface Widened {
  /** Workflow ID. */
  readonly batch: string;
  readonly answer: Answer<ControlState>;
}

/**
 * Jobs in progress at once, in each batch of that scope that is under way. Batches that start later go by their batch file.
 * @returns newest first @throws UsageError when no batch has ever had that work or provider, or it is no such number
 */
export async function setConcurrencyAll(
  scope: HoldScope,
  concurrency: number,
  connections: Connections,
  reason?: string,
): Promise<readonly Widened[]> {
  assertConcurrency(concurrency);
  const what = reasonAbout(concurrencyText(concurrency), reason);
  return audited(
    await connections.ledger(),
    scopeRequest('concurrency', scope, connections, what),
    async () => {
      const members = await membersUnderWay(scope, connections);
      const ends = await Promise.allSettled(
        members.map(async (row) => ({
          batch: row.id,
          answer: await setConcurrency(row, concurrency, connections, reason),
        })),
      );
      return ends.map((end) => {
        if (end.status === 'rejected') throw end.reason;
        return end.value;
      });
    },
    (widened) => ({ outcome: widened.length === 0 ? 'ended' : 'done' }),
  );
}
