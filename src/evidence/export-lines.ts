import { createHash } from 'node:crypto';
import { z } from 'zod';
import { keySchema, revisionSchema, sha256Schema } from '../contract/job.js';
import { receiptSchema } from '../contract/receipt.js';
import { canonicalJson, type LooseJson } from '../identity/canonical-json.js';
import type { Signer } from './signing.js';

/**
 * The form of an export: one JSON document a line. Wire format; `docs/reference/ledger.md` specifies it.
 *  X1. Lines are numbered from 1: header, receipts, history, footer. A line that is missing, doubled or moved shows.
 *  X2. Each line carries a digest over itself and the digest before it, so a change of any line shows at that line.
 *  X3. The footer has the last digest and the number of lines, signed: nobody else can make a shorter export.
 */
export const EXPORT_FORMAT = 'nightshift-receipts';
export const EXPORT_VERSION = 1;

const count = z.int().nonnegative();

export const headerSchema = z.object({
  type: z.literal('header'),
  format: z.literal(EXPORT_FORMAT),
  version: z.int(),
  exportedAt: z.iso.datetime(),
  batchId: z.string().optional(),
  counts: z.object({ receipts: count, unsigned: count, history: count }),
  keys: z.record(z.string(), z.string()),
});

export const receiptLineSchema = z.object({
  type: z.literal('receipt'),
  ...receiptSchema.shape,
  effectKey: keySchema,
  revision: revisionSchema,
  work: z.string(),
  jobKey: keySchema,
  identity: z.record(z.string(), z.string()),
  name: z.string(),
  target: z.string(),
  use: z.string(),
  batchId: z.string(),
  recordedAt: z.string(),
  decidedBy: z.string().optional(),
  signature: z.string().optional(),
  signedBy: z.string().optional(),
});

export const historyLineSchema = z.object({ type: z.literal('history'), seq: z.int() });

/** Strict, for nothing but its signature watches over it. */
export const footerSchema = z.strictObject({
  n: z.int().positive(),
  type: z.literal('footer'),
  /** All lines before this one. */
  lines: count,
  receipts: count,
  digest: sha256Schema,
  signedBy: z.string(),
  signature: z.string(),
});

export type Header = z.infer<typeof headerSchema>;
export type ReceiptLine = z.infer<typeof receiptLineSchema>;
export type Footer = z.infer<typeof footerSchema>;

/** What every line but the footer has beside its own fields. */
export const linkSchema = z.object({ n: z.int().positive(), chain: sha256Schema });

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Digest of a line by itself: its fields and number, whatever the order of its fields and its white space. */
export const bodyDigest = (line: { readonly [field: string]: LooseJson }): string =>
  sha256(canonicalJson(line));

/** @param before  digest of the line before; empty for the first */
export const chained = (before: string, body: string): string => sha256(`${before}\n${body}`);

export const footerText = ({
  lines,
  receipts,
  digest,
}: Pick<Footer, 'lines' | 'receipts' | 'digest'>): string =>
  `nightshift export v1\n${canonicalJson({ lines, receipts, digest })}`;

/** Makes the lines of one export, in order. */
export class ExportLines {
  private n = 0;
  private receipts = 0;
  private chain = '';

  header(header: Omit<Header, 'type' | 'format' | 'version'>): string {
    return this.link({ type: 'header', format: EXPORT_FORMAT, version: EXPORT_VERSION, ...header });
  }

  receipt(receipt: Omit<ReceiptLine, 'type'>): string {
    this.receipts += 1;
    return this.link({ type: 'receipt', ...receipt });
  }

  history(row: { readonly seq: number } & { readonly [field: string]: LooseJson }): string {
    return this.link({ type: 'history', ...row });
  }

  footer(signer: Signer): { readonly line: string; readonly digest: string } {
    const about = { lines: this.n, receipts: this.receipts, digest: this.chain };
    const signature = signer.sign(footerText(about));
    const footer = { n: this.n + 1, type: 'footer', ...about, signedBy: signer.keyId, signature };
    return { line: `${JSON.stringify(footer)}\n`, digest: this.chain };
  }

  private link(fields: { readonly [field: string]: LooseJson }): string {
    this.n += 1;
    const line = { n: this.n, ...fields };
    this.chain = chained(this.chain, bodyDigest(line));
    return `${JSON.stringify({ ...line, chain: this.chain })}\n`;
  }
}
