import type { Json } from '../contract/json.js';

/** JSON as our types may hold it: an optional field may be present and undefined. */
export type LooseJson = Json | undefined | readonly LooseJson[] | { readonly [field: string]: LooseJson };

/**
 * One text per JSON value, after RFC 8785: fields sorted by UTF-16 code units, no white space, numbers as
 * JavaScript writes them. Undefined fields are left out.
 * @param spell  how keys and texts are spelled; as they are unless given (fingerprints give NFC)
 * @throws RangeError for numbers that JSON can't hold
 */
export function canonicalJson(value: LooseJson, spell: (text: string) => string = asItIs): string {
  if (typeof value === 'string') return JSON.stringify(spell(value));
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new RangeError(`${value} is no JSON number`);
  if (value === undefined) return 'null'; // only reached inside a list, where leaving it out would move the rest
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map((entry) => canonicalJson(entry, spell)).join(',')}]`;
  return `{${fieldsOf(value, spell).join(',')}}`;
}

// Sorted as pairs of key and text, so that even two keys that are spelled alike have one order.
const fieldsOf = (
  object: { readonly [field: string]: LooseJson },
  spell: (text: string) => string,
): string[] =>
  Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [spell(key), canonicalJson(value, spell)] as const)
    .sort(([a, aText], [b, bText]) => compare(a, b) || compare(aText, bText))
    .map(([key, text]) => `${JSON.stringify(key)}:${text}`);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const asItIs = (text: string): string => text;

const isList = (value: object): value is readonly LooseJson[] => Array.isArray(value);
