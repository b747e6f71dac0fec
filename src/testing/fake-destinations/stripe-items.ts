import type { JsonObject } from '../../contract/json.js';
import type { FakeRequest } from './exchange.js';
import { isJsonObject } from './form.js';
import type { Store } from './store.js';
import { refused } from './stripe-errors.js';

export function createItem(store: Store, { fields, effectKey }: FakeRequest): JsonObject {
  const { customer, invoice, currency } = fields;
  if (typeof customer !== 'string' || !store.get('customers', customer))
    throw refused(`No such customer: '${customer as string}'`, 'resource_missing');
  const amount = amountOf(fields);
  if (typeof invoice === 'string') {
    const of = store.get('invoices', invoice);
    if (!of) throw refused(`No such invoice: '${invoice}'`, 'resource_missing');
    if (of.doc['status'] !== 'draft')
      throw refused('This invoice is no longer editable', 'invoice_not_editable');
    if (of.doc['currency'] !== currency)
      throw refused('The currency of the item differs from that of the invoice.', 'invalid_currency');
  }
  const id = `ii_${String(store.next('item')).padStart(8, '0')}`;
  const doc: JsonObject = {
    id,
    object: 'invoiceitem',
    customer,
    invoice: invoice ?? null,
    currency: currency ?? 'usd',
    amount,
    quantity: Number(fields['quantity'] ?? 1),
    description: fields['description'] ?? null,
    metadata: isJsonObject(fields['metadata']) ? fields['metadata'] : {},
    date: Math.floor(store.nowMs() / 1000),
    livemode: false,
  };
  store.put('invoiceitems', id, effectKey, doc);
  return doc;
}

function amountOf({ amount, unit_amount_decimal: unit, quantity }: JsonObject): number {
  const value = unit === undefined ? Number(amount) : Number(unit) * Number(quantity ?? 1);
  if (!Number.isInteger(value)) throw refused('Invalid integer: amount', 'parameter_invalid_integer');
  return value;
}

/** Newest first; those of one invoice where it is named. */
export const itemsOf = (store: Store, invoice: string | undefined): JsonObject[] =>
  store
    .list('invoiceitems')
    .map(({ doc }) => doc)
    .filter((doc) => invoice === undefined || doc['invoice'] === invoice);
