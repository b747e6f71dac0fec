import { AdapterError, UsageError } from '../contract/errors.js';
import { scopeText, type HoldScope } from '../contract/holds.js';
import type { JobSelection } from '../contract/job-selection.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import type { BatchRow, StoppedJob } from '../ledger/ledger.js';
import { reasonAbout } from './audited.js';
import type { Connections } from './connections.js';
import { retryBatch, type Retried } from './retry.js';
import { membersOf, unknownName } from './scope-members.js';
import { alsoRuns, assertSelection, toRetry, type AlsoRun } from './to-retry.js';

/** Which parked jobs of many batches are meant; `first` counts over all of them. */
export type WideSelection = Omit<JobSelection, 'keys'>;

export interface ToRetry {
  readonly batch: BatchRow;
  readonly jobs: readonly StoppedJob[];
  /** Other unfinished jobs of it, which its start goes on with. */
  readonly also: readonly AlsoRun[];
}

/** What came of a retry of one batch among many. */
export interface RetriedBatch {
  /** Workflow ID. */
  readonly batch: string;
  readonly retried?: Retried;
  /** Why it took none of its jobs. The others are not kept from it. */
  readonly refused?: string;
}

/**
 * Parked jobs of all batches of that scope, by batch, the one opened last first; a job that several of them have is with
 * the first. Changes nothing, and needs no engine.
 * @throws UsageError when no batch has ever had that work or provider
 */
export async function toRetryAll(
  scope: HoldScope,
  connections: Connections,
  wide: WideSelection = {},
): Promise<readonly ToRetry[]> {
  assertSelection(wide);
  const { first = Infinity, ...selection } = wide;
  const batches = await (await connections.ledger()).batches(Number.MAX_SAFE_INTEGER);
  const members = await membersOf(scope, batches, connections);
  const unknown = members.length === 0 ? await unknownName(scope, connections) : undefined;
  if (unknown !== undefined) throw new UsageError(unknown);
  const found: ToRetry[] = [];
  const taken = new Set<string>();
  for (const batch of members) {
    const ofBatch = await toRetry(batch, connections, selection);
    const jobs = ofBatch
      .filter(({ key }) => !taken.has(jobWorkflowId({ work: batch.work, jobKey: key })))
      .slice(0, Math.max(0, first - taken.size));
    for (const { key } of jobs) taken.add(jobWorkflowId({ work: batch.work, jobKey: key }));
    if (jobs.length === 0) continue;
    const keys = jobs.map(({ key }) => key);
    found.push({ batch, jobs, also: await alsoRuns(batch, connections, { keys }) });
  }
  return found;
}

/** Those jobs run again, each batch as `retryBatch` does it: started again when it has ended. @throws as `toRetryAll` */
export async function retryAll(
  scope: HoldScope,
  connections: Connections,
  selection: WideSelection = {},
  reason?: string,
): Promise<readonly RetriedBatch[]> {
  const why = reasonAbout(scopeText(scope), reason);
  const answers: RetriedBatch[] = [];
  for (const { batch, jobs } of await toRetryAll(scope, connections, selection)) {
    const keys = jobs.map(({ key }) => key);
    try {
      answers.push({ batch: batch.id, retried: await retryBatch(batch, connections, { keys }, why) });
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof AdapterError)) throw error;
      answers.push({ batch: batch.id, refused: error.message });
    }
  }
  return answers;
}
