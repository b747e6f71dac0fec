import type { Batch, Nightshift, Plan } from '../client/nightshift.js';
import { plural } from '../report/format.js';
import { ExitCode } from './exit-codes.js';
import { printPlan } from './plan.js';
import type { Shell } from './shell.js';

/** Asks every destination, and lets nothing else happen. */
export async function rehearsal(batch: Batch, nightshift: Nightshift, shell: Shell): Promise<Plan> {
  shell.out.progress(`asking the destinations of ${plural(batch.jobs.length, 'job')}; nothing is sent`);
  return shell.interrupts.during((signal) => nightshift.rehearse(batch, { signal }));
}

/** `nightshift run FILE --dry-run`: the whole batch rehearsed, with no side effect at all. */
export async function dryRun(batch: Batch, nightshift: Nightshift, shell: Shell): Promise<ExitCode> {
  const planned = await rehearsal(batch, nightshift, shell);
  printPlan(planned, shell);
  const code = exitCodeOfRehearsal(planned);
  shell.out.progress(`dry run ${OUTCOME[code] ?? 'passed'}: nothing was started, nothing was sent`);
  return code;
}

export const OUTCOME: Readonly<Record<number, string>> = {
  [ExitCode.incomplete]: 'found what a person has to look at',
  [ExitCode.configuration]: 'failed',
};

/** Passed: a run would find nothing in its way, as far as anybody can tell without sending. */
export function exitCodeOfRehearsal({ jobs, refused }: Plan): ExitCode {
  if (refused.length > 0) return ExitCode.configuration;
  const inTheWay = jobs
    .flatMap(({ effects }) => effects)
    .filter(({ action }) => action === 'conflict' || action === 'held' || action === 'unknown');
  if (inTheWay.some(({ action, why = '' }) => action === 'unknown' && /^(auth|config):/.test(why)))
    return ExitCode.configuration;
  return inTheWay.length > 0 ? ExitCode.incomplete : ExitCode.done;
}
