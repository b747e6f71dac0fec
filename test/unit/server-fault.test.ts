// A write that the server itself failed on: every publisher that hears it says so, for all who use the destination.
import { expect, test } from 'vitest';
import { azureError } from '../../src/activities/publishers/azure-blob/errors.js';
import { ghostRefusal } from '../../src/activities/publishers/ghost/refusal.js';
import { unclearPush } from '../../src/activities/publishers/git/errors.js';
import { httpOptionsSchema } from '../../src/activities/publishers/http/options.js';
import { refusedCreation } from '../../src/activities/publishers/http/verdict.js';
import { postgresError } from '../../src/activities/publishers/postgres/errors.js';
import { TransactionFailed } from '../../src/activities/publishers/postgres/transaction.js';
import { resendRefusal } from '../../src/activities/publishers/resend/errors.js';
import { s3Error } from '../../src/activities/publishers/s3/errors.js';
import { stripeRefusal } from '../../src/activities/publishers/stripe/errors.js';
import { wordpressRefusal } from '../../src/activities/publishers/wordpress/refusal.js';
import type { AdapterError } from '../../src/contract/errors.js';

const url = 'https://service.example/things';
const post = { method: 'POST', url } as const;
const answer = (status: number, body: object = {}) => ({
  status,
  headers: new Headers(),
  body: JSON.stringify(body),
});
const pushed = (said: string) => ({ code: 128, stdout: Buffer.alloc(0), stderr: said, timedOut: false });
const put = { method: 'PUT', at: 's3://bucket/name' } as const;
const awsError = (status: number) =>
  Object.assign(new Error('UnknownError'), { name: 'InternalError', $metadata: { httpStatusCode: status } });

const makers: Readonly<Record<string, (status: number) => AdapterError>> = {
  http: (status) => refusedCreation(httpOptionsSchema.parse({ url }), answer(status), false),
  wordpress: (status) => wordpressRefusal(answer(status, { code: 'x', message: 'broken' }), post),
  ghost: (status) => ghostRefusal(answer(status), post),
  stripe: (status) => stripeRefusal(answer(status, { error: { type: 'api_error' } }), post, []),
  resend: (status) => resendRefusal(answer(status, { name: 'application_error' }), post, []),
  s3: (status) => s3Error(awsError(status), put),
  'azure-blob': (status) => azureError(Object.assign(new Error('broken'), { statusCode: status }), put),
  git: (status) =>
    unclearPush(
      pushed(`error: RPC failed; HTTP curl 22 The requested URL returned error: ${status}`),
      'push',
    ),
};

test.each(Object.entries(makers))('%s', (_name, made) => {
  expect(made(500)).toMatchObject({ errorClass: 'unknown', facts: { sent: 'maybe', serverFault: true } });
  expect(made(422).facts.serverFault).toBeUndefined();
  expect(made(501).facts.serverFault, 'it never does such things').toBeUndefined();
});

test('postgres, where the server says at COMMIT that it goes down; a connection that breaks says nothing', () => {
  const atCommit = (code: string) =>
    postgresError(new TransactionFailed('commit', Object.assign(new Error('x'), { code })), 'insert');
  expect(atCommit('57P01')).toMatchObject({ errorClass: 'unknown', facts: { serverFault: true } });
  expect(atCommit('ECONNRESET').facts.serverFault).toBeUndefined();
});
