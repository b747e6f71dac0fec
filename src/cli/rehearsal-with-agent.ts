import type { Batch, Nightshift } from '../client/nightshift.js';
import type { AgentRehearsal } from '../client/rehearse-with-agent.js';
import { NotNow } from '../contract/errors.js';
import { money, spentText } from '../policy/money.js';
import { localTimesIn, plural } from '../report/format.js';
import { styleOfState } from '../report/job-counts.js';
import { bold, dim, type Line } from '../report/line.js';
import { isUnfinished, nextSteps } from '../report/next-steps.js';
import { ExitCode, exitCodeOf } from './exit-codes.js';
import { shown } from './follow.js';
import { changedLines } from './plan-lines.js';
import { printPlan } from './plan.js';
import { OUTCOME, exitCodeOfRehearsal } from './rehearsal.js';
import type { Shell } from './shell.js';

/** Rows that a terminal is shown. */
const JOBS_MAX = 20;

/** `nightshift run FILE --dry-run --with-agent`: sessions are run and paid for, and nothing goes out. */
export async function rehearsalWithAgent(
  file: string,
  batch: Batch,
  nightshift: Nightshift,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  out.progress(
    `asking the destinations of ${plural(batch.jobs.length, 'job')}, then running the agent where it is needed; no effect is performed`,
  );
  const again = shell.command('run', file, '--dry-run', '--with-agent');
  const words = { name: batch.definition.name, resume: () => again, again, watch: again };
  const planned = await shown(words, shell, (watching) =>
    nightshift.rehearseWithAgent(batch, watching),
  ).catch((error: unknown) => {
    throw error instanceof NotNow ? withAdvice(error, shell) : error;
  });
  if (planned === undefined) return ExitCode.interrupted;
  const { rehearsal } = planned;
  printPlan(planned, shell);
  if (!flags.json) {
    out.results(changedLines(planned.jobs));
    if (rehearsal) out.results(agentLines(rehearsal, again, shell));
  }
  const code = worse(exitCodeOfRehearsal(planned), rehearsal ? exitCodeOf(rehearsal.report) : ExitCode.done);
  const what = rehearsal ? 'no effect was performed' : 'no session was needed, nothing was started';
  out.progress(`dry run ${OUTCOME[code] ?? (code === ExitCode.done ? 'passed' : 'is not done')}: ${what}`);
  return code;
}

/** What to type, for the state directory of this call. */
const withAdvice = ({ message, undo }: NotNow, shell: Shell): NotNow => {
  const advice = undo === undefined ? '' : `\nto lift it: ${shell.command(...undo)}`;
  return new NotNow(`${localTimesIn(message)}${advice}`, undo);
};

/** What a person has to put right goes before what only has to be looked at. */
const worse = (one: ExitCode, other: ExitCode): ExitCode => (one > other ? one : other);

function agentLines({ state, name, report, jobs }: AgentRehearsal, again: string, shell: Shell): Line[] {
  const { sessions, cost, batch } = report;
  const there = (verb: string) => shell.commandAt(state, verb, name);
  const steps = nextSteps(report.jobs.filter(isUnfinished), batch.result, {
    run: again,
    retry: there('retry'),
    approve: there('approve'),
    resume: there('resume'),
    cancel: there('cancel'),
    receipts: there('report'),
  });
  const shownJobs = shell.out.resultColumns === undefined ? jobs : jobs.slice(0, JOBS_MAX);
  const more = jobs.length - shownJobs.length;
  const waste = cost.wasted > 0 ? `, ${money(cost.wasted, cost.currency)} of it wasted` : '';
  return [
    [],
    [bold('agent'), `: ${plural(sessions.started, 'session')}, spent ${spentText(cost)}${waste}`],
    ...shownJobs.flatMap((job): Line[] => [
      ['  ', { style: styleOfState(job.state), text: job.state.padEnd(9) }, ' ', job.title],
      ...(job.file === undefined ? [] : [[dim(`            ${job.file}`)]]),
      ...(job.error ? [[`            ${job.error.class}: ${localTimesIn(job.error.message)}`]] : []),
    ]),
    ...(more > 0 ? [[dim(`  and ${more} more`)]] : []),
    ...steps.map((step): Line => [bold('next: '), step]),
    [dim(`  more of it: ${there('report')}`)],
  ];
}
