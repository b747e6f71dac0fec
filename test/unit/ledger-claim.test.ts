// Who may take a job, with which payload, and what the next try is told of the earlier ones.
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HoldScope } from '../../src/contract/holds.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { StaleFence } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { afterSession, DEFAULT_RETRY } from '../../src/policy/retry.js';
import {
  aLedger,
  aPlace,
  BATCH,
  by,
  claimed,
  type Claimed,
  claimRequest,
  collected,
  effectOf,
  failed,
  FINGERPRINT,
  jobOf,
  keyOf,
  landed,
  NO_USAGE,
  NOBODY,
  openBatch,
  PARKED,
  placeOf,
  rawSql,
  receiptOf,
  sessionOf,
  startedSession,
  stateOf,
  WORK,
} from './ledger-fixture.js';

const OTHER = 'e'.repeat(64);
const REPLACED = {
  state: 'cancelled',
  errorClass: 'conflict',
  message: 'the payload of the job changed',
  usage: NO_USAGE,
} as const;

async function giveUp(ledger: Ledger, { givenUp, fence }: Claimed): Promise<void> {
  for (const session of givenUp) await ledger.endGivenUp(session, REPLACED, fence);
}

const ARTIFACT = { sha256: 'a'.repeat(64), bytes: 3 };

async function withArtifact(ledger: Ledger): Promise<void> {
  const claim = await claimed(ledger, 'one');
  await ledger.endSession(await startedSession(ledger, 'one', claim), collected(), claim.fence);
}

async function withEffectAttempted(ledger: Ledger): Promise<void> {
  await withArtifact(ledger);
  const { fence } = await ledger.beginEffect(effectOf('one'), by());
  await ledger.attemptingEffect(effectOf('one').effectKey, { sha256: OTHER, revision: 1 }, fence);
}

async function withEffectBegun(ledger: Ledger): Promise<void> {
  await withArtifact(ledger);
  await ledger.beginEffect(effectOf('one'), by());
}

async function withEffectFound(ledger: Ledger): Promise<void> {
  await withArtifact(ledger);
  const { fence } = await ledger.beginEffect(effectOf('one'), by());
  await ledger.landEffect(receiptOf(effectOf('one'), { adopted: true }), undefined, fence);
}

async function done(ledger: Ledger): Promise<void> {
  await withArtifact(ledger);
  await landed(ledger, 'one');
}

async function atRevisionTwo(ledger: Ledger): Promise<void> {
  await claimed(ledger, 'one', { revision: 2 });
}

const settledAs = (state: 'held' | 'cancelled' | 'gated' | 'waiting') => async (ledger: Ledger) => {
  await withArtifact(ledger);
  await ledger.settleJob(jobOf('one'), { state }, by());
};

async function parked(ledger: Ledger): Promise<void> {
  await withArtifact(ledger);
  await ledger.settleJob(jobOf('one'), PARKED, by());
}

const HELD = { state: 'held', errorClass: 'unknown', message: 'no answer' } as const;

async function heldForSession(ledger: Ledger): Promise<void> {
  const claim = await claimed(ledger, 'one');
  const session = await startedSession(ledger, 'one', claim);
  await ledger.endSession(session, failed({ errorClass: 'conflict', job: HELD }), claim.fence);
}

async function heldForEffect(ledger: Ledger): Promise<void> {
  await withEffectAttempted(ledger);
  const { fence } = await ledger.beginEffect(effectOf('one'), by());
  await ledger.stopEffect(effectOf('one').effectKey, { ...HELD, state: 'unknown', job: HELD }, fence);
}

const same = {};
const changed = { fingerprint: OTHER };
const raised = { revision: 2, fingerprint: OTHER };
const lower = { revision: 1 };
const fresh = { kind: 'claimed', fresh: true, fence: 1, artifact: undefined, nextAttempt: 1 };
const again = { kind: 'claimed', fresh: false, fence: 2, nextAttempt: 2 };
const conflict = { kind: 'conflict', fingerprint: FINGERPRINT };

test.each([
  ['a job never seen', async () => {}, same, fresh],
  ['the same payload, after a crash', withArtifact, same, { ...again, artifact: ARTIFACT }],
  ['the same payload of a finished job, for a new effect', done, same, { ...again, artifact: ARTIFACT }],
  ['a changed payload, no effect begun', withArtifact, changed, { ...again, artifact: undefined }],
  [
    'a changed payload, effect begun, nothing sent',
    withEffectBegun,
    changed,
    { ...again, artifact: undefined },
  ],
  ['a changed payload, effect attempted', withEffectAttempted, changed, conflict],
  ['a changed payload, effect found at its destination', withEffectFound, changed, conflict],
  ['a changed payload of a finished job', done, changed, conflict],
  ['a higher revision', withEffectAttempted, raised, { ...again, artifact: undefined, failures: [] }],
  ['a higher revision of a finished job', done, raised, { ...again, artifact: undefined }],
  ['a higher revision of a parked job', parked, raised, { ...again, artifact: undefined }],
  ['a higher revision, same payload', done, { revision: 2 }, { ...again, artifact: undefined }],
  ['a lower revision', atRevisionTwo, lower, { ...conflict, revision: 2 }],
  ['a parked job', parked, same, { kind: 'parked', errorClass: 'rejected', message: 'budget spent' }],
  ['a parked job whose payload was changed since', parked, changed, { ...again, artifact: undefined }],
  [
    'a job held for its session',
    heldForSession,
    same,
    { kind: 'held', errorClass: 'unknown', message: 'no answer' },
  ],
  ['a job held for its session, at a higher revision', heldForSession, raised, { ...again, failures: [] }],
  ['a job held for an effect', heldForEffect, same, { ...again, artifact: ARTIFACT }],
  ['a held job', settledAs('held'), same, { ...again, artifact: ARTIFACT }],
  ['a cancelled job', settledAs('cancelled'), same, { ...again, artifact: ARTIFACT }],
  ['a gated job', settledAs('gated'), same, { ...again, artifact: ARTIFACT }],
  ['a waiting job', settledAs('waiting'), same, { ...again, artifact: ARTIFACT }],
] as const)('claiming %s', async (_, prepare, change, expected) => {
  const { ledger } = await aLedger();
  await prepare(ledger);
  const stateBefore = await stateOf(ledger, 'one');
  const headBefore = await ledger.head();

  const claim = await ledger.claimJob(claimRequest('one', change));

  expect(claim).toMatchObject(expected);
  if (claim.kind === 'claimed') {
    expect(await stateOf(ledger, 'one')).toBe('running');
  } else {
    expect(await stateOf(ledger, 'one')).toBe(stateBefore);
    expect(await ledger.head()).toBe(headBefore);
  }
});

describe('the fence', () => {
  test('a try that was passed over can write nothing about its session', async () => {
    const { ledger } = await aLedger();
    const old = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', old);
    await claimed(ledger, 'one');
    const head = await ledger.head();

    const next = { ...sessionOf('one', 2), ...jobOf('one'), provider: 'command', revision: 1, by: by() };
    await expect(ledger.intendSession(next, old.fence)).rejects.toThrow(StaleFence);
    await expect(ledger.saveHandle(session, { pid: 2 }, old.fence)).rejects.toThrow(StaleFence);
    await expect(ledger.attachSession(session, old.fence)).rejects.toThrow(StaleFence);
    await expect(ledger.endSession(session, collected(), old.fence)).rejects.toThrow(StaleFence);
    await expect(ledger.endSession(session, failed({ job: PARKED }), old.fence)).rejects.toThrow(StaleFence);

    expect(await ledger.head()).toBe(head);
    const { openSession, artifact } = await claimed(ledger, 'one');
    expect(openSession).toMatchObject({ ...session, state: 'started', handle: { pid: 1 } });
    expect(artifact).toBeUndefined();
  });

  test('a fence that was never given is refused', async () => {
    const { ledger } = await aLedger();
    const next = { ...sessionOf('one', 1), ...jobOf('one'), provider: 'command', revision: 1, by: by() };
    await expect(ledger.intendSession(next, 1)).rejects.toThrow(StaleFence);
    await claimed(ledger, 'one');
    await expect(ledger.intendSession(next, 2)).rejects.toThrow(StaleFence);
  });

  test('who claims at once gets different fences, growing by one', async () => {
    const { ledger } = await aLedger();
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        claimed(ledger, 'one', { by: { ...by(), runId: `run-${index}` } }),
      ),
    );
    expect(claims.map((claim) => claim.fence)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(claims.filter((claim) => claim.fresh)).toHaveLength(1);
  });
});

describe('a job that the ledger had never heard of', () => {
  test('stays one for the next try of that run, as long as nothing was begun', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    expect(await claimed(ledger, 'one')).toMatchObject({ fresh: true });
    const claim = await claimed(ledger, 'one', { by: { ...by(), attempt: 2 } });
    expect(claim, 'the first try died').toMatchObject({ fresh: true, fence: 2 });
    await startedSession(ledger, 'one', claim);
    const third = { by: { ...by(), attempt: 3 } };
    expect(await claimed(ledger, 'one', third)).toMatchObject({ fresh: false });
  });

  test('is known to every other run', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await claimed(ledger, 'one');
    expect(await claimed(ledger, 'one', { by: { ...by(), runId: 'run-2' } })).toMatchObject({ fresh: false });
  });

  test('is known once an effect of it was begun', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await claimed(ledger, 'one');
    await ledger.beginEffect(effectOf('one'), by());
    expect(await claimed(ledger, 'one')).toMatchObject({ fresh: false });
  });
});

describe('sessions of earlier tries', () => {
  test('an intent without a handle is given to the next try', async () => {
    const { ledger } = await aLedger();
    const first = await claimed(ledger, 'one');
    const session = sessionOf('one', 1);
    await ledger.intendSession(
      { ...session, ...jobOf('one'), provider: 'claude', revision: 1, by: by() },
      first.fence,
    );
    expect((await claimed(ledger, 'one')).openSession).toMatchObject({
      ...session,
      provider: 'claude',
      state: 'intent',
      handle: undefined,
    });
  });

  test('the newest handle is given to the next try, and attaching leaves a trace', async () => {
    const { ledger } = await aLedger();
    const first = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', first);
    await ledger.saveHandle(session, { pid: 1, url: 'http://agent/1' }, first.fence);

    const second = await claimed(ledger, 'one');
    expect(second.openSession).toMatchObject({ handle: { pid: 1, url: 'http://agent/1' } });
    await ledger.attachSession(session, second.fence);

    const rows = await ledger.history({ ...jobOf('one') });
    expect(rows.filter((row) => row.kind === 'session').map((row) => row.to)).toEqual([
      'intent',
      'started',
      'attached',
    ]);
  });

  test('a session that ended can neither be attached nor is it open', async () => {
    const { ledger } = await aLedger();
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    await ledger.endSession(session, failed(), claim.fence);
    await expect(ledger.attachSession(session, claim.fence)).rejects.toThrow(/attached/);
    expect((await claimed(ledger, 'one')).openSession).toBeUndefined();
  });

  test.each([
    ['a changed payload', { fingerprint: OTHER }],
    ['a higher revision', { revision: 2 }],
  ])('%s gives up the session of the old one, which counts as waste', async (_, change) => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    const first = await claimed(ledger, 'one');
    await startedSession(ledger, 'one', first);

    const second = await claimed(ledger, 'one', change);
    await giveUp(ledger, second);

    expect(second).toMatchObject({ openSession: undefined, nextAttempt: 2, failures: [] });
    expect((await ledger.totals('batch:nightly:1', 0)).sessions).toEqual({
      started: 1,
      attached: 0,
      wasted: 1,
    });
  });

  test('failures are told oldest first, without the cancelled and the collected', async () => {
    const { ledger } = await aLedger();
    const ends = [
      failed({ errorClass: 'rejected' }),
      failed({ state: 'cancelled', errorClass: 'transient' }),
      failed({ state: 'lost', errorClass: 'lost' }),
      collected(),
    ];
    for (const end of ends) {
      const claim = await claimed(ledger, 'one');
      await ledger.endSession(await startedSession(ledger, 'one', claim), end, claim.fence);
    }
    expect(await claimed(ledger, 'one')).toMatchObject({
      failures: [
        { errorClass: 'rejected', ran: true },
        { errorClass: 'lost', ran: true },
      ],
      nextAttempt: 5,
      artifact: ARTIFACT,
    });
  });

  test('failures of earlier runs are told as such', async () => {
    const { ledger } = await aLedger();
    for (const runId of ['run-1', 'run-2']) {
      const run = { ...by(), runId };
      const claim = await claimed(ledger, 'one', { by: run });
      const session = sessionOf('one', claim.nextAttempt);
      const intent = { ...session, ...jobOf('one'), provider: 'command', revision: 1, by: run };
      await ledger.intendSession(intent, claim.fence);
      await ledger.endSession(session, failed({ errorClass: 'transient' }), claim.fence);
    }
    expect(await claimed(ledger, 'one', { by: { ...by(), runId: 'run-2' } })).toMatchObject({
      failures: [{ earlier: true }, { earlier: false }],
    });
  });

  test.each([
    ['of its batch', true],
    ['of everything', true],
    ['of its provider', true],
    ['of another work', false],
  ])('patience begins anew after a pause %s: %s', async (whose, anew) => {
    const HOUR = 3_600_000;
    let nowMs = Date.parse('2026-11-28T02:00:00Z');
    const ledger = await openLedger({ ...placeOf(await aPlace()), now: () => new Date(nowMs) });
    onTestFinished(() => ledger.close());
    await openBatch(ledger, ['one']);
    const refused = async () => {
      const claim = await claimed(ledger, 'one');
      const session = sessionOf('one', claim.nextAttempt);
      const intent = { ...session, ...jobOf('one'), provider: 'command', revision: 1, by: by() };
      await ledger.intendSession(intent, claim.fence);
      const failure = { errorClass: 'transient', ran: false, endedAt: nowMs } as const;
      const next = afterSession([...claim.failures, failure], DEFAULT_RETRY, { jitter: 1 });
      await ledger.endSession(session, failed({ errorClass: 'transient' }), claim.fence);
      return next.kind;
    };
    const scope = {
      'of its batch': undefined,
      'of everything': { kind: 'all' },
      'of its provider': { kind: 'provider', name: 'command' },
      'of another work': { kind: 'work', name: 'translation' },
    }[whose] as HoldScope | undefined;
    expect(await refused()).toBe('again');
    if (scope) await ledger.placeHold(scope, 'finish', 'ann');
    else await ledger.setBatchState(BATCH, 'paused', 'ann');
    nowMs += 24 * HOUR;
    if (scope) await ledger.liftHold(scope, 'ann');
    else await ledger.setBatchState(BATCH, 'running', 'ann');
    nowMs += 1000;
    expect(await refused()).toBe(anew ? 'again' : 'park');
    if (!anew) return;
    nowMs += 13 * HOUR; // longer than patience, and nothing stood still
    expect(await refused()).toBe('park');
  });

  test('an artifact that fails its checks after it was collected is not handed on', async () => {
    const { ledger } = await aLedger();
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    await ledger.endSession(session, collected(), claim.fence);
    await ledger.endSession(session, failed(), claim.fence);
    expect(await claimed(ledger, 'one')).toMatchObject({
      artifact: undefined,
      failures: [{ errorClass: 'rejected' }],
    });
  });

  test('numbers of sessions grow over requeues and revisions, budgets start afresh', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    const failOnce = async (revision: number, job?: typeof PARKED) => {
      const claim = await claimed(ledger, 'one', { revision });
      const session = await startedSession(ledger, 'one', claim, { revision });
      await ledger.endSession(session, failed({ ...(job && { job }) }), claim.fence);
      return claim;
    };

    await failOnce(1);
    expect(await failOnce(1, PARKED)).toMatchObject({
      nextAttempt: 2,
      failures: [{ errorClass: 'rejected' }],
    });
    expect(await ledger.claimJob(claimRequest('one'))).toMatchObject({ kind: 'parked' });
    expect(await ledger.requeue('batch:nightly:1', NOBODY)).toEqual([keyOf('one')]);
    expect(await failOnce(1)).toMatchObject({ nextAttempt: 3, failures: [] });
    expect(await failOnce(2)).toMatchObject({ nextAttempt: 4, failures: [] });
    expect(await claimed(ledger, 'one', { revision: 2 })).toMatchObject({
      nextAttempt: 5,
      failures: [{ errorClass: 'rejected' }],
    });
    expect((await ledger.jobs(WORK, [keyOf('one')])).get(keyOf('one'))?.attempts).toBe(4);
  });

  test('an edited payload has its tries before it, and what ran for the old one is still known', async () => {
    const { ledger } = await aLedger();
    for (const job of [undefined, PARKED]) {
      const claim = await claimed(ledger, 'one');
      const session = await startedSession(ledger, 'one', claim);
      await ledger.endSession(session, failed({ ...(job && { job }) }), claim.fence);
    }
    expect(await claimed(ledger, 'one', changed)).toMatchObject({
      nextAttempt: 3,
      failures: [],
      ranBefore: true,
    });
  });

  test('a payload that is edited and edited back has its tries before it, too', async () => {
    const { ledger } = await aLedger();
    const failOnce = async (more: object = {}, job?: typeof PARKED) => {
      const claim = await claimed(ledger, 'one', more);
      const session = await startedSession(ledger, 'one', claim);
      await ledger.endSession(session, failed({ ...(job && { job }) }), claim.fence);
      return claim;
    };
    await failOnce();
    await failOnce({}, PARKED);
    await failOnce(changed, PARKED);
    expect(await failOnce()).toMatchObject({ nextAttempt: 4, failures: [], ranBefore: true });
    expect((await claimed(ledger, 'one')).failures).toHaveLength(1);
  });

  test('the number of a session is given once', async () => {
    const { ledger } = await aLedger();
    const { fence } = await claimed(ledger, 'one');
    const session = { ...sessionOf('one', 1), ...jobOf('one'), provider: 'command', revision: 1, by: by() };
    await ledger.intendSession(session, fence);
    await expect(ledger.intendSession(session, fence)).rejects.toThrow(/given before/);
    await expect(ledger.intendSession({ ...session, runKey: 'other' }, fence)).rejects.toThrow(
      /given before/,
    );
  });
});

describe('the end of a session', () => {
  test('said twice is booked once', async () => {
    const { ledger } = await aLedger();
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    await ledger.endSession(session, collected(500), claim.fence);
    const head = await ledger.head();
    await ledger.endSession(session, collected(500), claim.fence);
    expect(await ledger.head()).toBe(head);
    expect((await ledger.spendOfJob(jobOf('one'))).micros).toBe(500);
  });

  test('parks the job in the same step, with its reason', async () => {
    const { ledger } = await aLedger();
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    await ledger.endSession(session, failed({ job: PARKED }), claim.fence);
    expect((await ledger.jobs(WORK, [keyOf('one')])).get(keyOf('one'))).toMatchObject({
      state: 'parked',
      errorClass: 'rejected',
      errorMessage: 'budget spent',
    });
  });

  test('collected clears the error of the job', async () => {
    const { ledger } = await aLedger();
    await claimed(ledger, 'one');
    await ledger.settleJob(jobOf('one'), { state: 'held', errorClass: 'conflict', message: 'x' }, by());
    await withArtifact(ledger);
    const job = (await ledger.jobs(WORK, [keyOf('one')])).get(keyOf('one'));
    expect(job).toMatchObject({ state: 'running', errorClass: undefined, artifact: ARTIFACT });
  });
});

describe('settleJob', () => {
  test('a try that another one has taken the job from ends nothing of it', async () => {
    const { ledger } = await aLedger();
    const late = await claimed(ledger, 'one');
    const present = await claimed(ledger, 'one');
    await expect(ledger.settleJob(jobOf('one'), PARKED, by(), late.fence)).rejects.toThrow(StaleFence);
    expect(await stateOf(ledger, 'one')).toBe('running');
    await ledger.settleJob(jobOf('one'), PARKED, by(), present.fence);
    expect(await stateOf(ledger, 'one')).toBe('parked');
  });

  test('a job that was never claimed can end unfinished, which changes nothing, but not finished', async () => {
    const { ledger } = await aLedger();
    await ledger.settleJob(jobOf('one'), { state: 'cancelled' }, by());
    expect(await stateOf(ledger, 'one')).toBeUndefined();
    await expect(ledger.settleJob(jobOf('one'), { state: 'adopted' }, by())).rejects.toThrow(
      /claim it first/,
    );
  });

  test('the state that it has already is no change', async () => {
    const { ledger } = await aLedger();
    await claimed(ledger, 'one');
    await ledger.settleJob(jobOf('one'), { state: 'adopted' }, by());
    const head = await ledger.head();
    await ledger.settleJob(jobOf('one'), { state: 'adopted' }, by());
    expect(await ledger.head()).toBe(head);
  });
});

describe('requeue', () => {
  test('takes the parked of the batch in its order; the held only when named; conflicts never', async () => {
    const { ledger } = await aLedger();
    const slugs = ['done', 'parked-2', 'held', 'parked-1', 'elsewhere'];
    for (const slug of slugs) await claimed(ledger, slug);
    const settle = (slug: string, state: 'parked' | 'held' | 'done') =>
      ledger.settleJob(jobOf(slug), { state, errorClass: 'unknown', message: 'no answer' }, by());
    await settle('done', 'done');
    for (const slug of ['parked-1', 'parked-2', 'elsewhere']) await settle(slug, 'parked');
    await settle('held', 'held');
    await openBatch(ledger, slugs.slice(0, 4));

    expect(await ledger.requeue('batch:nightly:1', NOBODY)).toEqual([keyOf('parked-2'), keyOf('parked-1')]);
    expect(await ledger.requeue('batch:nightly:1', NOBODY)).toEqual([]);
    const keys = ['held', 'done', 'elsewhere'].map(keyOf);
    expect(await ledger.requeue('batch:nightly:1', NOBODY, { keys })).toEqual([keyOf('held')]);
    expect(await stateOf(ledger, 'held')).toBe('waiting');
    expect(await stateOf(ledger, 'elsewhere')).toBe('parked');
  });

  test('means jobs as they were when it was asked for: one that has stopped anew is left as it is', async () => {
    const { ledger } = await aLedger();
    const slugs = ['again', 'still', 'taken'];
    const park = async (slug: string) => {
      await claimed(ledger, slug);
      await ledger.settleJob(jobOf(slug), PARKED, by());
    };
    for (const slug of slugs) await park(slug);
    await openBatch(ledger, slugs);
    const keys = slugs.map(keyOf);
    const asOf = await ledger.head();
    expect((await ledger.stopped(BATCH, { keys, asOf })).map(({ key }) => key)).toEqual(keys);

    await ledger.requeue(BATCH, NOBODY, { keys: [keyOf('again'), keyOf('taken')] });
    await park('again');
    await claimed(ledger, 'taken');
    expect(await ledger.requeue(BATCH, NOBODY, { keys, asOf })).toEqual([keyOf('still')]);
    expect(await ledger.requeue(BATCH, NOBODY, { keys, asOf })).toEqual([]);
    expect(await Promise.all(slugs.map((slug) => stateOf(ledger, slug)))).toEqual([
      ...['parked', 'waiting', 'running'],
    ]);
  });
});

test('a job held for its session goes on when a person asks for it by name, and only then', async () => {
  const { ledger } = await aLedger();
  await heldForSession(ledger);
  await openBatch(ledger, ['one']);
  expect((await ledger.jobs(WORK, [keyOf('one')])).get(keyOf('one'))).toMatchObject({ heldForSession: true });
  expect(await ledger.jobReports('batch:nightly:1')).toMatchObject([{ state: 'held', heldForSession: true }]);
  expect(await ledger.requeue('batch:nightly:1', NOBODY)).toEqual([]);
  expect(await ledger.requeue('batch:nightly:1', NOBODY, { keys: [keyOf('one')] })).toEqual([keyOf('one')]);
  expect(await claimed(ledger, 'one')).toMatchObject({ nextAttempt: 2, failures: [] });
});

describe('a job whose every effect has landed', () => {
  const effectKeys = [effectOf('one').effectKey];

  test('is finished for a try that comes late, whose claim changes nothing', async () => {
    const { ledger } = await aLedger();
    await withArtifact(ledger);
    await landed(ledger, 'one');
    const head = await ledger.head();
    expect(await ledger.claimJob(claimRequest('one', { effectKeys, by: by(undefined, 2) }))).toEqual({
      kind: 'finished',
    });
    expect(await stateOf(ledger, 'one')).toBe('done');
    expect(await ledger.head()).toBe(head);
  });

  test('is claimed for an effect that has not landed, and for a higher revision', async () => {
    const { ledger } = await aLedger();
    await withArtifact(ledger);
    await landed(ledger, 'one');
    const more = [...effectKeys, effectOf('one', 'mail').effectKey];
    expect(await ledger.claimJob(claimRequest('one', { effectKeys: more }))).toMatchObject({
      kind: 'claimed',
    });
    expect(await ledger.claimJob(claimRequest('one', { effectKeys, revision: 2 }))).toMatchObject({
      kind: 'claimed',
    });
  });
});

test.each([
  ['another payload', changed, [1]],
  ['a higher revision', { revision: 2 }, [1]],
  ['the same payload', same, []],
])(
  'a claim for %s says which open sessions nobody goes on with, until each has its end',
  async (_, change, attempts) => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await startedSession(ledger, 'one', await claimed(ledger, 'one'));
    const first = await claimed(ledger, 'one', change);
    expect(first.givenUp.map(({ attempt }) => attempt)).toEqual(attempts);
    if (attempts.length > 0)
      expect(first.givenUp[0]).toMatchObject({ provider: 'command', revision: 1, handle: { pid: 1 } });
    const next = await claimed(ledger, 'one', change);
    expect(next.givenUp, 'whoever claimed it may have died before it was ended').toEqual(first.givenUp);
    expect(next.ranBefore).toBe(attempts.length > 0 && !('revision' in change));
    await giveUp(ledger, next);
    expect((await claimed(ledger, 'one', change)).givenUp).toEqual([]);
  },
);

test('a session that is given up is booked to its own batch, and is no end of the try that gave it up', async () => {
  const { ledger, path } = await aLedger();
  await openBatch(ledger, ['one']);
  await startedSession(ledger, 'one', await claimed(ledger, 'one'));
  const next = await claimed(ledger, 'one', { ...changed, by: by('batch:other:1') });
  await giveUp(ledger, next);
  await giveUp(ledger, next); // the answer to the first call was lost
  const sql = rawSql(path);
  expect(await sql('select state, booked_batch_id, error_class from sessions')).toEqual([
    { state: 'cancelled', booked_batch_id: BATCH, error_class: 'conflict' },
  ]);
  expect(await sql('select outcome from attempts order by number')).toEqual([
    { outcome: 'superseded' },
    { outcome: null },
  ]);
  await startedSession(ledger, 'one', next);
  await claimed(ledger, 'one', { ...changed, by: by('batch:other:1') });
  await expect(ledger.endGivenUp(sessionOf('one', 2), REPLACED, next.fence)).rejects.toThrow(StaleFence);
});

describe('an artifact that is lost', () => {
  test('leaves the job, and the session that made it is wasted', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await withArtifact(ledger);
    const { fence, artifact } = await claimed(ledger, 'one');
    expect(artifact).toEqual(ARTIFACT);
    await ledger.loseArtifact(jobOf('one'), 'gone', fence);
    expect((await claimed(ledger, 'one')).artifact).toBeUndefined();
    expect((await ledger.totals('batch:nightly:1', 0)).sessions).toMatchObject({ started: 1, wasted: 1 });
    await expect(ledger.loseArtifact(jobOf('one'), 'gone', fence)).rejects.toThrow(StaleFence);
  });
});
