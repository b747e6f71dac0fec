import type { EndOptions } from '../client/abandoned.js';
import type { AbandonedSession } from '../client/nightshift.js';
import { dim, type Line } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift doctor --abandoned [--end]`: sessions in the ledger that no job watches any more. */
export async function abandoned({ end, reason }: EndOptions, shell: Shell): Promise<ExitCode> {
  const nightshift = await shell.nightshift();
  const sessions = await nightshift.abandoned({ end, reason });
  if (shell.flags.json) shell.out.json({ sessions, ended: end });
  else shell.out.results(linesOf(sessions, end));
  return sessions.length === 0 || end ? ExitCode.done : ExitCode.incomplete;
}

function linesOf(sessions: readonly AbandonedSession[], end: boolean): Line[] {
  if (sessions.length === 0) return [['every session of the ledger has ended, or is watched']];
  const lines = sessions.map(
    ({ work, jobKey, provider, openedAt, jobState, reservedMicros, currency }): Line => [
      `${work} ${jobKey}  ${provider}, opened ${openedAt}, job ${jobState}`,
      dim(`  ${reservedMicros / 1e6} ${currency} set aside`),
      end ? '  booked as lost' : '',
    ],
  );
  const next = 'start their batch again to go on with them, or add --end to book them as lost';
  return end ? lines : [...lines, [next]];
}
