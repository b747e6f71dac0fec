/** Where a page ended. */
export interface Place {
  readonly id: string;
  /** Of the item after it, at that time. */
  readonly index: number;
}

/**
 * A place in a list that stays right while the list grows at its end or its start. Where the item that it is after has
 * left the list, what took its place comes next.
 */
export function pageOf<T>(
  all: readonly T[],
  idOf: (item: T) => string,
  { after, size }: { readonly after: Place | undefined; readonly size: number },
): { items: T[]; next: string | undefined } {
  const start = after === undefined ? 0 : startAfter(after, all.map(idOf));
  const items = all.slice(start, start + size);
  const last = items.at(-1);
  const index = start + size;
  return {
    items,
    next: last !== undefined && index < all.length ? tokenOf({ id: idOf(last), index }) : undefined,
  };
}

function startAfter({ id, index }: Place, ids: readonly string[]): number {
  const found = ids.indexOf(id);
  return found === -1 ? index - 1 : found + 1;
}

const tokenOf = ({ id, index }: Place): string => Buffer.from(`after ${index} ${id}`).toString('base64url');

/** The place that a page token stands for; undefined for a text that is none. */
export function placeOfToken(token: string): Place | undefined {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  const [, index, id] = /^after ([1-9]\d*) (.+)$/s.exec(text) ?? [];
  return id === undefined ? undefined : { id, index: Number(index) };
}

/** A size asked for, within what the service allows. Undefined for one that is no whole number from 1. */
export function sizeOf(asked: string | null, usual: number, most: number): number | undefined {
  if (asked === null) return usual;
  const size = Number(asked);
  return Number.isInteger(size) && size >= 1 ? Math.min(size, most) : undefined;
}
