import type { RequestRow } from '../ledger/ledger.js';
import { localTime, plural } from '../report/format.js';
import type { Line } from '../report/line.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface LedgerAuditFlags {
  readonly job?: string;
  readonly limit?: number;
}

/** `nightshift ledger audit [NAME]`: who or what asked for what, when, and what came of it. Needs no engine. */
export async function ledgerAudit(
  name: string | undefined,
  { job, limit }: LedgerAuditFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const requests = await nightshift.requests({
    ...(name !== undefined && { nameOrId: name }),
    ...(job !== undefined && { jobKey: job }),
    ...(limit !== undefined && { limit }),
  });
  if (flags.json) {
    out.json({ requests });
  } else {
    if (requests.length > 0) out.results(auditLines(requests, out.resultColumns));
    out.progress(plural(requests.length, 'request'));
  }
  return ExitCode.done;
}

export function auditLines(requests: readonly RequestRow[], columns?: number, timeZone?: string): Line[] {
  const rows = requests.map(({ at, by, what, outcome, batch, jobKey, reason }) => [
    localTime(at, timeZone),
    what,
    outcome,
    batch?.name ?? '',
    jobKey ?? '',
    by,
    reason ?? '',
  ]);
  return tableLines(['when', 'asked for', 'outcome', 'batch', 'job', 'by', 'why'], rows, columns);
}
