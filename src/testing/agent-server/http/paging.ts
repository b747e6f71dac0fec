/** A place in a list that stays right while the list grows at its end or its start. */
export function pageOf<T>(
  all: readonly T[],
  idOf: (item: T) => string,
  { after, size }: { readonly after: string | undefined; readonly size: number },
): { items: T[]; next: string | undefined } {
  const start = after === undefined ? 0 : all.findIndex((item) => idOf(item) === after) + 1;
  const items = all.slice(start, start + size);
  const last = items.at(-1);
  return { items, next: last !== undefined && start + size < all.length ? tokenOf(idOf(last)) : undefined };
}

const tokenOf = (id: string): string => Buffer.from(`after ${id}`).toString('base64url');

/** The id that a page token stands for; undefined for a text that is none. */
export function idOfToken(token: string): string | undefined {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  return text.startsWith('after ') ? text.slice('after '.length) : undefined;
}

/** A size asked for, within what the service allows. Undefined for one that is no whole number from 1. */
export function sizeOf(asked: string | null, usual: number, most: number): number | undefined {
  if (asked === null) return usual;
  const size = Number(asked);
  return Number.isInteger(size) && size >= 1 ? Math.min(size, most) : undefined;
}
