import type { KeyObject } from 'node:crypto';
import { AdapterError } from '../contract/errors.js';
import { jsonObjectSchema, type JsonObject } from '../contract/json.js';
import { storedJobKey } from '../identity/keys.js';
import { footerText, type Footer, type Header, type ReceiptLine } from './export-lines.js';
import { isSignedBy, publicKeyOf } from './signing.js';

export interface ExportProblem {
  readonly kind: 'altered' | 'removed' | 'added' | 'reordered' | 'wrong-key';
  /** Line of the file, from 1; absent where it is about what is not there. */
  readonly line?: number;
  /** Effect key of the receipt meant. */
  readonly effectKey?: string;
  readonly message: string;
}

/** A footer, and the line of the file that it stands in. */
export type PlacedFooter = Footer & { readonly line: number };

/** Compares what the header counts with what the file has. */
export function headerProblems(
  header: Header | undefined,
  found: { readonly receipts: number; readonly unsigned: number; readonly history: number },
): ExportProblem[] {
  if (!header) return []; // named by the chain already
  const said = header.counts;
  const compared = [
    ['receipts', said.receipts, found.receipts],
    ['unsigned receipts', said.unsigned, found.unsigned],
    ['rows of history', said.history, found.history],
  ] as const;
  return compared
    .filter(([, counted, there]) => counted !== there)
    .map(([what, counted, there]) => ({
      kind: there < counted ? 'removed' : 'added',
      message: `the header counts ${counted} ${what}, the file has ${there}`,
    }));
}

/** What the lines before a footer come to. */
export interface BeforeFooter {
  readonly lines: number;
  /** Digest of the last of them. */
  readonly last: string;
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** What a key that is not among `keys` is. */
  readonly unknownKey: string;
}

export function footerProblems(
  footer: PlacedFooter | undefined,
  { lines, last, keys, unknownKey }: BeforeFooter,
): ExportProblem[] {
  if (!footer)
    return [{ kind: 'removed', message: 'the footer is missing: the end of the file was cut off' }];
  const { line, signedBy, signature } = footer;
  const problems: ExportProblem[] = [];
  const key = keys.get(signedBy);
  if (!key) {
    problems.push({ kind: 'wrong-key', line, message: `the footer is signed by ${signedBy}, ${unknownKey}` });
  } else if (!isSignedBy(key, footerText(footer), signature)) {
    problems.push({ kind: 'altered', line, message: 'the signature of the footer does not fit' });
  }
  if (footer.lines !== lines) {
    const message = `the footer counts ${footer.lines} lines before it, the file has ${lines}`;
    problems.push({ kind: lines < footer.lines ? 'removed' : 'added', line, message });
  }
  if (footer.n !== footer.lines + 1) {
    const message = `the footer is number ${footer.n} after ${footer.lines} lines`;
    problems.push({ kind: 'altered', line, message });
  }
  if (footer.digest !== last) {
    problems.push({ kind: 'altered', line, message: 'the digest in the footer is not that of the lines' });
  }
  return problems;
}

/** Fields as they were parsed, not as a schema would hand them on: digests are over every field that is there. */
export function parsedLine(text: string): JsonObject | undefined {
  try {
    const fields: unknown = JSON.parse(text);
    // One text for one value: with a member twice, two readers may see two receipts.
    if (JSON.stringify(fields) !== text) return undefined;
    return jsonObjectSchema.safeParse(fields).success ? (fields as JsonObject) : undefined;
  } catch {
    return undefined; // told as an altered line
  }
}

export function publicKeyIn(pem: string): KeyObject | undefined {
  try {
    return publicKeyOf(pem, 'the header');
  } catch (error) {
    if (error instanceof AdapterError) return undefined;
    throw error;
  }
}

/** The identity is not signed itself; the job's key, which is, can only have been made from it. */
export function isIdentityOf({ identity, jobKey: key }: ReceiptLine): boolean {
  try {
    return storedJobKey(identity) === key;
  } catch {
    return false; // no identity at all
  }
}
