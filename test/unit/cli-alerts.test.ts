// `nightshift alert list`, as whoever was woken sees it: a ledger on disk, no engine.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { alertList } from '../../src/cli/alerts.js';
import { openLedger } from '../../src/ledger/open.js';
import { openBatch, temporaryFolder } from './ledger-fixture.js';
import { aShell } from './shell-fixture.js';

test('that no alert is open says nothing where no batch was ever run, and that is said', async () => {
  const state = temporaryFolder();
  const elsewhere = aShell({ state, color: false });
  expect(await alertList(undefined, {}, elsewhere.shell)).toBe(0);
  expect(elsewhere.out()).toBe('no alert is open\n');
  expect(elsewhere.err()).toBe(`no batch was ever run in ${state}; --state names another state directory\n`);

  const ledger = await openLedger({ path: join(state, 'ledger.db') });
  await openBatch(ledger, ['one']);
  await ledger.close();
  const there = aShell({ state, color: false });
  await alertList(undefined, {}, there.shell);
  expect(there.out()).toBe('no alert is open\n');
  expect(there.err()).toBe('');
});
