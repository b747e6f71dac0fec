import type { Hold } from '../contract/holds.js';
import type { InHand } from '../ledger/ledger.js';
import type { Connections } from './connections.js';
import { isWorkerAlive } from './worker-host.js';

/** What was begun before a pause was written is on its way for so long at most; what is not by then is told. */
const SETTLE_MS = 15_000;
const LOOK_MS = 100;

/**
 * Waits until nothing that was begun before a pause is about to leave: no service is being asked for a session, no
 * request of an effect is out. Jobs under way that may go on (`admit`) are not waited for.
 * @param scope of a batch: its Workflow ID
 * @param mayGoOn whether a worker could still finish what is on its way
 */
export async function untilQuiet(
  scope: Hold['scope'],
  level: Hold['level'],
  connections: Connections,
  mayGoOn = () => isWorkerAlive(connections),
): Promise<InHand> {
  const ledger = await connections.ledger();
  const end = Date.now() + SETTLE_MS;
  for (;;) {
    const inHand = await ledger.inHand(scope);
    const quiet = inHand.starting === 0 && (level === 'admit' || inHand.effects === 0);
    if (quiet || Date.now() > end || !(await mayGoOn())) return inHand;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
