import { plural } from '../report/format.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift ledger rebuild FILE`: writes receipts for what the destinations have and the ledger lacks. */
export async function ledgerRebuild(file: string, shell: Shell): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const batch = await nightshift.read(file);
  const show = (jobs: number) => out.live([[`asked for ${jobs} of ${plural(batch.jobs.length, 'job')}`]]);
  const rebuilt = await nightshift.rebuild(batch, show);
  out.endLive();
  if (flags.json) out.json(rebuilt);
  else {
    const { jobs, adopted, partly, unchanged, unasked, taken } = rebuilt;
    for (const { title, why } of taken) out.result(`${title}: ${why}`);
    if (unasked > 0)
      out.result(
        `${plural(unasked, 'effect goes', 'effects go')} where nothing can be asked: look there before you start this batch, or it is sent again`,
      );
    out.result(
      `${plural(jobs, 'job')}: ${adopted} found done and written to the ledger, ${partly} in part, ${unchanged} left as they were`,
    );
  }
  return rebuilt.taken.length + rebuilt.unasked === 0 ? ExitCode.done : ExitCode.incomplete;
}
