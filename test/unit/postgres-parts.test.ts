/** The pure parts of the publisher `postgres`: names, options, rows, rights, and what the server's codes mean. */
import { expect, test } from 'vitest';
import {
  isLostCommit,
  postgresError,
  violatedConstraint,
} from '../../src/activities/publishers/postgres/errors.js';
import {
  identifierFault,
  quotedTable,
  tableFault,
} from '../../src/activities/publishers/postgres/identifiers.js';
import { postgresOptionsSchema } from '../../src/activities/publishers/postgres/options.js';
import { findingsOf } from '../../src/activities/publishers/postgres/probe.js';
import { judgeRow } from '../../src/activities/publishers/postgres/standing.js';
import { TransactionFailed } from '../../src/activities/publishers/postgres/transaction.js';
import { keyOf, sha256 } from './folder-fixture.js';

const URL = 'postgres://u:p@host.test/db';
const failed = (stage: 'connect' | 'work' | 'commit', code?: string, message = 'words') =>
  new TransactionFailed(stage, Object.assign(new Error(message), code === undefined ? {} : { code }));

test.each([
  ['connect', '28P01', 'auth', 'rejected'],
  ['connect', '3D000', 'config', 'rejected'],
  ['connect', 'ECONNREFUSED', 'transient', 'no'],
  ['connect', 'ENOTFOUND', 'transient', 'no'],
  ['connect', undefined, 'bug', 'no'],
  ['work', '42501', 'auth', 'rejected'],
  ['work', '42P01', 'config', 'rejected'],
  ['work', '25006', 'config', 'rejected'],
  ['work', '22001', 'invalid', 'rejected'],
  ['work', '23502', 'invalid', 'rejected'],
  ['work', '40001', 'transient', 'rejected'],
  ['work', '55P03', 'transient', 'rejected'],
  ['work', '57P01', 'transient', 'rejected'],
  ['work', '53100', 'exhausted', 'rejected'],
  ['work', 'ECONNRESET', 'transient', 'no'],
  ['commit', '23503', 'invalid', 'rejected'],
  ['commit', '57014', 'transient', 'rejected'],
  ['commit', '40001', 'transient', 'rejected'],
  ['commit', '57P01', 'unknown', 'maybe'],
  ['commit', '57P02', 'unknown', 'maybe'],
  ['commit', '08006', 'unknown', 'maybe'],
  ['commit', '40003', 'unknown', 'maybe'],
  ['commit', 'ECONNRESET', 'unknown', 'maybe'],
  ['commit', 'EPIPE', 'unknown', 'maybe'],
  ['commit', undefined, 'unknown', 'maybe'],
] as const)('at %s, %s is %s, sent: %s', (stage, code, errorClass, sent) => {
  const error = failed(stage, code);
  expect(postgresError(error, 'x')).toMatchObject({ errorClass, facts: { sent } });
  expect(isLostCommit(error)).toBe(sent === 'maybe');
});

test.each([
  'Connection terminated unexpectedly',
  'Query read timeout',
  'timeout exceeded when trying to connect',
])('%j, which has no code, passes by itself', (message) => {
  expect(postgresError(failed('work', undefined, message), 'x').errorClass).toBe('transient');
});

test('any error at all gets a class, and one line', () => {
  for (const error of [new Error('x\n\u001b[31my'), 'text', undefined]) {
    const { message } = postgresError(error, 'x');
    // eslint-disable-next-line no-control-regex -- what must not be in a message
    expect(message).not.toMatch(/[\u0000-\u001f]/);
  }
});

test('a broken unique rule is told from other errors', () => {
  const taken = Object.assign(new Error('x'), { code: '23505', constraint: 'slug_key' });
  expect(violatedConstraint(new TransactionFailed('work', taken))).toBe('slug_key');
  expect(violatedConstraint(failed('work', '23503'))).toBeUndefined();
});

test('names are taken as they are spelt, and can’t end their quotes', () => {
  expect(quotedTable('public.Articles')).toBe('"public"."Articles"');
  expect(quotedTable('a"; DROP TABLE b; --')).toBe('"a""; DROP TABLE b; --"');
  for (const name of ['', 'a\0b', 'a'.repeat(64), 'é'.repeat(32)])
    expect(identifierFault(name)).toBeDefined();
  for (const name of ['a.b.c', '.a', 'a.', '']) expect(tableFault(name)).toBeDefined();
  expect(tableFault(`${'a'.repeat(63)}.${'b'.repeat(63)}`)).toBeUndefined();
});

test.each([
  {},
  { url: 'host.test/db' },
  { url: URL, table: 'a.b.c' },
  { url: URL, columns: { nightshift_key: 'x' } },
  { url: URL, bodyColumn: 'a', columns: { a: 'x' } },
  { url: URL, unpublish: 'mark' },
  { url: URL, timeout: '1ms' },
  { url: URL, columns: { a: ['x'] } },
  { url: URL, where: 'x' },
])('the options %j are refused, and show no password', (options) => {
  const parsed = postgresOptionsSchema.safeParse(options);
  expect(parsed.success).toBe(false);
  expect(parsed.error?.message).not.toContain('u:p@');
});

const row = {
  revision: '2',
  marked_sha256: sha256('x'),
  body_sha256: sha256('x'),
  fingerprint: null,
  deleted: false,
};
const judge = (fields: Partial<typeof row> | undefined, takenBack = false) =>
  judgeRow(fields && { ...row, ...fields }, { effectKey: keyOf('effect'), takenBack }, 'articles', {
    unpublish: 'mark',
    deletedColumn: 'gone_at',
  });

test('what a row says', () => {
  expect(judge(undefined)).toEqual({ kind: 'absent' });
  expect(judge({})).toMatchObject({ kind: 'ours', placed: { revision: 2, sha256: sha256('x') } });
  expect(judge({ body_sha256: sha256('y') })).toMatchObject({ kind: 'theirs' });
  expect(judge({ marked_sha256: 'no hash' })).toMatchObject({ kind: 'theirs' });
  expect(judge({ deleted: true })).toMatchObject({ kind: 'removed' });
  expect(judge({ deleted: true }, true)).toMatchObject({ kind: 'ours', placed: { visible: false } });
});

const ALL = {
  standby: false,
  can_insert: true,
  can_select: true,
  can_update: true,
  can_delete: true,
  row_security: false,
  database: 'db',
};
test.each([
  [{}, ['ok']],
  [{ standby: true }, ['ok', 'fail']],
  [{ can_insert: false }, ['ok', 'fail']],
  [{ can_select: false }, ['ok', 'fail']],
  [{ can_update: false, can_delete: false }, ['ok', 'warn', 'warn']],
  [{ row_security: true }, ['ok', 'warn']],
])('rights %j: %j', (fields, statuses) => {
  const findings = findingsOf({ ...ALL, ...fields }, 'articles', postgresOptionsSchema.parse({ url: URL }));
  expect(findings.map(({ status }) => status)).toEqual(statuses);
});
