import { adoptFromDestinations, askDestinations, standingOf } from '../activities/adopt.js';
import type { Batch } from '../batch/read-batch.js';
import { jobTitle } from '../contract/job.js';
import { isFinished } from '../contract/states.js';
import type { By } from '../ledger/ledger.js';
import type { Connections } from './connections.js';
import { eachAtOnce } from './each-at-once.js';
import { lookContext } from './look-context.js';

export interface Rebuilt {
  readonly jobs: number;
  /** Every effect was found; the job is done. */
  readonly adopted: number;
  /** Some effects were found; a run does the rest. */
  readonly partly: number;
  /** Known already, or nothing was found. */
  readonly unchanged: number;
  /** Effects at destinations that can't be asked: whether they landed, this call could not find out. */
  readonly unasked: number;
  /** Jobs whose place is taken by something else, and by what. */
  readonly taken: readonly { readonly title: string; readonly why: string }[];
}

const AT_ONCE = 8;

/**
 * Writes receipts for what the destinations have of a batch and the ledger does not: after the ledger was lost, or an
 * older copy of it restored. Sends look-ups only, and starts nothing. What it can't find a run would do again, so
 * effects that can't be asked for stay what they are.
 */
export async function rebuildLedger(
  { definition, jobs, workflowId }: Batch,
  connections: Connections,
  onJob: (jobs: number) => void = () => undefined,
): Promise<Rebuilt> {
  const ledger = await connections.ledger();
  const { work } = definition;
  const known = await ledger.jobs(
    work,
    jobs.map(({ key }) => key),
  );
  const by: By = {
    batchId: workflowId,
    workflowId: '',
    runId: '',
    attempt: 1,
    worker: `rebuild by ${connections.who}`,
  };
  const counts = { adopted: 0, partly: 0, unchanged: 0 };
  const taken: { title: string; why: string }[] = [];
  let asked = 0;
  let unasked = 0;

  await eachAtOnce(jobs, AT_ONCE, async (job) => {
    const state = known.get(job.key)?.state;
    if (isFinished(state)) counts.unchanged++;
    else counts[await rebuildJob(job)]++;
    onJob(++asked);
  });
  return { jobs: jobs.length, ...counts, unasked, taken };

  async function rebuildJob(job: Batch['jobs'][number]): Promise<keyof typeof counts> {
    const asking = { definition, job, context: lookContext() };
    const answers = await askDestinations(asking, { ...connections.config, ledger });
    unasked += answers.filter(({ found }) => found === undefined).length;
    const standings = answers.map(({ found }) => standingOf(found, job));
    const obstacle = standings.find((standing) => standing.kind === 'taken');
    if (obstacle) taken.push({ title: jobTitle(job.identity), why: obstacle.why });
    if (obstacle || standings.every(({ kind }) => kind === 'missing')) return 'unchanged';

    const { key: jobKey, identity, fingerprint, revision } = job;
    const effectKeys = answers.map(({ effect }) => effect.key);
    const claim = await ledger.claimJob({ work, jobKey, identity, fingerprint, revision, effectKeys, by });
    if (claim.kind !== 'claimed') return 'unchanged';
    const ranUnseen = async (someAreThere: boolean) => claim.fresh && someAreThere;
    const adopted = await adoptFromDestinations(answers, asking, ledger, by, ranUnseen);
    if (adopted?.kind === 'adopted') return 'adopted';
    if (adopted === undefined) await ledger.settleJob({ work, jobKey }, { state: 'waiting' }, by);
    return 'partly';
  }
}
