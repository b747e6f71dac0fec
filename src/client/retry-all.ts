import { AdapterError, UsageError } from '../contract/errors.js';
import { scopeText, type HoldScope } from '../contract/holds.js';
import { selectionText, type JobSelection } from '../contract/job-selection.js';
import { isUnderWay } from '../contract/states.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import type { BatchRow, StoppedJob } from '../ledger/ledger.js';
import { reasonAbout } from './audited.js';
import type { Connections } from './connections.js';
import { retryBatch, type Retried } from './retry.js';
import { membersOf, unknownName } from './scope-members.js';
import { alsoBeside, assertSelection, toRetry, type AlsoRun } from './to-retry.js';

/** Which parked jobs of many batches are meant; `first` counts over all of them. */
export type WideSelection = Omit<JobSelection, 'keys'>;

export interface ToRetry {
  readonly batch: BatchRow;
  /** None where it has ended unfinished without a parked job, as after a night whose service was down. */
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
 * the first. Where all of them are meant, batches that have ended with other jobs unfinished, too. Not of a batch that
 * somebody cancelled, nor of an older list of a name and edition. Changes nothing, and needs no engine.
 * @throws UsageError when no batch has ever had that work or provider, or there is none at all
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
  const areAllMeant = selectionText(wide) === undefined;
  const found: ToRetry[] = [];
  const taken = new Set<string>();
  for (const batch of goneOnWith(members)) {
    const ofBatch = await toRetry(batch, connections, selection);
    const jobs = ofBatch
      .filter(({ key }) => !taken.has(jobWorkflowId({ work: batch.work, jobKey: key })))
      .slice(0, Math.max(0, first - taken.size));
    for (const { key } of jobs) taken.add(jobWorkflowId({ work: batch.work, jobKey: key }));
    if (jobs.length === 0 && !areAllMeant) continue;
    const keys = (jobs.length > 0 ? jobs : ofBatch).map(({ key }) => key);
    const also = isUnderWay(batch.state) ? [] : await alsoBeside(batch, keys, connections);
    if (jobs.length > 0 || also.length > 0) found.push({ batch, jobs, also });
  }
  return found;
}

/** Without those that somebody has ended, and those whose list a newer one of their name and edition has replaced. */
function goneOnWith(newestFirst: readonly BatchRow[]): readonly BatchRow[] {
  const replaced = new Set<string>();
  return newestFirst.filter(({ name, edition, state }) => {
    const list = JSON.stringify([name, edition]);
    const isNewest = !replaced.has(list);
    replaced.add(list);
    return state !== 'cancelled' && (isNewest || isUnderWay(state));
  });
}

/** A batch without a parked job is started for the rest of it, of which nothing can be named. */
const selectionOf = (jobs: readonly StoppedJob[]): JobSelection =>
  jobs.length === 0 ? {} : { keys: jobs.map(({ key }) => key) };

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
    try {
      answers.push({
        batch: batch.id,
        retried: await retryBatch(batch, connections, selectionOf(jobs), why),
      });
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof AdapterError)) throw error;
      answers.push({ batch: batch.id, refused: error.message });
    }
  }
  return answers;
}
