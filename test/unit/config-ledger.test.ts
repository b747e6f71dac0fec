// Where the ledger is: what the environment says, or the state directory.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig, statePaths } from '../../src/config.js';
import { UsageError } from '../../src/contract/errors.js';
import { isEngineConfigured } from '../../src/engine/index.js';

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

test('a directory of rehearsals has its own ledger and engine, whatever the environment names', () => {
  const state = mkdtempSync(join(tmpdir(), 'nightshift-apart-'));
  onTestFinished(() => rmSync(state, { recursive: true }));
  const env = {
    NIGHTSHIFT_LEDGER: 'postgres://real/ledger',
    NIGHTSHIFT_SIGNING_KEY: 'the real one',
    NIGHTSHIFT_METRICS: '127.0.0.1:9464',
    TEMPORAL_ADDRESS: 'real.example:7233',
  };
  expect(isEngineConfigured(resolveConfig({ state }, env))).toBe(true);

  writeFileSync(statePaths(state).apart, '');
  const apart = resolveConfig({ state }, env);
  expect(apart).toMatchObject({
    stateDir: state,
    ledger: { path: join(state, 'ledger.db') },
    engine: 'embedded',
  });
  expect([apart.signingKey, apart.metricsAddress, isEngineConfigured(apart)]).toEqual([
    undefined,
    undefined,
    false,
  ]);
});
