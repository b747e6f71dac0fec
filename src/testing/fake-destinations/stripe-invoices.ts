import type { JsonObject } from '../../contract/json.js';
import type { FakeRequest } from './exchange.js';
import { isJsonObject } from './form.js';
import type { Store } from './store.js';
import { refused } from './stripe-errors.js';
import { itemsOf } from './stripe-items.js';

const LINES_SHOWN = 10;

export function createInvoice(store: Store, { fields, effectKey }: FakeRequest): JsonObject {
  const customer = fields['customer'];
  if (typeof customer !== 'string') throw refused('Missing required param: customer.', 'parameter_missing');
  if (!store.get('customers', customer)) throw refused(`No such customer: '${customer}'`, 'resource_missing');
  const currency = fields['currency'] ?? 'usd';
  if (typeof currency !== 'string' || !/^[a-z]{3}$/.test(currency))
    throw refused('Invalid currency.', 'parameter_invalid_string');
  const collection = fields['collection_method'] ?? 'charge_automatically';
  if (
    collection === 'send_invoice' &&
    fields['days_until_due'] === undefined &&
    fields['due_date'] === undefined
  )
    throw refused(
      'If `collection_method` is `send_invoice`, one of `days_until_due` or `due_date` is needed.',
    );
  const id = `in_${String(store.next('invoice')).padStart(8, '0')}`;
  const doc: JsonObject = {
    id,
    object: 'invoice',
    status: 'draft',
    customer,
    currency,
    created: Math.floor(store.nowMs() / 1000),
    auto_advance: fields['auto_advance'] === 'true',
    collection_method: collection,
    days_until_due: fields['days_until_due'] === undefined ? null : Number(fields['days_until_due']),
    description: fields['description'] ?? null,
    footer: fields['footer'] ?? null,
    metadata: isJsonObject(fields['metadata']) ? fields['metadata'] : {},
    number: null,
    hosted_invoice_url: null,
    amount_paid: 0,
    livemode: false,
  };
  store.put('invoices', id, effectKey, doc);
  return invoiceView(store, id);
}

/** With its sums and its first lines, as every answer has them. */
export function invoiceView(store: Store, id: string): JsonObject {
  const found = store.get('invoices', id);
  if (!found) throw refused(`No such invoice: '${id}'`, 'resource_missing', 404);
  const items = itemsOf(store, id).reverse();
  const total = items.reduce((sum, { amount }) => sum + Number(amount), 0);
  const paid = Number(found.doc['amount_paid']);
  const data = items
    .slice(0, LINES_SHOWN)
    .map(({ id: item, amount, currency, description, metadata, quantity }) => ({
      id: `il_${String(item as string)}`,
      object: 'line_item',
      amount: amount ?? 0,
      currency: currency ?? '',
      description: description ?? null,
      metadata: metadata ?? {},
      quantity: quantity ?? 1,
    }));
  return {
    ...found.doc,
    subtotal: total,
    total,
    amount_due: total,
    amount_remaining: total - paid,
    lines: { object: 'list', data, has_more: items.length > LINES_SHOWN, total_count: items.length },
  };
}

export function finalize(store: Store, id: string, fields: JsonObject): JsonObject {
  const doc = change(
    store,
    id,
    ['draft'],
    'This invoice is already finalized, you can’t re-finalize it.',
    () => ({
      status: 'open',
      number: `FAKE-${String(store.next('number')).padStart(4, '0')}`,
      hosted_invoice_url: `https://invoice.stripe.invalid/${id}`,
      auto_advance: fields['auto_advance'] === 'true',
    }),
  );
  store.effect(effectKeyOf(store, id), id);
  return doc;
}

/** Metadata may be changed in every state; of the rest, nothing here. */
export function updateInvoice(store: Store, id: string, fields: JsonObject): JsonObject {
  const found = store.get('invoices', id);
  if (!found) throw refused(`No such invoice: '${id}'`, 'resource_missing', 404);
  const { metadata: before } = found.doc;
  const metadata = {
    ...(isJsonObject(before) && before),
    ...(isJsonObject(fields['metadata']) && fields['metadata']),
  };
  store.put('invoices', id, found.effectKey, { ...found.doc, metadata });
  return invoiceView(store, id);
}

export const sendInvoice = (store: Store, id: string): JsonObject =>
  change(store, id, ['open'], 'Only open invoices can be sent.', ({ sent }) => ({
    sent: Number(sent ?? 0) + 1,
  }));

export const voidInvoice = (store: Store, id: string): JsonObject =>
  change(store, id, ['open', 'uncollectible'], 'You can only pass in open invoices.', () => ({
    status: 'void',
  }));

export const payInvoice = (store: Store, id: string): JsonObject =>
  change(store, id, ['open', 'uncollectible'], 'Invoice is not open.', () => ({
    status: 'paid',
    amount_paid: invoiceView(store, id)['total'] ?? 0,
  }));

function change(
  store: Store,
  id: string,
  from: readonly string[],
  otherwise: string,
  to: (doc: JsonObject) => JsonObject,
): JsonObject {
  const found = store.get('invoices', id);
  if (!found) throw refused(`No such invoice: '${id}'`, 'resource_missing', 404);
  if (!from.includes(found.doc['status'] as string)) throw refused(otherwise, 'invoice_not_editable');
  store.put('invoices', id, found.effectKey, { ...found.doc, ...to(found.doc) });
  return invoiceView(store, id);
}

/** Its mark, or that of the request that created it. */
function effectKeyOf(store: Store, id: string): string {
  const found = store.get('invoices', id);
  const metadata = found?.doc['metadata'];
  const mark = isJsonObject(metadata) ? metadata['nightshift_key'] : undefined;
  return typeof mark === 'string' ? mark : found?.effectKey || id;
}
