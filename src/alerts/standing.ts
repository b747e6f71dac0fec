import { closedServices } from '../activities/lanes/closed-services.js';
import { definitionToShow } from '../batch/manifest.js';
import type { ArtifactStore } from '../contract/artifact.js';
import type { Definition } from '../contract/batch-file.js';
import { resumeWords, type Hold } from '../contract/holds.js';
import { jobTitle } from '../contract/job.js';
import type { Approval, BatchRow, Ledger } from '../ledger/ledger.js';
import type { AlertStanding, ApprovalLimit } from '../policy/alerts.js';
import { batchWords } from '../policy/batch-words.js';
import { runCommand, type StartedFrom } from '../report/batch-file-command.js';
import { localTime } from '../report/format.js';
import { leftOf } from '../report/job-counts.js';
import { commandsAt } from '../report/morning/commands.js';

export interface StandingDeps {
  readonly ledger: Ledger;
  readonly artifacts: ArtifactStore;
  /** Absolute; part of the commands that are to be typed. */
  readonly stateDir: string;
  readonly now: () => Date;
}

export type Standing = AlertStanding & { readonly commands: AlertCommands };
export type AlertCommands = ReturnType<typeof commandsFor>;

/** More are counted by nobody's fingers. */
const JOBS_MAX = 20_000;

/** How a batch stands, as the ledger has it, with commands that mean it and no other. */
export async function standingOf(
  batch: BatchRow,
  definition: Definition,
  deps: StandingDeps,
): Promise<Standing> {
  return { ...(await factsOf(batch, definition, deps)), commands: await shortCommands(batch, deps) };
}

/**
 * Of another batch than the one that is looked at, by its own file. Its commands have its ID, which means it as well and
 * asks the ledger for nothing: `shortCommands` are for those that are spelt out.
 * @returns undefined where its file can't be read any more: that is no reason to tell nothing of the one looked at
 */
export async function standingAsStored(batch: BatchRow, deps: StandingDeps): Promise<Standing | undefined> {
  const definition = await definitionToShow(batch, deps.artifacts);
  if (definition === undefined) return undefined;
  const commands = commandsFor(batch, [batch.id], deps.stateDir);
  return { ...(await factsOf(batch, definition, deps)), commands };
}

/** As a person would rather type them: with the name, and the edition of its night. */
export const shortCommands = async (
  batch: BatchRow,
  { ledger, stateDir }: Pick<StandingDeps, 'ledger' | 'stateDir'>,
): Promise<AlertCommands> => commandsFor(batch, batchWords(batch, await ledger.namesakes(batch)), stateDir);

async function factsOf(
  { id, name, state, stateBy, reason, openedSeq }: BatchRow,
  definition: Definition,
  { ledger, now }: StandingDeps,
): Promise<Omit<AlertStanding, 'commands'>> {
  const counts = await ledger.counts(id, openedSeq);
  const stopped = hasStopped(counts)
    ? await ledger.jobReports(id, { states: ['parked', 'held', 'gated'], limit: JOBS_MAX, brief: true })
    : [];
  const asked = counts.gated === 0 ? [] : await ledger.approvals({ batchId: id });
  const asking = new Set(asked.map(({ jobKey }) => jobKey));
  // A job is gated by its question until it has a lane again, also when that was answered.
  const unfinished = stopped.filter(
    (job) => job.state !== 'gated' || job.error !== undefined || asking.has(job.key),
  );
  const answered = stopped.length - unfinished.length;
  const rejected = unfinished.filter((job) => job.unapproved === 'rejected').length;
  const decided = (counts.discarded ?? 0) + rejected + answered;
  return {
    name,
    state,
    stateBy,
    reason,
    jobs: counts.jobs,
    waiting: counts.waiting + counts.running,
    approvals: { waiting: asked.length, limit: firstLimit(asked) },
    settled: decided > 0 && leftOf(counts) === rejected + answered,
    unfinished: unfinished.map((job) => ({ ...job, title: jobTitle(job.identity) })),
    provider: definition.agent.use,
    publishers: new Map(definition.effects.map((effect) => [effect.name, effect.use])),
    closed: state === 'completed' ? [] : await closedServices(definition, ledger),
    nowMs: now().getTime(),
  };
}

/** Whether jobs of it wait for a person. */
export const hasStopped = ({ parked, held, gated }: Record<'parked' | 'held' | 'gated', number>): boolean =>
  parked + held + gated > 0;

/** What runs out first. */
function firstLimit(asked: readonly Approval[]): ApprovalLimit | undefined {
  const [first] = asked
    .flatMap(({ dueAt, onTimeout }) => (dueAt === undefined ? [] : [{ dueAt, onTimeout }]))
    .sort((a, b) => (a.dueAt < b.dueAt ? -1 : 1));
  return first && { until: localTime(first.dueAt), then: first.onTimeout };
}

/**
 * They name the state directory, for whoever reads them is elsewhere.
 * @param named words that mean the batch
 */
export function commandsFor(from: StartedFrom, named: readonly string[], stateDir: string) {
  const command = commandsAt({ directory: undefined, stateDir });
  return {
    status: command('status', ...named),
    run: runCommand(command, from),
    retry: command('retry', ...named),
    approve: command('approve', ...named),
    pause: command('pause', ...named),
    resume: command('resume', ...named),
    lanes: command('lanes'),
    concurrency: `${command('concurrency', ...named)} N`,
    doctor: command('doctor'),
    lift: (scope: Hold['scope']) =>
      scope.kind === 'batch' ? command('resume', ...named) : command(...resumeWords(scope)),
  };
}
