import type { ExportVerdict } from '../evidence/verify-export.js';
import { plural } from '../report/format.js';
import { green, red, yellow, type Line } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface LedgerVerifyReceiptsFlags {
  /** The export. */
  readonly receipts: string;
  /** Public keys that are trusted. */
  readonly key?: readonly string[];
}

/**
 * `nightshift ledger verify --receipts FILE`: proves an export from the file alone, without a state directory.
 * Exit code 2 when it does not hold.
 */
export async function ledgerVerifyReceipts(
  { receipts: file, key }: LedgerVerifyReceiptsFlags,
  { out, flags }: Shell,
): Promise<ExitCode> {
  const { verifyReceipts } = await import('../client/export.js');
  const verdict = await verifyReceipts(file, key);
  if (flags.json) out.json(verdict);
  else {
    out.results(verdictLines(verdict));
    if (verdict.trust === 'file') {
      out.note(
        'the keys are those that the file brings: it is one piece, but anybody could have made it; --key says whose it must be',
      );
    }
  }
  return verdict.ok ? ExitCode.done : ExitCode.incomplete;
}

export function verdictLines(verdict: ExportVerdict): Line[] {
  const { ok, problems, problemsFound, receipts, proved, unsigned, keys } = verdict;
  const shown = problems.map(({ kind, line, effectKey, message }): Line => [
    red(kind.padEnd('wrong-key'.length)),
    line === undefined ? '  ' : `  line ${line}: `,
    message,
    effectKey === undefined ? '' : ` [effect=${effectKey}]`,
  ]);
  const more = problemsFound - problems.length;
  if (more > 0) shown.push([red(`and ${more} more`)]);
  const signers = Object.entries(keys).map(([id, count]) => `${count} by ${id}`);
  return [
    ...shown,
    [
      ok ? green('proved') : red('broken'),
      `  ${plural(receipts, 'receipt')}, ${proved} with a signature that holds${signers.length > 0 ? ` (${signers.join(', ')})` : ''}`,
    ],
    ...(unsigned > 0
      ? [
          [
            yellow('unsigned'),
            `  ${plural(unsigned, 'receipt')}, older than signing; the file as a whole vouches for them`,
          ],
        ]
      : []),
  ];
}
