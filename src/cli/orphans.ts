import { idsIn } from '../activities/session/session-name.js';
import type { EndOptions } from '../client/abandoned.js';
import type { RemoteSession } from '../client/nightshift.js';
import { UsageError } from '../contract/errors.js';
import { DAY_MS } from '../contract/units.js';
import { bold, dim, type Line } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** Older sandboxes and sessions have been taken away by their services. */
const LOOK_BACK_MS = 30 * DAY_MS;

/** `nightshift doctor FILE --orphans [--end]`: sessions at the agent service that no job will come back to. */
export async function orphans(
  file: string | undefined,
  { end, reason }: EndOptions,
  shell: Shell,
): Promise<ExitCode> {
  if (file === undefined) throw new UsageError('--orphans needs a batch file: it names the agent service');
  const nightshift = await shell.nightshift();
  const since = new Date(Date.now() - LOOK_BACK_MS);
  const sessions = await nightshift.sweep(await nightshift.read(file), { end, since, reason });
  if (shell.flags.json) shell.out.json({ sessions });
  else shell.out.results(linesOf(sessions, end));
  const left = sessions.filter(({ standing, outcome }) => standing === 'orphan' && outcome !== 'ended');
  return left.length === 0 ? ExitCode.done : ExitCode.incomplete;
}

const MEANING: Readonly<Record<RemoteSession['standing'], string>> = {
  owned: 'a job goes on with it',
  held: 'kept: a person has a question to answer first',
  orphan: 'nobody comes back to it',
  foreign: 'not in this ledger; left alone',
};

function linesOf(sessions: readonly RemoteSession[], end: boolean): Line[] {
  if (sessions.length === 0) return [['no session of a batch holds anything at the service']];
  const orphaned = sessions.filter(({ standing }) => standing === 'orphan').length;
  const lines = sessions.map(({ standing, outcome, why, ids, runKey, attempt, job }): Line => {
    const id = idsIn(ids)
      .map(([, value]) => value)
      .join(' ');
    const whose = job === undefined ? `run ${runKey} attempt ${attempt}` : `${job.work} ${job.jobKey}`;
    const done =
      outcome === 'left' ? MEANING[standing] : outcome === 'ended' ? 'ended' : `not ended: ${why ?? ''}`;
    return [bold(standing.padEnd(7)), `  ${id}  `, dim(whose), `  ${done}`];
  });
  if (orphaned > 0 && !end) lines.push([`${orphaned} to end: add --end`]);
  return lines;
}
