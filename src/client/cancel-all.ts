import type { HoldScope } from '../contract/holds.js';
import { audited } from './audited.js';
import type { Connections } from './connections.js';
import { scopeRequest } from './holds.js';
import { whileHosted } from './hosted.js';
import { cancelBatch, type Answer, type CancelState } from './operate.js';
import { membersUnderWay } from './scope-members.js';

/** A batch that the ledger had as under way, and what came of its cancellation. */
export interface Cancelled {
  /** Workflow ID. */
  readonly batch: string;
  /** `ended`: it was over by then. */
  readonly answer: Answer<CancelState>['kind'];
  /** As of a single one. */
  readonly mayRunOn: CancelState['mayRunOn'];
}

/**
 * Ends all batches of that scope that are under way. All are asked at once, for while one finishes what it has in hand the
 * others would go on to pay for sessions. Batches that start later are not held: that is a pause.
 * @returns newest first @throws UsageError when no batch has ever had that work or provider, or there is none at all
 */
export async function cancelAll(
  scope: HoldScope,
  connections: Connections,
  reason?: string,
): Promise<readonly Cancelled[]> {
  return audited(
    await connections.ledger(),
    scopeRequest('cancel', scope, connections, reason),
    async () => {
      const members = await membersUnderWay(scope, connections);
      if (members.length === 0) return [];
      // One worker for all, where none lives: those that each call would host find the place taken.
      return whileHosted(connections, async () => {
        const ends = await Promise.allSettled(
          members.map(async (row): Promise<Cancelled> => {
            const answer = await cancelBatch(row, connections, reason);
            const { mayRunOn } = answer.kind === 'answered' ? answer.state : { mayRunOn: [] };
            return { batch: row.id, answer: answer.kind, mayRunOn };
          }),
        );
        return ends.map((end) => {
          if (end.status === 'rejected') throw end.reason;
          return end.value;
        });
      });
    },
    (cancelled) => ({ outcome: cancelled.length === 0 ? 'ended' : 'done' }),
  );
}
