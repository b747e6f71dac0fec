import { placeOfToken, pageOf, sizeOf } from '../http/paging.js';
import { invalid } from './errors.js';

const PAGE_USUAL = 20;
const PAGE_MOST = 1000;

export interface Page<T> {
  readonly data: T[];
  readonly next_page: string | null;
  readonly prev_page: null;
}

/** The part of a list that `limit` and `page` ask for. @throws Refusal 400 for a limit or page that is none */
export function pageAsked<T extends { readonly id: string }>(
  query: URLSearchParams,
  all: readonly T[],
): Page<T> {
  const size = sizeOf(query.get('limit'), PAGE_USUAL, PAGE_MOST);
  if (size === undefined) throw invalid('limit: must be a whole number from 1');
  const token = query.get('page');
  const after = token === null || token === '' ? undefined : placeOfToken(token);
  if (token !== null && token !== '' && after === undefined) throw invalid('page: not a page token');
  const { items, next } = pageOf(all, ({ id }) => id, { after, size });
  return { data: items, next_page: next ?? null, prev_page: null };
}

/** All values of `name[]=` or `name=`. */
export const manyOf = (query: URLSearchParams, name: string): string[] => [
  ...query.getAll(`${name}[]`),
  ...query.getAll(name),
];

/** Whether a time lies within `created_at[gt|gte|lt|lte]`. @throws Refusal 400 for a time that is none */
export function timeFilter(query: URLSearchParams): (at: number) => boolean {
  const bound = (operator: string): number | undefined => {
    const text = query.get(`created_at[${operator}]`);
    if (text === null) return undefined;
    const at = Date.parse(text);
    if (Number.isNaN(at)) throw invalid(`created_at[${operator}]: not an RFC 3339 time`);
    return at;
  };
  const [gt, gte, lt, lte] = ['gt', 'gte', 'lt', 'lte'].map(bound);
  return (at) =>
    (gt === undefined || at > gt) &&
    (gte === undefined || at >= gte) &&
    (lt === undefined || at < lt) &&
    (lte === undefined || at <= lte);
}

/** @throws Refusal 400 for an order that is none */
export function orderAsked(query: URLSearchParams, usual: 'asc' | 'desc'): 'asc' | 'desc' {
  const order = query.get('order') ?? usual;
  if (order !== 'asc' && order !== 'desc') throw invalid('order: must be asc or desc');
  return order;
}
