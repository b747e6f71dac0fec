import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../contract/errors.js';
import { jobTitle } from '../contract/job.js';
import { csvLine } from '../evidence/csv.js';
import { ExportLines } from '../evidence/export-lines.js';
import { writeNewFile } from '../evidence/new-file.js';
import type { Signer } from '../evidence/signing.js';
import { verifyExport, type ExportVerdict } from '../evidence/verify-export.js';
import type { EvidenceRow, EvidenceSink, Ledger } from '../ledger/ledger.js';

export interface ExportRequest {
  /** File to write; must not be there yet. */
  readonly out: string;
  /** Only receipts of jobs that this batch names. */
  readonly batchId?: string;
  /** Also every change of state. Not in CSV. */
  readonly history?: boolean;
  /** A table for people instead; it can't be proved afterwards. */
  readonly csv?: boolean;
}

export interface Exported {
  /** Absolute. */
  readonly file: string;
  readonly format: 'jsonl' | 'csv';
  readonly receipts: number;
  /** Written before receipts were signed. */
  readonly unsigned: number;
  readonly history: number;
  readonly bytes: number;
  /** Key that signed the export, and digest of all its lines; absent for CSV. */
  readonly signedBy?: string;
  readonly digest?: string;
}

/**
 * Writes receipts of one moment to a file, oldest first. The file is there whole or not at all.
 * @throws UsageError when the file is there already, or the options exclude each other
 */
export async function exportReceipts(
  ledger: Pick<Ledger, 'evidence'>,
  signer: Signer,
  { out, batchId, history = false, csv = false }: ExportRequest,
): Promise<Exported> {
  if (csv && history) {
    throw new UsageError('a CSV file has one kind of row: export the history without --csv, as JSON Lines');
  }
  const filter = { history, ...(batchId !== undefined && { batchId }) };
  const file = resolve(out);
  const counts = { receipts: 0, unsigned: 0, history: 0 };
  const proof: { signedBy?: string; digest?: string } = {};
  const { bytes } = await writeNewFile(file, async ({ append, restart }) => {
    const sink = csv ? csvSink(append) : linesSink(append, signer, batchId);
    await ledger.evidence(filter, {
      ...sink,
      begin: async (about) => {
        await restart();
        Object.assign(counts, { receipts: about.receipts, unsigned: about.unsigned, history: about.history });
        await sink.begin(about);
      },
    });
    Object.assign(proof, await sink.end());
  });
  return { file, format: csv ? 'csv' : 'jsonl', ...counts, bytes, ...proof };
}

type Append = (text: string) => Promise<void>;
type Sink = EvidenceSink & {
  end(): Promise<{ readonly signedBy: string; readonly digest: string } | undefined>;
};

function linesSink(append: Append, signer: Signer, batchId: string | undefined): Sink {
  let lines = new ExportLines();
  return {
    async begin({ keys, ...counts }) {
      lines = new ExportLines();
      await append(
        lines.header({
          exportedAt: new Date().toISOString(),
          ...(batchId !== undefined && { batchId }),
          counts,
          keys: { ...keys, [signer.keyId]: signer.publicKey },
        }),
      );
    },
    receipts: (rows) => append(rows.map((row) => lines.receipt(row)).join('')),
    history: (rows) => append(rows.map((row) => lines.history({ ...row })).join('')),
    async end() {
      const { line, digest } = lines.footer(signer);
      await append(line);
      return { signedBy: signer.keyId, digest };
    },
  };
}

const COLUMNS: Readonly<Record<string, (row: EvidenceRow) => string | number | boolean | undefined>> = {
  landed_at: (row) => row.landedAt,
  work: (row) => row.work,
  job: (row) => jobTitle(row.identity),
  effect: (row) => row.name,
  target: (row) => row.target,
  use: (row) => row.use,
  id: (row) => row.id,
  url: (row) => row.url,
  revision: (row) => row.revision,
  sha256: (row) => row.sha256,
  adopted: (row) => row.adopted,
  decided_by: (row) => row.decidedBy,
  batch_id: (row) => row.batchId,
  job_key: (row) => row.jobKey,
  effect_key: (row) => row.effectKey,
  recorded_at: (row) => row.recordedAt,
  signed_by: (row) => row.signedBy,
};

const csvSink = (append: Append): Sink => ({
  begin: () => append(csvLine(Object.keys(COLUMNS))),
  receipts: (rows) =>
    append(rows.map((row) => csvLine(Object.values(COLUMNS).map((cell) => cell(row)))).join('')),
  history: async () => undefined,
  end: async () => undefined,
});

/**
 * Proves an export, or says where it breaks, from the file alone.
 * @param keys  paths of public keys that the caller trusts; none: the keys that the file itself brings
 * @throws UsageError when there is no such file, or it is no export
 */
export async function verifyReceipts(file: string, keys: readonly string[] = []): Promise<ExportVerdict> {
  const trusted = await Promise.all(
    keys.map(async (path) => ({ pem: await readFile(path, 'utf8').catch(toldMissing(path)), from: path })),
  );
  const opened = await open(file).catch(toldMissing(file));
  try {
    return await verifyExport(opened.readLines(), trusted);
  } finally {
    await opened.close();
  }
}

const toldMissing =
  (path: string) =>
  (error: unknown): never => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new UsageError(`there is no file ${path}`);
    throw error;
  };
