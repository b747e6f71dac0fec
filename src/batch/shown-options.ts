import type { Json, JsonObject } from '../contract/json.js';
import { ARTIFACT_MARK } from './artifact-mark.js';
import { pathText } from './shown.js';
import { looksLikeReference, withoutReferences } from './secrets.js';

/** One option of an effect as a person is shown it. */
export interface ShownOption {
  /** `headers.authorization`, `lines[0].amount`. */
  readonly name: string;
  readonly value: string;
}

const FIELDS_MAX = 40;
const VALUE_MAX = 500;

/** Options that are credentials by their name: shown only where they are nothing but references to them. */
const CREDENTIAL =
  /authorization|cookie|credential|passphrase|passw|^pass$|^pwd$|secret|token|bearer|signature|^sig$|^sas$|^pat$|[-_]?auth$|api[-_]?key|access[-_]?key|private[-_]?key|account[-_]?key|^key$|connection[-_]?string|^dsn$/i;

/** Any other header may be how a service of its own kind lets somebody in. */
const PLAIN_HEADER =
  /^(accept|accept-language|content-type|content-language|idempotency-key|if-match|if-none-match|prefer|user-agent)$/i;

const HIDDEN = '***';

/**
 * Options of an effect, filled in for one job, for a person who is to say yes to them: bounded, and without secrets.
 * References to secrets stay references, and the artifact is named where it will stand.
 * @param order names of options in the order in which they are read best; others follow
 */
export function shownOptions(options: JsonObject, order: readonly string[] = []): readonly ShownOption[] {
  const names = [...order, ...Object.keys(options)].filter((name) => Object.hasOwn(options, name));
  const all = [...new Set(names)].flatMap((name) => fieldsIn([name], options[name] ?? null));
  const more = all.length - FIELDS_MAX;
  return [
    ...all.slice(0, FIELDS_MAX),
    ...(more > 0 ? [{ name: '…', value: `and ${more} more that are not shown` }] : []),
  ];
}

function fieldsIn(path: readonly PropertyKey[], value: Json): ShownOption[] {
  if (Array.isArray(value) && value.length > 0)
    return value.flatMap((entry, at) => fieldsIn([...path, at], entry));
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0)
    return Object.entries(value).flatMap(([name, inner]) => fieldsIn([...path, name], inner));
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const hidden = isCredential(path) && !isReference(text);
  return [
    { name: pathText(path), value: hidden ? 'not shown: a credential' : shortened(withoutLogin(text)) },
  ];
}

function isCredential(path: readonly PropertyKey[]): boolean {
  if (path.some((part) => CREDENTIAL.test(String(part)))) return true;
  const header = path[path.findIndex((part) => part === 'headers') + 1];
  return path.includes('headers') && header !== undefined && !PLAIN_HEADER.test(String(header));
}

/** Nothing but references, and a word that says of what kind. */
const isReference = (text: string): boolean =>
  looksLikeReference(text) && /^\s*(basic|bearer|token|bot)?\s*$/i.test(withoutReferences(text));

/** A text without what lets somebody in: user and password of an URL, values of its query, what follows "Bearer". */
function withoutLogin(text: string): string {
  const cleaned = text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${HIDDEN}@`)
    .replace(/\b(basic|bearer)\s+(?!\$\{)[\w+/=.~-]{6,}/gi, `$1 ${HIDDEN}`);
  if (!/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text)) return cleaned;
  return cleaned.replace(/([?&][^=&#]*=)([^&#]*)/g, (_, name: string, value: string) =>
    isReference(value) ? `${name}${value}` : `${name}${HIDDEN}`,
  );
}

function shortened(text: string): string {
  const named = text.replaceAll(ARTIFACT_MARK, '{{ artifact }}');
  const left = named.length - VALUE_MAX;
  return left <= 0 ? named : `${named.slice(0, VALUE_MAX)}… and ${left} more characters`;
}
