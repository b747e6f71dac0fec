/**
 * Proves an export, or says where it breaks, from the file alone: no ledger, no engine, no network.
 *
 * Two proofs that do not rest on each other: each receipt has its own signature, and all lines together are chained
 * up to a footer that is signed (see `export-lines.ts`). Whoever has no signing key can neither change nor leave out
 * anything; whoever makes a whole new export with a key of his own is found out by `trusted`.
 */
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { UsageError } from '../contract/errors.js';
import type { JsonObject } from '../contract/json.js';
import { brokenLinks, type Link } from './chain.js';
import {
  footerProblems,
  headerProblems,
  isIdentityOf,
  parsedLine,
  publicKeyIn,
  type ExportProblem,
  type PlacedFooter,
} from './export-checks.js';
import {
  EXPORT_VERSION,
  bodyDigest,
  footerSchema,
  headerSchema,
  historyLineSchema,
  linkSchema,
  receiptLineSchema,
  type Header,
  type ReceiptLine,
} from './export-lines.js';
import { receiptText } from './receipt-text.js';
import { isSignedBy, keyIdOf, publicKeyOf } from './signing.js';

export type { ExportProblem };

export interface ExportVerdict {
  readonly ok: boolean;
  readonly exportedAt: string | undefined;
  readonly receipts: number;
  /** Receipts whose signature holds. */
  readonly proved: number;
  /** Written before receipts were signed; only chain and footer vouch for them. */
  readonly unsigned: number;
  readonly history: number;
  /** Key id -> receipts that it proved. */
  readonly keys: Readonly<Record<string, number>>;
  /** `given`: the keys that the caller trusts · `file`: those that the file itself brings, which proves less. */
  readonly trust: 'given' | 'file';
  /** In the order of the file; the first 100. */
  readonly problems: readonly ExportProblem[];
  readonly problemsFound: number;
}

const PROBLEMS_MAX = 100;

/** A file that has no line of an export among so many is another file, and is not read to its end. */
const GIVE_UP_AFTER = 1000;

/**
 * @param lines    of the file, without line ends; read once
 * @param trusted  public keys that the caller knows to be right, with where each comes from; none: those of the file
 * @throws UsageError when it is no export, or of a newer form
 * @throws AdapterError `config` when one of `trusted` is no public key
 */
export async function verifyExport(
  lines: AsyncIterable<string>,
  trusted: readonly { readonly pem: string; readonly from: string }[] = [],
): Promise<ExportVerdict> {
  const given = new Map(
    trusted.map(({ pem, from }) => {
      const key = publicKeyOf(pem, from);
      return [keyIdOf(key), key];
    }),
  );
  const verifier = new Verifier(given);
  let line = 0;
  for await (const text of lines) {
    line += 1;
    if (text.trim() !== '') verifier.take(line, text);
  }
  return verifier.verdict();
}

const lineSchema = z.discriminatedUnion('type', [
  headerSchema,
  receiptLineSchema,
  historyLineSchema,
  footerSchema,
]);

class Verifier {
  private readonly problems: ExportProblem[] = [];
  private readonly links: Link[] = [];
  private readonly named = new Set<number>();
  private readonly keys = new Map<string, KeyObject>();
  private readonly proved = new Map<string, number>();
  private header: Header | undefined;
  private footer: PlacedFooter | undefined;
  private recognised = 0;
  receipts = 0;
  unsigned = 0;
  history = 0;

  constructor(private readonly given: ReadonlyMap<string, KeyObject>) {
    for (const [id, key] of given) this.keys.set(id, key);
  }

  take(line: number, text: string): void {
    const fields = parsedLine(text);
    const known = lineSchema.safeParse(fields);
    if (fields === undefined || !known.success) {
      this.notLine(line, fields, known.error);
      return;
    }
    this.recognised += 1;
    if (known.data.type !== 'footer') this.link(line, fields);
    switch (known.data.type) {
      case 'header':
        return this.takeHeader(line, known.data);
      case 'receipt':
        return this.takeReceipt(line, known.data);
      case 'history':
        this.history += 1;
        return;
      case 'footer':
        if (this.footer) this.report({ kind: 'added', line, message: 'a second footer' });
        else this.footer = { ...known.data, line };
    }
  }

  verdict(): ExportVerdict {
    if (this.recognised === 0) throw notExport();
    const { problems, last } = brokenLinks(this.links);
    for (const problem of problems) this.report(problem);
    for (const problem of headerProblems(this.header, this)) this.report(problem);
    const about = { last, lines: this.links.length, keys: this.keys, unknownKey: this.unknownKey() };
    for (const problem of footerProblems(this.footer, about)) this.report(problem);
    this.problems.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity));
    return {
      ok: this.problems.length === 0,
      exportedAt: this.header?.exportedAt,
      receipts: this.receipts,
      proved: [...this.proved.values()].reduce((sum, receipts) => sum + receipts, 0),
      unsigned: this.unsigned,
      history: this.history,
      keys: Object.fromEntries(this.proved),
      trust: this.given.size > 0 ? 'given' : 'file',
      problems: this.problems.slice(0, PROBLEMS_MAX),
      problemsFound: this.problems.length,
    };
  }

  private notLine(line: number, fields: JsonObject | undefined, error: z.ZodError | undefined): void {
    if (this.recognised === 0 && line >= GIVE_UP_AFTER) throw notExport();
    if (fields && linkSchema.safeParse(fields).success) this.link(line, fields);
    const issue = error?.issues[0];
    const why =
      fields === undefined
        ? 'it is no JSON object'
        : `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`;
    this.report({ kind: 'altered', line, message: `no line of an export: ${why.trim()}` });
  }

  private link(line: number, fields: JsonObject): void {
    const link = linkSchema.safeParse(fields);
    if (!link.success) {
      this.report({ kind: 'altered', line, message: 'its number or its digest is missing' });
      return;
    }
    const { chain: _, ...body } = fields;
    this.links.push({ line, n: link.data.n, chain: link.data.chain, body: bodyDigest(body) });
  }

  private takeHeader(line: number, header: Header): void {
    if (header.version > EXPORT_VERSION) {
      throw new UsageError(
        `the export was written by a newer nightshift [version=${header.version}, known here up to ${EXPORT_VERSION}]: update nightshift on this machine`,
      );
    }
    if (this.header) return this.report({ kind: 'added', line, message: 'a second header' });
    this.header = header;
    if (this.given.size > 0) return; // then the file's own keys prove nothing
    for (const [id, pem] of Object.entries(header.keys)) {
      const key = publicKeyIn(pem);
      if (key && keyIdOf(key) === id) this.keys.set(id, key);
      else this.report({ kind: 'wrong-key', line, message: `the key that it names ${id} is another one` });
    }
  }

  private takeReceipt(line: number, receipt: ReceiptLine): void {
    this.receipts += 1;
    const { signature, signedBy, effectKey, name, target } = receipt;
    const told = { line, effectKey };
    if (!isIdentityOf(receipt)) {
      this.report({
        ...told,
        kind: 'altered',
        message: `the identity shown is not that of job ${receipt.jobKey}`,
      });
    }
    if (signature === undefined || signedBy === undefined) {
      this.unsigned += 1;
      return;
    }
    const key = this.keys.get(signedBy);
    if (!key) {
      this.report({ ...told, kind: 'wrong-key', message: `signed by ${signedBy}, ${this.unknownKey()}` });
    } else if (!isSignedBy(key, receiptText(receipt), signature)) {
      this.report({
        ...told,
        kind: 'altered',
        message: `the signature does not fit this receipt of "${name}" at ${target}`,
      });
    } else {
      this.proved.set(signedBy, (this.proved.get(signedBy) ?? 0) + 1);
    }
  }

  private unknownKey(): string {
    return this.given.size > 0 ? 'which is no key given' : 'a key that the file does not have';
  }

  /** One word on each line is enough: what breaks a signature breaks the chain too. */
  private report(problem: ExportProblem): void {
    if (problem.line !== undefined && this.named.has(problem.line) && problem.kind === 'altered') return;
    if (problem.line !== undefined) this.named.add(problem.line);
    this.problems.push(problem);
  }
}

const notExport = (): UsageError =>
  new UsageError('the file is no export of receipts: "nightshift ledger export --out FILE" writes one');
