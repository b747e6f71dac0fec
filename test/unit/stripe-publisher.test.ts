/** The publisher `stripe`, against a fake that remembers like Stripe; invoices are counted there. */
import Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { STRIPE_ERRORS, stripeRefusal } from '../../src/activities/publishers/stripe/errors.js';
import { formOf } from '../../src/activities/publishers/stripe/form.js';
import { expectedTotal } from '../../src/activities/publishers/stripe/money.js';
import { stripeOptionsSchema } from '../../src/activities/publishers/stripe/options.js';
import { stripePublisher } from '../../src/activities/publishers/stripe/publisher.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import type { FakeDestinations, FaultRule } from '../../src/testing/fake-destinations/index.js';
import { parseForm } from '../../src/testing/fake-destinations/form.js';
import {
  aFake,
  aFakeProcess,
  aStateFile,
  Died,
  Effect,
  errorOf,
  KEY,
  patienceWith,
} from './fake-destinations-fixture.js';
import { bodyRequest, context, ours, sha256 } from './folder-fixture.js';

const HOUR_MS = 3_600_000;
const API_KEY = 'rk_test_planted_secret';
const CUSTOMER = 'cus_00000001';
const BASE = {
  apiKey: API_KEY,
  customer: CUSTOMER,
  currency: 'eur',
  lines: [
    { description: 'Words', amount: 1200 },
    { description: 'Pictures', amount: '34' },
  ],
  maxAmount: 5000,
  timeout: '30s',
};
type Options = Record<string, unknown>;

const publisherAt = (url: string, options: Options = {}): Publisher =>
  stripePublisher(stripeOptionsSchema.parse({ ...BASE, url, ...options }));
const effectAt = ({ url }: FakeDestinations, options: Options = {}): Effect =>
  new Effect(() => publisherAt(url, options));

function sdkAt({ url }: { readonly url: string }): Stripe {
  const { hostname, port } = new URL(url);
  return new Stripe('sk_test_1', { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 });
}

/** A fake that has the customer. */
async function aStripe(): Promise<{ fake: FakeDestinations; sdk: Stripe }> {
  const fake = await aFake();
  const sdk = sdkAt(fake);
  expect((await sdk.customers.create({ name: 'A' })).id).toBe(CUSTOMER);
  return { fake, sdk };
}

const invoicesOf = async (sdk: Stripe) => (await sdk.invoices.list({ customer: CUSTOMER, limit: 100 })).data;
/** What the publisher sent that may change something; the vendor's library, which tests use, names itself. */
const sent = async (fake: FakeDestinations) =>
  (await fake.requests()).filter(
    ({ method, headers }) => method !== 'GET' && !headers['user-agent']?.startsWith('Stripe/'),
  );

const one = { [KEY]: 1 };
const ENDED = { kind: expect.stringMatching(/landed|adopted/) as string };

describe('options', () => {
  test.each<[string, Options]>([
    ['a publishable key', { apiKey: 'pk_test_planted' }],
    ['a customer that is none', { customer: 'in_planted' }],
    ['a currency that is none', { currency: 'euro' }],
    ['no lines', { lines: [] }],
    ['a fraction', { lines: [{ description: 'x', amount: 12.5 }] }],
    ['a text that is no whole number', { lines: [{ description: 'x', amount: '12.50' }] }],
    ['an amount below one', { lines: [{ description: 'x', amount: -5 }] }],
    ['a line without words', { lines: [{ description: '', amount: 5 }] }],
    ['too many lines', { lines: Array.from({ length: 101 }, () => ({ description: 'x', amount: 1 })) }],
    ['lines that are no JSON', { lines: 'planted' }],
    ['no limit', { maxAmount: undefined }],
    ['a limit of an agent', { maxAmount: '1e9' }],
    ['a URL with credentials', { url: 'https://planted@api.stripe.com' }],
    ['an unknown word', { amount: 5 }],
  ])('%s: refused, without showing what was given', (_, options) => {
    const parsed = stripeOptionsSchema.safeParse({ ...BASE, ...options });
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).not.toContain('planted');
  });

  test('lines may be the JSON of a job’s field', () => {
    const lines = JSON.stringify([{ description: 'x', amount: 7 }]);
    expect(stripeOptionsSchema.parse({ ...BASE, lines })).toMatchObject({ lines: [{ amount: 7 }] });
  });

  test('every option says what it is for', () => {
    for (const [name, field] of Object.entries(stripeOptionsSchema.shape))
      expect(field.description, name).toBeTruthy();
  });

  test.each<[string, Options]>([
    ['a total above the limit', { maxAmount: 1233 }],
    ['a line in another currency', { lines: [{ description: 'x', amount: 5, currency: 'usd' }] }],
  ])('%s is refused before anything is sent', async (_, options) => {
    const { fake, sdk } = await aStripe();
    const effect = effectAt(fake, options);
    expect(await errorOf(effect.try())).toMatchObject({ errorClass: 'invalid', facts: { sent: 'no' } });
    const publisher = publisherAt(fake.url, options);
    await errorOf(publisher.create(bodyRequest('text'), context));
    const placed = { id: 'in_1', sha256: sha256(''), visible: false };
    await errorOf(publisher.reveal?.(placed, bodyRequest('text'), context) ?? Promise.resolve());
    expect(await invoicesOf(sdk)).toEqual([]);
    expect(await sent(fake)).toEqual([]);
  });

  test('a total at the limit is let through', () => {
    expect(expectedTotal(stripeOptionsSchema.parse({ ...BASE, maxAmount: 1234 }))).toBe(1234);
  });
});

test.each([
  [{ a: 1, b: true, c: undefined }, 'a=1&b=true'],
  [{ a: { b: { c: 'é&=' } } }, 'a%5Bb%5D%5Bc%5D=%C3%A9%26%3D'],
  [{ list: [{ x: 1 }, 'y'] }, 'list%5B0%5D%5Bx%5D=1&list%5B1%5D=y'],
])('forms %j', (fields, form) => {
  expect(formOf(fields)).toBe(form);
  expect(JSON.parse(JSON.stringify(parseForm(form)))).toEqual(parseForm(form));
});

describe('the invoice', () => {
  test('is made hidden, filled, read back, and then issued', async () => {
    const { fake, sdk } = await aStripe();
    const end = await effectAt(fake, { description: 'memo', footer: 'end' }).try({ text: 'words' });
    const [invoice] = await invoicesOf(sdk);
    expect(invoice).toMatchObject({
      status: 'open',
      customer: CUSTOMER,
      currency: 'eur',
      total: 1234,
      description: 'memo',
      footer: 'end',
      auto_advance: false,
      collection_method: 'send_invoice',
      days_until_due: 30,
      metadata: {
        nightshift_key: KEY,
        nightshift_revision: '1',
        nightshift_fingerprint: sha256('payload'),
        nightshift_sha256: sha256('words'),
      },
    });
    expect(end).toMatchObject({
      kind: 'landed',
      receipt: { id: invoice?.id, url: `https://dashboard.stripe.com/test/invoices/${invoice?.id}` },
    });
    expect((await sent(fake)).map(({ headers }) => headers['idempotency-key'])).toEqual([
      `${KEY}-r1-invoice`,
      `${KEY}-r1-item-0-${invoice?.id}`,
      `${KEY}-r1-item-1-${invoice?.id}`,
      `${KEY}-r1-finalize-${invoice?.id}`,
    ]);
    expect(invoice?.lines.data.map(({ amount, description }) => [description, amount])).toEqual([
      ['Words', 1200],
      ['Pictures', 34],
    ]);
    expect(await fake.effects()).toEqual(one);
    expect(await fake.leftovers()).toEqual({});
  });

  test('goes on by itself only where that is wanted', async () => {
    const { fake, sdk } = await aStripe();
    await effectAt(fake, { send: 'true', collection: 'charge_automatically' }).try();
    const [invoice] = await invoicesOf(sdk);
    expect(invoice).toMatchObject({
      auto_advance: true,
      collection_method: 'charge_automatically',
      days_until_due: null,
    });
  });

  test('takes no pending items of the customer with it', async () => {
    const { fake, sdk } = await aStripe();
    await sdk.invoiceItems.create({ customer: CUSTOMER, amount: 999, currency: 'eur' });
    await effectAt(fake).try();
    expect((await sent(fake))[0]?.body).toContain('pending_invoice_items_behavior=exclude');
    expect(await invoicesOf(sdk)).toMatchObject([{ total: 1234 }]);
  });
});

describe('invoices are counted at the service', () => {
  test('twenty tries at once, without locks, issue one invoice', async () => {
    const { fake, sdk } = await aStripe();
    await fake.addFault({ match: { method: 'POST' }, do: 'delay', ms: 30, times: 6 });
    const ends = await Promise.all(Array.from({ length: 20 }, () => effectAt(fake).untilEnd({}, 80)));
    expect(new Set(ends.map((end) => end.kind !== 'held' && end.receipt.id)).size).toBe(1);
    expect(await fake.effects()).toEqual(one);
    expect(await invoicesOf(sdk)).toMatchObject([{ total: 1234, status: 'open' }]);
  });

  const STEPS = ['^/v1/invoices$', '^/v1/invoiceitems$', '/finalize$'];
  const FAULTS: FaultRule[] = [
    { do: 'drop-before' },
    { do: 'drop-after-commit' },
    { do: 'half-body' },
    { do: 'duplicate-request' },
    { do: 'delay', ms: 700 },
    { do: '500-after-commit' },
    { do: '500-before-commit' },
    { do: 'status', status: 429, retryAfter: 'ms' },
    { do: 'status', status: 503 },
    { do: 'page' },
  ];
  test.each(STEPS.flatMap((path) => FAULTS.map((fault) => [path, fault] as const)))(
    'one invoice at %s after %j',
    async (path, fault) => {
      const { fake, sdk } = await aStripe();
      await fake.addFault({ match: { method: 'POST', path }, times: 1, ...fault });
      expect(await effectAt(fake, patienceWith(fault)).untilEnd({}, 60)).toMatchObject(ENDED);
      const { ms = 0 } = fault;
      await new Promise((resolve) => setTimeout(resolve, ms && ms + 100));
      expect(await fake.effects()).toEqual(one);
      expect(await invoicesOf(sdk)).toMatchObject([{ total: 1234, status: 'open' }]);
    },
  );

  test.each(['E3', 'E5', 'E8', 'E9', 'E10', 'E11'] as const)(
    'dying at %s and starting again',
    async (dieAt) => {
      const { fake, sdk } = await aStripe();
      const effect = effectAt(fake);
      await expect(effect.try({ dieAt })).rejects.toThrow(Died);
      expect(await effect.try()).toMatchObject(ENDED);
      expect(await fake.effects()).toEqual(one);
      expect(await invoicesOf(sdk)).toHaveLength(1);
    },
  );

  test('a stored 500 is left behind only where the list shows nothing', async () => {
    const { fake } = await aStripe();
    await fake.addFault({
      match: { method: 'POST', path: '^/v1/invoices$' },
      do: '500-before-commit',
      times: 1,
    });
    await effectAt(fake).untilEnd();
    const keys = (await sent(fake)).map(({ headers }) => headers['idempotency-key']);
    expect(keys.slice(0, 3)).toEqual([`${KEY}-r1-invoice`, `${KEY}-r1-invoice`, `${KEY}-r1-invoice-b`]);
  });

  test('a draft left by a crash is filled and issued, also when its keys are forgotten', async () => {
    const { fake, sdk } = await aStripe();
    await fake.addFault({
      match: { path: '^/v1/invoiceitems$', method: 'POST' },
      do: 'drop-before',
      times: 1,
    });
    const effect = effectAt(fake);
    await errorOf(effect.try());
    expect(await fake.leftovers()).toEqual(one);
    effect.offsetMs = 25 * HOUR_MS;
    await fake.advance(25 * HOUR_MS);
    expect(await effect.try()).toMatchObject(ENDED);
    expect(await fake.effects()).toEqual(one);
    expect(await invoicesOf(sdk)).toMatchObject([{ total: 1234 }]);
  });

  test('after the window an invoice without an answer is found, not sent again', async () => {
    const { fake, sdk } = await aStripe();
    await fake.addFault({ match: { path: '/finalize$' }, do: 'drop-after-commit', times: 1 });
    const effect = effectAt(fake);
    await errorOf(effect.try());
    effect.offsetMs = 25 * HOUR_MS;
    await fake.advance(25 * HOUR_MS);
    const before = (await sent(fake)).length;
    expect(await effect.try()).toMatchObject(ENDED);
    expect(await sent(fake)).toHaveLength(before);
    expect(await invoicesOf(sdk)).toHaveLength(1);
  });

  test('a lost ledger adopts what is there', async () => {
    const { fake } = await aStripe();
    await effectAt(fake).try();
    expect(await effectAt(fake).try()).toMatchObject({ kind: 'adopted' });
    expect(await fake.effects()).toEqual(one);
  });

  test('a draft that was deleted since is made anew, though its key repeats the old one', async () => {
    const { fake, sdk } = await aStripe();
    const { id } = ours(await publisherAt(fake.url).create(bodyRequest('text'), context));
    await sdk.invoices.del(id);
    expect(await effectAt(fake).try()).toMatchObject({ kind: 'landed' });
    expect(await invoicesOf(sdk)).toMatchObject([{ status: 'open', total: 1234 }]);
  });
});

test('a service that is killed in the middle has one effect in the end', async () => {
  const file = aStateFile();
  const at = { fake: await aFakeProcess(file) };
  await sdkAt(at.fake).customers.create({ name: 'A' });
  const effect = new Effect(() => publisherAt(at.fake.url, { timeout: '60s' }));
  for (const fault of ['delay', 'delay-answer'] as const) {
    const { length } = await at.fake.requests();
    await at.fake.addFault({
      match: { method: 'POST', path: 'invoices$|finalize$' },
      do: fault,
      ms: 60_000,
      times: 1,
    });
    const cut = errorOf(effect.try());
    await expect
      .poll(async () => (await at.fake.requests()).slice(length).some((request) => request.fault === fault))
      .toBe(true);
    await at.fake.kill();
    expect(await cut).toMatchObject({ errorClass: 'unknown', facts: { sent: 'maybe' } });
    at.fake = await aFakeProcess(file);
  }
  expect(await effect.untilEnd()).toMatchObject({ kind: expect.stringMatching(/landed|adopted/) as string });
  expect(await at.fake.effects()).toEqual({ [KEY]: 1 });
});

describe('what is not as it should be is held', () => {
  const drafted = async (options: Options = {}) => {
    const all = await aStripe();
    const { id } = ours(await publisherAt(all.fake.url, options).create(bodyRequest('text'), context));
    return { ...all, id };
  };

  test('a draft to which somebody added a line is not issued', async () => {
    const { fake, sdk, id } = await drafted();
    await sdk.invoiceItems.create({ customer: CUSTOMER, invoice: id, amount: 1, currency: 'eur' });
    const error = await errorOf(effectAt(fake).try());
    expect(error).toMatchObject({ errorClass: 'conflict', facts: { sent: 'maybe' } });
    expect(error.message).toContain('1235, not 1234');
    expect(await fake.effects()).toEqual({});
  });

  test.each<[string, Options]>([
    ['amounts', { lines: [{ description: 'Words', amount: 1200 }] }],
    ['a text', { description: 'other' }],
  ])('a draft of other %s is not issued', async (_, options) => {
    const { fake, sdk } = await drafted();
    expect(await errorOf(effectAt(fake, options).try())).toMatchObject({ errorClass: 'conflict' });
    expect(await fake.effects()).toEqual({});
    expect(await invoicesOf(sdk)).toHaveLength(1);
  });

  test('other parameters under a used key are a conflict, not a second invoice', async () => {
    const { fake, sdk } = await drafted();
    const publisher = publisherAt(fake.url, { description: 'other' });
    const error = await errorOf(publisher.create(bodyRequest('text'), context));
    expect(error).toMatchObject({ errorClass: 'conflict', facts: { sent: 'maybe' } });
    expect(await invoicesOf(sdk)).toHaveLength(1);
  });

  test('an issued invoice that the job wants otherwise', async () => {
    const { fake, sdk } = await aStripe();
    await effectAt(fake).try();
    const lines = [{ description: 'Words', amount: 1 }];
    expect(await effectAt(fake, { lines }).try()).toMatchObject({
      kind: 'held',
      message: expect.stringContaining('1234, not 1') as string,
    });
    expect(await invoicesOf(sdk)).toHaveLength(1);
  });

  test('an invoice that a person voided', async () => {
    const { fake, sdk } = await aStripe();
    await effectAt(fake).try();
    const [invoice] = await invoicesOf(sdk);
    await sdk.invoices.voidInvoice(invoice?.id ?? '');
    expect(await effectAt(fake).try()).toMatchObject({ kind: 'held' });
    expect(await fake.effects()).toEqual(one);
  });

  test('two that were issued for one effect', async () => {
    const { fake, sdk, id } = await drafted();
    const metadata = { nightshift_key: KEY, nightshift_revision: '1' };
    const twin = await sdk.invoices.create({ customer: CUSTOMER, currency: 'eur', metadata });
    await sdk.invoices.finalizeInvoice(id);
    await sdk.invoices.finalizeInvoice(twin.id ?? '');
    expect(await effectAt(fake).try()).toMatchObject({
      kind: 'held',
      message: expect.stringContaining('void one of them') as string,
    });
  });

  test('a higher revision of an issued invoice', async () => {
    const { fake } = await aStripe();
    const effect = effectAt(fake);
    await effect.try();
    expect(await effect.try({ revision: 2 })).toMatchObject({ kind: 'held' });
    expect(await fake.effects()).toEqual(one);
  });

  test('a higher revision of a draft that nobody has seen takes its place', async () => {
    const { fake, sdk } = await drafted();
    const lines = [{ description: 'Words', amount: 7 }];
    expect(await effectAt(fake, { lines }).try({ revision: 2 })).toMatchObject({ kind: 'landed' });
    expect(await invoicesOf(sdk)).toMatchObject([{ total: 7, status: 'open' }]);
    expect(await fake.leftovers()).toEqual({});
  });

  test('invoices of others are not looked at', async () => {
    const { fake, sdk } = await aStripe();
    for (let n = 0; n < 130; n++) await sdk.invoices.create({ customer: CUSTOMER, currency: 'eur' });
    expect(await effectAt(fake).try()).toMatchObject({ kind: 'landed' });
    expect(await effectAt(fake).try()).toMatchObject({ kind: 'adopted' });
  });
});

describe('taking back', () => {
  const landed = async () => {
    const all = await aStripe();
    const effect = effectAt(all.fake);
    await effect.try();
    const { receipt } = effect.row;
    if (!receipt) throw new Error('no receipt');
    const publisher = publisherAt(all.fake.url);
    return {
      ...all,
      effect,
      receipt,
      unpublish: () => publisher.unpublish?.(bodyRequest('text'), receipt, context),
    };
  };

  test('an open invoice is voided, once and again', async () => {
    const { sdk, receipt, unpublish } = await landed();
    await unpublish();
    await unpublish();
    expect(await sdk.invoices.retrieve(receipt.id)).toMatchObject({ status: 'void' });
  });

  test.each<FaultRule>([{ do: 'drop-before' }, { do: 'drop-after-commit' }, { do: '500-after-commit' }])(
    'also after %j',
    async (fault) => {
      const { fake, sdk, receipt, unpublish } = await landed();
      await fake.addFault({ match: { path: '/void$' }, times: 1, ...fault });
      await Promise.resolve(unpublish()).catch(() => undefined);
      await unpublish();
      expect(await sdk.invoices.retrieve(receipt.id)).toMatchObject({ status: 'void' });
    },
  );

  test('what we voided ourselves can be issued again', async () => {
    const { fake, sdk, effect, unpublish } = await landed();
    await unpublish();
    // As the ledger does when what has landed gets a higher revision.
    effect.row = { ...effect.row, state: 'pending', unpublishedRevision: 1, acknowledged: undefined };
    expect(await effect.try({ revision: 2 })).toMatchObject({ kind: 'landed' });
    expect((await invoicesOf(sdk)).map(({ status }) => status).sort()).toEqual(['open', 'void']);
    expect(await publisherAt(fake.url).lookup?.(bodyRequest('text', { revision: 2 }), context)).toMatchObject(
      {
        kind: 'ours',
      },
    );
  });

  test('a paid one is a person’s business', async () => {
    const { sdk, receipt, unpublish } = await landed();
    await sdk.invoices.pay(receipt.id);
    const error = await errorOf(Promise.resolve(unpublish()));
    expect(error).toMatchObject({ errorClass: 'conflict' });
    expect(error.message).toContain('credit note');
  });

  test('a draft is deleted, an issued one is not discarded', async () => {
    const { fake, sdk } = await aStripe();
    const publisher = publisherAt(fake.url);
    const placed = ours(await publisher.create(bodyRequest('text'), context));
    await publisher.discard?.(placed, bodyRequest('text'), context);
    await publisher.discard?.(placed, bodyRequest('text'), context);
    expect(await invoicesOf(sdk)).toEqual([]);
    const end = await effectAt(fake).try();
    const id = end.kind === 'held' ? '' : end.receipt.id;
    const discard = publisher.discard?.({ ...placed, id }, bodyRequest('text'), context);
    expect(await errorOf(discard ?? Promise.resolve())).toMatchObject({ errorClass: 'conflict' });
  });
});

describe('errors', () => {
  const refused = (status: number, error: Record<string, string>, method: 'GET' | 'POST' = 'POST') =>
    stripeRefusal(
      {
        status,
        headers: new Headers({ 'retry-after': '2' }),
        body: JSON.stringify({
          error: { ...error, message: `\u001b[1mInvalid ${API_KEY}\n${'x'.repeat(2000)}` },
        }),
      },
      { method, url: 'https://api.stripe.com/v1/invoices?planted=1' },
      [API_KEY],
    );

  test.each(Object.entries(STRIPE_ERRORS))('%s', (word, { errorClass, sent: facts }) => {
    const status = Number(word);
    const error = status
      ? refused(status, { type: 'invalid_request_error' })
      : refused(
          400,
          word.endsWith('_error') ? { type: word } : { type: 'invalid_request_error', code: word },
        );
    expect(error).toMatchObject({ errorClass, facts: { sent: facts, retryAfterMs: 2000 } });
    expect(error.message).not.toContain('planted');
    expect(error.message).toMatch(/^[^\p{Cc}]{1,900}$/u);
  });

  test.each([
    [400, 'POST', 'invalid', 'rejected'],
    [404, 'POST', 'invalid', 'rejected'],
    [409, 'POST', 'transient', 'maybe'],
    [429, 'POST', 'throttled', 'rejected'],
    [500, 'POST', 'unknown', 'maybe'],
    [502, 'POST', 'unknown', 'maybe'],
    [503, 'POST', 'unknown', 'maybe'],
    [500, 'GET', 'transient', 'maybe'],
    [302, 'POST', 'config', 'rejected'],
  ] as const)('%i of a %s without a code', (status, method, errorClass, facts) => {
    expect(refused(status, { type: 'api_error' }, method)).toMatchObject({
      errorClass,
      facts: { sent: facts },
    });
  });

  test('after the first step a refusal is no clean one: a draft is there', async () => {
    const { fake, sdk } = await aStripe();
    await fake.addFault({
      match: { path: '^/v1/invoiceitems$', method: 'POST' },
      do: 'status',
      status: 400,
      times: 1,
    });
    const error = await errorOf(publisherAt(fake.url).create(bodyRequest('text'), context));
    expect(error).toMatchObject({ errorClass: 'invalid', facts: { sent: 'maybe' } });
    expect(await invoicesOf(sdk)).toHaveLength(1);
  });

  test('a wrong key or customer is said before anything is made', async () => {
    const { fake, sdk } = await aStripe();
    await fake.addFault({ match: { method: 'GET' }, do: 'status', status: 401, times: 1 });
    expect(await errorOf(effectAt(fake).try())).toMatchObject({ errorClass: 'auth' });
    const nobody = await errorOf(effectAt(fake, { customer: 'cus_nobody' }).try());
    expect(nobody).toMatchObject({ errorClass: 'invalid', facts: { sent: 'rejected' } });
    expect(await invoicesOf(sdk)).toEqual([]);
  });
});

test.each<[Options, string[]]>([
  [{}, ['ok', 'ok', 'ok']],
  [{ apiKey: 'sk_live_1' }, ['ok', 'ok', 'warn']],
  [{ customer: 'cus_nobody' }, ['ok', 'fail', 'ok']],
  [{ url: 'http://127.0.0.1:1' }, ['fail']],
])('probe %j changes nothing', async (options, statuses) => {
  const { fake } = await aStripe();
  const findings = await publisherAt(fake.url, options).probe?.(context);
  expect(findings?.map(({ status }) => status)).toEqual(statuses);
  expect(await sent(fake)).toEqual([]);
});
