import type { Started, WontDo } from '../client/nightshift.js';
import { UsageError } from '../contract/errors.js';
import { plural } from '../report/format.js';
import { earlierLines } from './earlier-lines.js';
import type { ExitCode } from './exit-codes.js';
import { follow } from './follow.js';
import { dryRun as rehearse } from './rehearsal.js';
import type { Shell } from './shell.js';
import { detached, notStarted } from './detached.js';

export interface RunFlags {
  readonly dryRun?: boolean;
  readonly withAgent?: boolean;
  readonly plan?: string;
  readonly detach?: boolean;
  /** False: return when paused. True: also wait for approvals. */
  readonly wait?: boolean;
}

/** `nightshift run FILE`: starts the batch, joins the one under way, or finds it finished; watches it to its end. */
export async function run(
  file: string,
  { dryRun, withAgent, plan, detach, wait }: RunFlags,
  shell: Shell,
): Promise<ExitCode> {
  if (withAgent && !dryRun) throw new UsageError('--with-agent goes with --dry-run');
  const nightshift = await shell.nightshift();
  const read = await nightshift.read(file);
  if (dryRun && withAgent)
    return (await import('./rehearsal-with-agent.js')).rehearsalWithAgent(file, read, nightshift, shell);
  if (dryRun) return rehearse(read, nightshift, shell);
  const batch = plan === undefined ? read : await nightshift.bind(read, plan);
  const { held, warnings } = await nightshift.untold(batch);
  for (const warning of warnings) shell.out.note(`note: ${warning}`);
  if (held.size > 0) {
    const asks = plural(held.size, 'effect waits', 'effects wait');
    shell.out.note(`note: ${asks} for an answer that only a person can give: ${shell.command('approve')}`);
  }
  const started = await nightshift.start(batch, { host: !detach });
  for (const line of earlierLines(started.earlier ?? [], shell)) shell.out.note(`note: ${line}`);
  if (detach && started.after) return notStarted(started, started.after.because, shell);
  if (started.how !== 'already-completed') shell.out.progress(howStarted(started, batch.jobs.length));
  if (detach && started.how !== 'already-completed') return detached(started, nightshift, shell);
  return follow(started, nightshift, shell, { file, noWait: wait === false, awaitApprovals: wait === true });
}

const JOINED_BUT: Readonly<Record<WontDo, string>> = {
  'other-contents':
    'it was started from other contents, so yours are started when it has ended; only your budget counts from now on',
  'being-cancelled': 'it is being cancelled, so the batch is started again when it has ended',
};

function howStarted({ how, name, workflowId, runId, after }: Started, jobs: number): string {
  switch (how) {
    case 'started':
      return `started ${workflowId}, ${plural(jobs, 'job')}`;
    case 'joined':
      return `joined the run of ${name} under way (run id ${runId})${after ? `; ${JOINED_BUT[after.because]}` : ''}`;
    case 'reopened':
      return `reopened: ${name} had finished, and there is new work in it`;
    case 'already-completed':
      return `already completed: ${name}`;
  }
}
