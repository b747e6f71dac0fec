/** The publisher `resend`, against a fake that remembers like Resend; mails are counted there. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RESEND_ERRORS, resendRefusal } from '../../src/activities/publishers/resend/errors.js';
import { addressOf, isMailbox } from '../../src/activities/publishers/resend/mailbox.js';
import { resendOptionsSchema } from '../../src/activities/publishers/resend/options.js';
import { resendPublisher } from '../../src/activities/publishers/resend/publisher.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import type { FakeDestinations, FaultRule } from '../../src/testing/fake-destinations/index.js';
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
import { bodyRequest, context, keyOf, sha256 } from './folder-fixture.js';

const HOUR_MS = 3_600_000;
const API_KEY = 're_planted_secret';
const BASE = {
  apiKey: API_KEY,
  from: 'Night Desk <desk@example.com>',
  to: 'reader@example.com',
  subject: 'What the night brought',
  timeout: '30s',
};

const publisherAt = (url: string, options: Record<string, unknown> = {}): Publisher =>
  resendPublisher(resendOptionsSchema.parse({ ...BASE, url, ...options }));

const effectAt = ({ url }: FakeDestinations, options: Record<string, unknown> = {}): Effect =>
  new Effect(() => publisherAt(url, options));

const sends = async (fake: FakeDestinations) =>
  (await fake.requests()).filter(({ method, path }) => method === 'POST' && path === '/emails');

describe('mailboxes', () => {
  test.each([
    'a@example.com',
    'a.b+c@sub.example.co.uk',
    "o'hara@example.com",
    'Night Desk <desk@example.com>',
    'Zoë Müller <zoe@example.com>',
  ])('%s is one', (text) => expect(isMailbox(text)).toBe(true));

  test.each([
    '',
    'a',
    'a@b',
    'a@example.com,b@example.com',
    'a@example.com;b@example.com',
    'a@example.com b@example.com',
    'a@example.com\r\nBcc: b@example.com',
    'a@example.com\0',
    'a@example.com\n',
    'undisclosed: a@example.com, b@example.com;',
    'Group: a@example.com;',
    'x <a@example.com> <b@example.com>',
    'a@example.com <b@example.com>',
    'x, y <a@example.com>',
    '"x" <a@example.com>',
    '<a@example.com>',
    'x <a@example.com',
    'x (b@example.com) <a@example.com>',
    'x\u202e <a@example.com>',
    'a..b@example.com',
    '.a@example.com',
    'a@-example.com',
    'a@exam ple.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.com`,
    'ä@example.com',
  ])('%j is none', (text) => expect(isMailbox(text)).toBe(false));

  test('what is one holds exactly one @ in its address, and nothing that a header obeys', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab@.,;:<> "\r\n\0()é') }), (text) => {
        if (!isMailbox(text)) return;
        expect(text).not.toMatch(/[,;:"\r\n\0()]/);
        expect(addressOf(text).split('@')).toHaveLength(2);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('options', () => {
  test.each([
    ['two recipients in one', { to: 'a@example.com, b@example.com' }],
    ['a group', { cc: ['Group: a@example.com;'] }],
    ['no recipient', { to: [] }],
    ['too many recipients', { to: Array.from({ length: 51 }, (_, n) => `a${n}@example.com`) }],
    ['a subject of two lines', { subject: 'a\r\nBcc: b@example.com' }],
    ['an API key with a line break', { apiKey: 'planted\nx' }],
    ['a URL with credentials', { url: 'https://planted@example.com' }],
    ['a window too short', { keyWindow: '10s', timeout: '30s' }],
    ['an unknown word', { recipient: 'a@example.com' }],
  ])('%s: refused, without showing a secret', (_, options) => {
    const parsed = resendOptionsSchema.safeParse({ ...BASE, ...options });
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).not.toContain('planted');
  });

  test('every option says what it is for', () => {
    for (const [name, field] of Object.entries(resendOptionsSchema.shape))
      expect(field.description ?? field.meta()?.description, name).toBeTruthy();
  });
});

describe('the mail', () => {
  test('has recipients of the options, the artifact, and our mark', async () => {
    const fake = await aFake();
    const end = await effectAt(fake, {
      to: ['a@example.com', 'B <b@example.com>'],
      cc: 'c@example.com',
      bcc: ['d@example.com'],
      replyTo: 'e@example.com',
    }).try({ text: 'Zoë says:\nbcc: x@example.com' });
    const [sent] = await sends(fake);
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      from: BASE.from,
      to: ['a@example.com', 'B <b@example.com>'],
      cc: ['c@example.com'],
      bcc: ['d@example.com'],
      reply_to: ['e@example.com'],
      subject: BASE.subject,
      text: 'Zoë says:\nbcc: x@example.com',
      tags: [
        { name: 'nightshift_key', value: KEY },
        { name: 'nightshift_revision', value: '1' },
        { name: 'nightshift_fingerprint', value: sha256('payload') },
        { name: 'nightshift_sha256', value: sha256('Zoë says:\nbcc: x@example.com') },
      ],
    });
    expect(sent?.headers['idempotency-key']).toBe(`${KEY}-r1`);
    const { id } = (end.kind === 'landed' && end.receipt) || { id: '' };
    expect(end).toMatchObject({
      kind: 'landed',
      receipt: { url: `https://resend.com/emails/${id}`, revision: 1 },
    });
  });

  test.each([
    [{}, { text: '**a** <script>b</script>' }],
    [{ format: 'markdown' }, { html: '<p><strong>a</strong> </p>' }],
    [{ format: 'html' }, { html: '**a**' }],
    [{ format: 'html', sanitise: 'false' }, { html: '**a** <script>b</script>' }],
    [
      { html: '<p>a</p>', text: 'b' },
      { html: '<p>a</p>', text: 'b' },
    ],
    [{ text: '' }, { text: '' }],
  ])('%j', async (options, content) => {
    const fake = await aFake();
    await effectAt(fake, options).try({ text: '**a** <script>b</script>' });
    const { html, text } = JSON.parse((await sends(fake))[0]?.body ?? '') as Record<string, unknown>;
    expect({ html, text }).toEqual({ html: undefined, text: undefined, ...content });
  });

  test('what is found later has the hash of what was sent', async () => {
    const fake = await aFake();
    const sent = await publisherAt(fake.url).create(bodyRequest('é'), context);
    expect(await publisherAt(fake.url).lookup?.(bodyRequest('é'), context)).toEqual(sent);
    const other = bodyRequest('é', { effectKey: keyOf('other') });
    expect(await publisherAt(fake.url).lookup?.(other, context)).toEqual({ kind: 'absent' });
  });

  test('an artifact that is no text is not sent', async () => {
    const fake = await aFake();
    const request = { ...bodyRequest(''), body: Buffer.from([0xff, 0xfe]) };
    const error = await errorOf(publisherAt(fake.url).create(request, context));
    expect(error).toMatchObject({ errorClass: 'invalid', facts: { sent: 'no' } });
    expect(await fake.requests()).toEqual([]);
  });
});

describe('mails are counted at the service', () => {
  const SETUPS = [{}, { scan: false }];

  test.each(SETUPS)('twenty tries at once, without locks, send one mail %j', async (options) => {
    const fake = await aFake();
    await fake.addFault({ match: { method: 'POST' }, do: 'delay', ms: 60, times: 3 });
    const ends = await Promise.all(Array.from({ length: 20 }, () => effectAt(fake, options).untilEnd()));
    expect(new Set(ends.map((end) => end.kind !== 'held' && end.receipt.id)).size).toBe(1);
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  const FAULTS: FaultRule[] = [
    { do: 'drop-before' },
    { do: 'drop-after-commit' },
    { do: 'half-body' },
    { do: 'duplicate-request' },
    { do: 'delay', ms: 700 },
    { do: 'delay-answer', ms: 700 },
    { do: '500-after-commit' },
    { do: '500-before-commit' },
    { do: 'status', status: 429, retryAfter: 'date' },
    { do: 'status', status: 503 },
    { do: 'page' },
  ];
  test.each(SETUPS.flatMap((options) => FAULTS.map((fault) => [options, fault] as const)))(
    'one mail %j %j',
    async (options, fault) => {
      const fake = await aFake();
      await fake.addFault({ match: { method: 'POST' }, times: 1, ...fault });
      const end = await effectAt(fake, { ...options, ...patienceWith(fault) }).untilEnd({}, 60);
      expect(end).toMatchObject({ kind: expect.stringMatching(/landed|adopted/) as string });
      const { ms = 0 } = fault;
      await new Promise((resolve) => setTimeout(resolve, ms && ms + 100));
      expect(await fake.effects()).toEqual({ [KEY]: 1 });
    },
  );

  test.each<'E3' | 'E5' | 'E10' | 'E11'>(['E3', 'E5', 'E10', 'E11'])(
    'dying at %s sends one mail',
    async (dieAt) => {
      const fake = await aFake();
      const effect = effectAt(fake);
      await expect(effect.try({ dieAt })).rejects.toThrow(Died);
      expect((await effect.try()).kind).toMatch(/landed|adopted/);
      expect(await fake.effects()).toEqual({ [KEY]: 1 });
    },
  );

  test('a read that fails is tried again, and sends nothing', async () => {
    const fake = await aFake();
    await fake.addFault({ match: { method: 'GET' }, do: 'status', status: 500, times: 1 });
    await fake.addFault({ match: { method: 'GET' }, do: 'page', times: 1 });
    const effect = effectAt(fake);
    for (const _ of ['500', 'page'])
      expect(await errorOf(effect.try())).toMatchObject({ errorClass: 'transient' });
    expect(await effect.try()).toMatchObject({ kind: 'landed' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });
});

test('a service that is killed in the middle has one effect in the end', async () => {
  const file = aStateFile();
  const at = { fake: await aFakeProcess(file) };
  const effect = new Effect(() => publisherAt(at.fake.url, { timeout: '60s' }));
  for (const fault of ['delay', 'delay-answer'] as const) {
    const { length } = await at.fake.requests();
    await at.fake.addFault({ match: { method: 'POST' }, do: fault, ms: 60_000, times: 1 });
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

describe('after the window nothing is sent blindly', () => {
  async function lostADayAgo(fake: FakeDestinations, options = {}): Promise<Effect> {
    const effect = effectAt(fake, options);
    await fake.addFault({ match: { method: 'POST' }, do: 'drop-after-commit', times: 1 });
    await errorOf(effect.try());
    effect.offsetMs = 25 * HOUR_MS;
    await fake.advance(25 * HOUR_MS);
    return effect;
  }

  test('a mail that was sent is found in the list, behind many others', async () => {
    const fake = await aFake();
    const effect = await lostADayAgo(fake);
    for (let n = 0; n < 130; n++)
      await publisherAt(fake.url, { subject: n % 2 ? BASE.subject : 'other' }).create(
        bodyRequest('x', { effectKey: keyOf(`other ${n}`) }),
        context,
      );
    expect(await effect.try()).toMatchObject({ kind: 'landed' });
    expect((await fake.effects())[KEY]).toBe(1);
    const lists = (await fake.requests()).filter(({ path }) => path.startsWith('/emails?'));
    expect(lists.map(({ path }) => path.includes('after='))).toContain(true);
  });

  test('a mail that the list has no more is held', async () => {
    const fake = await aFake({ resend: { listRetentionMs: HOUR_MS } });
    const effect = await lostADayAgo(fake);
    expect(await effect.try()).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  test('without a right to look it is held', async () => {
    const fake = await aFake();
    const effect = await lostADayAgo(fake, { scan: false, apiKey: 're_send_only' });
    expect(await effect.try()).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  test('a ledger that was lost finds a mail of the last hours', async () => {
    const fake = await aFake();
    await effectAt(fake).try();
    const effect = effectAt(fake);
    effect.offsetMs = 25 * HOUR_MS;
    await fake.advance(25 * HOUR_MS);
    expect(await effect.try()).toMatchObject({ kind: 'adopted' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });
});

describe('another content', () => {
  test('under a used key is a conflict, and sends nothing', async () => {
    const fake = await aFake();
    await publisherAt(fake.url).create(bodyRequest('one'), context);
    const error = await errorOf(publisherAt(fake.url).create(bodyRequest('two'), context));
    expect(error).toMatchObject({ errorClass: 'conflict', facts: { sent: 'maybe' } });
    expect(error.message).toContain('raise the revision');
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  test('of a higher revision is held: a mail can’t be changed', async () => {
    const fake = await aFake();
    const effect = effectAt(fake);
    await effect.try();
    expect(await effect.try({ text: 'two', revision: 2 })).toMatchObject({ kind: 'held' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });
});

describe('errors', () => {
  const STATUS: Record<string, number> = {
    invalid_idempotency_key: 400,
    validation_error: 400,
    missing_api_key: 401,
    restricted_api_key: 401,
    invalid_api_key: 403,
    not_found: 404,
    method_not_allowed: 405,
    invalid_idempotent_request: 409,
    concurrent_idempotent_requests: 409,
    monthly_quota_exceeded: 429,
    daily_quota_exceeded: 429,
    rate_limit_exceeded: 429,
    security_error: 451,
    application_error: 500,
    internal_server_error: 500,
  };
  const refused = (status: number, name: string, method: 'GET' | 'POST' = 'POST') =>
    resendRefusal(
      {
        status,
        headers: new Headers({ 'retry-after': '2' }),
        body: JSON.stringify({
          statusCode: status,
          name,
          message: `\u001b[1mabout ${API_KEY}\n${'x'.repeat(2000)}`,
        }),
      },
      { method, url: 'https://api.resend.com/emails?token=planted' },
      [API_KEY],
    );

  test.each(Object.entries(RESEND_ERRORS))('%s', (key, { errorClass, sent }) => {
    const [, status, name = ''] = /^(?:(\d+) )?(.+)$/.exec(key) ?? [];
    const error = refused(Number(status ?? STATUS[name] ?? 422), name);
    expect(error).toMatchObject({ errorClass, facts: { sent, retryAfterMs: 2000 } });
    expect(error.message).not.toContain('planted');
    expect(error.message).toMatch(/^[^\p{Cc}]{1,900}$/u);
  });

  test('the table has every error that the vendor’s own library knows', () => {
    // RESEND_ERROR_CODE_KEY of resend 6.38.
    const known =
      'invalid_idempotency_key validation_error missing_api_key restricted_api_key invalid_api_key not_found ' +
      'method_not_allowed invalid_idempotent_request concurrent_idempotent_requests invalid_attachment ' +
      'invalid_from_address invalid_access invalid_parameter invalid_region missing_required_field ' +
      'monthly_quota_exceeded daily_quota_exceeded rate_limit_exceeded security_error application_error ' +
      'internal_server_error';
    expect(Object.keys(RESEND_ERRORS)).toEqual(expect.arrayContaining(known.split(' ')));
  });

  test.each([
    [418, 'new_word', 'POST', 'invalid', 'rejected'],
    [500, 'new_word', 'POST', 'unknown', 'maybe'],
    [500, 'application_error', 'GET', 'transient', 'maybe'],
    [302, '', 'POST', 'config', 'rejected'],
  ] as const)('%i %s of a %s', (status, name, method, errorClass, sent) => {
    expect(refused(status, name, method)).toMatchObject({ errorClass, facts: { sent } });
  });

  test('a wrong key is the first thing a night says', async () => {
    const fake = await aFake();
    const error = await errorOf(effectAt(fake, { apiKey: 'planted' }).try());
    expect(error.errorClass).toBe('auth');
    expect(error.message).not.toContain('planted');
    expect(await errorOf(effectAt(fake, { apiKey: 're_send_1' }).try())).toMatchObject({
      errorClass: 'auth',
      message: expect.stringContaining('with.scan') as string,
    });
    expect(await fake.effects()).toEqual({});
  });
});

test.each([
  [{}, ['ok', 'ok']],
  [{ from: 'a@elsewhere.test' }, ['ok', 'warn']],
  [{ apiKey: 'wrong' }, ['fail']],
  [{ apiKey: 're_send_1' }, ['fail']],
  [{ apiKey: 're_send_1', scan: false }, ['warn']],
  [{ url: 'http://127.0.0.1:1' }, ['fail']],
])('probe %j sends nothing', async (options, statuses) => {
  const fake = await aFake();
  const findings = await publisherAt(fake.url, options).probe?.(context);
  expect(findings?.map(({ status }) => status)).toEqual(statuses);
  expect((await fake.requests()).every(({ method }) => method === 'GET')).toBe(true);
});
