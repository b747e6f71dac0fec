// Counts, totals and reports: figures of one start, told apart from what was there before by `since`.
import { describe, expect, onTestFinished, test } from 'vitest';
import { jobReportSchema, totalsSchema } from '../../src/contract/result.js';
import { openLedger } from '../../src/ledger/open.js';
import {
  aLedger,
  aPlace,
  BATCH,
  by,
  claimed,
  collected,
  effectOf,
  failed,
  identityOf,
  jobOf,
  keyOf,
  landed,
  member,
  NO_USAGE,
  NOBODY,
  openBatch,
  PARKED,
  placeOf,
  receiptOf,
  sessionOf,
  startedSession,
} from './ledger-fixture.js';

const NOTHING = {
  jobs: 0,
  done: 0,
  adopted: 0,
  parked: 0,
  held: 0,
  cancelled: 0,
  waiting: 0,
  running: 0,
  gated: 0,
};
const OTHER = 'batch:other:1';

describe('batches', () => {
  test('a new run opens a closed batch again; the same run changes nothing', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await ledger.setBatchState(BATCH, 'incomplete', NOBODY, 'one parked');
    const closed = await ledger.batch(BATCH);
    expect(closed).toMatchObject({ state: 'incomplete', reason: 'one parked', openedSeq: 0 });
    expect(closed?.closedAt).toBeDefined();

    await openBatch(ledger, ['one']); // a late repetition of run-1
    expect(await ledger.batch(BATCH)).toEqual(closed);

    const head = await ledger.head();
    await openBatch(ledger, ['one'], { runId: 'run-2' });
    expect(await ledger.batch(BATCH)).toMatchObject({
      state: 'running',
      runId: 'run-2',
      openedSeq: head,
      closedAt: undefined,
      reason: undefined,
    });
  });

  test('whoever started a run after another one opens it late or never, but not over a later one', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await ledger.setBatchState(BATCH, 'incomplete', NOBODY, 'one parked');
    const open = async (runId: string, after: string | undefined) => {
      const { id, name, key, work, manifest, jobs, currency } = await aBatch();
      const batch = { id, name, key, work, runId, manifest, jobs, currency, by: NOBODY };
      await ledger.openBatch(batch, { runId: after });
      return aBatch();
    };
    const aBatch = async () => {
      const row = await ledger.batch(BATCH);
      if (!row) throw new Error('the batch is gone');
      return row;
    };
    expect(await open('run-2', 'run-1')).toMatchObject({ runId: 'run-2', state: 'running' });
    await openBatch(ledger, ['one'], { runId: 'run-3' });
    await ledger.setBatchState(BATCH, 'incomplete', NOBODY, 'one parked');
    expect(await open('run-3', 'run-1')).toMatchObject({ runId: 'run-3', state: 'incomplete' });
    expect(await open('run-2', 'run-1')).toMatchObject({ runId: 'run-3', state: 'incomplete' });
    expect(await open('run-2', undefined)).toMatchObject({ runId: 'run-3', state: 'incomplete' });
  });

  test('a pause has a reason, and a resume takes it away', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, []);
    await ledger.setBatchState(BATCH, 'paused', 'anna', 'disk full');
    expect(await ledger.batch(BATCH)).toMatchObject({ reason: 'disk full', closedAt: undefined });
    await ledger.setBatchState(BATCH, 'running', 'anna');
    expect(await ledger.batch(BATCH)).toMatchObject({ state: 'running', reason: undefined });
    expect((await ledger.history({ batchId: BATCH })).map(({ to, by, detail }) => [to, by, detail])).toEqual([
      ['running', NOBODY, 'run run-1'],
      ['paused', 'anna', 'disk full'],
      ['running', 'anna', undefined],
    ]);
  });

  test('the latest of a name is the one opened last, also when it was known before', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one'], { id: 'a' });
    await openBatch(ledger, ['two'], { id: 'b' });
    await openBatch(ledger, ['three'], { id: 'c', name: 'other' });
    expect((await ledger.latestBatch('nightly'))?.id).toBe('b');
    await openBatch(ledger, ['one'], { id: 'a', runId: 'run-2' });
    expect((await ledger.latestBatch('nightly'))?.id).toBe('a');
    expect((await ledger.batches()).map((row) => row.id)).toEqual(['a', 'c', 'b']);
    expect(await ledger.batches(1)).toHaveLength(1);
    expect(await ledger.latestBatch('nobody')).toBeUndefined();
    expect(await ledger.batch('nobody')).toBeUndefined();
  });

  test('batches of a name are told apart by their edition, and by whether they are over', async () => {
    const { ledger } = await aLedger();
    for (const edition of ['2026-11-27', '50%', '50_']) {
      await openBatch(ledger, ['one'], { id: edition });
      const identity = { ...identityOf('one'), edition };
      await ledger.setMembers(edition, [member('one', { identity })]);
    }
    await openBatch(ledger, [], { id: 'unwritten' });
    await openBatch(ledger, ['one', 'two'], { id: 'without' });
    await ledger.setBatchState('without', 'incomplete', NOBODY);
    await openBatch(ledger, ['one'], { id: 'of-another', name: 'other' });
    const ids = async (only: Partial<Parameters<typeof ledger.batchesNamed>[1]>) =>
      (await ledger.batchesNamed('nightly', { limit: 9, ...only })).map(({ id }) => id);
    expect(await ids({ limit: 2 })).toEqual(['without', 'unwritten']);
    expect(await ids({ states: ['incomplete'] })).toEqual(['without']);
    expect(await ids({ edition: '50_' })).toEqual(['unwritten', '50_']);
    expect(await ids({ edition: '2026-11-27', states: ['paused'] })).toEqual([]);
    expect(await ledger.listedJobs('unwritten')).toEqual([]);
    expect(await ledger.listedJobs('without')).toMatchObject([
      { key: keyOf('one'), identity: identityOf('one'), state: 'waiting' },
      { key: keyOf('two') },
    ]);
  });

  test('the night that is meant is found by its edition', async () => {
    const { ledger } = await aLedger();
    for (const edition of ['2026-11-27', '2026-11-28', '50%']) {
      await openBatch(ledger, ['one'], { id: edition });
      const identity = { ...identityOf('one'), edition };
      await ledger.setMembers(edition, [member('one', { identity })]);
    }
    await openBatch(ledger, ['one'], { id: 'without' });
    expect((await ledger.latestBatch('nightly'))?.id).toBe('without');
    expect(await ledger.latestBatch('nightly', '2026-11-27')).toMatchObject({
      id: '2026-11-27',
      edition: '2026-11-27',
    });
    expect((await ledger.batches(10, '2026-11-28')).map(({ id }) => id)).toEqual(['2026-11-28']);
    expect(await ledger.latestBatch('nightly', '5%')).toBeUndefined();
    expect((await ledger.latestBatch('nightly', '50%'))?.id).toBe('50%');
    expect((await ledger.batch('without'))?.edition).toBeUndefined();
  });

  test('a batch knows which others its name stands for, and of a name those are found that wait for a person', async () => {
    const { ledger } = await aLedger();
    const ofNight = async (id: string, slug: string) => {
      await openBatch(ledger, [slug], { id });
      await ledger.setMembers(id, [member(slug, { identity: { ...identityOf(slug), edition: '11-28' } })]);
    };
    const namesakes = async (id: string) => {
      const row = await ledger.batch(id);
      return row && ledger.namesakes(row);
    };
    await openBatch(ledger, ['one'], { id: 'a' });
    expect(await namesakes('a')).toBe('none');
    await openBatch(ledger, ['two'], { id: 'b' });
    expect([await namesakes('a'), await namesakes('b')]).toEqual(['newer', 'older']);
    await ofNight('c', 'three');
    expect(await namesakes('c'), 'nobody else has its edition').toBe('none');
    await ofNight('d', 'four');
    expect(await namesakes('c')).toBe('newer');

    await claimed(ledger, 'one', { by: by('a') });
    await ledger.settleJob(jobOf('one'), PARKED, by('a'));
    await ledger.setMembers('c', [member('three', { verdict: 'conflict' })]);
    await claimed(ledger, 'four', { by: by('d') });
    await ledger.settleJob(jobOf('four'), PARKED, by('d'));
    const stuck = async () => (await ledger.stuckBatchesNamed('nightly')).map(({ id }) => id);
    expect(await stuck()).toEqual(['d', 'c', 'a']);
    await ledger.setBatchState('d', 'cancelled', 'ann');
    await ledger.setBatchState('a', 'incomplete', 'a');
    expect(await stuck()).toEqual(['c', 'a']);
  });

  test('what works is what began later and delivered, or has landed since; another service and another batch say nothing', async () => {
    const { ledger } = await aLedger();
    const since = new Date(Date.now() - 1).toISOString();
    const works = (subject?: Parameters<typeof ledger.worksSince>[2], batchId = BATCH, from = since) =>
      ledger.worksSince(batchId, from, subject);
    await openBatch(ledger, ['one']);
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    expect(await works()).toBe(false);
    await ledger.endSession(session, collected(), claim.fence);
    expect([await works(), await works({ provider: 'command' })]).toEqual([true, true]);
    expect([await works({ provider: 'claude' }), await works({ effect: 'post' })]).toEqual([false, false]);
    expect([await works(undefined, OTHER), await works(undefined, BATCH, '9999')]).toEqual([false, false]);
    await landed(ledger, 'one');
    expect([await works({ effect: 'post' }), await works({ effect: 'mail' })]).toEqual([true, false]);
    expect(await ledger.batchesToRemindOf()).toEqual([]);
  });

  test('a state for a batch that was never opened is refused', async () => {
    const { ledger } = await aLedger();
    await expect(ledger.setBatchState('nobody', 'paused', NOBODY)).rejects.toThrow(/no batch nobody/);
  });
});

describe('counts', () => {
  test('tell the present state of each member', async () => {
    const { ledger } = await aLedger();
    const states = ['done', 'adopted', 'parked', 'held', 'cancelled', 'gated', 'waiting'] as const;
    await openBatch(ledger, [...states, 'running', 'never-seen']);
    for (const state of states) {
      await claimed(ledger, state);
      await ledger.settleJob(jobOf(state), { state }, by());
    }
    await claimed(ledger, 'running');
    await claimed(ledger, 'not-a-member');
    expect(await ledger.counts(BATCH, 0)).toEqual({
      jobs: 9,
      done: 1,
      adopted: 1,
      parked: 1,
      held: 1,
      cancelled: 1,
      waiting: 2,
      running: 1,
      gated: 1,
    });
    expect(await ledger.counts('nobody', 0)).toEqual(NOTHING);
  });

  test('what this batch finished since then is done, all else that is finished is adopted', async () => {
    const { ledger } = await aLedger();
    const slugs = ['before', 'elsewhere', 'now'];
    await openBatch(ledger, slugs);
    await claimed(ledger, 'before');
    await landed(ledger, 'before');
    const since = await ledger.head();
    await claimed(ledger, 'elsewhere', { by: by(OTHER) });
    await landed(ledger, 'elsewhere', { batchId: OTHER });
    await claimed(ledger, 'now');
    await landed(ledger, 'now');

    expect(await ledger.counts(BATCH, since)).toEqual({ ...NOTHING, jobs: 3, done: 1, adopted: 2 });
    expect(await ledger.counts(BATCH, 0)).toEqual({ ...NOTHING, jobs: 3, done: 2, adopted: 1 });
    expect(await ledger.counts(BATCH, await ledger.head())).toEqual({ ...NOTHING, jobs: 3, adopted: 3 });
  });

  test('a finished job that gets a new revision is no longer finished', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await claimed(ledger, 'one');
    await landed(ledger, 'one');
    await claimed(ledger, 'one', { revision: 2 });
    expect(await ledger.counts(BATCH, 0)).toEqual({ ...NOTHING, jobs: 1, running: 1 });
  });

  test('a conflict is held here, whatever became of the job elsewhere', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, []);
    await ledger.setMembers(BATCH, [member('one', { verdict: 'conflict', note: 'another fingerprint' })]);
    await claimed(ledger, 'one', { by: by(OTHER) });
    await landed(ledger, 'one', { batchId: OTHER });
    expect(await ledger.counts(BATCH, 0)).toEqual({ ...NOTHING, jobs: 1, held: 1 });
    expect(await ledger.jobReports(BATCH)).toMatchObject([
      { state: 'held', error: { class: 'conflict', message: 'another fingerprint' } },
    ]);
    expect(await ledger.activeJobs(BATCH, 10)).toEqual([]);
  });
});

describe('totals', () => {
  test('add up what this start did, and only that', async () => {
    const { ledger } = await aLedger();
    const slugs = ['old', 'good', 'bad', 'intended', 'found', 'unclear', 'stopped'];
    await openBatch(ledger, slugs);

    const old = await claimed(ledger, 'old');
    await ledger.endSession(await startedSession(ledger, 'old', old), collected(1_000_000), old.fence);
    await landed(ledger, 'old');
    const bad = await claimed(ledger, 'bad');
    const badSession = await startedSession(ledger, 'bad', bad);
    const since = await ledger.head();

    const good = await claimed(ledger, 'good');
    await ledger.endSession(await startedSession(ledger, 'good', good), collected(250_000), good.fence);
    await landed(ledger, 'good');
    const badAgain = await claimed(ledger, 'bad'); // begun before this start, found and then lost by it
    await ledger.attachSession(badSession, badAgain.fence);
    await ledger.attachSession(badSession, badAgain.fence);
    await ledger.endSession(
      badSession,
      failed({ state: 'lost', usage: { ...NO_USAGE, costMicros: 50_000 }, job: PARKED }),
      badAgain.fence,
    );
    const intended = await claimed(ledger, 'intended');
    const unsure = sessionOf('intended', 1);
    await ledger.intendSession(
      { ...unsure, ...jobOf('intended'), provider: 'command', revision: 1, by: by() },
      intended.fence,
    );
    await ledger.endSession(unsure, failed({ state: 'lost' }), intended.fence);
    await claimed(ledger, 'found');
    await landed(ledger, 'found', { adopted: true });
    for (const [slug, state] of [
      ['unclear', 'unknown'],
      ['stopped', 'held'],
    ] as const) {
      await claimed(ledger, slug);
      const effect = effectOf(slug);
      const { fence } = await ledger.beginEffect(effect, by());
      await ledger.attemptingEffect(effect.effectKey, { sha256: 'b'.repeat(64), revision: 1 }, fence);
      await ledger.stopEffect(effect.effectKey, { state, errorClass: 'unknown', message: 'x' }, fence);
    }

    const totals = await ledger.totals(BATCH, since);
    expect(totalsSchema.parse(totals)).toEqual({
      counts: { jobs: 7, done: 1, adopted: 2, parked: 1, held: 0, cancelled: 0 },
      sessions: { started: 1, attached: 1, wasted: 2 },
      effects: { landed: 1, adopted: 2, unknown: 1, held: 1 },
      cost: { currency: 'EUR', total: 0.3, wasted: 0.05, unknown: 1 },
    });
    expect(await ledger.totals(BATCH, 0)).toMatchObject({
      sessions: { started: 3, attached: 1, wasted: 2 },
      effects: { landed: 2, adopted: 1 },
      cost: { total: 1.3, wasted: 0.05 },
    });
    expect(await ledger.totals(BATCH, await ledger.head())).toMatchObject({
      sessions: { started: 0, attached: 0, wasted: 0 },
      effects: { landed: 0, adopted: 3, unknown: 1, held: 1 },
      cost: { total: 0, wasted: 0 },
    });
  });

  test('a cost is told in the currency that its sessions were booked in, whichever the batch names', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    const claim = await claimed(ledger, 'one');
    const end = collected(660_000);
    const session = await startedSession(ledger, 'one', claim);
    await ledger.endSession(session, { ...end, usage: { ...end.usage, currency: 'USD' } }, claim.fence);
    expect((await ledger.totals(BATCH, 0)).cost).toMatchObject({ currency: 'USD', total: 0.66 });
  });

  test('a session that is kept for later, for its job was stopped, has told no cost until it is collected', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one', 'two']);
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    expect((await ledger.totals(BATCH, 0)).cost, 'it is under way').toMatchObject({ unknown: 0 });
    await ledger.settleJob(jobOf('one'), PARKED, by());
    expect(await ledger.totals(BATCH, 0)).toMatchObject({
      sessions: { started: 1, wasted: 0 },
      cost: { total: 0, unknown: 1 },
    });
    expect((await ledger.reportRows(BATCH))?.costs).toMatchObject([
      { sessions: 1, costMicros: 0, unknown: 1 },
    ]);
    expect((await ledger.totals(BATCH, await ledger.head())).cost, 'of another run').toMatchObject({
      unknown: 0,
    });
    await ledger.requeue(BATCH, 'ann');
    const again = await claimed(ledger, 'one');
    await ledger.endSession(session, collected(70), again.fence);
    expect((await ledger.totals(BATCH, 0)).cost).toMatchObject({ total: 0.00007, unknown: 0 });
  });

  test('a session that another batch took over is started there, attached and paid here', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one'], { id: OTHER });
    await openBatch(ledger, ['one']);
    const first = await claimed(ledger, 'one', { by: by(OTHER) });
    const session = await startedSession(ledger, 'one', first, { batchId: OTHER });
    const second = await claimed(ledger, 'one');
    await ledger.attachSession(session, second.fence);
    await ledger.endSession(session, collected(70), second.fence);

    expect(await ledger.totals(OTHER, 0)).toMatchObject({
      sessions: { started: 1, attached: 0 },
      cost: { total: 0 },
    });
    expect(await ledger.totals(BATCH, 0)).toMatchObject({
      sessions: { started: 0, attached: 1 },
      cost: { total: 0.00007 },
    });
    expect(await ledger.spend({ batchId: BATCH })).toBe(70);
    expect(await ledger.spend({ batchId: OTHER })).toBe(0);
    expect((await ledger.spendOfJob(jobOf('one'))).micros).toBe(70);
    expect((await ledger.spendOfJob(jobOf('two'))).micros).toBe(0);
    expect(await ledger.spendOfJob(jobOf('one'))).toEqual({ micros: 70, unknown: 0 });
  });
});

describe('reports', () => {
  test('name each member in order, with its effects, where they are, and its error', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['b', 'a', 'c']);
    await claimed(ledger, 'a');
    const mail = effectOf('a', 'mail');
    const { fence } = await ledger.beginEffect(mail, by());
    await ledger.landEffect(receiptOf(mail, { url: 'mid:1' }), undefined, fence);
    await ledger.beginEffect(effectOf('a', 'archive'), by());
    await ledger.settleJob(jobOf('a'), PARKED, by());

    const reports = await ledger.jobReports(BATCH);
    expect(reports.map((report) => jobReportSchema.parse(report))).toEqual([
      { key: keyOf('b'), identity: member('b').identity, state: 'waiting', effects: [] },
      {
        key: keyOf('a'),
        identity: member('a').identity,
        state: 'parked',
        effects: [
          { name: 'mail', target: './public', state: 'landed', id: 'id-mail', url: 'mid:1' },
          { name: 'archive', target: './public', state: 'pending' },
        ],
        error: { class: 'rejected', message: 'budget spent' },
      },
      { key: keyOf('c'), identity: member('c').identity, state: 'waiting', effects: [] },
    ]);
    expect(Object.keys(reports[0]?.identity ?? {})).toEqual(['site', 'category', 'slug']);
  });

  test('say what a job made, and what all its sessions used and cost, whichever start asks', async () => {
    const { ledger } = await aLedger();
    const slugs = ['mended', 'free', 'open', 'untouched'];
    await openBatch(ledger, slugs);
    const usage = { ...NO_USAGE, inputTokens: 100, outputTokens: 20, cachedTokens: 5, costMicros: 40_000 };
    const first = await claimed(ledger, 'mended');
    const tooShort = failed({ usage: { ...usage, costSource: 'provider' } });
    await ledger.endSession(await startedSession(ledger, 'mended', first), tooShort, first.fence);
    const second = await claimed(ledger, 'mended');
    const good = { ...collected(), usage: { ...usage, costSource: 'provider' as const } };
    await ledger.endSession(await startedSession(ledger, 'mended', second), good, second.fence);
    await landed(ledger, 'mended');
    const free = await claimed(ledger, 'free');
    await ledger.endSession(await startedSession(ledger, 'free', free), collected(), free.fence);
    await startedSession(ledger, 'open', await claimed(ledger, 'open'));

    const figures = async (only?: Parameters<typeof ledger.jobReports>[1]) =>
      (await ledger.jobReports(BATCH, only)).map((report) => {
        const { artifact, tokens, cost } = jobReportSchema.parse(report);
        return { artifact, tokens, cost };
      });
    const artifact = { sha256: 'a'.repeat(64), bytes: 3 };
    const mended = {
      artifact,
      tokens: { input: 200, output: 40, cached: 10 },
      cost: { currency: 'EUR', total: 0.08, wasted: 0.04, unknown: 0 },
    };
    const nothing = { artifact: undefined, tokens: undefined, cost: undefined };
    expect(await figures()).toEqual([
      mended,
      {
        artifact,
        tokens: { input: 0, output: 0, cached: 0 },
        cost: { currency: 'EUR', total: 0, wasted: 0, unknown: 1 },
      },
      nothing,
      nothing,
    ]);
    expect(await figures({ states: ['done'] })).toEqual([mended]);
    expect(await figures({ states: ['done'], brief: true })).toEqual([{ ...nothing, artifact }]);
    await openBatch(ledger, slugs, { runId: 'run-2' });
    expect((await figures())[0], 'the next start').toEqual(mended);
  });

  test('can be asked for by state and in part', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['a', 'b', 'c', 'd']);
    for (const slug of ['b', 'd']) {
      await claimed(ledger, slug);
      await ledger.beginEffect(effectOf(slug), by());
      await ledger.settleJob(jobOf(slug), PARKED, by());
    }
    const keys = async (only: Parameters<typeof ledger.jobReports>[1]) =>
      (await ledger.jobReports(BATCH, only)).map((report) => [report.key, report.effects.length]);
    expect(await keys({ states: ['parked'] })).toEqual([
      [keyOf('b'), 1],
      [keyOf('d'), 1],
    ]);
    expect(await keys({ states: ['parked'], limit: 1 })).toEqual([[keyOf('b'), 1]]);
    expect(await keys({ states: ['waiting', 'parked'], limit: 2 })).toEqual([
      [keyOf('a'), 0],
      [keyOf('b'), 1],
    ]);
    expect(await keys({ states: ['done'] })).toEqual([]);
    expect(await keys({ states: [] })).toEqual([]);
  });

  test('jobs in progress come longest first and say what they are doing', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['a', 'b', 'c', 'd']);
    for (const slug of ['c', 'a', 'b']) {
      await claimed(ledger, slug);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await ledger.beginEffect(effectOf('a', 'mail'), by());
    await ledger.settleJob(jobOf('b'), { state: 'gated' }, by());
    const before = await ledger.activeJobs(BATCH, 10);
    expect(before.map(({ jobKey, state, step }) => [jobKey, state, step])).toEqual([
      [keyOf('c'), 'running', 'agent'],
      [keyOf('a'), 'running', 'mail'],
      [keyOf('b'), 'gated', 'agent'],
    ]);
    expect(await ledger.activeJobs(BATCH, 1)).toHaveLength(1);

    const again = await claimed(ledger, 'c'); // another try does not make it young again
    expect(await ledger.activeJobs(BATCH, 10)).toEqual(before);

    const sessionless = async () => (await ledger.activeJobs(BATCH, 1))[0]?.sessionless;
    expect(await sessionless()).toBe(true);
    const session = await startedSession(ledger, 'c', again);
    expect(await sessionless()).toBe(false);
    await ledger.endSession(session, collected(), again.fence);
    expect(await sessionless(), 'what it has made waits for its effects').toBe(false);
  });
});

test('something came of a batch when a job stopped, an effect landed or an agent delivered, not when a session ran out of time', async () => {
  let nowMs = Date.parse('2026-11-28T00:00:00Z');
  const ledger = await openLedger({ ...placeOf(await aPlace()), now: () => new Date(nowMs) });
  onTestFinished(() => ledger.close());
  await openBatch(ledger, ['one', 'two', 'three']);
  const pass = () => new Date((nowMs += 60_000)).toISOString();
  const lastMove = () => ledger.lastMove(BATCH, '2027-01-01T00:00:00.000Z');
  const ends = async (slug: string, end: Parameters<typeof ledger.endSession>[1]) => {
    const claim = await claimed(ledger, slug);
    await ledger.endSession(await startedSession(ledger, slug, claim), end, claim.fence);
  };
  await ends('one', failed({ errorClass: 'timeout' }));
  expect(await lastMove()).toBeUndefined();
  const refusedAt = pass();
  await ends('one', failed({ errorClass: 'rejected' }));
  expect(await lastMove()).toBe(refusedAt);
  pass();
  await ends('one', failed({ state: 'lost', errorClass: 'lost' }));
  expect(await lastMove()).toBe(refusedAt);
  const madeAt = pass();
  await ends('one', collected());
  expect(await lastMove()).toBe(madeAt);
  const landedAt = pass();
  await landed(ledger, 'one');
  expect(await lastMove()).toBe(landedAt);
  const parkedAt = pass();
  await claimed(ledger, 'two');
  await ledger.settleJob(jobOf('two'), PARKED, by());
  expect(await lastMove()).toBe(parkedAt);
  expect(await ledger.lastMove('batch:other:1', parkedAt)).toBeUndefined();

  const since = (changedSince: string) => ledger.jobReports(BATCH, { states: ['parked'], changedSince });
  expect((await since(parkedAt)).map(({ key }) => key)).toEqual([keyOf('two')]);
  expect(await since(pass())).toEqual([]);
});

test('what a batch was last asked to start with is kept over its runs', async () => {
  const { ledger } = await aLedger();
  expect(await ledger.noteAsked(BATCH, 'first'), 'an unknown batch').toBe(false);
  await openBatch(ledger, ['one']);
  expect((await ledger.batch(BATCH))?.askedDefinition).toBeUndefined();
  expect(await ledger.noteAsked(BATCH, 'first')).toBe(true);
  expect(await ledger.noteAsked(BATCH, 'first')).toBe(false);
  expect(await ledger.noteAsked(BATCH, 'second')).toBe(true);
  await openBatch(ledger, ['one'], { runId: 'run-2' });
  expect((await ledger.batch(BATCH))?.askedDefinition).toBe('second');
});

test('the file that a batch was started from is that of its newest run', async () => {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one']);
  expect((await ledger.batch(BATCH))?.file).toBeUndefined();
  await openBatch(ledger, ['one'], { runId: 'run-2', file: '/nights/nightly.yaml' });
  expect(await ledger.batch(BATCH)).toMatchObject({ runId: 'run-2', file: '/nights/nightly.yaml' });
});

test('what is known of jobs comes in one call, however many; unknown ones are absent', async () => {
  const { ledger } = await aLedger();
  await claimed(ledger, 'one');
  await ledger.beginEffect(effectOf('one'), by());
  const keys = [...Array.from({ length: 10_000 }, (_, index) => keyOf(`none-${index}`)), keyOf('one')];
  const known = await ledger.jobs('article', keys);
  expect([...known.keys()]).toEqual([keyOf('one')]);
  expect(known.get(keyOf('one'))).toEqual({
    state: 'running',
    fingerprint: 'f'.repeat(64),
    revision: 1,
    artifact: undefined,
    attempts: 0,
    effects: new Map([[effectOf('one').effectKey, { state: 'pending', revision: 1 }]]),
    errorClass: undefined,
    errorMessage: undefined,
  });
  expect(await ledger.jobs('other-work', keys)).toEqual(new Map());
  expect(await ledger.jobs('article', [])).toEqual(new Map());
});
