import { placeOfToken, pageOf, sizeOf } from '../http/paging.js';
import { invalid } from './errors.js';

const PAGE_USUAL = 50;
const PAGE_MOST = 1000;

/** The part of a list that `page_size` and `page_token` ask for. @throws Refusal 400 for a size that is none */
export function pageAsked<T>(
  query: URLSearchParams,
  all: readonly T[],
  idOf: (item: T) => string,
): { items: T[]; rest: { next_page_token?: string } } {
  const size = sizeOf(query.get('page_size'), PAGE_USUAL, PAGE_MOST);
  if (size === undefined) throw invalid('page_size must be a whole number from 1.');
  const token = query.get('page_token');
  const { items, next } = pageOf(all, idOf, {
    after: token === null ? undefined : placeOfToken(token),
    size,
  });
  return { items, rest: next === undefined ? {} : { next_page_token: next } };
}
