// What keeps real sessions back keeps those of a rehearsal back: it has an engine and a ledger of its own, and asks the
// real one before it starts either.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, expect, test } from 'vitest';
import { laneIdOf } from '../../src/activities/lanes/lane-key.js';
import { openLane } from '../../src/activities/lanes/lane.js';
import { createNightshift } from '../../src/client/nightshift.js';
import { AdapterError, NotNow } from '../../src/contract/errors.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { writeBatch } from '../support/batch.js';
import { BATCH, claimed, collected, startedSession } from './ledger-fixture.js';

const HOUR = 3_600_000;

/** Rehearses after something was done to the ledger of real runs. */
async function refusedAfter(prepare: (ledger: Ledger) => Promise<void>, budget = ''): Promise<NotNow> {
  const { file, state } = writeBatch({ slugs: ['one'] });
  if (budget !== '') writeFileSync(file, `${readFileSync(file, 'utf8')}${budget}\n`);
  const ledger = await openLedger({ path: join(state, 'ledger.db') });
  await prepare(ledger);
  await ledger.close();
  const nightshift = createNightshift({ state, env: { PATH: process.env['PATH'] } });
  onTestFinished(() => nightshift.close());
  const refused = await nightshift
    .rehearseWithAgent(await nightshift.read(file))
    .then(() => undefined)
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(NotNow);
  expect(existsSync(join(state, 'rehearsal')), 'anything started').toBe(false);
  return refused as NotNow;
}

test('a pause of everything, of the work or of the provider', async () => {
  const all = await refusedAfter(async (ledger) => {
    await ledger.placeHold({ kind: 'all' }, 'admit', 'ann', 'the blog moves');
  });
  expect(all.message).toMatch(/^everything is paused by ann: the blog moves \(since 20/);
  expect(all.undo).toEqual(['resume', '--all']);

  const provider = await refusedAfter(async (ledger) => {
    await ledger.placeHold({ kind: 'provider', name: 'command' }, 'finish', 'ann');
  });
  expect(provider.undo).toEqual(['resume', '--provider', 'command']);
});

test('a closed lane, until its next look', async () => {
  const { id, label } = laneIdOf({ name: 'command', options: {}, program: 'sh agent.sh' });
  const refused = await refusedAfter(async (ledger) => {
    const user = { who: 'job', batchId: BATCH, limits: {}, priority: 'normal' } as const;
    const spent = new AdapterError('exhausted', 'spend cap reached', {
      sent: 'rejected',
      retryAfterMs: HOUR,
    });
    await openLane({ id, label }, user, ledger).report(spent);
  });
  expect(refused.message).toMatch(
    /command sh agent.sh: the lane is closed, for the quota is used up; next look at 20.*spend cap/,
  );
  expect(refused.undo).toEqual(['lanes', '--reset', id]);
});

test('a budget of the day that real sessions have spent', async () => {
  const refused = await refusedAfter(async (ledger) => {
    const claim = await claimed(ledger, 'other');
    const session = await startedSession(ledger, 'other', claim);
    await ledger.endSession(session, collected(1_800_000), claim.fence);
  }, 'budget: { perDay: 2, perSession: 0.5 }');
  expect(refused.message).toContain('used 1.8 USD');
  expect(refused.message).toContain('budget.perDay is used up until ');
});
