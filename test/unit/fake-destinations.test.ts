/**
 * The fake services, asked by the vendors' own libraries: they must behave as documented, or what is tested against
 * them proves nothing. Sources are named in the surfaces.
 */
import { Resend } from 'resend';
import Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import type { FaultRule } from '../../src/testing/fake-destinations/index.js';
import { aFake, aFakeProcess, aStateFile } from './fake-destinations-fixture.js';

const DAY_MS = 24 * 3_600_000;
function stripeAt(url: string): Stripe {
  const { hostname, port } = new URL(url);
  return new Stripe('sk_test_1', { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 });
}

const resendAt = (url: string, key = 're_1'): Resend => new Resend(key, { baseUrl: url });

const httpPost = (url: string, key: string | undefined, body: unknown): Promise<Response> =>
  fetch(`${url}/http/posts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
    body: JSON.stringify(body),
    redirect: 'manual',
  });

const mail = { from: 'Desk <desk@example.com>', to: ['a@example.com'], subject: 'Night', text: 'words' };

describe('stripe', () => {
  test('the same key and parameters give the first answer, and one customer', async () => {
    const { url } = await aFake();
    const stripe = stripeAt(url);
    const first = await stripe.customers.create({ name: 'A' }, { idempotencyKey: 'k1' });
    const again = await stripe.customers.create({ name: 'A' }, { idempotencyKey: 'k1' });
    expect(again.id).toBe(first.id);
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
    const other = await stripe.customers.create({ name: 'A' }, { idempotencyKey: 'k2' });
    expect(other.id).not.toBe(first.id);
  });

  test('other parameters under a key are an idempotency error', async () => {
    const { url } = await aFake();
    const stripe = stripeAt(url);
    await stripe.customers.create({ name: 'A' }, { idempotencyKey: 'k1' });
    const error = await stripe.customers
      .create({ name: 'B' }, { idempotencyKey: 'k1' })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    expect(error).toMatchObject({ statusCode: 400 });
  });

  test('a key whose first request is still running is answered 409', async () => {
    const fake = await aFake();
    const stripe = stripeAt(fake.url);
    await fake.addFault({ do: 'delay', ms: 1500, times: 1 });
    const first = stripe.customers.create({ name: 'A' }, { idempotencyKey: 'k1' });
    await expect.poll(async () => (await fake.requests()).length).toBe(1);
    await expect(stripe.customers.create({ name: 'A' }, { idempotencyKey: 'k1' })).rejects.toMatchObject({
      statusCode: 409,
      code: 'idempotency_key_in_use',
    });
    expect((await first).id).toMatch(/^cus_/);
  });

  test('a 500 is stored under its key, whether or not the work was done', async () => {
    const fake = await aFake();
    const stripe = stripeAt(fake.url);
    const { id: customer } = await stripe.customers.create({ name: 'A' });
    for (const [fault, done] of [
      ['500-after-commit', 1],
      ['500-before-commit', 0],
    ] as const) {
      await fake.addFault({ do: fault, times: 1 });
      for (const _ of ['first', 'again']) {
        await expect(
          stripe.invoices.create({ customer }, { idempotencyKey: `k-${fault}` }),
        ).rejects.toMatchObject({ statusCode: 500 });
      }
      const { data } = await stripe.invoices.list({ customer });
      expect(data).toHaveLength(done);
      for (const { id } of data) await stripe.invoices.del(id ?? '');
    }
  });

  test('what fails validation is not stored', async () => {
    const { url } = await aFake();
    const stripe = stripeAt(url);
    const { id: customer } = await stripe.customers.create({ name: 'A' });
    const options = { idempotencyKey: 'k1' };
    await expect(stripe.invoices.create({ customer: 'cus_none' }, options)).rejects.toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
    });
    expect((await stripe.invoices.create({ customer }, options)).status).toBe('draft');
  });

  test('a key is forgotten after 24 hours of the fake clock', async () => {
    const fake = await aFake();
    const stripe = stripeAt(fake.url);
    const create = () => stripe.customers.create({ name: 'A' }, { idempotencyKey: 'k1' });
    const first = await create();
    await fake.advance(DAY_MS - 60_000);
    expect((await create()).id).toBe(first.id);
    await fake.advance(120_000);
    expect((await create()).id).not.toBe(first.id);
  });

  test('an invoice goes from draft to open to void, and counts once it is open', async () => {
    const fake = await aFake();
    const stripe = stripeAt(fake.url);
    const key = 'a'.repeat(32);
    const { id: customer } = await stripe.customers.create({ name: 'A' });
    const draft = await stripe.invoices.create({
      customer,
      currency: 'eur',
      auto_advance: false,
      collection_method: 'send_invoice',
      days_until_due: 30,
      metadata: { nightshift_key: key },
    });
    const invoice = draft.id ?? '';
    for (const amount of [1200, 34]) {
      await stripe.invoiceItems.create({ customer, invoice, amount, currency: 'eur', description: 'line' });
    }
    expect(await fake.effects()).toEqual({});
    expect(await fake.leftovers()).toEqual({ [key]: 1 });
    expect(await stripe.invoices.retrieve(invoice)).toMatchObject({
      total: 1234,
      currency: 'eur',
      status: 'draft',
    });
    expect((await stripe.invoiceItems.list({ invoice })).data.map(({ amount }) => amount).sort()).toEqual([
      1200, 34,
    ]);

    expect((await stripe.invoices.finalizeInvoice(invoice)).status).toBe('open');
    expect(await fake.effects()).toEqual({ [key]: 1 });
    expect(await fake.leftovers()).toEqual({});
    await expect(stripe.invoices.finalizeInvoice(invoice)).rejects.toMatchObject({ statusCode: 400 });
    await expect(stripe.invoices.del(invoice)).rejects.toMatchObject({ statusCode: 400 });
    expect((await stripe.invoices.voidInvoice(invoice)).status).toBe('void');
  });

  test('a list shows an invoice at once; a search does so only later', async () => {
    const fake = await aFake();
    const stripe = stripeAt(fake.url);
    const { id: customer } = await stripe.customers.create({ name: 'A' });
    const { id, created } = await stripe.invoices.create({ customer, metadata: { nightshift_key: 'x' } });
    const search = () => stripe.invoices.search({ query: `metadata['nightshift_key']:'x'` });
    expect((await stripe.invoices.list({ customer, created: { gte: created } })).data).toMatchObject([
      { id },
    ]);
    expect((await stripe.invoices.list({ customer, created: { gt: created } })).data).toEqual([]);
    expect((await search()).data).toEqual([]);
    await fake.advance(61_000);
    expect((await search()).data).toMatchObject([{ id }]);
  });

  test('lists are paged', async () => {
    const { url } = await aFake();
    const stripe = stripeAt(url);
    const { id: customer } = await stripe.customers.create({ name: 'A' });
    for (let n = 0; n < 5; n++) await stripe.invoices.create({ customer });
    const ids: (string | undefined)[] = [];
    for await (const { id } of stripe.invoices.list({ customer, limit: 2 })) ids.push(id);
    expect(new Set(ids).size).toBe(5);
  });

  test('a wrong API key is refused', async () => {
    const { url } = await aFake();
    const { hostname, port } = new URL(url);
    const stripe = new Stripe('wrong', { host: hostname, port, protocol: 'http' });
    await expect(stripe.invoices.list()).rejects.toMatchObject({ statusCode: 401 });
  });
});

describe('resend', () => {
  test('the same key and payload give the first mail', async () => {
    const fake = await aFake();
    const resend = resendAt(fake.url);
    const first = await resend.emails.send(mail, { idempotencyKey: 'k1' });
    const again = await resend.emails.send(mail, { idempotencyKey: 'k1' });
    expect(again.data?.id).toBe(first.data?.id);
    expect(await fake.effects()).toEqual({ k1: 1 });
  });

  test('its three errors about keys', async () => {
    const fake = await aFake();
    const resend = resendAt(fake.url);
    const long = await resend.emails.send(mail, { idempotencyKey: 'k'.repeat(257) });
    expect(long.error).toMatchObject({ statusCode: 400, name: 'invalid_idempotency_key' });

    await resend.emails.send(mail, { idempotencyKey: 'k1' });
    const other = await resend.emails.send({ ...mail, text: 'other' }, { idempotencyKey: 'k1' });
    expect(other.error).toMatchObject({ statusCode: 409, name: 'invalid_idempotent_request' });

    await fake.addFault({ do: 'delay', ms: 1500, times: 1 });
    const first = resend.emails.send(mail, { idempotencyKey: 'k2' });
    await expect.poll(async () => (await fake.requests()).length).toBe(4);
    const beside = await resend.emails.send(mail, { idempotencyKey: 'k2' });
    expect(beside.error).toMatchObject({ statusCode: 409, name: 'concurrent_idempotent_requests' });
    expect((await first).error).toBeNull();
    expect(await fake.effects()).toEqual({ k1: 1, k2: 1 });
  });

  test('a key is forgotten after 24 hours of the fake clock: the mail goes out again', async () => {
    const fake = await aFake();
    const resend = resendAt(fake.url);
    await resend.emails.send(mail, { idempotencyKey: 'k1' });
    await fake.advance(DAY_MS + 1);
    await resend.emails.send(mail, { idempotencyKey: 'k1' });
    expect(await fake.effects()).toEqual({ k1: 2 });
  });

  test('the list has neither content nor tags, one mail has both', async () => {
    const { url } = await aFake();
    const resend = resendAt(url);
    const tags = [{ name: 'nightshift_key', value: 'b'.repeat(32) }];
    const { data } = await resend.emails.send({ ...mail, tags });
    for (let n = 0; n < 4; n++) await resend.emails.send({ ...mail, subject: `${n}` });

    const page = await resend.emails.list({ limit: 3 });
    expect(page.data).toMatchObject({ has_more: true });
    expect(page.data?.data.map(({ subject }) => subject)).toEqual(['3', '2', '1']);
    const after = page.data?.data.at(-1)?.id ?? '';
    const rest = await resend.emails.list({ limit: 3, after });
    expect(rest.data?.has_more).toBe(false);
    expect(rest.data?.data.at(-1)).toMatchObject({ id: data?.id, subject: 'Night', last_event: 'delivered' });
    expect(rest.data?.data.at(-1)).not.toHaveProperty('tags');
    expect((await resend.emails.get(data?.id ?? '')).data).toMatchObject({ text: 'words', html: null, tags });
  });

  test.each([
    ['wrong', mail, 403, 'invalid_api_key'],
    ['re_1', { ...mail, from: 'not an address' }, 422, 'invalid_from_address'],
    ['re_1', { ...mail, from: 'a@elsewhere.test' }, 403, 'validation_error'],
    ['re_1', { ...mail, tags: [{ name: 'a b', value: 'c' }] }, 400, 'validation_error'],
  ])('what it refuses (%#)', async (key, payload, statusCode, name) => {
    const { url } = await aFake();
    expect((await resendAt(url, key).emails.send(payload)).error).toMatchObject({ statusCode, name });
  });

  test('a key that may only send can’t look', async () => {
    const { url } = await aFake();
    const resend = resendAt(url, 're_send_1');
    expect((await resend.emails.send(mail)).error).toBeNull();
    expect((await resend.emails.list()).error).toMatchObject({ statusCode: 401, name: 'restricted_api_key' });
  });
});

describe('http', () => {
  test('keys follow the draft: first answer, 422 other body, 409 in flight', async () => {
    const fake = await aFake();
    const first = await httpPost(fake.url, '"k1"', { a: 1 });
    expect(first.status).toBe(201);
    const again = await httpPost(fake.url, 'k1', { a: 1 });
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    expect(await again.json()).toEqual(await first.json());
    expect((await httpPost(fake.url, 'k1', { a: 2 })).status).toBe(422);

    await fake.addFault({ do: 'delay', ms: 1500, times: 1 });
    const slow = httpPost(fake.url, 'k2', {});
    await expect.poll(async () => (await fake.requests()).length).toBe(4);
    expect((await httpPost(fake.url, 'k2', {})).status).toBe(409);
    expect((await slow).status).toBe(201);
    expect(await fake.effects()).toMatchObject({ k2: 1 });
  });

  test('it can want a key, want it quoted, or ignore it', async () => {
    const fake = await aFake();
    await fake.configure({ http: { requireKey: true } });
    expect((await httpPost(fake.url, undefined, {})).status).toBe(400);
    await fake.configure({ http: { quotedOnly: true } });
    expect((await httpPost(fake.url, 'k', {})).status).toBe(400);
    expect((await httpPost(fake.url, '"k"', {})).status).toBe(201);
    await fake.configure({ http: { ignoresKey: true } });
    await httpPost(fake.url, 'n', {});
    await httpPost(fake.url, 'n', {});
    expect(await fake.effects()).toMatchObject({ n: 2 });
  });

  test('it is asked by id and by effect key, after its lag', async () => {
    const fake = await aFake();
    const key = 'c'.repeat(32);
    await fake.configure({ http: { lagMs: 60_000 } });
    const { id } = (await (await httpPost(fake.url, `${key}-r1`, { text: 'é' })).json()) as { id: string };
    const look = (path: string) => fetch(`${fake.url}/http/posts/${path}`);
    expect((await look(`by-key/${key}`)).status).toBe(404);
    await fake.advance(60_000);
    expect(await (await look(`by-key/${key}`)).json()).toMatchObject({ id, key });
    expect(await (await look(id)).json()).toMatchObject({ content: '{"text":"é"}' });
    await fetch(`${fake.url}/http/posts/${id}`, { method: 'DELETE' });
    expect((await look(id)).status).toBe(404);
  });
});

describe('faults', () => {
  const outcome = async (url: string): Promise<string> =>
    httpPost(url, 'k', {}).then(
      async (response) => `${response.status} ${(await response.text().catch(() => 'cut')).slice(0, 6)}`,
      () => 'no answer',
    );

  test.each<[FaultRule, string, number]>([
    [{ do: 'drop-before' }, 'no answer', 0],
    [{ do: 'drop-after-commit' }, 'no answer', 1],
    [{ do: 'half-body' }, '201 cut', 1],
    [{ do: 'delay', ms: 1 }, '201 {"id":', 1],
    [{ do: 'delay-answer', ms: 1 }, '201 {"id":', 1],
    [{ do: 'duplicate-request' }, '201 {"id":', 1],
    [{ do: '500-after-commit' }, '500 {"type', 1],
    [{ do: '500-before-commit' }, '500 {"type', 0],
    [{ do: 'redirect' }, '302 {}', 0],
    [{ do: 'ok-not-stored' }, '200 {"id":', 0],
    [{ do: 'error-but-stored' }, '422 {"erro', 1],
    [{ do: 'page' }, '200 <html>', 0],
    [{ do: 'status', status: 529 }, '529 {"type', 0],
  ])('%j', async (rule, said, effects) => {
    const fake = await aFake();
    await fake.addFault({ ...rule, times: 1 });
    expect(await outcome(fake.url)).toBe(said);
    expect((await fake.effects())['k'] ?? 0).toBe(effects);
    expect((await fake.requests())[0]).toMatchObject({ surface: 'http', method: 'POST', fault: rule.do });
  });

  test('a wait hint comes in each of its forms', async () => {
    const fake = await aFake();
    for (const retryAfter of ['seconds', 'ms', 'date'] as const)
      await fake.addFault({ do: 'status', status: 429, retryAfter, retryAfterSeconds: 7, times: 1 });
    const headers = [];
    for (let n = 0; n < 3; n++) headers.push((await httpPost(fake.url, 'k', {})).headers);
    expect(headers[0]?.get('retry-after')).toBe('7');
    expect(headers[1]?.get('retry-after-ms')).toBe('7000');
    expect(Date.parse(headers[2]?.get('retry-after') ?? '')).toBeGreaterThan(Date.now());
  });

  test('a rule keeps to what it matches', async () => {
    const fake = await aFake();
    await fake.addFault({ match: { key: 'bad', method: 'POST', path: '^/http/posts$' }, do: 'status' });
    expect((await httpPost(fake.url, 'good', {})).status).toBe(201);
    expect((await httpPost(fake.url, 'bad', {})).status).toBe(503);
    expect((await fetch(`${fake.url}/http/posts/by-key/bad`)).status).toBe(404);
    await expect(fake.addFault({ do: 'nothing' } as unknown as FaultRule)).rejects.toThrow('do');
  });

  test('chance depends on seed, key, call and number alone, whatever else is asked', async () => {
    const run = async (others: boolean): Promise<number[]> => {
      const fake = await aFake();
      await fake.addFault({ do: 'status', status: 503, p: 0.5 });
      const statuses: number[] = [];
      for (let n = 0; n < 12; n++) {
        if (others) await Promise.all(['x', 'y'].map((key) => httpPost(fake.url, `${key}${n}`, {})));
        statuses.push((await httpPost(fake.url, 'k', {})).status);
      }
      return statuses;
    };
    const alone = await run(false);
    expect(new Set(alone)).toEqual(new Set([201, 503]));
    expect(await run(true)).toEqual(alone);
  });
});

describe('control', () => {
  test('reset forgets all but seed and settings', async () => {
    const fake = await aFake();
    await fake.configure({ http: { ignoresKey: true } });
    await fake.addFault({ do: 'status' });
    await httpPost(fake.url, 'k', {});
    await fake.reset();
    expect(await fake.requests()).toEqual([]);
    await httpPost(fake.url, 'k', {});
    await httpPost(fake.url, 'k', {});
    expect(await fake.effects()).toEqual({ k: 2 });
  });

  test('credentials are not logged', async () => {
    const fake = await aFake();
    await resendAt(fake.url, 're_planted').emails.send(mail);
    expect(JSON.stringify(await fake.requests())).not.toContain('planted');
  });
});

test('as a process of its own it may be killed at any moment, and remembers what it has answered', async () => {
  const file = aStateFile();
  const before = await aFakeProcess(file);
  const { id } = await stripeAt(before.url).customers.create({ name: 'A' }, { idempotencyKey: 'k1' });
  await before.addFault({ do: 'delay', ms: 60_000, times: 1 });
  const cut = httpPost(before.url, 'cut', {}).catch(() => 'no answer');
  await expect.poll(async () => (await before.requests()).length).toBe(2);
  await before.kill();
  expect(await cut).toBe('no answer');

  const after = await aFakeProcess(file);
  const again = await stripeAt(after.url).customers.create({ name: 'A' }, { idempotencyKey: 'k1' });
  expect(again.id).toBe(id);
  expect((await httpPost(after.url, 'cut', {})).status).toBe(201);
  expect(await after.effects()).toEqual({ cut: 1 });
  expect(await after.stop()).toEqual([0, null]);
});
