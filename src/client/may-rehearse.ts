import { agentAccount, laneIdOf } from '../activities/lanes/lane-key.js';
import { providerFor } from '../activities/providers/provider-for.js';
import type { Batch } from '../batch/read-batch.js';
import { NotNow } from '../contract/errors.js';
import { holdText, resumeWords } from '../contract/holds.js';
import type { PlacedJob } from '../contract/job.js';
import type { Ledger } from '../ledger/ledger.js';
import { budgetLimits } from '../policy/budget.js';
import { enter } from '../policy/limits/places.js';
import { localTime } from '../report/format.js';
import type { Connections } from './connections.js';

/**
 * Sessions of a rehearsal cost what those of a real run cost, and use the same account, but its ledger knows nothing of
 * real runs: what would keep a real session back is asked for here. Writes nothing.
 * @param jobs whose sessions are to be run
 * @param looking whose ledger is that of real runs
 * @throws NotNow
 */
export async function assertMayRehearse(
  batch: Batch,
  jobs: readonly PlacedJob[],
  looking: Connections,
): Promise<void> {
  const ledger = await looking.ledger();
  await assertNotPaused(batch, ledger);
  await assertLaneOpen(batch, ledger);
  await assertWithinBudget(batch, jobs, ledger, looking);
}

async function assertNotPaused({ workflowId, definition }: Batch, ledger: Ledger): Promise<void> {
  const { work, agent } = definition;
  const hold = await ledger.holdOf({ batchId: workflowId, work, provider: agent.use });
  if (hold === undefined) return;
  const { scope, since } = hold;
  throw new NotNow(`${holdText(hold)} (since ${localTime(since)}). ${NOTHING_STARTED}`, resumeWords(scope));
}

async function assertLaneOpen({ workflowId, definition }: Batch, ledger: Ledger): Promise<void> {
  const { agent, limits } = definition;
  const { id } = laneIdOf(agentAccount(agent));
  const lane = (await ledger.lanes()).find((row) => row.id === id);
  if (lane === undefined) return; // never limited, never in trouble
  const user = {
    who: 'a rehearsal',
    batchId: workflowId,
    limits: agent.limits ?? {},
    priority: limits.priority,
  };
  const entry = enter(lane.state, user, lane.nowMs, { held: lane.sessions });
  if (entry.kind === 'go') return;
  const closed = lane.state.gate !== undefined;
  const what = closed ? 'the lane is closed' : 'real sessions go first';
  throw new NotNow(
    `${lane.label}: ${what}, for ${entry.why}. ${NOTHING_STARTED}`,
    closed ? ['lanes', '--reset', id] : undefined,
  );
}

/** Budgets of a day and of a site are about all that is spent; those of a job and a batch are the rehearsal's own. */
async function assertWithinBudget(
  { file, workflowId, definition }: Batch,
  jobs: readonly PlacedJob[],
  ledger: Ledger,
  { config: { stateDir, env } }: Connections,
): Promise<void> {
  const { budget, work } = definition;
  if (budget?.perDay === undefined && budget?.perSite === undefined) return;
  const { perJob: _, perBatch: __, sessions: ___, tokens: ____, ...limits } = budgetLimits(budget);
  const { name, capMicros } = (await providerFor(definition, { stateDir, env })).facts;
  const bySite = new Map(jobs.map((job) => [job.identity['site'], job.key]));
  for (const [site, jobKey] of bySite) {
    const asked = { work, jobKey, batchId: workflowId, provider: name, ...(site !== undefined && { site }) };
    const room = await ledger.budgetRoom(asked, { limits, ...(capMicros !== undefined && { capMicros }) });
    if (room.kind !== 'ok') throw new NotNow(`${file}: ${room.message}. ${NOTHING_STARTED}`);
  }
}

const NOTHING_STARTED = 'No session was started';
