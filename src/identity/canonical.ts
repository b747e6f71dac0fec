/**
 * The one form in which a value enters a key. Owns what a value may be and how values are joined;
 * does not own which values make up which key (`keys.ts`).
 *  C1. Two spellings of one value are one value: numbers, booleans and Unicode forms are folded.
 *  C2. White space at an end and controls are refused, never repaired in silence. Other characters without a look of
 *      their own stay, for many come with real titles, and are noted. What only looks alike (case, a no-break space, two
 *      spaces) is two values, and is noted where a batch has both.
 *  C3. The join is injective: different lists of non-empty values give different texts.
 */

/** Most UTF-8 bytes of one identity value, counted in NFC. */
export const VALUE_BYTES_MAX = 512;

/** A value as operators may write it in an identity field. */
export type IdentityValue = string | number | boolean;

/** `problem` reads on after the field's name: `slug` + "is empty". */
export type NormalisedValue =
  { readonly ok: true; readonly value: string } | { readonly ok: false; readonly problem: string };

const refused = (problem: string): NormalisedValue => ({ ok: false, problem });

// White space at an end, and the invisible characters that are none in Unicode's eyes but are in ours.
const SPACE = '[\\s\\u180e\\u200b\\u2060]';
const LEADING_SPACE = new RegExp(`^${SPACE}`, 'u');
const TRAILING_SPACE = new RegExp(`${SPACE}$`, 'u');
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
/**
 * Soft hyphens, joiners, marks of direction and the like. Not where it does show: variation selectors, the tags of a flag
 * behind U+1F3F4, the joiners that scripts and emoji need inside a word, and those that shape the last letter of one (the
 * chillu of Malayalam).
 */
const INVISIBLE = new RegExp(
  [
    '(?!\\p{Variation_Selector}|[\\u200c\\u200d]|[\\u{e0020}-\\u{e007f}])\\p{Default_Ignorable_Code_Point}',
    '(?<!\\u{1f3f4}[\\u{e0020}-\\u{e007f}]*)[\\u{e0020}-\\u{e007f}]',
    '(?<![^\\s\\p{P}\\p{Default_Ignorable_Code_Point}]\\p{Variation_Selector}?)[\\u200c\\u200d]',
    '(?<!(?!\\p{Script=Latin})[\\p{L}\\p{M}])[\\u200c\\u200d](?![^\\s\\p{P}\\p{Default_Ignorable_Code_Point}])',
  ].join('|'),
  'u',
);
const LONE_SURROGATE = /\p{Cs}/u;

/** Checks one identity value and gives its normal form: NFC text. Accepts anything, throws never. */
export function normaliseValue(raw: unknown): NormalisedValue {
  const text = textOf(raw);
  if (!text.ok) return text;
  if (text.value === '') return refused('is empty');
  if (LONE_SURROGATE.test(text.value)) return refused('has half of a surrogate pair, which is no character');

  const value = text.value.normalize('NFC');
  // White space goes first: a trailing line break is both, and is better called white space.
  if (LEADING_SPACE.test(value)) return refused('begins with white space');
  if (TRAILING_SPACE.test(value)) return refused('ends with white space');
  const control = CONTROL.exec(value);
  if (control) return refused(`has the control character ${codePoint(control[0])}`);
  const bytes = utf8Length(value);
  if (bytes > VALUE_BYTES_MAX) return refused(`is ${bytes} bytes long, ${VALUE_BYTES_MAX} is the most`);
  return { ok: true, value };
}

/** What in a normal value nobody can see, such as `the invisible character U+00AD`; undefined where there is nothing. */
export function invisibleIn(value: string): string | undefined {
  const invisible = INVISIBLE.exec(value);
  return invisible ? `the invisible character ${codePoint(invisible[0])}` : undefined;
}

function textOf(raw: unknown): NormalisedValue {
  switch (typeof raw) {
    case 'string':
      return { ok: true, value: raw };
    case 'boolean':
      return { ok: true, value: JSON.stringify(raw) };
    case 'number':
      if (!Number.isFinite(raw)) return refused('is not a finite number');
      // Past 2^53 neighbours read as one number, so two jobs would share a key.
      if (Number.isInteger(raw) && !Number.isSafeInteger(raw)) {
        return refused('is a number too large to be exact; write it in quotes');
      }
      return { ok: true, value: JSON.stringify(raw) };
    case 'undefined':
      return refused('is missing');
    default:
      if (raw === null) return refused('is null');
      return refused(`is ${Array.isArray(raw) ? 'a list' : 'an object'}, not a text, number or true/false`);
  }
}

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/** Bytes of a well-formed text in UTF-8, without encoding it. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** One value as it stands between the colons. `%` is escaped too, or `%3A` and `:` would be one value (C3). */
export const encodeValue = (value: string): string =>
  value.normalize('NFC').replaceAll('%', '%25').replaceAll(':', '%3A');

/** What gets hashed, and what `nightshift key` shows: the encoded values in their order, joined by `:`. */
export const canonicalForm = (values: readonly string[]): string => values.map(encodeValue).join(':');
