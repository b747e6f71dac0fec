import { join } from 'node:path';
import type { Exported } from '../client/export.js';
import { statePaths, type Config } from '../config.js';
import { fieldLines } from '../report/field-lines.js';
import { plural } from '../report/format.js';
import type { Line } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface LedgerExportFlags {
  readonly out: string;
  readonly history?: boolean;
  readonly csv?: boolean;
}

/** `nightshift ledger export [NAME] --out FILE`: receipts as a file that can be proved elsewhere. Needs no engine. */
export async function ledgerExport(
  name: string | undefined,
  { out: file, history, csv }: LedgerExportFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const exported = await nightshift.exportReceipts({
    out: file,
    ...(name !== undefined && { nameOrId: name }),
    ...(history !== undefined && { history }),
    ...(csv !== undefined && { csv }),
  });
  if (flags.json) out.json(exported);
  else {
    out.results(exportLines(exported));
    if (exported.format === 'jsonl') {
      out.progress(`prove it anywhere: ${shell.command(...proofWords(exported, nightshift.config))}`);
    }
  }
  return ExitCode.done;
}

/** What proves an export: with the key that the file brings itself, it would only be shown to be one piece. */
export const proofWords = (
  { file }: Pick<Exported, 'file'>,
  { stateDir, signingKey }: Pick<Config, 'stateDir' | 'signingKey'>,
): string[] => {
  // A key that was given from outside has its public half there, too.
  const key = signingKey === undefined ? join(statePaths(stateDir).keys, 'receipts.pub') : 'receipts.pub';
  return ['ledger', 'verify', '--receipts', file, '--key', key];
};

export const exportLines = ({
  file,
  receipts,
  unsigned,
  history,
  signedBy,
  digest,
}: Exported): readonly Line[] =>
  fieldLines({
    file,
    receipts: unsigned > 0 ? `${receipts}, of which ${unsigned} unsigned` : String(receipts),
    history: history > 0 ? plural(history, 'row') : undefined,
    signer: signedBy,
    digest,
  });
