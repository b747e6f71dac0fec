// What sessions cost: reserved before they start, booked when they end, each micro-unit in exactly one slice.
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { abandonedSessions } from '../../src/client/abandoned.js';
import type { Connections } from '../../src/client/connections.js';
import { COST_DIMENSIONS } from '../../src/client/cost-slices.js';
import { costReport } from '../../src/client/costs.js';
import { ledgerEvents } from '../../src/client/trace/ledger-events.js';
import type { CostRow, Ledger, SessionBudget, SessionEnd, Usage } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import type { BudgetLimits } from '../../src/policy/budget.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  collected,
  failed,
  jobOf,
  NO_USAGE,
  openBatch,
  PARKED,
  placeOf,
  rawSql,
  sessionOf,
  startedSession,
  type Claimed,
} from './ledger-fixture.js';
import { rounds } from '../support/rounds.js';

const UNIT = 1_000_000;
const LIMITS: BudgetLimits = { currency: 'EUR', dayEndsAt: '00:00', timeZone: 'UTC', warnAt: [] };

function reserve(ledger: Ledger, slug: string, { fence, nextAttempt }: Claimed, budget: SessionBudget) {
  const session = sessionOf(slug, nextAttempt);
  const row = { ...session, ...jobOf(slug), provider: 'command', revision: 1, by: by() };
  return ledger.reserveSession(row, budget, fence);
}

async function rowsOf(ledger: Ledger): Promise<readonly CostRow[]> {
  const all: CostRow[] = [];
  await ledger.costs({}, (rows) => void all.push(...rows));
  return all;
}

const slugs = (count: number) => Array.from({ length: count }, (_, at) => `job-${at}`);

describe('reservations', () => {
  test('of 20 jobs that ask at once only so many start as the budget has room for', async () => {
    const { ledger, path } = await aLedger();
    const jobs = slugs(20);
    await openBatch(ledger, jobs);
    const claims = await Promise.all(jobs.map((slug) => claimed(ledger, slug)));
    const { ledger: other } = await aLedger(path); // as another process would
    const limits = { ...LIMITS, perSession: UNIT, perBatch: 7.5 * UNIT };
    const decisions = await Promise.all(
      jobs.map((slug, at) => reserve(at % 2 ? ledger : other, slug, claims[at] as Claimed, { limits })),
    );
    expect(decisions.filter(({ kind }) => kind === 'ok')).toHaveLength(7);
    expect(decisions.filter(({ kind }) => kind === 'wait')).toHaveLength(13);
    const open = (await rowsOf(ledger)).filter(({ use }) => use === 'open');
    expect(open).toHaveLength(7);
  });

  test('room comes back when a session ends, by what it really cost', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one', 'two', 'three']);
    const limits = { ...LIMITS, perSession: UNIT, perBatch: UNIT + 1 };
    const one = await claimed(ledger, 'one');
    const two = await claimed(ledger, 'two');
    expect(await reserve(ledger, 'one', one, { limits })).toMatchObject({ kind: 'ok', micros: UNIT });
    expect(await reserve(ledger, 'two', two, { limits })).toMatchObject({ kind: 'wait' });

    await ledger.saveHandle(sessionOf('one', 1), {}, one.fence);
    await ledger.endSession(sessionOf('one', 1), collected(1), one.fence);
    expect(await reserve(ledger, 'two', two, { limits })).toMatchObject({ kind: 'ok' });

    await ledger.saveHandle(sessionOf('two', 1), {}, two.fence);
    await ledger.endSession(sessionOf('two', 1), collected(UNIT), two.fence);
    const end = await reserve(ledger, 'three', await claimed(ledger, 'three'), { limits });
    expect(end).toMatchObject({ kind: 'gate' });
    expect(end).not.toHaveProperty('until');
  });

  test.each([
    ['00:00', 'ok'],
    ['12:00', 'gate'],
  ])('a day that ends at %s: what midnight does to a night that has used it up', async (dayEndsAt, after) => {
    let now = '2026-11-23T23:30:00.000Z';
    const { path } = await aLedger();
    const ledger = await openLedger({ ...placeOf(path), now: () => new Date(now) });
    onTestFinished(() => ledger.close());
    await openBatch(ledger, ['one', 'two']);
    const one = await claimed(ledger, 'one');
    const two = await claimed(ledger, 'two');
    const limits = { ...LIMITS, dayEndsAt, perSession: UNIT, perDay: UNIT };
    expect(await reserve(ledger, 'one', one, { limits })).toMatchObject({ kind: 'ok' });
    await ledger.saveHandle(sessionOf('one', 1), {}, one.fence);
    await ledger.endSession(sessionOf('one', 1), collected(UNIT), one.fence);
    const asked = () =>
      ledger.budgetRoom({ ...jobOf('two'), provider: 'command', batchId: BATCH }, { limits });
    const until = dayEndsAt === '00:00' ? '2026-11-24T00:00:00.000Z' : '2026-11-24T12:00:00.000Z';
    expect(await asked()).toMatchObject({ kind: 'gate', until });
    now = '2026-11-24T00:30:00.000Z';
    expect((await asked()).kind).toBe(after);
    now = '2026-11-24T22:00:00.000Z';
    expect(await reserve(ledger, 'two', two, { limits }), 'the next night').toMatchObject({ kind: 'ok' });
  });

  test('a session that nobody came back to weighs on the day it was opened, and on no later night', async () => {
    const { ledger, path } = await aLedger();
    await openBatch(ledger, ['one', 'two']);
    const one = await claimed(ledger, 'one');
    const two = await claimed(ledger, 'two');
    for (const budget of ['perDay', 'perSite'] as const) {
      const limits = { ...LIMITS, perSession: UNIT, [budget]: UNIT };
      if (budget === 'perDay')
        expect(await reserve(ledger, 'one', one, { limits })).toMatchObject({ kind: 'ok' });
      const asked = () =>
        ledger.budgetRoom({ ...jobOf('two'), provider: 'command', batchId: BATCH }, { limits });
      const sql = rawSql(path);
      await sql('update sessions set opened_at = ?', new Date().toISOString());
      await sql("update jobs set state = 'gated' where job_key = ?", jobOf('one').jobKey);
      expect(await asked(), 'today').toMatchObject({ kind: 'wait' });
      await sql('update sessions set opened_at = ?', new Date(Date.now() - 48 * 3_600_000).toISOString());
      expect(await asked(), 'two days later').toMatchObject({ kind: 'ok' });
      await sql("update jobs set state = 'running' where job_key = ?", jobOf('one').jobKey);
      expect(await asked(), 'still watched').toMatchObject({ kind: 'wait' });
    }
    await rawSql(path)("update jobs set state = 'gated' where job_key = ?", jobOf('one').jobKey);
    const limits = { ...LIMITS, perSession: UNIT, perBatch: UNIT };
    expect(await reserve(ledger, 'two', two, { limits }), 'its own batch').toMatchObject({ kind: 'wait' });
  });

  test('a session that nobody came back to is found, and booked as lost at what was set aside', async () => {
    const { ledger, path } = await aLedger();
    await openBatch(ledger, ['one']);
    const one = await claimed(ledger, 'one');
    const limits = { ...LIMITS, perSession: UNIT, perDay: UNIT };
    await reserve(ledger, 'one', one, { limits });
    await rawSql(path)(
      'update sessions set opened_at = ?',
      new Date(Date.now() - 48 * 3_600_000).toISOString(),
    );
    const before = new Date(Date.now() + 1000).toISOString();
    expect(await ledger.openSessions(new Date(0).toISOString())).toEqual([]);
    const [early] = await ledger.openSessions(before);
    const again = await claimed(ledger, 'one'); // a start has taken it up since it was read
    expect(again.openSession).toMatchObject(sessionOf('one', 1));
    expect(await ledger.giveUpSession(early!, 'given up by ann')).toBe(false);
    expect(await rowsOf(ledger)).toMatchObject([{ use: 'open' }]);
    const [found] = await ledger.openSessions(before);
    expect(found).toMatchObject({
      ...jobOf('one'),
      jobState: 'running',
      reservedMicros: UNIT,
      currency: 'EUR',
    });
    expect(await ledger.giveUpSession(found!, 'given up by ann')).toBe(true);
    expect(await ledger.giveUpSession(found!, 'given up by ann'), 'once').toBe(false);
    expect(await ledger.openSessions(before)).toEqual([]);
    expect(await rowsOf(ledger)).toMatchObject([{ use: 'wasted', usage: { costMicros: UNIT } }]);
    const next = await claimed(ledger, 'one');
    expect(next).toMatchObject({ openSession: undefined, nextAttempt: 2 });
    expect(await reserve(ledger, 'one', next, { limits }), 'today').toMatchObject({ kind: 'ok' });
  });

  test('a session is listed with its ids at the service, its run and its times', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    const handle = {
      v: 1,
      provider: 'claude',
      ...session,
      ids: { session: 'sesn_1', sentAt: '2026-11-22T20:00:00Z' },
    };
    await ledger.saveHandle(session, handle, claim.fence);
    await ledger.endSession(session, collected(30_000), claim.fence);
    const { sessions } = await costReport(ledger, { sessions: true });
    expect(sessions).toMatchObject([
      { ...session, ids: { session: 'sesn_1' }, runId: by().runId, use: 'useful', costMicros: 30_000 },
    ]);
    expect(await rowsOf(ledger), 'nobody else reads them').toMatchObject([{ ids: {} }]);
    expect(await ledger.jobsOf('sesn_1'), 'and found by them').toEqual([jobOf('one')]);
    expect(await ledger.jobsOf('sesn')).toEqual([]);
    expect(Date.parse(sessions?.[0]?.endedAt ?? '')).toBeGreaterThanOrEqual(
      Date.parse(sessions?.[0]?.openedAt ?? ''),
    );
  });

  test('who booked a session as lost, and why, is asked for and kept by its job; a look is no request', async () => {
    const { ledger, path } = await aLedger();
    await openBatch(ledger, ['one']);
    await reserve(ledger, 'one', await claimed(ledger, 'one'), { limits: { ...LIMITS, perSession: UNIT } });
    const sql = rawSql(path);
    await sql('update sessions set opened_at = ?', new Date(Date.now() - 48 * 3_600_000).toISOString());
    await sql("update jobs set state = 'gated' where job_key = ?", jobOf('one').jobKey);
    const connections = { ledger: async () => ledger, who: 'ann' } as unknown as Connections;
    expect(await abandonedSessions(connections, { end: false })).toHaveLength(1);
    expect(await ledger.requests()).toEqual([]);
    expect(await abandonedSessions(connections, { end: true, reason: 'the key was revoked' })).toHaveLength(
      1,
    );
    const { work, jobKey } = jobOf('one');
    expect(await ledger.requests({ work, jobKey })).toMatchObject([
      { by: 'ann', what: 'end-abandoned', outcome: 'done', reason: 'the key was revoked' },
    ]);
    const story = await ledger.story({ work, jobKey });
    expect(story && ledgerEvents(story).map(({ text }) => text)).toContain(
      'ann asked to book as lost a session of this job: done, because "the key was revoked"',
    );
  });

  test('a refusal changes nothing, and the same session may be asked for again', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    const claim = await claimed(ledger, 'one');
    const head = await ledger.head();
    const little = { limits: { ...LIMITS, perSession: 2 * UNIT, perJob: UNIT } };
    expect(await reserve(ledger, 'one', claim, little)).toMatchObject({ kind: 'park' });
    expect(await ledger.head()).toBe(head);
    const more = { limits: { ...LIMITS, perSession: 2 * UNIT, perJob: 2 * UNIT } };
    expect(await reserve(ledger, 'one', claim, more)).toMatchObject({ kind: 'ok' });
  });

  test('a worker that dies keeps its reservation until its session has ended', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one', 'two']);
    const limits = { ...LIMITS, perSession: UNIT, perDay: UNIT };
    await reserve(ledger, 'one', await claimed(ledger, 'one'), { limits });
    const next = await claimed(ledger, 'one'); // another worker took the job over
    const two = await claimed(ledger, 'two');
    expect(await reserve(ledger, 'two', two, { limits })).toMatchObject({ kind: 'wait' });
    await ledger.endSession(sessionOf('one', 1), failed(), next.fence);
    expect(await reserve(ledger, 'two', two, { limits })).toMatchObject({ kind: 'ok' });
  });

  test('of a lost session whose cost nobody knows the reservation is booked, as waste', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one', 'two']);
    const limits = { ...LIMITS, perSession: UNIT, perSite: 1.5 * UNIT };
    const claim = await claimed(ledger, 'one');
    await reserve(ledger, 'one', claim, { limits });
    await ledger.endSession(sessionOf('one', 1), failed({ state: 'lost', errorClass: 'lost' }), claim.fence);
    expect(await rowsOf(ledger)).toMatchObject([
      { use: 'wasted', reason: 'twin', site: 'blog', usage: { costMicros: UNIT, costSource: 'reserved' } },
    ]);
    const end = await reserve(ledger, 'two', await claimed(ledger, 'two'), { limits });
    expect(end).toMatchObject({ kind: 'gate', message: expect.stringContaining('site blog') as string });
    expect(end).toHaveProperty('until', expect.stringMatching(/T00:00:00.000Z$/));
  });

  test.each([
    ['nothing of it was written down', undefined, 'twin'],
    ['its start was noted as sent, and never answered', { phase: 'start-sent' }, 'twin'],
    ['it had begun', { phase: 'started' }, 'lost'],
  ] as const)('of a lost session is said whether it may have run unseen: %s', async (_, handle, reason) => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    const claim = await claimed(ledger, 'one');
    await reserve(ledger, 'one', claim, { limits: { ...LIMITS, perSession: UNIT } });
    if (handle) await ledger.saveHandle(sessionOf('one', 1), handle, claim.fence);
    await ledger.endSession(sessionOf('one', 1), failed({ state: 'lost', errorClass: 'lost' }), claim.fence);
    expect(await rowsOf(ledger)).toMatchObject([{ use: 'wasted', reason }]);
  });

  test.each([
    ['timeout', { phase: 'started' }, UNIT],
    ['transient', { phase: 'started' }, UNIT],
    ['transient', { phase: 'prepared' }, 0], // it surely never ran
    ['rejected', { phase: 'started' }, 0], // it came to its own end, and said nothing
  ] as const)(
    'of a session that ended %s (%o) and told no cost: %s is booked',
    async (errorClass, handle, cost) => {
      const { ledger } = await aLedger();
      await openBatch(ledger, ['one']);
      const claim = await claimed(ledger, 'one');
      await reserve(ledger, 'one', claim, { limits: { ...LIMITS, perSession: UNIT } });
      await ledger.saveHandle(sessionOf('one', 1), handle, claim.fence);
      await ledger.endSession(sessionOf('one', 1), failed({ errorClass }), claim.fence);
      expect((await ledger.spendOfJob(jobOf('one'))).micros).toBe(cost);
    },
  );

  test.each([
    ['a start without an answer', { phase: 'start-sent' }, 5 * UNIT, UNIT, 'reserved'],
    ['a run that told no cost', { phase: 'started' }, 5 * UNIT, UNIT, 'reserved'],
    ['one that its agent takes for cheaper', { phase: 'started' }, UNIT / 2, UNIT / 2, 'estimate'],
    ['one whose start was never sent', { phase: 'prepared' }, 5 * UNIT, 0, 'none'],
  ] as const)(
    'what an agent guesses is booked up to what was set aside for the session: %s',
    async (_, handle, costMicros, booked, costSource) => {
      const { ledger } = await aLedger();
      await openBatch(ledger, ['one', 'two']);
      const limits = { ...LIMITS, perSession: UNIT, perBatch: 2 * UNIT };
      const claim = await claimed(ledger, 'one');
      await reserve(ledger, 'one', claim, { limits });
      await ledger.saveHandle(sessionOf('one', 1), handle, claim.fence);
      const usage: Usage = { ...NO_USAGE, costMicros, costSource: 'estimate' };
      await ledger.endSession(
        sessionOf('one', 1),
        failed({ state: 'lost', errorClass: 'lost', usage }),
        claim.fence,
      );
      expect(await rowsOf(ledger)).toMatchObject([{ usage: { costMicros: booked, costSource } }]);
      const two = await reserve(ledger, 'two', await claimed(ledger, 'two'), { limits });
      expect(two, 'the others of the batch go on').toMatchObject({ kind: 'ok' });
    },
  );

  test('those that wait for the next day of a budget are told from those that wait for a person', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one', 'two', 'three']);
    const gated = async (slug: string, limits: object) => {
      const refused = await reserve(ledger, slug, await claimed(ledger, slug), {
        limits: { ...LIMITS, ...limits },
      });
      const message = refused.kind === 'gate' ? refused.message : '';
      await ledger.settleJob(jobOf(slug), { state: 'gated', errorClass: 'budget', message }, by());
    };
    await gated('one', { perSession: 2, perDay: 1 });
    await gated('two', { perSession: 2, perBatch: 1 });
    await claimed(ledger, 'three');
    await ledger.settleJob(jobOf('three'), { state: 'gated' }, by()); // a yes
    const shown = await ledger.jobReports(BATCH, { states: ['gated'], notForDay: true });
    expect(shown.map(({ key }) => key)).toEqual([jobOf('two').jobKey, jobOf('three').jobKey]);
    expect(await ledger.jobReports(BATCH, { states: ['gated'] })).toHaveLength(3);
  });

  test('without a budget an estimate is all that is known, and is booked as it is', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    const usage: Usage = { ...NO_USAGE, costMicros: 5 * UNIT, costSource: 'estimate' };
    await ledger.endSession(session, failed({ state: 'lost', errorClass: 'lost', usage }), claim.fence);
    expect(await rowsOf(ledger)).toMatchObject([{ usage: { costMicros: 5 * UNIT, costSource: 'estimate' } }]);
  });

  test('what a session of this work cost lately is set aside for the next one', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one', 'two', 'three']);
    const limits = { ...LIMITS, perBatch: 100 * UNIT };
    const claim = await claimed(ledger, 'one');
    expect(await reserve(ledger, 'one', claim, { limits })).toMatchObject({ micros: 5 * UNIT });
    await ledger.saveHandle(sessionOf('one', 1), {}, claim.fence);
    const usage: Usage = { ...NO_USAGE, costMicros: 123_456, costSource: 'provider' };
    await ledger.endSession(
      sessionOf('one', 1),
      { state: 'collected', artifact: { sha256: 'a'.repeat(64), bytes: 1 }, usage },
      claim.fence,
    );
    const two = await claimed(ledger, 'two');
    expect(await reserve(ledger, 'two', two, { limits })).toMatchObject({ micros: 123_456 });
    const capped = await reserve(ledger, 'three', await claimed(ledger, 'three'), { limits, capMicros: 7 });
    expect(capped).toMatchObject({ micros: 7 });
  });

  test('a budget of sessions and tokens holds an agent that tells no cost; a start that was refused is none', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, slugs(5));
    const asked = async (slug: string, more: object) => {
      const claim = await claimed(ledger, slug);
      const { kind } = await reserve(ledger, slug, claim, { limits: { ...LIMITS, ...more } });
      const session = sessionOf(slug, 1);
      return {
        kind,
        end: (end: SessionEnd) => ledger.endSession(session, end, claim.fence),
        begun: () => ledger.saveHandle(session, {}, claim.fence),
      };
    };
    const two = { sessions: 2 };
    const refused = await asked('job-0', two);
    await refused.end(failed({ errorClass: 'auth' })); // it was never begun
    const first = await asked('job-1', two);
    const second = await asked('job-2', two);
    expect([refused.kind, first.kind, second.kind]).toEqual(['ok', 'ok', 'ok']);
    expect((await asked('job-3', two)).kind, 'those under way may come to nothing').toBe('wait');
    const usage: Usage = { ...NO_USAGE, inputTokens: 70, outputTokens: 30 };
    for (const { begun } of [first, second]) await begun();
    await first.end({ state: 'collected', artifact: { sha256: 'a'.repeat(64), bytes: 1 }, usage });
    await second.end({ state: 'collected', artifact: { sha256: 'b'.repeat(64), bytes: 1 }, usage });
    expect((await asked('job-3', two)).kind).toBe('gate');
    expect((await asked('job-3', { tokens: 200 })).kind).toBe('gate');
    expect((await asked('job-3', { tokens: 201 })).kind).toBe('ok');
    const { counted } = await ledger.budgetUse(
      BATCH,
      { currency: 'USD', ...two },
      { from: new Date(0), until: new Date() },
    );
    expect(counted).toEqual({ endedSessions: 2, openSessions: 1, tokens: 200 });
  });

  test('a budget in another currency than that of the sessions stops the batch', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one', 'two']);
    const limits = { ...LIMITS, perBatch: 100 * UNIT };
    const claim = await claimed(ledger, 'one');
    await reserve(ledger, 'one', claim, { limits });
    const usage: Usage = { ...NO_USAGE, costMicros: 1, costSource: 'provider', currency: 'USD' };
    await ledger.endSession(sessionOf('one', 1), failed({ usage }), claim.fence);
    const end = await reserve(ledger, 'two', await claimed(ledger, 'two'), { limits });
    expect(end).toMatchObject({
      kind: 'gate',
      message: expect.stringContaining('put the budget in USD') as string,
    });
  });
});

describe('who spent what', () => {
  test('a session says where its money went, and by which prices', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    const usage: Usage = {
      inputTokens: 10,
      outputTokens: 3,
      cachedTokens: 4,
      costMicros: 99,
      costSource: 'price-table',
      model: 'some-model',
      priceTable: { id: 'table-1', date: '2026-11-23' },
    };
    await ledger.endSession(session, failed({ usage }), claim.fence);
    const { model: _, ...used } = usage;
    expect((await rowsOf(ledger)).map((row) => row.usage)).toEqual([used]);
    expect(await rowsOf(ledger)).toMatchObject([
      { ...session, ...jobOf('one'), site: 'blog', batchId: BATCH, batchName: 'nightly' },
    ]);
    expect(await rowsOf(ledger)).toMatchObject([
      { provider: 'command', model: 'some-model', currency: 'EUR', use: 'wasted', reason: 'rejected' },
    ]);
  });

  test('a lost artifact makes its session waste on the day on which it was paid', async () => {
    const { ledger, path } = await aLedger();
    await openBatch(ledger, ['one']);
    const claim = await claimed(ledger, 'one');
    await ledger.endSession(await startedSession(ledger, 'one', claim), collected(5), claim.fence);
    const day = '2020-02-03T04:05:06.000Z';
    await rawSql(path)('update sessions set settled_at = ?', day);
    await ledger.loseArtifact(jobOf('one'), 'gone', claim.fence);
    expect(await rowsOf(ledger)).toMatchObject([
      { use: 'wasted', reason: 'lost-artifact', bookedAt: day, usage: { costMicros: 5 } },
    ]);
  });

  test('what the sessions of a work have cost is said of those that told it, in one currency', async () => {
    const { ledger, path } = await aLedger();
    await openBatch(ledger, ['useful', 'wasted', 'untold', 'foreign', 'open']);
    const of = { work: jobOf('useful').work, currency: 'EUR' };
    const end = async (slug: string, costMicros: number, costSource: Usage['costSource']) => {
      const claim = await claimed(ledger, slug);
      const session = await startedSession(ledger, slug, claim);
      await ledger.endSession(
        session,
        failed({ usage: { ...NO_USAGE, costMicros, costSource } }),
        claim.fence,
      );
      return session;
    };
    await startedSession(ledger, 'open', await claimed(ledger, 'open'));
    await end('untold', 0, 'none');
    expect(await ledger.costOfSessions(of)).toBeUndefined();

    const useful = await claimed(ledger, 'useful');
    const told = { ...collected(3), usage: { ...NO_USAGE, costMicros: 3, costSource: 'reported' } } as const;
    await ledger.endSession(await startedSession(ledger, 'useful', useful), told, useful.fence);
    await end('wasted', 5, 'price-table');
    const { runKey } = await end('foreign', 70, 'reported');
    await rawSql(path)("update sessions set currency = 'CHF' where run_key = ?", runKey);
    expect(await ledger.costOfSessions(of)).toEqual({ sessions: 2, total: 8, low: 3, high: 5 });
    expect(await ledger.costOfSessions({ ...of, work: 'other' })).toBeUndefined();
  });

  test('slices sum to the total to the micro-unit, whatever they are cut by', async () => {
    const cost = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 2 ** 31 }));
    const end = fc.record({
      cost,
      currency: fc.constantFrom('EUR', 'USD', undefined),
      model: fc.constantFrom('a', 'b', undefined),
      state: fc.constantFrom('collected', 'failed', 'lost', 'cancelled', 'open'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(end, { minLength: 1, maxLength: 12 }), async (ends) => {
        const { ledger } = await aLedger();
        const jobs = slugs(4);
        await openBatch(ledger, jobs);
        for (const [at, { state, ...use }] of ends.entries()) {
          const slug = jobs[at % jobs.length] ?? '';
          const claim = await claimed(ledger, slug);
          if (claim.openSession !== undefined) continue;
          const session = await startedSession(ledger, slug, claim);
          if (state !== 'open') await ledger.endSession(session, endOf(state, use), claim.fence);
        }
        const rows = await rowsOf(ledger);
        for (const by of COST_DIMENSIONS) {
          const { slices, totals } = await costReport(ledger, { by });
          for (const currency of ['EUR', 'USD']) {
            const paid = rows.filter((row) => row.currency === currency && row.use !== 'open');
            const total = paid.reduce((sum, { usage }) => sum + usage.costMicros, 0);
            const own = slices.filter((slice) => slice.currency === currency);
            const sum = (of: (slice: (typeof own)[number]) => number) =>
              own.reduce((so, slice) => so + of(slice), 0);
            expect(sum((slice) => slice.costMicros)).toBe(total);
            expect(sum((slice) => slice.usefulMicros + slice.wastedMicros)).toBe(total);
            expect(sum((slice) => slice.sessions)).toBe(paid.length);
            expect(totals.find((one) => one.currency === currency)?.costMicros ?? 0).toBe(total);
          }
        }
      }),
      { numRuns: rounds(12, 200), verbose: true },
    );
  }, 240_000);
});

function endOf(
  state: 'collected' | 'failed' | 'lost' | 'cancelled',
  { cost, currency, model }: { cost: number; currency: string | undefined; model: string | undefined },
): SessionEnd {
  const usage: Usage = {
    ...NO_USAGE,
    costMicros: cost,
    costSource: 'provider',
    ...(currency !== undefined && { currency }),
    ...(model !== undefined && { model }),
  };
  if (state === 'collected') {
    // Taken from the job at once, so that the next session of it may be started.
    return { state, artifact: { sha256: 'a'.repeat(64), bytes: 3 }, usage };
  }
  return failed({ state, usage, ...(state === 'cancelled' && { job: { ...PARKED, state: 'cancelled' } }) });
}
