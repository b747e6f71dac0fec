import { plural } from '../report/format.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface CleanFlags {
  readonly runsOlderThan: string;
  readonly list?: boolean;
}

/** `nightshift clean --runs-older-than 30d`: takes away what programs of done jobs have left. Needs no engine. */
export async function clean(flags: CleanFlags, shell: Shell): Promise<ExitCode> {
  const { out } = shell;
  const nightshift = await shell.nightshift();
  const cleaned = await nightshift.clean(flags);
  if (shell.flags.json) {
    out.json({ ...cleaned, removed: !flags.list });
    return ExitCode.done;
  }
  const { runs, bytes, kept } = cleaned;
  const what = `${plural(runs.length, 'run directory', 'run directories')} of done jobs, ${(bytes / 1e6).toFixed(1)} MB`;
  out.result(flags.list ? `${what}, would be removed; nothing was changed` : `${what}: removed`);
  if (kept > 0)
    out.result(
      `${kept} kept: younger than ${flags.runsOlderThan}, of jobs that are not done, or not of this ledger`,
    );
  return ExitCode.done;
}
