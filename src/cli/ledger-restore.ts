import type { Restoration } from '../client/backup.js';
import { fieldLines } from '../report/field-lines.js';
import { localTime } from '../report/format.js';
import type { Line } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import { copiesOf, toldDamaged } from './ledger-copies.js';
import type { Shell } from './shell.js';

export interface LedgerRestoreFlags {
  readonly artifacts?: string;
}

/** `nightshift ledger restore FILE`: puts a backup in the place of the ledger, which stays beside it. */
export async function ledgerRestore(
  file: string,
  { artifacts }: LedgerRestoreFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const restored = await nightshift.restore({ file, ...(artifacts !== undefined && { artifacts }) });
  if (flags.json) out.json(restored);
  else {
    out.results(restoreLines(restored));
    out.progress(
      'what landed since that backup is found at its destination when its batch is started again; nothing is sent twice that can be asked for, and the rest waits for your answer (nightshift approve) where the engine still knows of it',
    );
  }
  return toldDamaged(restored.artifacts, out) ? ExitCode.incomplete : ExitCode.done;
}

export function restoreLines(
  { from, receipts, jobs, newestAt, replaced, before, artifacts }: Restoration,
  timeZone?: string,
): readonly Line[] {
  const than = (count: number | undefined): string =>
    count === undefined ? '' : `, where the replaced ledger had ${count}`;
  return fieldLines({
    restored: from,
    receipts: `${receipts}${than(before?.receipts)}`,
    jobs: `${jobs}${than(before?.jobs)}`,
    newest: newestAt === undefined ? undefined : localTime(newestAt, timeZone),
    replaced: replaced ?? 'none was in place',
    artifacts: copiesOf(artifacts),
  });
}
