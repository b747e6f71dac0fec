import { z } from 'zod';

/** RFC 6901; the empty text is the whole document. */
export const pointerSchema = z
  .string()
  .regex(/^(\/([^~]|~[01])*)*$/, 'must be a JSON pointer, such as /id or /data/0/id');

/** What a JSON pointer leads to; undefined where it leads nowhere. */
export function at(pointer: string, document: unknown): unknown {
  return partsOf(pointer).reduce<unknown>((value, part) => {
    if (Array.isArray(value))
      return /^(0|[1-9]\d*)$/.test(part) ? (value[Number(part)] as unknown) : undefined;
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    return (value as Record<string, unknown>)[part];
  }, document);
}

/** The first list on the way of a pointer, such as `/data` of `/data/0/id`. */
export function listOnTheWay(pointer: string, document: unknown): readonly unknown[] | undefined {
  const parts = partsOf(pointer);
  for (let length = 0; length < parts.length; length++) {
    const value = at(
      parts
        .slice(0, length)
        .map((part) => `/${escape(part)}`)
        .join(''),
      document,
    );
    if (Array.isArray(value)) return value as unknown[];
  }
  return undefined;
}

/** Text or number as text; undefined for all else, and for the empty text. */
export function textAt(pointer: string, document: unknown): string | undefined {
  const value = at(pointer, document);
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const partsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

const escape = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1');
