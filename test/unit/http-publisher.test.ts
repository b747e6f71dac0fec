/** The publisher `http`, against a service that remembers keys; effects are counted by the service itself. */
import { createHmac } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { http, httpPublisher } from '../../src/activities/publishers/http/publisher.js';
import { httpOptionsSchema } from '../../src/activities/publishers/http/options.js';
import { at, textAt } from '../../src/activities/publishers/http/pointer.js';
import { safeWindowMs, windowKey } from '../../src/activities/publishers/http/window-key.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import { publisherFor } from '../../src/activities/publishers/publisher-for.js';
import type { JsonObject } from '../../src/contract/json.js';
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
import { bodyRequest, context, keyOf, ours, sha256 } from './folder-fixture.js';

const HOUR_MS = 3_600_000;
const SECRET = 'Bearer planted-secret-1234';

type Options = Record<string, unknown>;
const publisherOf = (options: Options): Publisher => httpPublisher(httpOptionsSchema.parse(options));

const KEYED = { keyWindow: '24h' };
const lookupAt = ({ url }: FakeDestinations) => ({
  lookup: { url: `${url}/http/posts/by-key/${KEY}` },
  settle: 0.02,
});

function effectAt(fake: FakeDestinations, options: Options): Effect {
  const all = {
    url: `${fake.url}/http/posts`,
    headers: { authorization: SECRET },
    timeout: '30s',
    ...options,
  };
  return new Effect(() => publisherOf(all));
}

const servers: (() => void)[] = [];
afterEach(() => {
  for (const close of servers.splice(0)) close();
});
async function aServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(
    () => server.closeAllConnections(),
    () => void server.close(),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe('class', () => {
  const url = 'https://api.example.com/posts';
  const lookup = { url: 'https://api.example.com/posts?key=1' };
  test.each([
    [{}, { class: 4, lookup: 'none', settleMs: 0 }],
    [
      { idempotencyHeader: 'Idempotency-Key' },
      { class: 2, lookup: 'none', settleMs: 0, keyWindowMs: 23 * HOUR_MS },
    ],
    [{ keyWindow: '2m' }, { class: 2, lookup: 'none', settleMs: 0, keyWindowMs: 90_000 }],
    [{ lookup }, { class: 3, lookup: 'exact', settleMs: 5000, requestMs: 30_000 }],
    [
      { lookup, ...KEYED },
      { class: 2, lookup: 'exact', settleMs: 5000, keyWindowMs: 23 * HOUR_MS },
    ],
  ])('%j', (options, facts) => {
    const publisher = publisherOf({ url, ...options });
    expect(publisher.facts).toEqual({ name: 'http', ...facts });
    expect(publisher.lookup !== undefined).toBe('lookup' in options);
  });
});

describe('options', () => {
  const url = 'https://api.example.com/posts';
  test.each<[string, Options]>([
    ['a file URL', { url: 'file:///etc/passwd' }],
    ['credentials in the URL', { url: 'https://me:planted@api.example.com/' }],
    ['a line break in a header', { url, headers: { a: 'b\r\nc: d' } }],
    ['a header name that is none', { url, headers: { 'a b': 'c' } }],
    ['a header that the publisher sets', { url, headers: { 'idempotency-key': 'x' } }],
    ['two spellings of a header', { url, headers: { Accept: 'a', accept: 'b' } }],
    ['a pointer that is none', { url, id: 'id' }],
    ['a window too short to repeat in', { url, keyWindow: '30s' }],
    ['a timeout longer than a try may take', { url, timeout: '5m' }],
    ['a secret that is too short', { url, webhook: { secret: 'whsec_aaaa' } }],
    ['an unknown word', { url, lokup: {} }],
  ])('%s is refused', (_, options) => {
    const parsed = httpOptionsSchema.safeParse(options);
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).not.toContain('planted');
  });

  test('texts from templates are taken for numbers and flags', () => {
    const options = { url, quoteKey: 'true', inFlightStatus: '425', success: ['201'] };
    expect(httpOptionsSchema.parse(options)).toMatchObject({
      quoteKey: true,
      inFlightStatus: 425,
      success: [201],
    });
  });

  test('every option says what it is for', () => {
    for (const [name, field] of Object.entries(httpOptionsSchema.shape))
      expect(field.description, name).toBeTruthy();
    expect(http.options).toBe(httpOptionsSchema);
  });
});

describe('what is sent', () => {
  test.each<[Options, string, string]>([
    [{}, 'the artifact é', 'application/octet-stream'],
    [{ contentType: 'text/markdown' }, 'the artifact é', 'text/markdown'],
    [{ body: 'words' }, 'words', 'text/plain; charset=utf-8'],
    [{ body: { b: 1, a: ['é'] } }, '{"a":["é"],"b":1}', 'application/json'],
    [{ body: [1], headers: { 'Content-Type': 'application/x-mine' } }, '[1]', 'application/x-mine'],
  ])('%j', async (options, body, type) => {
    const fake = await aFake();
    await effectAt(fake, { headers: {}, ...options }).try({ text: 'the artifact é' });
    const [request] = await fake.requests();
    expect(request).toMatchObject({ method: 'POST', body, headers: { 'content-type': type } });
    expect(request?.headers['idempotency-key']).toBe(`${KEY}-r1`);
  });

  test('binary bodies arrive as they are', async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 200]);
    let got = Buffer.alloc(0);
    const url = await aServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        got = Buffer.concat(chunks);
        response.end('{"id":1}');
      });
    });
    const publisher = publisherOf({ url });
    await publisher.create({ ...bodyRequest(''), body: bytes }, context);
    expect(got).toEqual(bytes);
  });

  test('a repetition is the same to the byte, a revision has another key', async () => {
    const fake = await aFake();
    await fake.addFault({ do: 'drop-after-commit', times: 1 });
    await effectAt(fake, { ...KEYED, body: { z: 1, a: 2 } }).untilEnd();
    await effectAt(fake, { ...KEYED, body: { a: 2, z: 2 } }).untilEnd({ revision: 2 });
    const [first, again, next] = await fake.requests();
    expect(again).toMatchObject({ body: first?.body, outcome: 'replayed' });
    expect(next?.headers['idempotency-key']).toBe(`${KEY}-r2`);
  });

  test('the key is quoted, and has another header, where that is wanted', async () => {
    const fake = await aFake();
    await effectAt(fake, { quoteKey: true }).try();
    expect((await fake.requests())[0]?.headers['idempotency-key']).toBe(`"${KEY}-r1"`);
    await effectAt(fake, { idempotencyHeader: 'X-Once' }).try();
    expect((await fake.requests())[1]?.headers['x-once']).toBe(`${KEY}-r1`);
  });

  test('a webhook is signed with every secret, over id, time and body', async () => {
    const fake = await aFake();
    const keys = [Buffer.from('0123456789abcdef0123'), Buffer.from('fedcba98765432100000')];
    const secret = keys.map((key) => `whsec_${key.toString('base64')}`);
    await effectAt(fake, { webhook: { secret }, body: { type: 'post.made' } }).try();
    const headers = (await fake.requests())[0]?.headers ?? {};
    expect(headers['webhook-id']).toBe(KEY);
    expect(Math.abs(Number(headers['webhook-timestamp']) * 1000 - Date.now())).toBeLessThan(60_000);
    const text = `${KEY}.${headers['webhook-timestamp']}.{"type":"post.made"}`;
    const expected = keys
      .map((key) => `v1,${createHmac('sha256', key).update(text).digest('base64')}`)
      .join(' ');
    expect(headers['webhook-signature']).toBe(expected);
  });
});

describe('the receipt', () => {
  test('has id and URL of the answer, and the hash of what was sent', async () => {
    const fake = await aFake();
    const end = await effectAt(fake, { link: '/url', id: '/id' }).try();
    expect(end).toMatchObject({
      kind: 'landed',
      receipt: { id: 'obj_000001', url: `${fake.url}/http/posts/obj_000001`, sha256: sha256('text') },
    });
  });

  test.each<[string, Options, string, Record<string, string>, string]>([
    ['an id deeper down', { id: '/data/0/id' }, '{"data":[{"id":7}]}', {}, '7'],
    ['else the Location', {}, '{}', { location: '/posts/9' }, '/posts/9'],
    ['else the key', {}, 'OK', {}, `${KEY}-r1`],
  ])('%s is the id', async (_, options, body, headers, id) => {
    const url = await aServer((_request, response) => response.writeHead(201, headers).end(body));
    expect(ours(await publisherOf({ url, ...options }).create(bodyRequest(''), context)).id).toBe(id);
  });

  test('an answer without the id that it must have is unclear: it may be the page of a proxy', async () => {
    const fake = await aFake();
    await fake.addFault({ do: 'page', times: 1 });
    const effect = effectAt(fake, { ...KEYED, id: '/id' });
    expect(await errorOf(effect.try())).toMatchObject({ errorClass: 'unknown', facts: { sent: 'maybe' } });
    expect(await effect.try()).toMatchObject({ kind: 'landed' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  test('with a look-up it has the hash of what the service holds', async () => {
    const fake = await aFake();
    const { lookup, settle } = lookupAt(fake);
    const end = await effectAt(fake, {
      settle,
      lookup: { ...lookup, key: '/key', content: '/content' },
    }).try();
    expect(end).toMatchObject({ kind: 'landed', receipt: { id: 'obj_000001', sha256: sha256('text') } });
  });
});

/** Until whatever was to come late has come. */
const lateOnes = ({ ms = 0 }: FaultRule) => new Promise((resolve) => setTimeout(resolve, ms && ms + 100));

describe('effects are counted at the service', () => {
  const SETUPS: [string, (fake: FakeDestinations) => Options][] = [
    ['a key', () => KEYED],
    ['a key and a look-up', (fake) => ({ ...KEYED, ...lookupAt(fake) })],
  ];

  test.each(SETUPS)('%s: twenty tries at once, without locks, have one effect', async (_, options) => {
    const fake = await aFake();
    await fake.addFault({ match: { method: 'POST' }, do: 'delay', ms: 60, times: 3 });
    const ends = await Promise.all(
      Array.from({ length: 20 }, () => effectAt(fake, options(fake)).untilEnd()),
    );
    expect(new Set(ends.map((end) => end.kind !== 'held' && end.receipt.id))).toEqual(
      new Set(['obj_000001']),
    );
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
    { do: 'status', status: 429, retryAfter: 'seconds' },
    { do: 'status', status: 503 },
    { do: 'status', status: 504 },
  ];
  test.each(FAULTS)('a key and a look-up: one effect after %j', async (fault) => {
    const fake = await aFake();
    const effect = effectAt(fake, { ...KEYED, ...lookupAt(fake), ...patienceWith(fault) });
    await fake.addFault({ match: { method: 'POST' }, times: 1, ...fault });
    expect(await effect.untilEnd({}, 60)).toMatchObject({
      kind: expect.stringMatching(/landed|adopted/) as string,
    });
    await lateOnes(fault);
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  // Without a look-up nobody knows what a stored 500 stands for.
  test.each(FAULTS.filter((fault) => !fault.do.startsWith('500')))(
    'a key alone: one effect after %j',
    async (fault) => {
      const fake = await aFake();
      await fake.addFault({ match: { method: 'POST' }, times: 1, ...fault });
      const effect = effectAt(fake, { ...KEYED, ...patienceWith(fault) });
      expect(await effect.untilEnd({}, 60)).toMatchObject({ kind: 'landed' });
      await lateOnes(fault);
      expect(await fake.effects()).toEqual({ [KEY]: 1 });
    },
  );

  test('a key alone: a stored 500 stays unclear, and nothing is sent under another key', async () => {
    const fake = await aFake();
    await fake.addFault({ do: '500-after-commit', times: 1 });
    expect(await errorOf(effectAt(fake, KEYED).untilEnd({}, 3))).toMatchObject({ errorClass: 'unknown' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  test.each([true, false])(
    'a stored 500 is left behind under another key only where nothing is there (marked as stored: %s)',
    async (marksReplays) => {
      const fake = await aFake({ http: { marksReplays } });
      await fake.addFault({ match: { method: 'POST' }, do: '500-before-commit', times: 1 });
      const effect = effectAt(fake, { ...KEYED, ...lookupAt(fake) });
      expect(await effect.untilEnd()).toMatchObject({ kind: 'landed' });
      const posts = (await fake.requests()).filter(({ method }) => method === 'POST');
      expect(posts.map(({ headers }) => headers['idempotency-key'])).toEqual([
        `${KEY}-r1`,
        `${KEY}-r1`,
        `${KEY}-r1-b`,
      ]);
    },
  );

  test.each<FaultRule>([{ do: 'error-but-stored' }, { do: 'page' }])(
    'a look-up is believed more than a status: %j',
    async (fault) => {
      const fake = await aFake();
      const effect = effectAt(fake, { ...KEYED, ...lookupAt(fake) });
      await fake.addFault({ match: { method: 'POST' }, times: 1, ...fault });
      await effect.untilEnd().catch(() => undefined);
      expect(await effect.untilEnd()).toMatchObject({
        kind: expect.stringMatching(/landed|adopted/) as string,
      });
      expect(await fake.effects()).toEqual({ [KEY]: 1 });
    },
  );

  test('an id that a look-up does not find is held for a person, and nothing is sent again', async () => {
    const fake = await aFake();
    const effect = effectAt(fake, { ...KEYED, ...lookupAt(fake) });
    await fake.addFault({ match: { method: 'POST' }, times: 1, do: 'ok-not-stored' });
    expect(await errorOf(effect.untilEnd({}, 3))).toMatchObject({ errorClass: 'unknown' });
    effect.offsetMs = 60_000;
    expect(await effect.try()).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect((await fake.requests()).filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test.each<'E3' | 'E5' | 'E10' | 'E11'>(['E3', 'E5', 'E10', 'E11'])(
    'dying at %s and starting again has one effect',
    async (dieAt) => {
      const fake = await aFake();
      const effect = effectAt(fake, { ...KEYED, ...lookupAt(fake) });
      await expect(effect.try({ dieAt })).rejects.toThrow(Died);
      expect(await effect.try()).toMatchObject({ kind: expect.stringMatching(/landed|adopted/) as string });
      expect(await fake.effects()).toEqual({ [KEY]: 1 });
    },
  );

  test('a look-up that lags is waited for', async () => {
    const fake = await aFake({ http: { lagMs: 60_000 } });
    const effect = effectAt(fake, lookupAt(fake)); // class 3: nothing but the look-up
    await fake.addFault({ match: { method: 'POST' }, do: 'drop-after-commit', times: 1 });
    await errorOf(effect.try());
    await fake.advance(60_000);
    expect(await effect.try()).toMatchObject({ kind: 'landed' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });
});

test('a service that is killed in the middle has one effect in the end', async () => {
  const file = aStateFile();
  const at = { fake: await aFakeProcess(file) };
  const effect = new Effect(() => publisherOf({ url: `${at.fake.url}/http/posts`, ...KEYED }));
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

describe('nothing is sent again blindly', () => {
  test('after the window a lost answer is held', async () => {
    const fake = await aFake();
    const effect = effectAt(fake, KEYED);
    await fake.addFault({ do: 'drop-after-commit', times: 1 });
    await errorOf(effect.try());
    effect.offsetMs = 25 * HOUR_MS;
    await fake.advance(25 * HOUR_MS);
    expect(await effect.try()).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  test('after the window a look-up finds it', async () => {
    const fake = await aFake();
    const effect = effectAt(fake, { ...KEYED, ...lookupAt(fake) });
    await fake.addFault({ match: { method: 'POST' }, do: 'drop-after-commit', times: 1 });
    await errorOf(effect.try());
    effect.offsetMs = 25 * HOUR_MS;
    await fake.advance(25 * HOUR_MS);
    expect(await effect.try()).toMatchObject({ kind: 'landed', receipt: { id: 'obj_000001' } });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  test('class 4: a lost answer is held at once', async () => {
    const fake = await aFake({ http: { ignoresKey: true } });
    const effect = effectAt(fake, {});
    await fake.addFault({ do: 'drop-after-commit', times: 1 });
    await errorOf(effect.try());
    expect(await effect.try()).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  test('another body under a used key is held, and has no second effect', async () => {
    const fake = await aFake();
    const effect = effectAt(fake, KEYED);
    await fake.addFault({ do: 'drop-after-commit', times: 1 });
    await errorOf(effect.try({ text: 'one' }));
    expect(await effect.try({ text: 'two' })).toMatchObject({ kind: 'held' });

    // Even where the ledger has lost what was sent, and lets it through.
    const { sentSha256: _, ...row } = effect.row;
    effect.row = { ...row, state: 'failed', sentSha256: undefined };
    const error = await errorOf(effect.try({ text: 'two' }));
    expect(error).toMatchObject({ errorClass: 'conflict', facts: { sent: 'maybe' } });
    expect(error.message).toContain('another body');
    expect(await fake.effects()).toEqual({ [KEY]: 1 });
  });

  test('a redirect is not followed', async () => {
    const fake = await aFake();
    await fake.addFault({ do: 'redirect', times: 1 });
    const error = await errorOf(effectAt(fake, KEYED).try());
    expect(error).toMatchObject({ errorClass: 'unknown', facts: { sent: 'maybe' } });
    expect(await fake.requests()).toHaveLength(1);
  });
});

describe('errors', () => {
  const answering = async (status: number, options: Options = {}, sentBefore = false) => {
    const url = await aServer((_request, response) =>
      response
        .writeHead(status, { 'retry-after': '3' })
        .end(JSON.stringify({ message: `no \u001b[31m${SECRET}` })),
    );
    const publisher = publisherOf({ url, headers: { authorization: SECRET }, ...options });
    return errorOf(publisher.create({ ...bodyRequest('x'), sentBefore }, context));
  };

  test.each<[number, string, string, Options, boolean]>([
    [301, 'config', 'rejected', {}, false],
    [302, 'unknown', 'maybe', {}, false],
    [303, 'unknown', 'maybe', {}, false],
    [307, 'config', 'rejected', {}, false],
    [308, 'config', 'rejected', {}, false],
    [400, 'invalid', 'rejected', {}, false],
    [401, 'auth', 'rejected', {}, false],
    [402, 'exhausted', 'rejected', {}, false],
    [403, 'auth', 'rejected', {}, false],
    [404, 'invalid', 'rejected', {}, false],
    [405, 'invalid', 'rejected', {}, false],
    [408, 'transient', 'maybe', {}, false],
    [409, 'transient', 'maybe', {}, false],
    [410, 'invalid', 'rejected', {}, false],
    [410, 'config', 'rejected', { webhook: { secret: `whsec_${'a'.repeat(32)}` } }, false],
    [422, 'invalid', 'rejected', {}, false],
    [422, 'conflict', 'maybe', {}, true],
    [422, 'invalid', 'rejected', { comparesBody: false }, true],
    [423, 'transient', 'maybe', { inFlightStatus: 423 }, false],
    [425, 'transient', 'maybe', {}, false],
    [429, 'throttled', 'rejected', {}, false],
    [500, 'unknown', 'maybe', {}, false],
    [502, 'unknown', 'maybe', {}, false],
    [503, 'unknown', 'maybe', {}, false],
    [202, 'unknown', 'maybe', { success: [201] }, false],
  ])('%i is %s (sent: %s) %j %s', async (status, errorClass, sent, options, sentBefore) => {
    const error = await answering(status, options, sentBefore);
    expect(error).toMatchObject({ errorClass, facts: { sent } });
    expect(error.message).not.toContain('planted');
    // eslint-disable-next-line no-control-regex -- what must not be in a message
    expect(error.message).not.toMatch(/[\u0000-\u001f]/);
  });

  test('nobody listening is not sent; a hint is passed on', async () => {
    const url = await aServer(() => undefined);
    for (const close of servers.splice(0)) close();
    const error = await errorOf(publisherOf({ url, ...KEYED }).create(bodyRequest(''), context));
    expect(error).toMatchObject({ errorClass: 'transient', facts: { sent: 'no' } });
    expect((await answering(429)).facts.retryAfterMs).toBe(3000);
  });

  test('an error that is none of ours gets a class, by verb', () => {
    const publisher = publisherOf({ url: 'https://api.example.com' });
    const classify: Publisher['classify'] = (error, during) => publisher.classify(error, during);
    expect(classify(new TypeError('x\ny'), 'create')).toMatchObject({
      errorClass: 'bug',
      facts: { sent: 'maybe' },
    });
    expect(classify('x', 'lookup')).toMatchObject({ errorClass: 'bug', facts: { sent: 'no' } });
    expect(classify(new DOMException('stop', 'AbortError'), 'create').errorClass).toBe('transient');
  });
});

describe('look-up', () => {
  const looking = async (status: number, body: string, lookup: Options = {}) => {
    const url = await aServer((_request, response) => response.writeHead(status).end(body));
    const publisher = publisherOf({ url, headers: { authorization: SECRET }, lookup: { url, ...lookup } });
    return publisher.lookup?.(bodyRequest(''), context);
  };
  const mine = keyOf('effect');

  test.each<[number, string, Options, unknown]>([
    [200, '{"id":"a"}', {}, { kind: 'ours', placed: { id: 'a', visible: true } }],
    [
      200,
      `{"id":"a","k":"${mine}","r":3}`,
      { key: '/k', revision: '/r' },
      { kind: 'ours', placed: { revision: 3 } },
    ],
    [200, '{"id":"a","k":"other"}', { key: '/k' }, { kind: 'theirs', why: 'belongs to other' }],
    [200, '{"id":"a"}', { key: '/k' }, { kind: 'theirs' }],
    [200, '{"data":[]}', { id: '/data/0/id' }, { kind: 'absent' }],
    [200, '[]', { id: '/0/id' }, { kind: 'absent' }],
    [200, '', { method: 'HEAD' }, { kind: 'ours', placed: { id: mine } }],
    [404, '', {}, { kind: 'absent' }],
    [204, '', { absent: [204] }, { kind: 'absent' }],
  ])('%i %s %j', async (status, body, lookup, found) => {
    expect(await looking(status, body, lookup)).toMatchObject(found as object);
  });

  test.each<[number, string, string]>([
    [200, '<html>sign in</html>', 'config'],
    [200, '{}', 'config'],
    [204, '', 'config'],
    [302, '', 'config'],
    [401, '', 'auth'],
    [403, '', 'auth'],
    [429, '', 'throttled'],
    [500, `{"message":"${SECRET}"}`, 'transient'],
  ])('%i %s says nothing about absence: %s', async (status, body, errorClass) => {
    const error = await errorOf(looking(status, body));
    expect(error.errorClass).toBe(errorClass);
    expect(error.message).not.toContain('planted');
  });

  test('it has the credentials of the creation', async () => {
    let authorization: string | undefined;
    const url = await aServer((request, response) => {
      authorization = request.headers.authorization;
      response.writeHead(404).end();
    });
    await publisherOf({ url, headers: { authorization: SECRET }, lookup: { url } }).lookup?.(
      bodyRequest(''),
      context,
    );
    expect(authorization).toBe(SECRET);
  });
});

describe('what a look-up finds is ours only where something says so', () => {
  const mine = keyOf('effect');
  const list = (...ids: string[]) => JSON.stringify({ data: ids.map((id) => ({ id })) });

  /** A service that keeps what is posted, and looks by `key` or by a parameter that it does not know. */
  async function aBlog(...there: string[]) {
    const posts = [...there];
    const asked: string[] = [];
    const url = await aServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '/', 'http://blog');
      if (request.method === 'POST') {
        posts.push(KEY);
        response.writeHead(201).end(JSON.stringify({ id: KEY }));
        return;
      }
      asked.push(request.url ?? '');
      const key = searchParams.get('key');
      response.end(list(...(key === null ? posts : posts.filter((id) => id === key))));
    });
    return { url, posts, asked };
  }
  const lookAt = (url: string, more: Options = {}): Options => ({
    url,
    settle: 0.02,
    lookup: { url: `${url}?key=${KEY}`, id: '/data/0/id', ...more },
  });

  test('a look-up that passes over its parameter takes no stranger’s post for ours: nothing is sent', async () => {
    const { url, posts } = await aBlog('a-stranger');
    const wrong = lookAt(url, { url: `${url}?ref=${KEY}` });
    const error = await errorOf(new Effect(() => publisherOf(wrong)).try());
    expect(error).toMatchObject({ errorClass: 'config', facts: { sent: 'no' } });
    expect(error.message).toMatch(
      /^GET http:[^?]* finds something for a key that nobody has, so .* anybody’s; /,
    );
    expect(posts).toEqual(['a-stranger']);

    expect(await new Effect(() => publisherOf(lookAt(url))).try()).toMatchObject({ kind: 'landed' });
    expect(posts).toEqual(['a-stranger', KEY]);
  });

  test('one where HEAD says found of everything is no proof either', async () => {
    const { url, posts } = await aBlog();
    const wrong = lookAt(url, { method: 'HEAD' });
    expect(await errorOf(new Effect(() => publisherOf(wrong)).try())).toMatchObject({ errorClass: 'config' });
    expect(posts).toEqual([]);
  });

  test('a key that nobody has is asked for once in a process, and not at all where the answer has the key', async () => {
    const { url, asked } = await aBlog();
    const nobodys = () => asked.filter((path) => path.includes('0'.repeat(32)));
    await new Effect(() => publisherOf(lookAt(url))).untilEnd();
    await new Effect(() => publisherOf(lookAt(url))).untilEnd();
    expect(nobodys()).toHaveLength(1);

    const { url: other, asked: ofOther } = await aBlog();
    for (const more of [{ key: '/data/0/id' }, { ownUrl: true }])
      await new Effect(() => publisherOf(lookAt(other, more))).untilEnd();
    expect(ofOther.filter((path) => path.includes('0'.repeat(32)))).toEqual([]);
  });

  test.each<[number, string, string | undefined]>([
    [404, '', undefined],
    [400, '{"error":"no such key"}', undefined],
    [403, '', undefined],
    [204, '', undefined],
    [200, '{"data":[]}', undefined],
    [200, '{"data":[{"id":"x"}]}', 'config'],
    [401, '', 'auth'],
    [429, '', 'throttled'],
    [500, '', 'transient'],
    [302, '', 'config'],
  ])('for a key that nobody has, %i %s: %s', async (status, body, errorClass) => {
    const url = await aServer((request, response) => {
      if ((request.url ?? '').includes(mine)) response.end(list('a'));
      else response.writeHead(status).end(body);
    });
    const lookup = { url: `${url}?key=${mine}`, id: '/data/0/id' };
    const look = publisherOf({ url, lookup }).lookup?.(bodyRequest(''), context);
    if (errorClass === undefined) expect(await look).toMatchObject({ kind: 'ours', placed: { id: 'a' } });
    else expect(await errorOf(look ?? Promise.resolve())).toMatchObject({ errorClass });
  });

  const url = 'https://api.example.com/posts?slug=same';
  test.each<[boolean, JsonObject]>([
    [true, { url }],
    [true, { url, method: 'HEAD' }],
    [true, { url, ownUrl: 'false' }],
    [false, { url: `https://api.example.com/posts?key=${mine}` }],
    [false, { url, key: '/data/0/key' }],
    [false, { url, ownUrl: true }],
    [false, { url, ownUrl: 'true' }],
    [false, {}],
  ])('refused before anything starts: %s %j', async (isRefused, lookup) => {
    expect(http.fault?.({ lookup }, mine) !== undefined).toBe(isRefused);
    expect(http.fault?.({}, mine)).toBe(undefined);
    if (!isRefused) return;
    const effect = { ...post, with: { url, lookup: { ...lookup } } };
    const made = publisherFor(effect, '/nowhere', { env: {}, stateDir: '/nowhere' });
    expect(await errorOf(made)).toMatchObject({ errorClass: 'config', facts: { sent: 'no' } });
  });
  const post = { key: mine, name: 'post', use: 'http', target: 'blog', onUnknown: 'hold' } as const;

  test.each(['key', 'revision', 'content'])(
    '%s by HEAD is refused: such an answer has no content',
    (field) => {
      const lookup = { url, method: 'HEAD', [field]: '/x' };
      expect(httpOptionsSchema.safeParse({ url, lookup }).success).toBe(false);
    },
  );
});

describe('probe', () => {
  test.each<[string, Options, string]>([
    ['{"id":"x"}', {}, 'fail'],
    ['{"id":"x"}', { key: '/key' }, 'ok'],
    ['{"id":"x"}', { ownUrl: true }, 'ok'],
    ['{}', {}, 'ok'],
  ])('a look-up that finds %s for a key that nobody has, %j: %s', async (body, more, status) => {
    const asked: string[] = [];
    const url = await aServer((request, response) => {
      asked.push(request.url ?? '');
      response.end(body);
    });
    const options = httpOptionsSchema.parse({ url, lookup: { url: `${url}?key=${KEY}`, ...more } });
    const [finding] = (await httpPublisher(options, KEY).probe?.(context)) ?? [];
    expect(finding?.status).toBe(status);
    expect(asked).toEqual([`/?key=${'0'.repeat(32)}`]);
  });

  test.each<[number, Options, string[]]>([
    [404, { lookup: {} }, ['ok', 'ok']],
    [200, KEYED, ['ok', 'ok']],
    [405, {}, ['ok', 'warn']],
    [401, { lookup: {} }, ['fail', 'ok']],
    [302, KEYED, ['fail', 'ok']],
    [503, KEYED, ['warn', 'ok']],
    [204, { lookup: {} }, ['fail', 'ok']],
  ])('%i %j', async (status, options, statuses) => {
    const methods: (string | undefined)[] = [];
    const url = await aServer((request, response) => {
      methods.push(request.method);
      response.writeHead(status).end();
    });
    const lookup = 'lookup' in options ? { lookup: { url } } : {};
    const findings = await publisherOf({ url, ...options, ...lookup }).probe?.(context);
    expect(findings?.map((finding) => finding.status)).toEqual(statuses);
    expect(methods).toEqual([status && 'lookup' in options ? 'GET' : 'HEAD']);
  });

  test('a service that is not there', async () => {
    const findings = await publisherOf({ url: 'http://127.0.0.1:1/', ...KEYED }).probe?.(context);
    expect(findings?.[0]).toMatchObject({ status: 'fail' });
  });
});

test('pointers follow RFC 6901', () => {
  const document = { 'a/b': [{ 'm~n': 0 }], '': 'empty' };
  expect(at('', document)).toBe(document);
  expect(textAt('/a~1b/0/m~0n', document)).toBe('0');
  expect(textAt('/', document)).toBe('empty');
  for (const nowhere of ['/a~1b/01', '/a~1b/-', '/toString', '/a~1b/0/m~0n/x'])
    expect(at(nowhere, document)).toBe(undefined);
});

test('keys and windows', () => {
  expect(windowKey(KEY, 3, 'item-0')).toBe(`${KEY}-r3-item-0`);
  expect(safeWindowMs(24 * HOUR_MS, 30_000)).toBe(23 * HOUR_MS);
  expect(safeWindowMs(HOUR_MS, 30_000)).toBe(54 * 60_000);
  expect(safeWindowMs(120_000, 30_000)).toBe(90_000);
});
