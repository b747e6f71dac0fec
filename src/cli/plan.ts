import type { Plan } from '../client/nightshift.js';
import { UsageError } from '../contract/errors.js';
import type { PlanFile } from '../contract/plan-file.js';
import { plural } from '../report/format.js';
import { stepsAfterPlan } from '../report/next-steps.js';
import { earlierLines } from './earlier-lines.js';
import { ExitCode } from './exit-codes.js';
import { planLines } from './plan-lines.js';
import { rehearsal } from './rehearsal.js';
import type { Shell } from './shell.js';

export interface PlanFlags {
  readonly all?: boolean;
  readonly look?: boolean;
  readonly out?: string;
  readonly without?: readonly string[];
}

/** `nightshift plan FILE`: what a run would do, per job and effect. Changes nothing. */
export async function plan(file: string, flags: PlanFlags, shell: Shell): Promise<ExitCode> {
  if (flags.without && flags.out === undefined) throw new UsageError('--without goes with --out');
  const nightshift = await shell.nightshift();
  const batch = await nightshift.read(file);
  const whole = flags.look ? await rehearsal(batch, nightshift, shell) : await nightshift.plan(batch);
  const { leaveOut } = await import('../client/plan-file.js');
  const planned = leaveOut(whole, flags.without ?? []);
  if (planned.refused.length > 0) {
    printPlan(planned, shell, flags);
    const unsaved = flags.out === undefined ? '' : `; no plan was saved [path=${flags.out}]`;
    shell.out.progress(
      `the look failed: an adapter tried to change something, and was kept from it${unsaved}`,
    );
    return ExitCode.configuration;
  }
  const saved = flags.out === undefined ? undefined : await nightshift.savePlan(batch, planned, flags.out);
  printPlan(planned, shell, flags);
  if (saved && flags.out !== undefined) tellSaved(saved, file, flags.out, shell);
  else if (!shell.flags.json) {
    const { toRun, waiting, counts } = planned;
    const commands = shell.commandsFor([planned.name], { file });
    for (const step of stepsAfterPlan({ toRun, waiting, parked: counts.parked }, commands))
      shell.out.progress(`next: ${step}`);
  }
  const { adopt, discarded } = planned.counts;
  return adopt + discarded === planned.jobs.length ? ExitCode.done : ExitCode.incomplete;
}

export function printPlan(planned: Plan, shell: Shell, { all }: Pick<PlanFlags, 'all'> = {}): void {
  const { flags, out } = shell;
  const { name, key, workflowId, ...rest } = planned;
  if (flags.json) out.json({ batch: { name, key, workflowId }, ...rest });
  else {
    out.results(planLines(planned, all ? undefined : out.resultColumns));
    for (const warning of [...planned.warnings, ...earlierLines(planned.earlier, shell)])
      out.note(`note: ${warning}`);
  }
}

function tellSaved({ jobs }: PlanFile, file: string, path: string, shell: Shell): void {
  const effects = jobs.flatMap((job) => job.effects);
  const left = effects.filter(({ approved }) => !approved).length;
  const without = left === 0 ? '' : `, ${plural(left, 'effect')} left out`;
  shell.out.progress(`plan saved: ${path} (${plural(effects.length, 'effect')}${without})`);
  if (!shell.flags.json) shell.out.progress(`next: ${shell.command('run', file, '--plan', path)}`);
}
