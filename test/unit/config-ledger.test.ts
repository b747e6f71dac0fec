// Where the ledger is: what the environment says, or the state directory.
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/config.js';
import { UsageError } from '../../src/contract/errors.js';

const ledgerOf = (env: NodeJS.ProcessEnv) => resolveConfig({ state: '/state' }, env).ledger;

test.each([
  ['nothing', {}, { path: '/state/ledger.db' }],
  ['a path', { NIGHTSHIFT_LEDGER: 'nights.db' }, { path: resolve('nights.db') }],
  ['a URL', { NIGHTSHIFT_LEDGER: 'postgres://u:p@h/db' }, { url: 'postgres://u:p@h/db' }],
  ['the longer scheme', { NIGHTSHIFT_LEDGER: 'postgresql://h/db' }, { url: 'postgresql://h/db' }],
])('%s is set', (_, env, expected) => {
  expect(ledgerOf(env)).toEqual(expected);
});

test('an empty value is a mistake, and not the default', () => {
  expect(() => ledgerOf({ NIGHTSHIFT_LEDGER: '' })).toThrow(UsageError);
});
