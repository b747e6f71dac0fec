import { withLastOutput } from '../artifacts/last-output.js';
import { judgeManifest } from '../batch/judge-jobs.js';
import { AdapterError, ERROR_CLASSES, UsageError } from '../contract/errors.js';
import { selectionText, type JobSelection } from '../contract/job-selection.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import type { Effect } from '../contract/job.js';
import type { JobReport } from '../contract/result.js';
import { isUnderWay } from '../contract/states.js';
import type { BatchRow, JobsAsOf, StoppedJob } from '../ledger/ledger.js';
import type { LeftToDo } from '../policy/left-to-do.js';
import { needsSession, RUNS } from '../policy/verdict.js';
import type { Connections } from './connections.js';

/** A job that a retry does not mean, and goes on with. */
export type AlsoRun = Pick<JobReport, 'key' | 'identity'>;

/** The jobs that a retry would take. Changes nothing, and needs no engine. @throws UsageError */
export async function toRetry(
  row: BatchRow,
  connections: Connections,
  selection: JobSelection = {},
): Promise<readonly StoppedJob[]> {
  assertSelection(selection);
  const jobs = await (await connections.ledger()).stopped(row.id, selection);
  return jobs.map(withLastOutput(connections.config.stateDir));
}

/**
 * The same, as a request keeps them: as they are at this moment, however late it is carried out, or once more.
 * @throws UsageError
 */
export async function requestedJobs(
  row: BatchRow,
  connections: Connections,
  selection: JobSelection,
): Promise<JobsAsOf> {
  const jobs = await toRetry(row, connections, selection);
  const asOf = await (await connections.ledger()).head();
  const alsoDiscarded = jobs.some(({ state }) => state === 'discarded');
  return { keys: jobs.map(({ key }) => key), asOf, ...(alsoDiscarded && { alsoDiscarded }) };
}

/**
 * Other unfinished jobs, in the order of the batch: its start runs all that is unfinished, whichever of them a retry
 * means. None where a run has them in hand already, or nothing would be started. Needs no engine. @throws UsageError
 */
export async function alsoRuns(
  row: BatchRow,
  connections: Connections,
  selection: JobSelection = {},
): Promise<readonly AlsoRun[]> {
  if (isUnderWay(row.state)) return [];
  const keys = (await toRetry(row, connections, selection)).map(({ key }) => key);
  return alsoBeside(row, keys, connections, selectionText(selection) !== undefined);
}

/**
 * `alsoRuns` of a batch that is not under way, where a retry would take the jobs of these keys.
 * @param isNarrower whether it means only some of the parked
 */
export async function alsoBeside(
  row: BatchRow,
  keys: readonly string[],
  connections: Connections,
  isNarrower = false,
): Promise<readonly AlsoRun[]> {
  if (keys.length === 0 && (row.state === 'completed' || isNarrower)) return [];
  try {
    return (await runsAgain(row, keys, connections)).also;
  } catch (error) {
    if (error instanceof AdapterError) return []; // its list is lost, which whoever starts it is told
    throw error;
  }
}

/** What a start of a batch has to do once some of its jobs have their new try. */
export interface RunsAgain {
  /** Beside those. */
  readonly also: readonly AlsoRun[];
  /** Effects of any one job that runs; undefined where none does. */
  readonly effects: readonly Effect[] | undefined;
  readonly left: LeftToDo;
}

/** @param keys of the jobs that have their new try by then @throws AdapterError `lost` */
export async function runsAgain(
  { manifest }: Pick<BatchRow, 'manifest'>,
  keys: readonly string[],
  connections: Connections,
): Promise<RunsAgain> {
  const meant = new Set(keys);
  const also: AlsoRun[] = [];
  let first: readonly Effect[] | undefined;
  let left: LeftToDo = 'nothing';
  const judged = judgeManifest(readManifestRef(manifest), await connections.ledger(), connections.artifacts);
  for await (const { job, verdict, known, effects } of judged) {
    const isMeant = meant.has(job.key);
    if (!isMeant && !RUNS.has(verdict)) continue;
    first ??= effects;
    if (left !== 'sessions') left = needsSession(job, known) ? 'sessions' : 'effects';
    if (!isMeant) also.push({ key: job.key, identity: job.identity });
  }
  return { also, effects: first, left };
}

/** @throws UsageError */
export function assertSelection({ errors = [], first }: JobSelection): void {
  const unknown = errors.find((name) => !ERROR_CLASSES.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`"${unknown}" is no error class; there are: ${ERROR_CLASSES.join(', ')}`);
  }
  if (first !== undefined && !(Number.isInteger(first) && first >= 1)) {
    throw new UsageError(`how many jobs to take first is a whole number from 1, not ${first}`);
  }
}
