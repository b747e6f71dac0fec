// Whatever happens in whatever order, the figures add up and agree with the rows that they come from.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JOB_STATES, JOB_TRANSITIONS, type JobState, type ShownJobState } from '../../src/contract/states.js';
import { StaleFence, type Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { IllegalTransition } from '../../src/ledger/transitions.js';
import {
  aPlace,
  BATCH,
  by,
  claimRequest,
  collected,
  effectOf,
  failed,
  FINGERPRINT,
  jobOf,
  keyOf,
  member,
  NO_USAGE,
  NOBODY,
  onPostgres,
  openBatch,
  PARKED,
  placeOf,
  receiptOf,
  sessionOf,
  settlesOf,
} from './ledger-fixture.js';
import { rounds } from '../support/rounds.js';

const SLUGS = ['a', 'b', 'c', 'd', 'e'];
const OTHER = 'batch:other:1';

const slug = fc.constantFrom(...SLUGS);
const batchId = fc.constantFrom(BATCH, OTHER);
const revision = fc.integer({ min: 1, max: 3 });
const fingerprint = fc.constantFrom(FINGERPRINT, 'e'.repeat(64));
const cost = fc.integer({ min: 0, max: 1_000_000 });

const step = fc.oneof(
  fc.record({ kind: fc.constant('claim' as const), slug, batchId, revision, fingerprint }),
  fc.record({
    kind: fc.constant('session' as const),
    slug,
    cost,
    how: fc.constantFrom('collected', 'failed', 'lost', 'cancelled', 'parked', 'open'),
  }),
  fc.record({ kind: fc.constant('attach' as const), slug }),
  fc.record({
    kind: fc.constant('effect' as const),
    slug,
    batchId,
    revision,
    how: fc.constantFrom('land', 'adopt', 'attempt', 'unknown', 'held'),
  }),
  fc.record({ kind: fc.constant('settle' as const), slug, state: fc.constantFrom(...JOB_STATES) }),
  fc.record({ kind: fc.constant('requeue' as const), batchId }),
  fc.record({ kind: fc.constant('open' as const), batchId, run: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('members' as const), batchId, slugs: fc.subarray(SLUGS), conflict: slug }),
);
/** A server answers ten times more slowly than a file. */
const runs = (): number => (onPostgres() ? rounds(8, 50) : rounds(30, 300));

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test('counts add up to the members, agree with the reports, and no illegal change is in the history', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(60), async (steps, since) => {
      const ledger = await openLedger(placeOf(await aPlace()));
      try {
        await openBatch(ledger, SLUGS);
        await openBatch(ledger, SLUGS.slice(2), { id: OTHER });
        for (const each of steps) await take(ledger, each).catch(ignoreRefusal);
        for (const id of [BATCH, OTHER]) await expectConsistent(ledger, id, since);
        await expectLegalHistory(ledger);
      } finally {
        await ledger.close();
      }
    }),
    { numRuns: runs() },
  );
});

test('no cost is lost and none is booked twice, whichever batch it falls to', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const ledger = await openLedger(placeOf(await aPlace()));
      try {
        // Before it has its batch, the ledger does not know the currency that a session is booked in.
        await openBatch(ledger, SLUGS);
        await openBatch(ledger, SLUGS, { id: OTHER });
        let paid = 0;
        for (const each of steps) {
          const done = await take(ledger, each).catch(ignoreRefusal);
          if (each.kind === 'session' && each.how !== 'open' && done === 'session ended') paid += each.cost;
        }
        const ofBatches = (await ledger.spend({ batchId: BATCH })) + (await ledger.spend({ batchId: OTHER }));
        const ofJobs = await Promise.all(
          SLUGS.map(async (each) => (await ledger.spendOfJob(jobOf(each))).micros),
        );
        expect(ofBatches).toBe(paid);
        expect(ofJobs.reduce((sum, each) => sum + each, 0)).toBe(paid);
        const totals = [await ledger.totals(BATCH, 0), await ledger.totals(OTHER, 0)];
        expect(totals.reduce((sum, { cost }) => sum + cost.total, 0)).toBeCloseTo(paid / 1e6, 6);
      } finally {
        await ledger.close();
      }
    }),
    { numRuns: runs() },
  );
});

async function take(ledger: Ledger, step: Step): Promise<string | void> {
  switch (step.kind) {
    case 'claim':
      await ledger.claimJob(claimRequest(step.slug, { ...step, by: by(step.batchId) }));
      return;
    case 'session':
      return runSession(ledger, step);
    case 'attach': {
      const claim = await ledger.claimJob(claimRequest(step.slug));
      if (claim.kind === 'claimed' && claim.openSession) {
        await ledger.attachSession(claim.openSession, claim.fence);
      }
      return;
    }
    case 'effect':
      return performEffect(ledger, step);
    case 'settle':
      return ledger.settleJob(jobOf(step.slug), { state: step.state }, by());
    case 'requeue':
      await ledger.requeue(step.batchId, NOBODY);
      return;
    case 'open':
      return openBatch(ledger, SLUGS, { id: step.batchId, runId: `run-${step.run}` });
    case 'members':
      return ledger.setMembers(
        step.batchId,
        step.slugs.map((each) => member(each, { verdict: each === step.conflict ? 'conflict' : 'new' })),
      );
  }
}

async function runSession(ledger: Ledger, { slug, how, cost }: Extract<Step, { kind: 'session' }>) {
  const claim = await ledger.claimJob(claimRequest(slug));
  if (claim.kind !== 'claimed') return;
  const session = claim.openSession ?? sessionOf(slug, claim.nextAttempt);
  if (!claim.openSession) {
    const row = { ...session, ...jobOf(slug), provider: 'command', revision: 1, by: by() };
    await ledger.intendSession(row, claim.fence);
  }
  await ledger.saveHandle(session, {}, claim.fence);
  if (how === 'open') return;
  const usage = { ...NO_USAGE, costMicros: cost };
  const end =
    how === 'collected'
      ? { ...collected(), usage }
      : how === 'parked'
        ? failed({ usage, job: PARKED })
        : failed({ usage, state: how });
  await ledger.endSession(session, end, claim.fence);
  return 'session ended';
}

async function performEffect(ledger: Ledger, step: Extract<Step, { kind: 'effect' }>): Promise<void> {
  const effect = effectOf(step.slug, 'post', step.revision);
  const { fence } = await ledger.beginEffect(effect, by(step.batchId));
  const body = { sha256: 'b'.repeat(64), revision: step.revision };
  if (step.how !== 'adopt') await ledger.attemptingEffect(effect.effectKey, body, fence);
  if (step.how === 'land' || step.how === 'adopt') {
    const adopted = step.how === 'adopt';
    const settles = settlesOf(step.slug, [effect], { state: adopted ? 'adopted' : 'done' });
    await ledger.landEffect(receiptOf(effect, { adopted }), settles, fence);
  } else if (step.how !== 'attempt') {
    const stop = { state: step.how, errorClass: 'unknown', message: 'x' } as const;
    await ledger.stopEffect(effect.effectKey, { ...stop, job: { ...stop, state: 'held' } }, fence);
  }
}

/** The ledger may say no; then nothing must have changed, which the checks at the end would notice. */
function ignoreRefusal(error: unknown): void {
  const refused =
    error instanceof IllegalTransition ||
    error instanceof StaleFence ||
    (error instanceof Error && /foreign key|is older|claim it first|not begun/i.test(error.message));
  if (!refused) throw error;
}

async function expectConsistent(ledger: Ledger, id: string, since: number): Promise<void> {
  const { jobs, ...counts } = await ledger.counts(id, since);
  const reports = await ledger.jobReports(id);
  expect(jobs).toBe(reports.length);
  expect(Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0)).toBe(jobs);
  const inState = (...states: ShownJobState[]) =>
    reports.filter(({ state }) => states.includes(state)).length;
  const { done, adopted, ...others } = counts;
  expect(done + adopted).toBe(inState('done', 'adopted'));
  for (const [state, count] of Object.entries(others))
    expect(count, state).toBe(inState(state as ShownJobState));

  const totals = await ledger.totals(id, since);
  expect(totals.counts).toMatchObject({ jobs, done, adopted });
  const landed = reports.flatMap(({ effects }) => effects).filter(({ state }) => state === 'landed').length;
  expect(totals.effects.adopted).toBeLessThanOrEqual(landed);
}

async function expectLegalHistory(ledger: Ledger): Promise<void> {
  const last = new Map<string, string>();
  for (const row of await ledger.history({})) {
    if (row.kind !== 'job') continue;
    expect(row.from).toBe(last.get(row.subject));
    if (row.from !== undefined) expect(JOB_TRANSITIONS[row.from as JobState]).toContain(row.to);
    last.set(row.subject, row.to);
  }
  const known = await ledger.jobs('article', SLUGS.map(keyOf));
  for (const [key, { state }] of known) expect(last.get(`article:${key}`)).toBe(state);
}
