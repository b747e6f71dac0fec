import type { BatchStatus, Nightshift } from '../client/nightshift.js';
import { jobTitle } from '../contract/job.js';
import { fieldLines } from '../report/field-lines.js';
import { duration, localTime, plural } from '../report/format.js';
import { countParts, finishedOf } from '../report/job-counts.js';
import { bold, dim, yellow, type Line } from '../report/line.js';
import { needsPerson, nextSteps, type Commands } from '../report/next-steps.js';
import { pausedText } from '../report/paused-text.js';
import { stepText } from '../report/step-text.js';
import { unfinishedLines } from '../report/unfinished-jobs.js';
import { waitsText } from '../report/waits-text.js';
import { batchDocument, stateSpan } from './batch-document.js';
import { exitCodeOfState, type ExitCode } from './exit-codes.js';
import { newestBatch } from './newest-batch.js';
import type { Shell } from './shell.js';

/** `nightshift status [NAME]`: one look at a batch, the newest unless named. Needs no engine. */
export async function status(name: string | undefined, _flags: object, shell: Shell): Promise<ExitCode> {
  const nightshift = await shell.nightshift();
  return printStatus(await nightshift.status(name ?? (await newestBatch(nightshift))), nightshift, shell);
}

export async function printStatus(
  found: BatchStatus,
  nightshift: Pick<Nightshift, 'wordsFor'>,
  shell: Shell,
): Promise<ExitCode> {
  const { out } = shell;
  const { batch, counts, active, unfinished, discarded, hold, waitsFor, deadline, canary } = found;
  if (shell.flags.json) {
    const shown = { counts, active, unfinished, discarded, hold, waitsFor, deadline, canary };
    out.json({ batch: batchDocument(batch), ...shown });
  } else {
    const commands = shell.commandsFor(await nightshift.wordsFor(batch.id), { ...batch, hold });
    out.results(statusLines(found, commands, Date.now()));
  }
  return exitCodeOfState(hold ? 'paused' : batch.state, unfinished);
}

export function statusLines(
  { batch, counts, active, unfinished, asks, discarded, hold, waitsFor, deadline, canary }: BatchStatus,
  commands: Commands,
  nowMs: number,
): Line[] {
  const { name, state, reason, openedAt, closedAt, openedBy, work } = batch;
  const tookMs = (closedAt === undefined ? nowMs : Date.parse(closedAt)) - Date.parse(openedAt);
  const running = active.filter((job) => job.state === 'running');
  const [asking, others] = [unfinished.filter(needsPerson), unfinished.filter((job) => !needsPerson(job))];
  const steps = nextSteps(unfinished, hold ? 'paused' : state, commands, asks);
  return [
    [
      bold(name),
      ': ',
      stateSpan(state, hold),
      reason === undefined ? '' : ` (${reason})`,
      `, ${finishedOf(counts)} of ${plural(batch.jobs, 'job')} finished`,
    ],
    ...(counts.jobs === 0
      ? []
      : [['  ', ...countParts(counts).flatMap((part, at) => (at === 0 ? [part] : [', ', part]))]]),
    ...fieldLines({
      work,
      opened: `${localTime(openedAt)} by ${openedBy}`,
      paused: hold && pausedText(hold),
      closed: closedAt === undefined ? undefined : localTime(closedAt),
      took: duration(tookMs),
      deadline: deadline?.text,
      canary,
    }).map((line): Line => ['  ', ...line]),
    ...section(
      'waits for',
      waitsFor.map((waits) => [yellow(`  ${waitsText(waits)}`)]),
    ),
    ...section(
      'running now',
      running.map((job) => [
        `  ${jobTitle(job.identity)}`,
        dim(`  ${stepText(job)}  ${duration(nowMs - Date.parse(job.since))}`),
      ]),
    ),
    ...section('needs a person', unfinishedLines(asking, asking.length)),
    ...section('waits for the next day of a budget', unfinishedLines(others, others.length)),
    ...section('will not be done', unfinishedLines(discarded, discarded.length)),
    ...section(
      'next',
      steps.map((step) => [`  ${step}`]),
    ),
  ];
}

const section = (title: string, lines: readonly Line[]): Line[] =>
  lines.length === 0 ? [] : [[], [bold(`${title}:`)], ...lines];
