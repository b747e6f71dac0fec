import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type YAMLError,
} from 'yaml';
import type { Place, ProblemHere } from './problems.js';

/** Aliases that one document may unfold: far more than a person writes, far less than a bomb needs. */
const ALIASES_MAX = 100;

/** Mistakes of form that are told: what follows the first few is mostly their echo. */
const ERRORS_MAX = 5;

const ALIAS_HINT = 'a text that begins with * needs quotes around it';

/** What was read, and where each of its values stands: of a YAML (or JSON) file, or of an object in code. */
export interface SourceDocument {
  readonly value: unknown;
  /** Place of the value at a path; where the path ends early, of the deepest value that is there. Code has none. */
  placeOf(path: readonly PropertyKey[]): Place | undefined;
  /** Place of the field name at a path. */
  placeOfKey(path: readonly PropertyKey[]): Place | undefined;
  /** How a number is written, which may differ from how it reads: `1.10`, `007`. */
  sourceOf(path: readonly PropertyKey[]): string | undefined;
}

/**
 * Parses YAML 1.2, of which JSON is a part. No tags beyond the core schema, no merge keys, one document.
 * @param text  without a byte order mark, lines ended by LF
 * @returns undefined when the text is no YAML; what is wrong went to `report`
 */
export function parseYaml(text: string, report: (problem: ProblemHere) => void): SourceDocument | undefined {
  const lines = new LineCounter();
  const document = parsed(text, lines);
  if (!document) {
    report({ line: 1, column: 1, message: 'is nested too deeply to be read' });
    return undefined;
  }
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };

  for (const error of document.errors.slice(0, ERRORS_MAX))
    report({ ...placeAt(error.pos[0]), ...sentenceOf(error) });
  for (const warning of document.warnings) report({ ...placeAt(warning.pos[0]), ...sentenceOf(warning) });
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document)) return;
      report({
        ...placeAt(offsetOf(alias)),
        message: `*${alias.source} is nowhere defined`,
        hint: ALIAS_HINT,
      });
    },
  });
  if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return undefined;

  const value = plainValue(document, report);
  if (value === undefined) return undefined;
  return {
    value: value.js,
    placeOf: (path) => placeAt(offsetOf(walk(document, path).node)),
    placeOfKey: (path) => {
      const { key, node } = walk(document, path);
      return placeAt(offsetOf(key ?? node));
    },
    sourceOf: (path) => {
      const { node } = walk(document, path);
      return isScalar(node) && typeof node.value === 'number' ? node.source : undefined;
    },
  };
}

function parsed(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      stringKeys: true,
      resolveKnownTags: false,
      logLevel: 'error', // "silent" would also silence a second document
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined; // the parser recurses; thousands of brackets end its stack
    throw error;
  }
}

function plainValue(
  document: Document.Parsed,
  report: (problem: ProblemHere) => void,
): { js: unknown } | undefined {
  try {
    return { js: document.toJS({ maxAliasCount: ALIASES_MAX }) as unknown };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    if (error.message.startsWith('Unresolved alias')) return undefined; // reported with its place
    report({ line: 1, column: 1, message: `is no usable YAML: ${error.message}` });
    return undefined;
  }
}

/** The deepest node on a path, and its key when the whole path is there and ends in a map. */
function walk(document: Document.Parsed, path: readonly PropertyKey[]): { node: unknown; key?: unknown } {
  let node: unknown = document.contents;
  let key: unknown;
  for (const part of path) {
    const inside = isAlias(node) ? node.resolve(document) : node;
    key = undefined;
    if (isMap(inside)) {
      const pair = inside.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
      if (!pair) return { node };
      key = pair.key;
      node = isNode(pair.value) ? pair.value : pair.key;
    } else if (isSeq(inside) && typeof part === 'number' && isNode(inside.items[part])) {
      node = inside.items[part];
    } else {
      return { node };
    }
  }
  return { node, key };
}

const offsetOf = (node: unknown): number => (isNode(node) ? (node.range?.[0] ?? 0) : 0);

function sentenceOf({ code, message }: YAMLError): Pick<ProblemHere, 'message' | 'hint'> {
  switch (code) {
    case 'DUPLICATE_KEY':
      return { message: 'a field is written twice', hint: 'keep one of the two' };
    case 'TAG_RESOLVE_FAILED':
      return {
        message: `tags are not read: ${message}`,
        hint: 'write the plain value; quotes make it a text',
      };
    case 'MULTIPLE_DOCS':
      return { message: 'a second document begins here', hint: 'one file holds one document' };
    default:
      return { message: `is no valid YAML: ${message}` };
  }
}
