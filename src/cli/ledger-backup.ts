import type { Backup } from '../client/backup.js';
import { fieldLines } from '../report/field-lines.js';
import { localTime } from '../report/format.js';
import type { Line } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import { copiesOf, toldDamaged } from './ledger-copies.js';
import type { Shell } from './shell.js';

export interface LedgerBackupFlags {
  readonly artifacts?: string;
}

/** `nightshift ledger backup FILE`: a checked copy of the ledger, while it is in use. Needs no engine. */
export async function ledgerBackup(
  file: string,
  { artifacts }: LedgerBackupFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const backup = await nightshift.backUp({ file, ...(artifacts !== undefined && { artifacts }) });
  if (flags.json) out.json(backup);
  else {
    out.results(backupLines(backup));
    out.progress(`put it back: ${shell.command(...restoreWords(backup))}`);
  }
  return toldDamaged(backup.artifacts, out) ? ExitCode.incomplete : ExitCode.done;
}

/** What puts a backup back, with all that it holds. */
export const restoreWords = ({ file, artifacts }: Pick<Backup, 'file' | 'artifacts'>): string[] => [
  'ledger',
  'restore',
  file,
  ...(artifacts ? ['--artifacts', artifacts.folder] : []),
];

export const backupLines = (
  { file, bytes, sha256, receipts, jobs, newestAt, schemaVersion, artifacts }: Backup,
  timeZone?: string,
): readonly Line[] =>
  fieldLines({
    file,
    bytes: String(bytes),
    sha256,
    receipts: String(receipts),
    jobs: String(jobs),
    newest: newestAt === undefined ? undefined : localTime(newestAt, timeZone),
    schema: String(schemaVersion),
    artifacts: copiesOf(artifacts),
  });
