import type { Json, JsonObject } from '../../contract/json.js';
import { SECOND_MS } from '../../contract/units.js';
import type { FakeRequest } from './exchange.js';
import { isJsonObject } from './form.js';
import { settingsOf } from './settings.js';
import type { Store } from './store.js';
import { refused } from './stripe-errors.js';
import {
  createInvoice,
  finalize,
  invoiceView,
  payInvoice,
  sendInvoice,
  updateInvoice,
  voidInvoice,
} from './stripe-invoices.js';
import { createItem, itemsOf } from './stripe-items.js';

/** What a request would do; undefined where there is no such address. */
export function stripeRoute(store: Store, request: FakeRequest): (() => JsonObject) | undefined {
  const { method, path, query, fields } = request;
  const [, , collection = '', id, verb] = path.split('/');
  const word = `${method} ${collection}${id === undefined ? '' : '/:id'}${verb === undefined ? '' : `/${verb}`}`;
  switch (id === 'search' ? `${method} ${collection}/search` : word) {
    case 'POST customers':
      return () => createCustomer(store, fields);
    case 'GET customers/:id':
      return () => customer(store, id ?? '');
    case 'POST invoices':
      return () => createInvoice(store, request);
    case 'GET invoices':
      return () => page(query, invoices(store, query));
    case 'GET invoices/search':
      return () => search(store, query);
    case 'GET invoices/:id':
      return () => invoiceView(store, id ?? '');
    case 'POST invoices/:id':
      return () => updateInvoice(store, id ?? '', fields);
    case 'DELETE invoices/:id':
      return () => deleteInvoice(store, id ?? '');
    case 'POST invoices/:id/finalize':
      return () => finalize(store, id ?? '', fields);
    case 'POST invoices/:id/send':
      return () => sendInvoice(store, id ?? '');
    case 'POST invoices/:id/void':
      return () => voidInvoice(store, id ?? '');
    case 'POST invoices/:id/pay':
      return () => payInvoice(store, id ?? '');
    case 'POST invoiceitems':
      return () => createItem(store, request);
    case 'GET invoiceitems':
      return () => page(query, itemsOf(store, query.get('invoice') ?? undefined));
    default:
      return undefined;
  }
}

/** Drafts of each effect: nobody has seen them yet. */
export function draftsByKey(store: Store): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { doc, effectKey } of store.list('invoices'))
    if (doc['status'] === 'draft') counts[effectKey] = (counts[effectKey] ?? 0) + 1;
  return counts;
}

function createCustomer(store: Store, fields: JsonObject): JsonObject {
  const id = `cus_${String(store.next('customer')).padStart(8, '0')}`;
  const doc: JsonObject = {
    id,
    object: 'customer',
    created: Math.floor(store.nowMs() / SECOND_MS),
    email: fields['email'] ?? null,
    name: fields['name'] ?? null,
    metadata: fields['metadata'] ?? {},
    livemode: false,
  };
  store.put('customers', id, '', doc);
  return doc;
}

function customer(store: Store, id: string): JsonObject {
  const found = store.get('customers', id);
  if (!found) throw refused(`No such customer: '${id}'`, 'resource_missing', 404);
  return found.doc;
}

function deleteInvoice(store: Store, id: string): JsonObject {
  const doc = invoiceView(store, id);
  if (doc['status'] !== 'draft')
    throw refused('You can only delete draft invoices. Void it instead.', 'invoice_not_editable');
  store.remove('invoices', id);
  return { id, object: 'invoice', deleted: true };
}

function invoices(store: Store, query: URLSearchParams): JsonObject[] {
  const customer = query.get('customer');
  const status = query.get('status');
  return store
    .list('invoices')
    .filter(({ doc }) => customer === null || doc['customer'] === customer)
    .filter(({ doc }) => status === null || doc['status'] === status)
    .filter(({ doc }) => isWithin(Number(doc['created']), query))
    .map(({ id }) => invoiceView(store, id));
}

const isWithin = (created: number, query: URLSearchParams): boolean =>
  created >= Number(query.get('created[gte]') ?? -Infinity) &&
  created > Number(query.get('created[gt]') ?? -Infinity) &&
  created <= Number(query.get('created[lte]') ?? Infinity) &&
  created < Number(query.get('created[lt]') ?? Infinity);

/** Lists are read-after-write; search is not: what was created shows up only after a while. */
function search(store: Store, query: URLSearchParams): JsonObject {
  const wanted = /metadata\['([^']+)'\]\s*:\s*'([^']*)'/.exec(query.get('query') ?? '');
  const since = store.nowMs() - settingsOf(store).stripe.searchLagMs;
  const found = store
    .list('invoices')
    .filter(({ atMs }) => atMs <= since)
    .filter(({ doc }) => wanted === null || fieldOf(doc['metadata'], wanted[1] ?? '') === wanted[2])
    .map(({ id }) => invoiceView(store, id));
  return {
    object: 'search_result',
    url: '/v1/invoices/search',
    has_more: false,
    next_page: null,
    data: found,
  };
}

const fieldOf = (value: Json | undefined, field: string): Json | undefined =>
  isJsonObject(value) ? value[field] : undefined;

function page(query: URLSearchParams, all: readonly JsonObject[]): JsonObject {
  const limit = Number(query.get('limit') ?? 10);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    throw refused('The limit must be between 1 and 100.', 'parameter_invalid_integer');
  const after = query.get('starting_after');
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== null && from === 0) throw refused(`No such object: '${after}'`, 'resource_missing');
  return {
    object: 'list',
    url: '/v1/list',
    has_more: from + limit < all.length,
    data: all.slice(from, from + limit),
  };
}
