import { isScalar, parseDocument, visit, type Document } from 'yaml';
import { shown } from '../batch/shown.js';
import { textsIn } from '../batch/secrets.js';
import type { Json } from '../contract/json.js';
import { messageOf } from '../contract/thrown.js';
import { isDrawn } from './drawn.js';
import { yamlDepth, YAML_DEPTH_MAX } from './nesting.js';

const FRONT_MATTER = /^---[ \t]*\r?\n([\s\S]*?)(?:\r?\n)?^(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/m;

/** Aliases in YAML can make a few lines into gigabytes; front matter needs none. */
const ALIASES_MAX = 10;

/** Forty pages of fields; what a site generator reads is a few lines. */
const CHARACTERS_MAX = 64 * 1024;

export interface SplitText {
  /** The YAML between the two lines of dashes; undefined where the text does not begin with them. */
  readonly frontMatter: string | undefined;
  readonly body: string;
}

export function splitFrontMatter(text: string): SplitText {
  const match = text.startsWith('---') ? FRONT_MATTER.exec(text) : null;
  if (match?.index !== 0) return { frontMatter: undefined, body: text };
  return { frontMatter: match[1] ?? '', body: text.slice(match[0].length) };
}

export type FrontMatter =
  | { readonly ok: true; readonly fields: Record<string, unknown> }
  | { readonly ok: false; readonly problem: string };

/** Reads the front matter of a text. Dates stay the text that they are. */
export function frontMatterOf(text: string): FrontMatter {
  const { frontMatter } = splitFrontMatter(text);
  if (frontMatter === undefined) return { ok: false, problem: 'it has no front matter' };
  if (frontMatter.length > CHARACTERS_MAX)
    return { ok: false, problem: `its front matter is longer than ${CHARACTERS_MAX / 1024} KiB` };
  if (yamlDepth(frontMatter) > YAML_DEPTH_MAX)
    return { ok: false, problem: 'its front matter is nested too deeply' };
  let value: unknown;
  try {
    value = valueOf(frontMatter);
  } catch (error) {
    const [said = ''] = messageOf(error).split('\n');
    return { ok: false, problem: `its front matter is no YAML: ${shown(said)}` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { ok: false, problem: 'its front matter holds no fields' };
  return { ok: true, fields: value as Record<string, unknown> };
}

function valueOf(yaml: string): unknown {
  // The parser holds each key of a map against all others; here it is against a set of them.
  const document = parseDocument(yaml, { schema: 'core', uniqueKeys: false, logLevel: 'error' });
  const [error] = document.errors;
  if (error) throw error;
  assertUniqueKeys(document);
  return document.toJS({ maxAliasCount: ALIASES_MAX });
}

function assertUniqueKeys(document: Document): void {
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) throw new Error(`the key ${String(key.value)} stands there twice`);
        seen.add(key.value);
      }
    },
  });
}

/** All texts in the front matter, as a site would show them; as they stand there where it can't be read. */
export function frontMatterTexts(text: string): string[] {
  const { frontMatter } = splitFrontMatter(text);
  if (frontMatter === undefined) return [];
  const read = frontMatterOf(text);
  return read.ok ? textsIn(read.fields as Json).map((place) => place.text) : [frontMatter];
}

/** Required fields that are missing or empty. */
export function missingFields(
  fields: Readonly<Record<string, unknown>>,
  required: readonly string[],
): string[] {
  return required.flatMap((name) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value === undefined) return [`its front matter has no ${shown(name)}`];
    return isEmpty(value) ? [`its front matter has an empty ${shown(name)}`] : [];
  });
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  (typeof value === 'string' && !isDrawn(value)) ||
  (typeof value === 'object' && Object.keys(value).length === 0);
