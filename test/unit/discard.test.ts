// A person decides that a job will not be done: when that may be said, who hears of it, and how it is taken back.
import { describe, expect, test } from 'vitest';
import { costReport } from '../../src/client/costs.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { standingOf } from '../../src/policy/orphan.js';
import { judge } from '../../src/policy/verdict.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  claimRequest,
  effectOf,
  FINGERPRINT,
  jobOf,
  keyOf,
  landed,
  openBatch,
  PARKED,
  sessionOf,
  WORK,
} from './ledger-fixture.js';

const ROW = { id: BATCH, name: 'nightly', key: keyOf(BATCH), work: WORK };
const REASON = 'the product is gone';

const discard = (ledger: Ledger, ...slugs: string[]) =>
  ledger.discard(ROW, { by: 'ann', reason: REASON, selection: { keys: slugs.map(keyOf) } });

async function settled(ledger: Ledger, slug: string, state: 'parked' | 'held' | 'cancelled' | 'gated') {
  await claimed(ledger, slug);
  await ledger.settleJob(jobOf(slug), { ...PARKED, state }, by());
}

async function attempted(ledger: Ledger, slug: string) {
  await claimed(ledger, slug);
  const effect = effectOf(slug);
  const { fence } = await ledger.beginEffect(effect, by());
  await ledger.attemptingEffect(effect.effectKey, { sha256: 'b'.repeat(64), revision: 1 }, fence);
  return { effect, fence };
}

const stateIn = async (ledger: Ledger, slug: string, batchId = BATCH) =>
  (await ledger.jobReports(batchId)).find(({ key }) => key === keyOf(slug))?.state;

describe('a discard', () => {
  test.each(['parked', 'held', 'cancelled'] as const)('takes a job that is %s', async (state) => {
    const { ledger } = await aLedger();
    await settled(ledger, 'one', state);
    await openBatch(ledger, ['one', 'two']);
    expect(await discard(ledger, 'one')).toMatchObject([{ key: keyOf('one'), outcome: 'discarded' }]);
    expect(await ledger.counts(BATCH, 0)).toEqual({
      ...{ jobs: 2, done: 0, adopted: 0, parked: 0, held: 0, cancelled: 0 },
      ...{ waiting: 1, running: 0, gated: 0, discarded: 1 },
    });
    const [report] = await ledger.jobReports(BATCH, { states: ['discarded'] });
    expect(report).toMatchObject({ key: keyOf('one'), discarded: { by: 'ann', reason: REASON } });
    expect((await ledger.story(jobOf('one')))?.state).toBe('discarded');
    expect(await ledger.requests({ jobKey: keyOf('one') })).toMatchObject([
      { by: 'ann', what: 'discard', outcome: 'done', reason: REASON },
    ]);
    expect(await discard(ledger, 'one'), 'asked twice').toMatchObject([
      { outcome: 'already', why: `ann: ${REASON}` },
    ]);
  });

  test.each([
    ['its start was sent', { phase: 'start-sent' }, 'lost', 600_000],
    ['it was only made ready', { phase: 'prepared' }, 'cancelled', 0],
    ['it runs, unwatched', { phase: 'started' }, 'lost', 600_000],
  ] as const)('ends the session that nobody comes back to: %s', async (_, handle, state, micros) => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one', 'two']);
    const limits = { currency: 'EUR', dayEndsAt: '00:00', timeZone: 'UTC', warnAt: [], perSession: 600_000 };
    const { fence } = await claimed(ledger, 'one');
    const session = sessionOf('one', 1);
    const row = { ...session, ...jobOf('one'), provider: 'antigravity', revision: 1, by: by() };
    await ledger.reserveSession(row, { limits: { ...limits, perBatch: 900_000 } }, fence);
    await ledger.saveHandle(session, handle, fence);
    await ledger.settleJob(jobOf('one'), { ...PARKED, state: 'gated' }, by());

    expect(await discard(ledger, 'one')).toMatchObject([{ outcome: 'discarded' }]);
    const known = await ledger.sessionOf(session);
    expect(known).toMatchObject({ state, jobState: 'gated', discarded: true });
    expect(standingOf(known)).toBe('orphan');
    const { totals } = await costReport(ledger, {});
    expect(totals).toMatchObject(
      micros === 0 ? [] : [{ costMicros: micros, wastedMicros: micros, open: 0, reservedMicros: 0 }],
    );
    await ledger.requeue(BATCH, 'ann', { keys: [keyOf('one')] });
    expect(await claimed(ledger, 'one'), 'taken back').toMatchObject({
      openSession: undefined,
      nextAttempt: 2,
    });
  });

  test('is refused where something is done, under way, or not known, and says what to do first', async () => {
    const { ledger } = await aLedger();
    await claimed(ledger, 'done');
    await landed(ledger, 'done');
    await claimed(ledger, 'running');
    await claimed(ledger, 'gated');
    await ledger.settleJob(jobOf('gated'), { state: 'gated' }, by()); // as one that waits for approval
    const unknown = await attempted(ledger, 'unknown');
    await ledger.stopEffect(
      unknown.effect.effectKey,
      { state: 'unknown', errorClass: 'unknown', message: 'no answer', job: { ...PARKED, state: 'held' } },
      unknown.fence,
    );
    await attempted(ledger, 'sent');
    await ledger.settleJob(jobOf('sent'), { state: 'cancelled' }, by());
    await openBatch(ledger, ['done', 'running', 'gated', 'unknown', 'sent', 'new']);
    const ends = await discard(ledger, 'done', 'running', 'gated', 'unknown', 'sent', 'new', 'elsewhere');
    expect(ends.every(({ outcome }) => outcome === 'refused')).toBe(true);
    const whyOf = (slug: string) => ends.find(({ key }) => key === keyOf(slug))?.why;
    expect(whyOf('done')).toContain('nightshift unpublish');
    expect(whyOf('running')).toContain('under way');
    expect(whyOf('gated')).toContain('nightshift reject');
    expect(whyOf('unknown')).toContain('"nightshift approve" shows how to');
    expect(whyOf('sent')).toContain('on its way');
    expect(whyOf('new')).toContain('waits for its turn');
    expect(whyOf('elsewhere')).toBe('nightly has no such job');
    expect((await ledger.counts(BATCH, 0)).discarded).toBeUndefined();
    expect(await ledger.requests({ what: 'discard' })).toHaveLength(7);
  });

  test('may be of a job that ended for want of a budget or a key, which no run has in hand', async () => {
    const { ledger } = await aLedger();
    await settled(ledger, 'no-budget', 'gated');
    await openBatch(ledger, ['no-budget']);
    expect(await discard(ledger, 'no-budget')).toMatchObject([{ outcome: 'discarded' }]);
  });

  test('is of the parked of a class, and no other', async () => {
    const { ledger } = await aLedger();
    for (const slug of ['one', 'two']) await settled(ledger, slug, 'parked');
    await claimed(ledger, 'late');
    await ledger.settleJob(jobOf('late'), { ...PARKED, errorClass: 'timeout' }, by());
    await openBatch(ledger, ['one', 'late', 'two']);
    const ends = await ledger.discard(ROW, { by: 'ann', reason: REASON, selection: { errors: ['timeout'] } });
    expect(ends.map(({ key }) => key)).toEqual([keyOf('late')]);
    expect((await ledger.stopped(BATCH)).map(({ key }) => key)).toEqual(['one', 'two'].map(keyOf));
  });
});

describe('a discarded job', () => {
  async function aDiscarded() {
    const { ledger } = await aLedger();
    await settled(ledger, 'one', 'parked');
    await openBatch(ledger, ['one']);
    await discard(ledger, 'one');
    return ledger;
  }
  const wanted = { fingerprint: FINGERPRINT, revision: 1, effectKeys: ['0'.repeat(32)] };
  const known = async (ledger: Ledger) => (await ledger.jobs(WORK, [keyOf('one')])).get(keyOf('one'));

  test('is run by no start, also with other contents, until its revision is raised', async () => {
    const ledger = await aDiscarded();
    const job = await known(ledger);
    const note = `discarded by ann: ${REASON}`;
    expect(judge(wanted, job)).toEqual({ verdict: 'discarded', note });
    const edited = { ...wanted, fingerprint: 'e'.repeat(64) };
    expect(judge(edited, job)).toEqual({ verdict: 'discarded', note });
    for (const { fingerprint } of [wanted, edited]) {
      const claim = await ledger.claimJob(claimRequest('one', { fingerprint }));
      expect(claim).toMatchObject({ kind: 'parked', message: note });
    }
    expect(judge({ ...edited, revision: 2 }, job)).toEqual({ verdict: 'resume' });
    await claimed(ledger, 'one', { fingerprint: edited.fingerprint, revision: 2 });
    expect(await stateIn(ledger, 'one')).toBe('running');
    expect((await known(ledger))?.discarded).toBeUndefined();
  });

  test('is discarded in every batch that has it, also one that begins later', async () => {
    const ledger = await aDiscarded();
    await openBatch(ledger, ['one', 'two'], { id: 'batch:other:1', name: 'other' });
    expect(await stateIn(ledger, 'one', 'batch:other:1')).toBe('discarded');
    expect((await ledger.reportRows('batch:other:1'))?.discarded).toMatchObject([
      { jobKey: keyOf('one'), by: 'ann', reason: REASON },
    ]);
  });

  test('runs again when it is named in a retry, and only then', async () => {
    const ledger = await aDiscarded();
    expect(await ledger.requeue(BATCH, 'bob')).toEqual([]);
    const keys = [keyOf('one')];
    expect(await ledger.stopped(BATCH, { keys })).toMatchObject([{ key: keys[0], state: 'discarded' }]);
    expect(await ledger.requeue(BATCH, 'bob', { keys })).toEqual(keys);
    expect(await stateIn(ledger, 'one')).toBe('waiting');
    expect(judge(wanted, await known(ledger))).toEqual({ verdict: 'resume' });
    await claimed(ledger, 'one');
    await ledger.settleJob(jobOf('one'), PARKED, by());
    expect(await discard(ledger, 'one'), 'and may be discarded anew').toMatchObject([
      { outcome: 'discarded' },
    ]);
  });
});
