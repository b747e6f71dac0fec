import { jobTitle } from '../contract/job.js';
import type { ReceiptRow } from '../ledger/ledger.js';
import { localTime, plural } from '../report/format.js';
import { cyan, type Line } from '../report/line.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface LedgerShowFlags {
  readonly job?: string;
}

/** `nightshift ledger show [NAME]`: receipts of what has landed. Needs no engine. */
export async function ledgerShow(
  name: string | undefined,
  { job }: LedgerShowFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const receipts = await nightshift.receipts({
    ...(name !== undefined && { nameOrId: name }),
    ...(job !== undefined && { jobKey: job }),
  });
  if (flags.json) {
    out.json({ receipts });
  } else {
    if (receipts.length > 0) out.results(receiptLines(receipts, out.resultColumns));
    out.progress(plural(receipts.length, 'receipt'));
  }
  return ExitCode.done;
}

export function receiptLines(receipts: readonly ReceiptRow[], columns?: number, timeZone?: string): Line[] {
  const rows = receipts.map(({ landedAt, identity, name, adopted, id, url }) => [
    localTime(landedAt, timeZone),
    jobTitle(identity),
    adopted ? `${name} (found)` : name,
    id,
    cyan(url ?? ''),
  ]);
  return tableLines(['landed', 'job', 'effect', 'id', 'url'], rows, columns);
}
