// All figures count the same sessions: those that began. A start that was surely refused, or given
// up before it was sent, is none, and cost nothing.
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createNightshift } from '../../src/client/nightshift.js';
import { rendered } from '../../src/report/line.js';
import { costLines } from '../../src/report/costs.js';
import { makeReport } from '../../src/report/morning/make-report.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  collected,
  failed,
  jobOf,
  keyOf,
  NO_USAGE,
  openBatch,
  sessionOf,
  startedSession,
  temporaryFolder,
} from './ledger-fixture.js';

test('a start that was refused is in no figure of sessions, one that ran and told no cost in all', async () => {
  const state = temporaryFolder();
  const { ledger } = await aLedger(join(state, 'ledger.db'));
  const nightshift = createNightshift({ state, env: {} });
  onTestFinished(() => nightshift.close());
  await openBatch(ledger, ['ran', 'refused', 'never-sent', 'replaced', 'cancelled']);
  const ran = await claimed(ledger, 'ran');
  await ledger.endSession(await startedSession(ledger, 'ran', ran), collected(), ran.fence);
  for (const slug of ['refused', 'never-sent']) {
    const { fence } = await claimed(ledger, slug);
    const session = sessionOf(slug, 1);
    const row = { ...session, ...jobOf(slug), provider: 'command', revision: 1, by: by() };
    await ledger.intendSession(row, fence);
    if (slug === 'refused') await ledger.saveHandle(session, { phase: 'prepared' }, fence);
    await ledger.endSession(session, failed({ errorClass: 'auth', message: '401' }), fence);
  }
  const limits = { perSession: 5_000_000, currency: 'EUR', warnAt: [], dayEndsAt: '00:00', timeZone: 'UTC' };
  for (const slug of ['replaced', 'cancelled']) {
    const { fence } = await claimed(ledger, slug);
    const session = sessionOf(slug, 1);
    const row = { ...session, ...jobOf(slug), provider: 'command', revision: 1, by: by() };
    await ledger.reserveSession(row, { limits }, fence);
    if (slug === 'cancelled') await ledger.saveHandle(session, { phase: 'prepared' }, fence);
    const raised = await claimed(ledger, slug, { revision: 2 });
    const [open] = raised.givenUp;
    if (open === undefined) throw new Error('it is open');
    const end = { state: 'cancelled', errorClass: 'conflict', message: 'replaced', usage: NO_USAGE } as const;
    if (slug === 'replaced') await ledger.endGivenUp(open, end, raised.fence);
    else await ledger.endSession(open, { ...end, errorClass: 'timeout' }, raised.fence);
    expect(await ledger.spendOfJob(jobOf(slug))).toEqual({ micros: 0, unknown: 0 });
  }

  const totals = await ledger.totals(BATCH, 0);
  expect(totals).toMatchObject({ sessions: { started: 1, wasted: 0 }, cost: { unknown: 1 } });
  const options = { stateDir: state, now: new Date(), timeZone: 'UTC' };
  const { night } = await makeReport({ id: BATCH, name: 'nightly' }, ledger, options);
  expect(night?.cost).toMatchObject({ sessions: 1, unknown: 1 });
  expect(night?.byWork).toMatchObject([{ sessions: 1 }]);
  expect(night?.nights).toMatchObject([{ sessions: 1, wasted: 0, unknown: 1 }]);
  const costs = await nightshift.costs({});
  expect(costs.totals).toMatchObject([{ sessions: 1, unknown: 1 }]);
  expect(costLines(costs).map((line) => rendered(line))).toContain(
    '1 session told no cost, and counts as nothing',
  );
  expect((await nightshift.trace({ key: keyOf('ran') })).spend).toBe('1 session, cost not known');
  const { spend, events } = await nightshift.trace({ key: keyOf('refused') });
  expect(spend).toBe('0 sessions');
  expect(events.map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/^session 1 failed .*, refused before it began: auth: 401/),
  );
  const replaced = await nightshift.trace({ key: keyOf('replaced') });
  expect(replaced.spend).toBe('0 sessions');
  expect(replaced.events.map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/^session 1 cancelled .*, before it began: /),
  );
});
