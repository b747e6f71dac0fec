// What a refusal or a broken connection of S3 means. The real SDK talks to a server that answers what the table says.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../src/activities/publishers/s3/client.js';
import type { ObjectStore } from '../../src/activities/publishers/objects/object-store.js';
import { s3Options } from '../../src/activities/publishers/s3/options.js';
import { s3Publisher } from '../../src/activities/publishers/s3/publisher.js';
import { s3Store } from '../../src/activities/publishers/s3/store.js';
import type { AdapterError } from '../../src/contract/errors.js';
import { startLossyProxy, type LossyProxy } from '../support/lossy-proxy.js';

let answering: LossyProxy;
let store: ObjectStore;
beforeAll(async () => {
  answering = await startLossyProxy({ port: 1 });
  const options = s3Options.parse({
    key: 'k',
    endpoint: answering.url,
    accessKeyId: 'a',
    secretAccessKey: 'b',
  });
  store = s3Store(await connect(options), 'bucket', []);
});
afterAll(async () => answering?.close());

const { signal } = new AbortController();
const object = { body: Buffer.from('words'), contentType: 'text/plain', metadata: {} };
const verbs = {
  HEAD: () => store.head('k', signal),
  PUT: () => store.put('k', object, 'absent', signal),
  REPLACE: () => store.put('k', object, { etag: '"e"' }, signal),
  DELETE: () => store.remove('k', { etag: '"e"' }, signal),
};
const xml = (code: string) =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>the message</Message></Error>`;
const answer = (status: number, code?: string, headers: Record<string, string> = {}) =>
  ({ kind: 'answer', status, headers, ...(code !== undefined && { body: xml(code) }) }) as const;
const failure = async (what: Promise<unknown>): Promise<AdapterError> =>
  what.then(
    (value) => {
      throw new Error(`it did not fail, but gave ${JSON.stringify(value)}`);
    },
    (error: AdapterError) => error,
  );

test.each([
  ['PUT', 403, 'AccessDenied', 'auth', 'rejected', /s3:PutObject/],
  ['PUT', 403, 'SignatureDoesNotMatch', 'auth', 'rejected', /secretAccessKey/],
  ['PUT', 403, 'RequestTimeTooSkewed', 'auth', 'rejected', /clock/],
  ['PUT', 400, 'ExpiredToken', 'auth', 'rejected', /sessionToken/],
  ['PUT', 400, 'AuthorizationHeaderMalformed', 'config', 'rejected', /region/],
  ['PUT', 404, 'NoSuchBucket', 'config', 'rejected', /bucket/],
  ['PUT', 301, 'PermanentRedirect', 'config', 'rejected', /region/],
  ['PUT', 307, undefined, 'config', 'rejected', /redirects are not followed/],
  ['PUT', 501, 'NotImplemented', 'config', 'rejected', /conditional writes/],
  ['PUT', 501, undefined, 'config', 'rejected', /conditional writes/],
  ['PUT', 400, 'EntityTooLarge', 'invalid', 'rejected', /EntityTooLarge: the message/],
  ['PUT', 409, 'ConditionalRequestConflict', 'transient', 'rejected', /409/],
  ['PUT', 409, 'OperationAborted', 'transient', 'rejected', /409/],
  ['PUT', 400, 'RequestTimeout', 'transient', 'rejected', /400/],
  ['PUT', 400, 'BadDigest', 'transient', 'rejected', /400/],
  ['PUT', 503, 'SlowDown', 'throttled', 'rejected', /503/],
  ['PUT', 503, undefined, 'throttled', 'maybe', /503/],
  ['PUT', 429, undefined, 'throttled', 'rejected', /429/],
  ['PUT', 507, undefined, 'exhausted', 'rejected', /507/],
  ['PUT', 500, 'InternalError', 'unknown', 'maybe', /500 InternalError/],
  ['PUT', 500, undefined, 'unknown', 'maybe', /500/],
  ['PUT', 502, undefined, 'unknown', 'maybe', /502/],
  ['DELETE', 500, 'InternalError', 'unknown', 'maybe', /500/],
  ['HEAD', 500, undefined, 'transient', 'maybe', /500/],
  ['HEAD', 403, undefined, 'auth', 'rejected', /s3:ListBucket/],
  ['HEAD', 400, undefined, 'config', 'rejected', /region/],
  ['HEAD', 301, undefined, 'config', 'rejected', /region/],
] as const)('%s answered %i %s is %s, sent: %s', async (verb, status, code, errorClass, sent, text) => {
  answering.next(answer(status, code));
  const error = await failure(verbs[verb]());
  expect(error).toMatchObject({
    errorClass,
    message: expect.stringMatching(text) as string,
    facts: { sent },
  });
});

test.each([
  ['HEAD', 404, undefined, undefined],
  ['PUT', 412, 'PreconditionFailed', false],
  ['PUT', 412, undefined, false],
  ['REPLACE', 412, 'PreconditionFailed', false],
  ['REPLACE', 404, 'NoSuchKey', false],
  ['DELETE', 412, 'PreconditionFailed', false],
  ['DELETE', 404, 'NoSuchKey', true],
] as const)('%s answered %i %s is an answer', async (verb, status, code, value) => {
  answering.next(answer(status, code));
  expect(await verbs[verb]()).toBe(value);
});

test.each([
  ['7', 7000],
  [new Date(Date.now() + 3_600_000).toUTCString(), 3_590_000],
])('the wait that a store asks for is passed on: Retry-After %s', async (hint, atLeast) => {
  answering.next(answer(503, 'SlowDown', { 'retry-after': hint }));
  expect((await failure(verbs.PUT())).facts.retryAfterMs).toBeGreaterThanOrEqual(atLeast);
});

test('each request is sent once, whatever becomes of it', async () => {
  for (const fault of [answer(500), answer(503, 'SlowDown'), { kind: 'drop-before' } as const]) {
    const before = answering.seen.length;
    answering.next(fault);
    await failure(verbs.PUT());
    expect(answering.seen.length - before).toBe(1);
  }
});

test('a connection that breaks leaves the outcome of a write open, and that of a look not', async () => {
  answering.next({ kind: 'drop-before' });
  expect(await failure(verbs.PUT())).toMatchObject({
    errorClass: 'unknown',
    facts: { sent: 'maybe', code: 'ECONNRESET' },
  });
  answering.next({ kind: 'drop-before' });
  expect(await failure(verbs.HEAD())).toMatchObject({ errorClass: 'transient' });
});

test('what a store says is shown in one line, cut, without control characters', async () => {
  const message = `a\u001b[31mred\nline ${'x'.repeat(5000)}`;
  answering.next({
    kind: 'answer',
    status: 400,
    body: `<Error><Code>InvalidArgument</Code><Message>${message.replace('\u001b', '&#27;')}</Message></Error>`,
  });
  const { message: shown } = await failure(verbs.PUT());
  expect(shown.length).toBeLessThan(500);
  expect(shown).not.toMatch(/\p{Cc}/u);
});

test('the page of some proxy is no error of ours', async () => {
  answering.next({ kind: 'answer', status: 500, body: 'not XML at all' });
  expect((await failure(verbs.PUT())).message).toBe('PUT s3://bucket/k was answered 500');
});

test('what nobody expected is a bug whose request may have left', () => {
  const options = s3Options.parse({ key: 'k' });
  const publisher = s3Publisher({ options, target: 's3://bucket' });
  for (const thrown of [new TypeError('x'), 'text', undefined, null, { a: 1 }])
    expect(publisher.classify(thrown, 'create')).toMatchObject({
      errorClass: 'bug',
      facts: { sent: 'maybe' },
    });
});
