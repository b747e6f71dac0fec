import { withoutLogin } from './credentials.js';

/** Characters of a value that a message shows before it is cut. */
const SHOWN_MAX = 60;

// Besides what JSON escapes: everything that a terminal would obey or a reader could not see.
const UNSAFE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A value as a message may show it: quoted, escaped, one line, without logins, cut. For text that nobody has checked yet. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  const cut = shortenedTo(withoutLogin(value), SHOWN_MAX);
  return JSON.stringify(cut).replace(UNSAFE, escapeCode);
}

const escapeCode = (character: string): string =>
  `\\u{${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}}`;

/** What a value is, in the words of a person who writes YAML. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return `the text ${shown(value)}`;
    case 'number':
      return `the number ${value}`;
    case 'boolean':
      return String(value);
    default:
      return 'an object';
  }
}

/** `effects[0].target`, the way operators find their place in a file. */
export const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');

/** The beginning of a text, and a sign where that is not all of it. @param max characters of it that are kept */
export const shortenedTo = (text: string, max: number): string =>
  text.length > max ? `${text.slice(0, max)}…` : text;
