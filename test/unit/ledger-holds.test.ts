// Pauses, as the ledger keeps them: nothing begins once one is written, whoever wrote it and whoever asks.
import { expect, test } from 'vitest';
import type { HoldScope } from '../../src/contract/holds.js';
import { HeldBack, type Gate, type Ledger } from '../../src/ledger/ledger.js';
import {
  BATCH,
  WORK,
  aLedger,
  by,
  claimed,
  effectOf,
  jobOf,
  openBatch,
  sessionOf,
  startedSession,
} from './ledger-fixture.js';

const GATE: Gate = { batchId: BATCH, work: WORK, provider: 'command', underWay: false };
const EVERYTHING: HoldScope = { kind: 'all' };

/** Tries to begin a session of that job. */
async function begin(ledger: Ledger, slug: string, gate: Partial<Gate> = {}): Promise<'begun' | 'held back'> {
  const { fence, nextAttempt } = await claimed(ledger, slug);
  const session = {
    ...sessionOf(slug, nextAttempt),
    ...jobOf(slug),
    provider: 'command',
    revision: 1,
    by: by(),
  };
  try {
    await ledger.intendSession(session, fence, { ...GATE, ...gate });
    return 'begun';
  } catch (error) {
    if (error instanceof HeldBack) return 'held back';
    throw error;
  }
}

async function aBatch(...slugs: readonly string[]): Promise<Ledger> {
  const { ledger } = await aLedger();
  await openBatch(ledger, slugs);
  return ledger;
}

test.each([
  [{ kind: 'all' }, true],
  [{ kind: 'work', name: WORK }, true],
  [{ kind: 'work', name: 'translation' }, false],
  [{ kind: 'provider', name: 'command' }, true],
  [{ kind: 'provider', name: 'claude' }, false],
] as const)('a pause of %j holds our session back: %s', async (scope, holds) => {
  const ledger = await aBatch('one');
  await ledger.placeHold(scope, 'finish', 'ann', 'the blog moves');
  expect(await begin(ledger, 'one')).toBe(holds ? 'held back' : 'begun');
  const hold = await ledger.holdOf(GATE);
  if (holds) expect(hold).toMatchObject({ scope, level: 'finish', by: 'ann', reason: 'the blog moves' });
  else expect(hold).toBeUndefined();
});

test('what was held back has left nothing behind, and begins once the pause is lifted', async () => {
  const ledger = await aBatch('one');
  await ledger.placeHold(EVERYTHING, 'finish', 'ann');
  const before = await ledger.head();
  expect(await begin(ledger, 'one')).toBe('held back');
  expect(await ledger.inHand(EVERYTHING)).toEqual({ starting: 0, sessions: 0, effects: 0 });
  expect(await ledger.liftHold(EVERYTHING, 'bob')).toMatchObject({ by: 'ann' });
  expect(await ledger.head()).toBe(before + 1); // the claim alone
  expect(await begin(ledger, 'one')).toBe('begun');
});

test('each pause is lifted by its own scope; the others stay, the strictest counts', async () => {
  const ledger = await aBatch('one');
  const work: HoldScope = { kind: 'work', name: WORK };
  await ledger.placeHold(work, 'admit', 'ann');
  await ledger.placeHold(EVERYTHING, 'freeze', 'bob');
  await ledger.setBatchState(BATCH, 'paused', 'eve');
  expect(await ledger.holdOf(GATE)).toMatchObject({ level: 'freeze', by: 'bob' });
  await ledger.liftHold(EVERYTHING, 'bob');
  expect(await ledger.holdOf(GATE)).toMatchObject({ level: 'finish', by: 'eve' });
  await ledger.setBatchState(BATCH, 'running', 'eve');
  expect(await ledger.holdOf(GATE)).toMatchObject({ level: 'admit', by: 'ann' });
  expect(await ledger.liftHold(EVERYTHING, 'bob')).toBeUndefined();
  await ledger.liftHold(work, 'ann');
  expect(await ledger.holdOf(GATE)).toBeUndefined();
});

test('admit lets what is under way go on, finish and freeze do not', async () => {
  const ledger = await aBatch('one');
  const results: string[] = [];
  for (const level of ['finish', 'freeze', 'admit'] as const) {
    await ledger.placeHold(EVERYTHING, level, 'ann');
    results.push(await begin(ledger, 'one', { underWay: true }));
  }
  expect(results).toEqual(['held back', 'held back', 'begun']);
  expect(await ledger.holds()).toHaveLength(1); // another level takes the place of the one before
});

test('a pause of which no level is said is finish, and makes none milder that is on', async () => {
  const ledger = await aBatch('one');
  const levels: string[] = [];
  for (const level of [undefined, 'freeze', undefined, 'admit', undefined] as const)
    levels.push((await ledger.placeHold(EVERYTHING, level, 'ann')).level);
  expect(levels).toEqual(['finish', 'freeze', 'freeze', 'admit', 'finish']);
});

test('a session that was prepared is not sent off once a pause stands before it', async () => {
  const ledger = await aBatch('one');
  const claim = await claimed(ledger, 'one');
  const session = await startedSession(ledger, 'one', claim);
  await ledger.placeHold(EVERYTHING, 'finish', 'ann');
  const gate = { ...GATE, underWay: true };
  const before = await ledger.head();
  const sentOff = ledger.saveHandle(session, { phase: 'start-sent' }, claim.fence, gate);
  await expect(sentOff).rejects.toThrow(HeldBack);
  expect(await ledger.head()).toBe(before);
  await ledger.saveHandle(session, { phase: 'prepared' }, claim.fence);
  await ledger.liftHold(EVERYTHING, 'ann');
  await ledger.saveHandle(session, { phase: 'start-sent' }, claim.fence, gate);
});

test('an effect is held back in the transaction that would commit its sending', async () => {
  const ledger = await aBatch('one');
  await claimed(ledger, 'one');
  const effect = effectOf('one');
  const { fence } = await ledger.beginEffect(effect, by());
  await ledger.placeHold(EVERYTHING, 'finish', 'ann');
  const sending = ledger.attemptingEffect(effect.effectKey, { sha256: 'b'.repeat(64), revision: 1 }, fence, {
    ...GATE,
    underWay: true,
  });
  await expect(sending).rejects.toThrow(HeldBack);
  expect(await ledger.inHand(EVERYTHING)).toMatchObject({ effects: 0 });
});

test('of many that begin while a pause is written, those that came before are in hand and no other', async () => {
  const slugs = Array.from({ length: 12 }, (_, at) => `job-${at}`);
  const ledger = await aBatch(...slugs);
  const begun = slugs.map((slug) => begin(ledger, slug));
  const paused = ledger.placeHold(EVERYTHING, 'finish', 'ann').then(() => ledger.inHand(EVERYTHING));
  const outcomes = await Promise.all(begun);
  const { starting } = await paused;
  expect(outcomes.filter((outcome) => outcome === 'begun')).toHaveLength(starting);
});

test('in hand is told by batch, work and provider', async () => {
  const ledger = await aBatch('one');
  await startedSession(ledger, 'one', await claimed(ledger, 'one'));
  const ours = { starting: 0, sessions: 1, effects: 0 };
  for (const scope of [
    EVERYTHING,
    { kind: 'work', name: WORK },
    { kind: 'provider', name: 'command' },
    { kind: 'batch', name: BATCH },
  ] as const)
    expect(await ledger.inHand(scope)).toEqual(ours);
  expect(await ledger.inHand({ kind: 'work', name: 'other' })).toMatchObject({ sessions: 0 });
});
