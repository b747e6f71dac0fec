import { z } from 'zod';
import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import { jsonOf, sendHttp, type HttpAnswer, type HttpRequest } from '../../http/request.js';
import type { PublisherContext } from '../publisher.js';
import { stripeRefusal } from './errors.js';
import { formOf, type FormValue } from './form.js';
import { invoiceSchema, itemSchema, type Invoice, type Item } from './invoice.js';
import type { StripeOptions } from './options.js';

/** Accounts differ in their default version, and answers differ by version. That of stripe-node 23.1. */
const API_VERSION = '2026-10-28.endive';
const PAGE = 100;
/** 10,000 invoices of one customer. */
const PAGES_MAX = 100;

type Form = { readonly [field: string]: FormValue };

/**
 * The part of Stripe's API v1 that is used, one request for each call. Not the vendor's library, which sends twice
 * after a closed connection even with retries off, and under a random key where it is given none.
 * Source: Stripe API reference, "Invoices", "Invoice items", 2026-11; stripe-node 23.1.
 */
export function stripeApi(options: StripeOptions, { signal, turn }: PublisherContext) {
  const { apiKey, url: root } = options;

  const request = (method: 'GET' | 'POST' | 'DELETE', path: string, more: Partial<HttpRequest> = {}) =>
    sendHttp({
      method,
      url: `${root}${path}`,
      timeoutMs: durationMs(options.timeout),
      signal,
      turn,
      ...more,
      headers: { authorization: `Bearer ${apiKey}`, 'stripe-version': API_VERSION, ...more.headers },
    });

  const refused = (answer: HttpAnswer, method: 'GET' | 'POST' | 'DELETE', path: string): AdapterError =>
    stripeRefusal(answer, { method, url: `${root}${path}` }, [apiKey]);

  async function get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const answer = await request('GET', path);
    if (answer.status !== 200) throw refused(answer, 'GET', path);
    return parsed(answer, schema, `GET ${root}${path.replace(/\?.*/, '')}`, 'no');
  }

  async function* pages<T extends { readonly id: string }>(path: string, query: Form, schema: z.ZodType<T>) {
    const pageSchema = z.object({ has_more: z.boolean(), data: z.array(schema) });
    let after: string | undefined;
    for (let page = 0; page < PAGES_MAX; page++) {
      const { data, has_more: more } = await get(
        `${path}?${formOf({ ...query, limit: PAGE, starting_after: after })}`,
        pageSchema,
      );
      yield* data;
      after = data.at(-1)?.id;
      if (!more || after === undefined) return;
    }
    throw new AdapterError(
      'config',
      `${root}${path} has more than ${PAGES_MAX * PAGE} entries; lower with.lookBack`,
      {
        sent: 'no',
      },
    );
  }

  return {
    /** The answer as it is: an error may be the outcome of an earlier try. */
    post(path: string, form: Form, key: string): Promise<HttpAnswer> {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'idempotency-key': key };
      return request('POST', path, { headers, body: formOf(form) });
    },

    refused: (answer: HttpAnswer, path: string) => refused(answer, 'POST', path),

    /** Undefined where there is none, or it was deleted. */
    async invoice(id: string): Promise<Invoice | undefined> {
      try {
        return await get(`/v1/invoices/${encodeURIComponent(id)}`, invoiceSchema);
      } catch (error) {
        if (error instanceof AdapterError && error.facts.code === '404 resource_missing') return undefined;
        throw error;
      }
    },

    /** Newest first. Lists show what was just created; searches do so only a minute later. */
    invoicesSince: (customer: string, since: Date) =>
      pages(
        '/v1/invoices',
        { customer, created: { gte: Math.floor(since.getTime() / 1000) } },
        invoiceSchema,
      ),

    async items(invoice: string): Promise<Item[]> {
      const items: Item[] = [];
      for await (const item of pages('/v1/invoiceitems', { invoice }, itemSchema)) items.push(item);
      return items;
    },

    /** One that is gone already counts as deleted. */
    async deleteDraft(id: string): Promise<void> {
      const path = `/v1/invoices/${encodeURIComponent(id)}`;
      const answer = await request('DELETE', path);
      if (answer.status !== 200 && answer.status !== 404) throw refused(answer, 'DELETE', path);
    },

    oneInvoice: () => get('/v1/invoices?limit=1', z.object({ data: z.array(z.unknown()) })),

    customer: (id: string) =>
      get(
        `/v1/customers/${encodeURIComponent(id)}`,
        z.object({ id: z.string(), deleted: z.boolean().optional() }),
      ),
  };
}

export type StripeApi = ReturnType<typeof stripeApi>;

/** @throws AdapterError `transient` for reads, `unknown` for the rest, where the answer has not the form of Stripe's */
export function parsed<T>(answer: HttpAnswer, schema: z.ZodType<T>, what: string, sent: 'no' | 'maybe'): T {
  const result = schema.safeParse(jsonOf(answer));
  if (result.success) return result.data;
  const message = `${what} was answered in a form that is not Stripe’s`;
  throw new AdapterError(sent === 'no' ? 'transient' : 'unknown', message, {
    sent,
    code: String(answer.status),
  });
}
