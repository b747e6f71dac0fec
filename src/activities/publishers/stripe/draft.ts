import { AdapterError } from '../../../contract/errors.js';
import type { HttpAnswer } from '../../http/request.js';
import { sendUnderKey, windowKey } from '../http/window-key.js';
import type { BodyRequest } from '../publisher.js';
import { parsed, type StripeApi } from './api.js';
import {
  dashboardUrl,
  invoiceSchema,
  isDraft,
  isOurs,
  isUnpublished,
  itemSchema,
  lineMarkOf,
  lineOf,
  markOf,
  type Invoice,
  type Item,
} from './invoice.js';
import { mismatch } from './mismatch.js';
import type { StripeOptions } from './options.js';

export interface Draft {
  readonly options: StripeOptions;
  readonly api: StripeApi;
  readonly request: BodyRequest;
}

const isReplayed = ({ headers }: HttpAnswer): boolean => headers.get('idempotent-replayed') === 'true';
const isStoredError = (answer: HttpAnswer): boolean => answer.status >= 500 && isReplayed(answer);

/**
 * Makes the draft, without its lines. Stripe repeats its first answer to a key: also a 500, and also the id of a
 * draft that was deleted or taken back since. Then, and only where no draft of ours is there, the key's other form is used.
 */
export async function makeDraft(
  { options, api, request }: Draft,
  find: () => Promise<Invoice | undefined>,
): Promise<Invoice> {
  const path = '/v1/invoices';
  const { customer, currency, collection, daysUntilDue, description, footer } = options;
  const form = {
    customer,
    currency,
    auto_advance: false,
    pending_invoice_items_behavior: 'exclude',
    collection_method: collection,
    days_until_due: collection === 'send_invoice' ? daysUntilDue : undefined,
    description,
    footer,
    metadata: markOf(request),
  };
  const outcome = await sendUnderKey({
    key: windowKey(request.effectKey, request.revision, 'invoice'),
    send: (key) => api.post(path, form, key),
    isStoredError: async (answer) =>
      isStoredError(answer) || (isReplayed(answer) && (await isGone(api, answer))),
    find,
  });
  if ('found' in outcome) return outcome.found;
  if (outcome.answer.status !== 200) throw api.refused(outcome.answer, path);
  return parsed(outcome.answer, invoiceSchema, 'POST /v1/invoices', 'maybe');
}

async function isGone(api: StripeApi, answer: HttpAnswer): Promise<boolean> {
  if (answer.status !== 200) return false;
  const { id } = parsed(answer, invoiceSchema, 'POST /v1/invoices', 'maybe');
  const invoice = await api.invoice(id);
  return invoice === undefined || isUnpublished(invoice);
}

/**
 * Adds the lines that a draft has not yet, then reads it back.
 * @returns the invoice; no draft any more where another try has issued it meanwhile
 * @throws AdapterError `conflict` where it is not what the job wants billed; `transient` where it is gone
 */
export async function fillDraft(draft: Draft, id: string): Promise<Invoice> {
  const { options, api, request } = draft;
  const before = await current(draft, id);
  if (!isDraft(before)) return before;
  const known = (await api.items(id)).map((item) => lineOf(item, request.effectKey));
  for (const [line] of options.lines.entries()) if (!known.includes(line)) await addLine(draft, id, line);

  const invoice = await current(draft, id);
  const why = mismatch(options, invoice) ?? otherText(options, invoice);
  if (why === undefined) return invoice;
  throw new AdapterError(
    'conflict',
    `${dashboardUrl(invoice)}: ${why}; it stays ${isDraft(invoice) ? 'a draft that nobody has seen' : 'as it was issued'}`,
    { sent: 'maybe' },
  );
}

/** A draft may be of an earlier try, for which another text was meant. Spaces may have been tidied there. */
function otherText(options: StripeOptions, invoice: Invoice): string | undefined {
  const tidy = (text: string | null | undefined) => (text ?? '').replace(/\s+/gu, ' ').trim();
  const field = (['description', 'footer'] as const).find(
    (name) => tidy(options[name]) !== tidy(invoice[name]),
  );
  return field === undefined ? undefined : `its ${field} is not the one that the job has now`;
}

async function addLine({ options, api, request }: Draft, invoice: string, line: number): Promise<void> {
  const { amount, description } = options.lines[line] ?? {};
  const { customer, currency } = options;
  const { effectKey, revision } = request;
  const path = '/v1/invoiceitems';
  const form = { customer, invoice, amount, currency, description, metadata: lineMarkOf(effectKey, line) };
  const outcome = await sendUnderKey<HttpAnswer, Item>({
    // A key is good for one draft: with another draft it would be an error.
    key: windowKey(effectKey, revision, `item-${line}-${invoice}`),
    send: (key) => api.post(path, form, key),
    isStoredError,
    find: async () => (await api.items(invoice)).find((item) => lineOf(item, effectKey) === line),
  });
  if ('found' in outcome) return;
  if (outcome.answer.status !== 200) throw api.refused(outcome.answer, path);
  parsed(outcome.answer, itemSchema, 'POST /v1/invoiceitems', 'maybe');
}

/** Issues a filled draft. Whatever the answer is, the invoice tells. */
export async function issue(draft: Draft, id: string): Promise<Invoice> {
  const { options, api, request } = draft;
  const path = `/v1/invoices/${encodeURIComponent(id)}/finalize`;
  const issued = async (): Promise<Invoice | undefined> => {
    const invoice = await current(draft, id);
    return isDraft(invoice) ? undefined : invoice;
  };
  const outcome = await sendUnderKey({
    key: windowKey(request.effectKey, request.revision, `finalize-${id}`),
    send: (key) => api.post(path, { auto_advance: options.send }, key),
    isStoredError,
    find: issued,
  });
  if ('found' in outcome) return outcome.found;
  const { answer } = outcome;
  if (answer.status === 200) return parsed(answer, invoiceSchema, 'POST /v1/invoices/…/finalize', 'maybe');
  // Another try was faster.
  const byAnother = answer.status === 400 ? await issued() : undefined;
  if (byAnother) return byAnother;
  throw api.refused(answer, path);
}

async function current({ api, request }: Draft, id: string): Promise<Invoice> {
  const invoice = await api.invoice(id);
  if (invoice?.status === 'void')
    throw new AdapterError('conflict', `${dashboardUrl(invoice)} was voided`, { sent: 'maybe' });
  if (invoice && isOurs(invoice, request.effectKey)) return invoice;
  const message = `the draft ${id} is ${invoice ? 'not ours any more' : 'gone'}; looking again`;
  throw new AdapterError('transient', message, { sent: 'maybe' });
}
