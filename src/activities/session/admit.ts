import { holdsStep } from '../../policy/hold.js';
import type { AgentEnd } from '../../contract/messages.js';
import type { Gate, Ledger } from '../../ledger/ledger.js';
import type { Lane } from '../lanes/lane.js';

/** Whether a pause stands before the step; undefined when none does. */
export async function paused(gate: Gate, ledger: Pick<Ledger, 'holdOf'>): Promise<AgentEnd | undefined> {
  const hold = await ledger.holdOf(gate);
  return holdsStep(hold?.level, gate.underWay) ? { kind: 'paused' } : undefined;
}

/** Whether jobs stand still altogether: nothing is even looked at. */
export const frozen = async (gate: Gate, ledger: Pick<Ledger, 'holdOf'>): Promise<boolean> =>
  (await ledger.holdOf(gate))?.level === 'freeze';

/** What stands in the way of a new session; undefined when nothing does. */
export async function refusal(lane: Lane): Promise<AgentEnd | undefined> {
  const entry = await lane.enter('session');
  return entry.kind === 'wait' ? entry : undefined;
}
