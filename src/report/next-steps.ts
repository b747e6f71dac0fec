import type { BatchOutcome, JobReport } from '../contract/result.js';
import type { BatchState } from '../contract/states.js';
import { localTime, plural } from './format.js';
import { backAtOf, isGatedForNow } from '../policy/back-at.js';
import { usedUpUntilOf } from '../policy/budget.js';
import { MENDABLE, mendSteps } from '../policy/mend.js';
import { ARTIFACTS_MENDED, isOfArtifacts } from '../policy/own-artifacts.js';

/** Commands as the operator can type them, flags of this call included. */
export interface Commands {
  /** Starts the batch again. */
  readonly run: string;
  readonly retry: string;
  /** Lists what only a person can settle. */
  readonly approve: string;
  readonly resume: string;
  readonly cancel: string;
  readonly receipts: string;
}

const SAY_YES_OR_NO = 'say yes or no to what waits for approval';

/**
 * What a person can do about jobs that did not finish, each advice once, the most pressing first.
 * @param asks effects of the batch that wait for a yes, where that is known
 */
export function nextSteps(
  jobs: readonly JobReport[],
  state: BatchState | BatchOutcome,
  { run, retry, resume, approve, cancel }: Commands,
  asks?: number,
): string[] {
  const is = (jobState: JobReport['state'], errorClass?: string) => (job: JobReport) =>
    job.state === jobState && (errorClass === undefined || job.error?.class === errorClass);
  const unclear = jobs.find((job) => job.state === 'held' && !SAID_ALREADY.has(job.error?.class));
  const session = jobs.find(({ heldForSession }) => heldForSession);
  const atGate = jobs.some(({ state: s, error }) => s === 'gated' && error === undefined);
  const isAnswered = atGate ? asks === 0 : state === 'waiting';
  const conflicts = new Set(jobs.filter(is('held', 'conflict')).map(conflictOf));
  const ofDay = jobs.flatMap((job) => usedUpUntilOf(job) ?? []).sort();
  const ofOthers = jobs.filter(
    (job) => !isOfArtifacts(job.error?.message) && usedUpUntilOf(job) === undefined,
  );
  // A start joins a run that stands still, and that run keeps the files it was started from.
  const rereads = state === 'paused' ? `${cancel}, then ${run}` : run;
  const steps = [
    ...MENDABLE.filter((errorClass) => ofOthers.some(is('gated', errorClass))).flatMap((errorClass) =>
      mendSteps(errorClass, { run, retry }).map(({ what, command }) => `${what}: ${command}`),
    ),
    jobs.some(({ error }) => isOfArtifacts(error?.message)) && `${ARTIFACTS_MENDED}: ${run}`,
    // A run under way goes on with them by itself.
    state !== 'running' &&
      ofDay[0] !== undefined &&
      `when the budget has room again, ${localTime(ofDay[0])}, or where you raise it, now: ${run}`,
    ...whenBack(ofOthers.filter(isGatedForNow)).map((when) => `${when}: ${run}`),
    jobs.some(is('parked')) &&
      `give the parked jobs a new budget: ${retry} (where you changed a file, first: ${rereads}, which reads it)`,
    conflicts.has('contents') &&
      `for a conflict, raise "revision" of that job or restore what it was, then: ${run}`,
    conflicts.has('place') &&
      `where a place is taken, give that job another one (path, slug, key) or clear the place, then: ${run}`,
    conflicts.has('plan') && `for what the plan did not allow, make a new plan, or without one: ${run}`,
    atGate && !isAnswered && `${SAY_YES_OR_NO}: ${approve}`,
    isAnswered && `what was approved leaves with: ${run}`,
    jobs.some(is('held', 'rejected')) && `a rejected job is asked for again after: ${retry} --job KEY`,
    jobs.some(is('held', 'timeout')) && `approve what nobody has answered in time: ${approve}`,
    jobs.some((job) => is('held', 'unknown')(job) && !job.heldForSession) &&
      `say whether what got no answer has landed: ${approve}`,
    session &&
      `look at the agent's service whether the run exists and what it did, then for each such job: ${retry} --job ${session.key}`,
    unclear && `look at the destination, then decide for each held job: ${retry} --job ${unclear.key}`,
    (state === 'cancelled' || jobs.some(is('cancelled'))) && `go on where it was cancelled: ${run}`,
    state === 'paused' && `go on: ${resume}`,
  ].filter((step) => typeof step === 'string');
  // Its jobs have been answered, discarded or done elsewhere since, or were never begun.
  return steps.length === 0 && state === 'incomplete'
    ? [`start it again, which does what is left or says that nothing is: ${run}`]
    : steps;
}

/** Quotas and services, each with the time that it has named; of several times the last, when all is back. */
function whenBack(gated: readonly JobReport[]): string[] {
  const isQuota = ({ error }: JobReport) => error?.class === 'exhausted';
  return [
    { what: 'the quota is back', jobs: gated.filter(isQuota) },
    { what: 'the service takes requests again', jobs: gated.filter((job) => !isQuota(job)) },
  ].flatMap(({ what, jobs }) => {
    const at = jobs
      .flatMap((job) => backAtOf(job) ?? [])
      .sort()
      .at(-1);
    if (jobs.length === 0) return [];
    return [`when ${what}${at === undefined ? '' : `, ${localTime(at)}`}`];
  });
}

/** What a plan leads to. */
export function stepsAfterPlan(
  { toRun, waiting, parked }: { readonly toRun: number; readonly waiting: number; readonly parked: number },
  { run, retry, approve }: Pick<Commands, 'run' | 'retry' | 'approve'>,
): string[] {
  const steps = [
    waiting > 0 && `${SAY_YES_OR_NO}: ${approve}`,
    toRun > waiting && run,
    parked > 0 && `give the parked jobs a new budget: ${retry}`,
  ];
  return steps.filter((step) => typeof step === 'string');
}

/**
 * What an answer to effects that wait leads to.
 * @param of.asks effects of the batch that still wait
 * @param of.goesOn whether a worker carries on by itself
 */
export function stepAfterAnswer(
  { asks, goesOn }: { readonly asks: number; readonly goesOn: boolean },
  { run, approve, watch }: Pick<Commands, 'run' | 'approve'> & { readonly watch: string },
): string {
  if (asks > 0) return `${plural(asks, 'more waits', 'more wait')} for an answer: ${approve}`;
  return goesOn ? `a worker goes on with it: ${watch}` : `the batch goes on with: ${run}`;
}

/**
 * What a conflict is about, for each is put right in another way: the job's contents are not those it was done with, its
 * place at a destination is not free, or the run was bound by a plan. What stops at an effect begins with its name.
 */
function conflictOf({ error, effects }: JobReport): 'contents' | 'place' | 'plan' {
  const said = error?.message ?? '';
  if (/^left out by the plan|\bthe plan of \S+ (says|shows)\b/.test(said)) return 'plan';
  const atEffect = effects.some(({ name }) => said.startsWith(`${name}: `));
  return atEffect && !/\braise revision\b/.test(said) ? 'place' : 'contents';
}

const SAID_ALREADY: ReadonlySet<string | undefined> = new Set(['conflict', 'unknown', 'rejected', 'timeout']);

/** Jobs that have stopped without an end. */
export const isUnfinished = ({ state }: JobReport): boolean =>
  state === 'parked' || state === 'held' || state === 'gated' || state === 'cancelled';

/** Jobs for whom tomorrow is not enough. */
export const needsPerson = (job: JobReport): boolean => isUnfinished(job) && usedUpUntilOf(job) === undefined;
