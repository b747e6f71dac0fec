// What a refusal or a broken connection of Azure means. The real SDK talks to a server that answers what the table says.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../src/activities/publishers/azure-blob/client.js';
import { azureBlobOptions } from '../../src/activities/publishers/azure-blob/options.js';
import { azureStore } from '../../src/activities/publishers/azure-blob/store.js';
import { placeOfTarget } from '../../src/activities/publishers/azure-blob/target.js';
import type { ObjectStore } from '../../src/activities/publishers/objects/object-store.js';
import type { AdapterError } from '../../src/contract/errors.js';
import { startLossyProxy, type LossyProxy } from '../support/lossy-proxy.js';

let answering: LossyProxy;
let store: ObjectStore;
beforeAll(async () => {
  answering = await startLossyProxy({ port: 1 });
  const options = azureBlobOptions.parse({ key: 'k', accountKey: Buffer.from('key').toString('base64') });
  store = azureStore(await connect(options, placeOfTarget(`${answering.url}/account/container`)), []);
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
const answer = (status: number, code?: string, headers: Record<string, string> = {}) =>
  ({
    kind: 'answer',
    status,
    headers: {
      ...headers,
      ...(code !== undefined && { 'x-ms-error-code': code, 'content-type': 'application/xml' }),
    },
    body:
      code === undefined
        ? ''
        : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>the message\nRequestId:1</Message></Error>`,
  }) as const;
const failure = async (what: Promise<unknown>): Promise<AdapterError> =>
  what.then(
    (value) => {
      throw new Error(`it did not fail, but gave ${JSON.stringify(value)}`);
    },
    (error: AdapterError) => error,
  );

test.each([
  ['PUT', 403, 'AuthenticationFailed', 'auth', 'rejected', /AuthenticationFailed: the message; check/],
  ['PUT', 403, 'AuthorizationPermissionMismatch', 'auth', 'rejected', /r, c, w/],
  ['PUT', 401, 'NoAuthenticationInformation', 'auth', 'rejected', /sasToken/],
  ['PUT', 409, 'PublicAccessNotPermitted', 'auth', 'rejected', /409/],
  ['PUT', 404, 'ContainerNotFound', 'config', 'rejected', /container/],
  ['PUT', 400, 'AccountRequiresHttps', 'config', 'rejected', /https/],
  ['PUT', 400, 'InvalidInput', 'invalid', 'rejected', /InvalidInput/],
  ['PUT', 409, 'ContainerBeingDeleted', 'transient', 'rejected', /409/],
  ['PUT', 400, 'Md5Mismatch', 'transient', 'rejected', /400/],
  ['PUT', 503, 'ServerBusy', 'throttled', 'maybe', /503/],
  ['PUT', 429, undefined, 'throttled', 'rejected', /429/],
  ['PUT', 500, 'InternalError', 'unknown', 'maybe', /500/],
  ['PUT', 500, 'OperationTimedOut', 'unknown', 'maybe', /500/],
  ['PUT', 502, undefined, 'unknown', 'maybe', /502/],
  ['PUT', 307, undefined, 'config', 'rejected', /redirects are not followed/],
  ['REPLACE', 412, 'LeaseIdMissing', 'conflict', 'rejected', /LeaseIdMissing/],
  ['REPLACE', 409, 'BlobImmutableDueToPolicy', 'conflict', 'rejected', /409/],
  ['REPLACE', 409, 'InvalidBlobType', 'conflict', 'rejected', /409/],
  ['DELETE', 409, 'SnapshotsPresent', 'conflict', 'rejected', /409/],
  ['DELETE', 500, 'InternalError', 'unknown', 'maybe', /500/],
  ['HEAD', 500, 'InternalError', 'transient', 'maybe', /500/],
  ['HEAD', 500, undefined, 'transient', 'maybe', /500/],
  ['HEAD', 404, 'ContainerNotFound', 'config', 'rejected', /container/],
  ['HEAD', 403, 'AuthorizationFailure', 'auth', 'rejected', /read/],
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
  ['HEAD', 404, 'BlobNotFound', undefined],
  ['PUT', 409, 'BlobAlreadyExists', false],
  ['PUT', 412, 'ConditionNotMet', false],
  ['PUT', 403, 'UnauthorizedBlobOverwrite', false],
  ['REPLACE', 412, 'ConditionNotMet', false],
  ['DELETE', 412, 'ConditionNotMet', false],
  ['DELETE', 404, 'BlobNotFound', true],
] as const)('%s answered %i %s is an answer', async (verb, status, code, value) => {
  answering.next(answer(status, code));
  expect(await verbs[verb]()).toBe(value);
});

test('the wait that the service asks for is passed on', async () => {
  answering.next(answer(503, 'ServerBusy', { 'retry-after': '7' }));
  expect((await failure(verbs.PUT())).facts.retryAfterMs).toBe(7000);
});

test('each request is sent once, whatever becomes of it', async () => {
  for (const fault of [
    answer(500, 'InternalError'),
    answer(503, 'ServerBusy'),
    { kind: 'drop-before' } as const,
  ]) {
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
