import { budgetInForce } from '../../batch/budget-in-force.js';
import { effectsOf } from '../../batch/effects.js';
import type { Definition } from '../../contract/batch-file.js';
import type { Job } from '../../contract/job.js';
import { holdsStep } from '../../policy/hold.js';
import type { AgentEnd, AgentRequest, Waiting } from '../../contract/messages.js';
import type { Gate, Ledger, SessionBudget } from '../../ledger/ledger.js';
import { budgetLimits, type BudgetDecision } from '../../policy/budget.js';
import { longer } from '../../policy/longer.js';
import type { RetryPolicy } from '../../policy/retry.js';
import type { Deps } from '../deps.js';
import { effectLane } from '../lanes/lane-of.js';
import type { Lane } from '../lanes/lane.js';
import { waitOrLeave, type Told } from '../lanes/wait-or-leave.js';
import type { StepOf } from '../stop-job.js';
import type { Provider } from '../providers/provider.js';

/** Whether a pause stands before the step; undefined when none does. */
export async function paused(gate: Gate, ledger: Pick<Ledger, 'holdOf'>): Promise<AgentEnd | undefined> {
  const hold = await ledger.holdOf(gate);
  return holdsStep(hold?.level, gate.underWay) ? { kind: 'paused' } : undefined;
}

/** Whether jobs stand still altogether: nothing is even looked at. */
export const frozen = async (gate: Gate, ledger: Pick<Ledger, 'holdOf'>): Promise<boolean> =>
  (await ledger.holdOf(gate))?.level === 'freeze';

/** A step that asks whether its job may have a session. */
export interface Asking {
  readonly deps: Deps;
  readonly ref: AgentRequest & StepOf;
  readonly definition: Definition;
  readonly job: Job;
  readonly lane: Lane;
  readonly retry: RetryPolicy;
  readonly makeProvider: () => Promise<Provider>;
}

/** What stands in the way of a new session; undefined when nothing does, and its place is taken then, unless it only looks. */
export async function refusal({ lane, ref, definition, retry, deps }: Asking): Promise<Told | undefined> {
  const entry = ref.looks
    ? await lane.enter('look', { tentative: true })
    : await lane.enter('session', { waits: ref.waits ?? 0 });
  return entry.kind === 'wait'
    ? waitOrLeave(entry, { job: ref, provider: definition.agent.use, retry, deps })
    : undefined;
}

/**
 * Whether a destination that would be asked before the session wants to be left alone. Of the jobs that only look, one is
 * let through to find out.
 */
export async function closedDestination({
  ref,
  definition,
  job,
  retry,
  deps,
}: Omit<Asking, 'lane' | 'makeProvider'>): Promise<Told | undefined> {
  for (const effect of effectsOf(definition, job)) {
    const lane = effectLane(definition, effect, ref, deps);
    const entry = ref.looks ? await lane?.enter('look', { tentative: true }) : await lane?.closed();
    if (entry?.kind === 'wait')
      return waitOrLeave(entry, {
        job: ref,
        provider: definition.agent.use,
        retry,
        deps,
        effect: effect.name,
      });
  }
  return undefined;
}

/**
 * Whether a job that was told to wait has to wait on. Asked before anything else, so that a night of waiting leaves no
 * trace in the ledger, and no request at any destination.
 */
export async function stillWaits(asking: Asking): Promise<Told | undefined> {
  const { ref, definition, makeProvider, deps } = asking;
  const { work, key: jobKey, batchId, waits = 0 } = ref;
  if (waits === 0 || !(await deps.ledger.needsSession({ work, jobKey }))) return undefined;
  const closed = await closedDestination(asking);
  if (closed !== undefined) return closed;
  const budget = await budgetInForce(batchId, definition, deps);
  if (budget !== undefined) {
    const { facts } = await makeProvider();
    const asks = { work, jobKey, batchId, provider: facts.name };
    const room = await deps.ledger.budgetRoom(asks, sessionBudget(budget, facts));
    if (room.kind === 'wait') return roomWait(room, waits);
  }
  return refusal(asking);
}

/** What a session may cost at most. */
export const sessionBudget = (
  budget: NonNullable<Definition['budget']>,
  { capMicros }: Provider['facts'],
): SessionBudget => ({ limits: budgetLimits(budget), ...(capMicros !== undefined && { capMicros }) });

export const roomWait = (
  { delayMs, message }: Extract<BudgetDecision, { kind: 'wait' }>,
  waits = 0,
): Waiting => ({ kind: 'wait', delayMs: longer(delayMs, waits), why: message });
