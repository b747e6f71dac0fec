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
    out.progress(countOf(receipts));
  }
  return ExitCode.done;
}

function countOf(receipts: readonly ReceiptRow[]): string {
  const unsigned = receipts.filter(({ signature }) => signature === undefined).length;
  const all = plural(receipts.length, 'receipt');
  return unsigned === 0 ? all : `${all}, ${unsigned} of them unsigned (written before receipts were signed)`;
}

export function receiptLines(receipts: readonly ReceiptRow[], columns?: number, timeZone?: string): Line[] {
  const rows = receipts.map((receipt) => [
    localTime(receipt.landedAt, timeZone),
    jobTitle(receipt.identity),
    effectOf(receipt),
    receipt.id,
    cyan(receipt.url ?? ''),
  ]);
  return tableLines(['at', 'job', 'effect', 'id', 'url'], rows, columns);
}

function effectOf({ name, undoes, adopted, decidedBy }: ReceiptRow): string {
  if (undoes !== undefined) return `${name} (taken back)`;
  if (decidedBy !== undefined) return `${name} (${decidedBy} said so)`;
  return adopted ? `${name} (found)` : name;
}
