// `nightshift watch` for programs: one document, whether the batch was waited for or had ended a moment before.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watch } from '../../src/cli/watch.js';
import { AdapterError } from '../../src/contract/errors.js';
import { PREFLIGHT } from '../../src/contract/messages.js';
import { runReportSchema } from '../../src/contract/result.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  jobOf,
  landed,
  openBatch,
  PARKED,
  temporaryFolder,
} from './ledger-fixture.js';
import { aShell } from './shell-fixture.js';

async function watched(state: string): Promise<{ code: number; out: string }> {
  const { shell, out } = aShell({ state, json: true, color: false });
  const code = await watch('nightly', {}, shell);
  return { code, out: out() };
}

test.each([
  ['completed', 0],
  ['incomplete', 2],
  ['cancelled', 2],
] as const)(
  'of a batch that has ended (%s) it prints the report of its run, and needs no engine',
  async (end, code) => {
    const state = temporaryFolder();
    const { ledger } = await aLedger(join(state, 'ledger.db'));
    await openBatch(ledger, ['one', 'two']);
    for (const slug of ['one', 'two']) await claimed(ledger, slug);
    await landed(ledger, 'one');
    if (end === 'completed') await landed(ledger, 'two');
    else await ledger.settleJob(jobOf('two'), PARKED, by());
    await ledger.setBatchState(BATCH, end, 'batch');

    const told = await watched(state);
    const report = runReportSchema.parse(JSON.parse(told.out));
    expect(report.batch).toMatchObject({ name: 'nightly', result: end });
    expect(report.counts).toMatchObject({ jobs: 2, done: end === 'completed' ? 2 : 1 });
    expect(told.code).toBe(code);
  },
);

test('of one that had been refused before its first job it fails as for whoever waited, and prints no document', async () => {
  const state = temporaryFolder();
  const { ledger } = await aLedger(join(state, 'ledger.db'));
  await openBatch(ledger, ['one']);
  await ledger.setBatchState(BATCH, 'incomplete', PREFLIGHT, 'the worker 1@host can’t run this batch');
  const refused = await watched(state).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(AdapterError);
  expect(refused).toMatchObject({ errorClass: 'config', message: 'the worker 1@host can’t run this batch' });
});
