import type { Command } from 'commander';
import { UsageError } from '../contract/errors.js';
import type { LedgerAuditFlags } from './ledger-audit.js';
import { nonEmpty, positiveCount, verbsBelow } from './program-text.js';
import type { Action } from './program.js';

/** The verbs below `nightshift ledger`. */
export function addLedgerVerbs(ledger: Command, use: (action: Action) => void): void {
  const verb = verbsBelow(ledger);

  verb(
    'show [name]',
    'list receipts, of one batch or of all',
    ['nightshift ledger show nightly-articles'],
    ['nightshift ledger show --job KEY'],
  )
    .option('--job <key>', 'only of this job', nonEmpty)
    .action((name: string | undefined, flags: { job?: string }) =>
      use(async (shell) => (await import('./ledger-show.js')).ledgerShow(name, flags, shell)),
    );

  verb(
    'audit [name]',
    'list who or what asked for what, when, and what came of it',
    ['nightshift ledger audit nightly-articles'],
    ['nightshift ledger audit --job KEY'],
  )
    .option('--job <key>', 'only about this job', nonEmpty)
    .option('--limit <count>', 'only the newest', positiveCount)
    .action((name: string | undefined, flags: LedgerAuditFlags) =>
      use(async (shell) => (await import('./ledger-audit.js')).ledgerAudit(name, flags, shell)),
    );

  verb(
    'verify [name]',
    'ask the destinations whether all is as the receipts say, or prove an export; changes nothing',
    ['nightshift ledger verify nightly-articles', 'asks destinations'],
    ['nightshift ledger verify --receipts receipts.jsonl --key receipts.pub', 'asks nobody'],
  )
    .option('--receipts <file>', 'prove this export instead, from the file alone', nonEmpty)
    .option('--key <file...>', 'with --receipts: public key that must have signed')
    .action((name: string | undefined, { receipts, key }: { receipts?: string; key?: string[] }) =>
      use(async (shell) => {
        if (receipts === undefined) {
          if (key) throw new UsageError('--key goes with --receipts');
          return (await import('./ledger-verify.js')).ledgerVerify(name, shell);
        }
        if (name !== undefined)
          throw new UsageError('give either the name of a batch or --receipts, not both');
        const { ledgerVerifyReceipts } = await import('./ledger-verify-receipts.js');
        return ledgerVerifyReceipts({ receipts, ...(key && { key }) }, shell);
      }),
    );

  verb(
    'export [name]',
    'write signed receipts to a file, of one batch or of all',
    ['nightshift ledger export --out receipts.jsonl', 'to be proved by "ledger verify --receipts"'],
    ['nightshift ledger export nightly-articles --out receipts.csv --csv', 'for a spreadsheet'],
  )
    .requiredOption('--out <file>', 'file to write; must not be there yet', nonEmpty)
    .option('--history', 'also every change of state')
    .option('--csv', 'a table for people; it can not be proved')
    .action((name: string | undefined, flags: { out: string; history?: boolean; csv?: boolean }) =>
      use(async (shell) => (await import('./ledger-export.js')).ledgerExport(name, flags, shell)),
    );

  verb(
    'backup <file>',
    'copy the ledger while it is in use, and check the copy',
    ['nightshift ledger backup ledger-2026-11-23.db'],
    ['nightshift ledger backup monday.db --artifacts ./artifacts', 'what agents made, too'],
  )
    .option('--artifacts <dir>', 'folder for artifacts; backups may share it', nonEmpty)
    .action((file: string, flags: { artifacts?: string }) =>
      use(async (shell) => (await import('./ledger-backup.js')).ledgerBackup(file, flags, shell)),
    );

  verb(
    'restore <file>',
    'put a backup in the place of the ledger, which stays beside it; nobody may use it meanwhile',
    ['nightshift ledger restore ledger-2026-11-23.db'],
    ['NIGHTSHIFT_LEDGER=postgres://… nightshift ledger restore monday.db', 'from a file into PostgreSQL'],
  )
    .option('--artifacts <dir>', 'folder with artifacts; those that are missing are copied', nonEmpty)
    .action((file: string, flags: { artifacts?: string }) =>
      use(async (shell) => (await import('./ledger-restore.js')).ledgerRestore(file, flags, shell)),
    );

  verb(
    'drill <backup> <files...>',
    'tell what a restore would come to, from a copy: what would be sent a second time; changes nothing',
    ['nightshift ledger drill ledger-2026-11-23.db my-batch/batch.yaml', 'asks destinations'],
    [
      'nightshift ledger drill postgres://me@db/drill my-batch/batch.yaml',
      'a database that one was restored into',
    ],
  )
    .option('--artifacts <dir>', 'folder with artifacts, as for "restore"', nonEmpty)
    .action((backup: string, files: string[], flags: { artifacts?: string }) =>
      use(async (shell) => (await import('./ledger-drill.js')).ledgerDrill(backup, files, flags, shell)),
    );

  verb(
    'rebuild <file>',
    'write receipts for what the destinations have and the ledger lacks; starts nothing',
    ['nightshift ledger rebuild my-batch/batch.yaml'],
  ).action((file: string) =>
    use(async (shell) => (await import('./ledger-rebuild.js')).ledgerRebuild(file, shell)),
  );
}
