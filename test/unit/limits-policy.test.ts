// The decisions about shared limits: pure, so time is a number.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pass, sharedTrouble } from '../../src/policy/limits/breaker.js';
import { ceiling, declare } from '../../src/policy/limits/declared.js';
import { enter, leave, type Used } from '../../src/policy/limits/places.js';
import { DELIVERY_MS, reserve, spacing } from '../../src/policy/limits/rate.js';
import { settle, type LaneReport } from '../../src/policy/limits/report.js';
import { NEW_LANE, movedBack, type LaneState, type LaneUser } from '../../src/policy/limits/state.js';
import type { LaneLimits, Priority } from '../../src/contract/limits.js';
import type { ErrorClass } from '../../src/contract/errors.js';

const T0 = Date.parse('2026-11-23T02:00:00Z');
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const user = (limits: LaneLimits = {}, more: Partial<LaneUser> = {}): LaneUser => ({
  who: 'job-1',
  batchId: 'batch-1',
  limits,
  priority: 'normal',
  ...more,
});
const used = (more: Partial<Used>): Used => ({
  ...{ tokens: 0, micros: 0, isPriced: true, hasRun: true },
  ...more,
});
/** `job-1` has ended. */
const left = (state: LaneState, booked: number, session: Used, now: number): LaneState =>
  leave(state, 'job-1', booked, session, now);
const failing = (errorClass: ErrorClass, who = 'job-1', hintMs?: number): LaneReport => ({
  who,
  answers: 0,
  error: { errorClass, hintMs, why: 'HTTP 503', perSecond: 4 },
});
const ok = (answers = 1, who = 'job-1'): LaneReport => ({ who, answers });

function broken(failures: number, byJobs = 1): { state: LaneState; notes: number } {
  let state: LaneState = NEW_LANE;
  let notes = 0;
  for (let at = 0; at < failures; at++) {
    const settled = settle(state, failing('transient', `job-${at % byJobs}`), T0);
    state = settled.state;
    notes += settled.notes.length;
  }
  return { state, notes };
}

test('however requests come, no more than the limit reach the service within any second, each up to 250 ms late', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.record({ after: fc.nat(400), late: fc.nat(DELIVERY_MS - 1) }), {
        minLength: 5,
        maxLength: 200,
      }),
      (limit, calls) => {
        let state = declare(NEW_LANE, user({ requestsPerSecond: limit }), T0);
        let now = T0;
        const arrived: number[] = [];
        for (const { after, late } of calls) {
          now += after;
          const reserved = reserve(state, 'urgent', now);
          state = reserved.state;
          if (reserved.slot.kind === 'at') arrived.push(reserved.slot.at + late);
        }
        arrived.sort((a, b) => a - b);
        for (const from of arrived)
          expect(arrived.filter((at) => at >= from && at < from + 1000).length).toBeLessThanOrEqual(limit);
      },
    ),
  );
});

test('the strictest of the batches counts, and one that ended does not for ever', () => {
  const strict = declare(NEW_LANE, user({ requestsPerMinute: 6 }), T0);
  const both = declare(strict, user({ requestsPerMinute: 60 }, { batchId: 'batch-2' }), T0);
  expect(spacing(both, T0)).toBeCloseTo((MINUTE + DELIVERY_MS) / 6);
  expect(spacing(both, T0 + HOUR)).toBe(0);
  const later = declare(both, user({ requestsPerMinute: 60 }, { batchId: 'batch-2' }), T0 + HOUR);
  expect(spacing(later, T0 + HOUR)).toBeCloseTo((MINUTE + DELIVERY_MS) / 60);
});

test('bulk reserves a little ahead only, so that urgent requests come in between', () => {
  let state = declare(NEW_LANE, user({ requestsPerSecond: 1 }), T0);
  const take = (priority: Priority) => {
    const reserved = reserve(state, priority, T0);
    state = reserved.state;
    return reserved.slot;
  };
  const bulk = Array.from({ length: 10 }, () => take('bulk').kind);
  expect(bulk).toEqual(['at', 'at', ...Array.from({ length: 8 }, () => 'later')]);
  expect(take('urgent')).toMatchObject({ kind: 'at', at: T0 + 2 * (1000 + DELIVERY_MS) });
});

test('throttled: nobody sends before the hint, half as fast afterwards, and step by step as before', () => {
  const before = declare(NEW_LANE, user({ requestsPerSecond: 10 }), T0);
  const first = settle(before, failing('throttled', 'job-1', 20_000), T0);
  const again = settle(first.state, failing('throttled', 'job-2', 25_000), T0 + 5);
  expect([first.notes.length, again.notes.length]).toEqual([1, 0]);
  expect(reserve(again.state, 'normal', T0).slot).toEqual({ kind: 'later', delayMs: 25_005 });
  const after = T0 + 25_005;
  expect(spacing(again.state, after)).toBeCloseTo(2 * spacing(before, T0)); // once, not once for each job
  let state: LaneState = again.state;
  const speeds = Array.from({ length: 60 }, () => {
    state = settle(state, ok(), after).state;
    return spacing(state, after);
  });
  expect(speeds).toEqual([...speeds].sort((a, b) => b - a));
  expect(state.learnt).toBeUndefined();
  expect(spacing(state, after)).toBe(spacing(before, T0));
});

test('a service without a declared limit is slowed from what was sent, and set free again', () => {
  let state = settle(NEW_LANE, failing('throttled', 'job-1', 1000), T0).state;
  expect(spacing(state, T0 + 1000)).toBe(500); // 4 a second were sent
  for (let at = 0; at < 200; at++) state = settle(state, ok(), T0 + 2000).state;
  expect(spacing(state, T0 + 2000)).toBe(0);
});

test('what has hardly begun is not taken for the rate that was too fast, and comes back within minutes', () => {
  const slow = {
    ...failing('throttled', 'job-1', 1000),
    error: { errorClass: 'throttled', hintMs: 1000, why: '', perSecond: 0.2 },
  } as const;
  let state = settle(NEW_LANE, slow, T0).state;
  let now = T0 + 1000;
  expect(spacing(state, now)).toBe(2000);
  // A start of a session sends four requests for one answer.
  while (state.learnt !== undefined && now < T0 + HOUR) {
    now += 4 * spacing(state, now);
    state = settle(state, { who: 'job-1', answers: 1, sent: 4 }, now).state;
  }
  expect(now - T0).toBeLessThan(4 * MINUTE);
});

test('a service that bears little is found out by a few complaints', () => {
  let state: LaneState = NEW_LANE;
  let now = T0;
  for (let complaints = 0; complaints < 4; complaints++) {
    state = settle(state, failing('throttled', 'job-1', 1000), now).state;
    now += 1001;
  }
  expect(SECOND / spacing(state, now)).toBeCloseTo(4 / 16);
});

test('requests without any answer make nothing faster while something fails', () => {
  const slowed = settle(NEW_LANE, failing('throttled', 'job-1', 1000), T0).state;
  const failed = settle(slowed, { ...failing('transient'), sent: 9 }, T0 + 2000).state;
  expect(spacing(failed, T0 + 2000)).toBe(spacing(slowed, T0 + 2000));
});

test.each([
  ['ten failures in a row', 10, 1],
  ['five by five jobs, in a night of few calls', 5, 5],
])('%s open the circuit, with one note', (_name, failures, jobs) => {
  expect(broken(failures - 1, jobs).state.gate).toBeUndefined();
  const { state, notes } = broken(failures, jobs);
  expect(state.gate).toMatchObject({ cause: 'transient', retryAt: T0 + 30_000 });
  expect(notes).toBe(1);
});

test('half of twenty calls in a minute open it; the same over two minutes do not', () => {
  const run = (apartMs: number): LaneState => {
    let state: LaneState = NEW_LANE;
    for (let at = 0; at < 20; at++)
      state = settle(state, at % 2 ? failing('transient') : ok(), T0 + at * apartMs).state;
    return state;
  };
  expect(run(1000).gate).toMatchObject({ cause: 'transient' });
  expect(run(6000).gate).toBeUndefined();
});

test('half-open lets one through; failing makes the pause longer, up to ten minutes, answering closes it', () => {
  let { state } = broken(10);
  let now = T0;
  const pauses: number[] = [];
  for (let round = 0; round < 7; round++) {
    expect(pass(state, 'early', now).kind).toBe('wait');
    pauses.push((state.gate?.retryAt ?? 0) - now);
    now = state.gate?.retryAt ?? 0;
    const probe = pass(state, 'probe', now);
    if (probe.kind !== 'go') throw new Error('the probe has to pass');
    expect(pass(probe.state, 'other', now).kind).toBe('wait');
    expect(pass(probe.state, 'probe', now).kind).toBe('go');
    const late = settle(probe.state, failing('transient', 'other'), now);
    expect(late.state).toBe(probe.state); // sent before it opened: no news
    const settled = settle(probe.state, failing('transient', 'probe'), now);
    expect(settled.notes).toEqual([]);
    state = settled.state;
  }
  expect(pauses).toEqual([30, 60, 120, 240, 480, 600, 600].map((seconds) => seconds * 1000));
  now = state.gate?.retryAt ?? 0;
  const probe = pass(state, 'probe', now);
  if (probe.kind !== 'go') throw new Error('the probe has to pass');
  const closed = settle(probe.state, ok(1, 'probe'), now);
  expect(closed.state.gate).toBeUndefined();
  expect(closed.notes).toMatchObject([{ what: 'closed' }]);
});

describe('a service that says when it will be back', () => {
  const saysOf = (hints: readonly (number | undefined)[], errorClass: ErrorClass = 'transient'): LaneState =>
    hints.reduce<LaneState>(
      (state, hintMs, at) => settle(state, failing(errorClass, `job-${at}`, hintMs), T0 + at).state,
      NEW_LANE,
    );

  test.each(['transient', 'unknown'] as const)(
    'is not asked before the latest time that any of the failures named: %s',
    (errorClass) => {
      const { gate } = saysOf([MINUTE, 10 * MINUTE, undefined, 2 * MINUTE, MINUTE], errorClass);
      expect(gate).toMatchObject({ cause: 'transient', retryAt: T0 + 1 + 10 * MINUTE });
    },
  );

  test('is left alone for half a minute at least, whatever it says', () => {
    expect(saysOf([0, 1, 1, 1, SECOND]).gate?.retryAt).toBe(T0 + 4 + 30 * SECOND);
  });

  test('is heard also by those who were under way, but not while a probe is, nor where a quota is used up', () => {
    const down = saysOf(Array.from({ length: 5 }, () => MINUTE));
    const late = settle(down, failing('transient', 'late', HOUR), T0 + SECOND);
    expect([late.state.gate?.retryAt, late.notes]).toEqual([T0 + SECOND + HOUR, []]);
    expect(settle(late.state, failing('transient', 'later'), T0 + 2 * SECOND).state).toBe(late.state);
    const probing = pass(down, 'probe', T0 + HOUR);
    if (probing.kind !== 'go') throw new Error('the probe has to pass');
    expect(settle(probing.state, failing('transient', 'late', HOUR), T0 + HOUR).state).toBe(probing.state);
    const usedUp = settle(NEW_LANE, failing('exhausted', 'job-1', MINUTE), T0).state;
    expect(settle(usedUp, failing('transient', 'late', HOUR), T0).state).toBe(usedUp);
  });

  test('has said nothing once it answers', () => {
    const once = saysOf([HOUR]);
    const calm = settle(once, ok(), T0 + 1).state;
    const down = FIVE.reduce((state, who) => settle(state, failing('transient', who), T0 + 2).state, calm);
    expect(down.gate?.retryAt).toBe(T0 + 2 + 30 * SECOND);
    const looksGoWell = settle(saysOf([HOUR], 'unknown'), ok(), T0 + 1).state; // which says nothing of writes
    const closed = FIVE.reduce((state, who) => settle(state, writeFails(who), T0 + 2).state, looksGoWell);
    expect(closed.gate?.retryAt).toBe(T0 + HOUR);
  });
});

test('a probe whose worker died is replaced after two minutes', () => {
  const { state } = broken(10);
  const probe = pass(state, 'probe', T0 + 30_000);
  if (probe.kind !== 'go') throw new Error('the probe has to pass');
  expect(pass(probe.state, 'other', T0 + 149_999).kind).toBe('wait');
  expect(pass(probe.state, 'other', T0 + 150_000).kind).toBe('go');
});

// A write that was answered 5xx is `unknown`: only a write leaves in doubt whether it was carried out.
const writeFails = (who: string): LaneReport => failing('unknown', who);
const written = (who: string): LaneReport => ({ who, answers: 1, written: true });
const told = (state: LaneState, ...reports: readonly LaneReport[]): LaneState =>
  reports.reduce((before, report) => settle(before, report, T0).state, state);
const FIVE = ['one', 'two', 'three', 'four', 'five'];

/** Writes of five jobs failed, with looks that went well between them. */
const writesDown = (): LaneState => told(NEW_LANE, ...FIVE.flatMap((who) => [ok(), writeFails(who)]));

function probing(state: LaneState, who: string): LaneState {
  const passage = pass(state, who, state.gate?.retryAt ?? T0);
  if (passage.kind !== 'go') throw new Error(`${who} has to be the probe`);
  return passage.state;
}

test('whoever only asks whether it could go on is the one that may, until somebody would send', () => {
  const open = told(NEW_LANE, ...FIVE.map((who) => failing('transient', who)));
  const due = T0 + 60_000;
  const asked = pass(open, 'asks', due, { tentative: true });
  if (asked.kind !== 'go') throw new Error('nobody probes yet');
  expect(pass(asked.state, 'asks too', due, { tentative: true })).toMatchObject({
    kind: 'wait',
    delayMs: 10_000,
  });
  const sent = pass(asked.state, 'sends', due);
  if (sent.kind !== 'go') throw new Error('it goes first');
  expect(sent.state.gate?.probe).toEqual({ who: 'sends', until: due + 120_000 });
  expect(pass(sent.state, 'asks', due).kind).toBe('wait');
  const own = pass(asked.state, 'asks', due + 1000);
  expect(own.kind === 'go' && own.state.gate?.probe).toEqual({ who: 'asks', until: due + 121_000 });
});

test('writes that fail for five jobs close it to writes; looks go on, and their answers open nothing', () => {
  const state = told(writesDown(), ok(7, 'looks'));
  expect(state.gate).toMatchObject({ cause: 'transient', writesOnly: true, retryAt: T0 + 30_000 });
  expect(enter(state, user(), T0)).toMatchObject({ kind: 'wait', down: true });
  expect(pass(state, 'looks', T0, { looks: true }).kind).toBe('go');
});

test('looks that begin to fail too close it altogether', () => {
  const state = told(writesDown(), ...FIVE.map((who) => failing('transient', who)));
  expect(pass(state, 'looks', T0, { looks: true }).kind).toBe('wait');
});

test('a probe that only looked lets the next one write; one that wrote opens it', () => {
  const down = writesDown();
  const looked = settle(probing(down, 'one'), ok(1, 'one'), T0 + 30_000);
  expect([looked.notes, looked.state.gate?.retryAt]).toEqual([[], T0 + 30_000]);
  const opened = settle(probing(looked.state, 'two'), written('two'), T0 + 30_000);
  expect([opened.state.gate, opened.state.failedWrites]).toEqual([undefined, undefined]);
  expect(opened.notes).toMatchObject([{ what: 'closed' }]);
});

test('where writes fail for several jobs none is to blame, and whose probe failed comes back after the others', () => {
  const down = writesDown();
  const again = settle(probing(down, 'one'), writeFails('one'), T0 + 30_000).state;
  const shared = sharedTrouble(again, T0 + 30_000);
  expect(shared).toMatchObject({ delayMs: 66_000, down: true });
  const other = enter(again, user(), T0 + 30_000, undefined, { jitter: 1 });
  expect(other.kind === 'wait' && other.delayMs < (shared?.delayMs ?? 0)).toBe(true);
});

test('one job whose every write fails closes nothing while others’ are answered, and is to blame itself', () => {
  let state: LaneState = NEW_LANE;
  for (let round = 0; round < 40; round++) {
    for (const report of [writeFails('poisoned'), written(`job-${round}`)])
      state = settle(state, report, T0 + round * 10_000).state;
    expect([state.gate, sharedTrouble(state, T0)]).toEqual([undefined, undefined]);
  }
});

test('alone it closes it at the tenth failure in a row, and is to blame all the same', () => {
  let state = told(NEW_LANE, ...Array.from({ length: 10 }, () => writeFails('poisoned')));
  expect(state.gate).toBeDefined();
  state = settle(probing(state, 'poisoned'), writeFails('poisoned'), T0 + 30_000).state;
  expect(sharedTrouble(state, T0 + 30_000)).toBeUndefined();
});

test('after an outage it does not keep closed what another’s write has opened', () => {
  let state = told(probing(writesDown(), 'good'), written('good'));
  for (let tries = 0; tries < 9; tries++) {
    state = told(state, writeFails('poisoned'));
    expect([state.gate, sharedTrouble(state, T0)]).toEqual([undefined, undefined]);
  }
});

test('a quota that does not come back by itself says so until it is open, also where another one closed it first', () => {
  const balance = {
    ...failing('exhausted', 'job-2', HOUR),
    error: { errorClass: 'exhausted', hintMs: HOUR, needsPerson: true, why: 'no credits', perSecond: 1 },
  } as const;
  const both = settle(settle(NEW_LANE, failing('exhausted', 'job-1', MINUTE), T0).state, balance, T0 + 1);
  expect(both.state.gate).toMatchObject({ needsPerson: true, why: 'no credits', retryAt: T0 + 1 + HOUR });
  expect(pass(both.state, 'job-3', T0 + 2)).toMatchObject({
    kind: 'wait',
    why: expect.stringContaining('does not come back by itself') as string,
  });
  const probe = pass(both.state, 'job-1', T0 + 2 * HOUR);
  const limited = settle(
    probe.kind === 'go' ? probe.state : NEW_LANE,
    failing('exhausted', 'job-1', MINUTE),
    T0 + 2 * HOUR,
  );
  expect(limited.state.gate?.needsPerson, 'as the last answer says').toBeUndefined();
});

test('an exhausted quota closes it until its reset, in one note, whatever comes in late', () => {
  const first = settle(NEW_LANE, failing('exhausted', 'job-1', 2 * HOUR), T0);
  let { state } = first;
  const notes = [...first.notes];
  for (const [at, report] of [
    failing('exhausted', 'job-2'),
    failing('transient', 'job-3'),
    ok(3),
  ].entries()) {
    const settled = settle(state, report, T0 + at);
    state = settled.state;
    notes.push(...settled.notes);
  }
  expect(notes).toMatchObject([{ what: 'opened', cause: 'exhausted', retryAt: T0 + 2 * HOUR }]);
  for (const minute of [0, 1, 60, 119])
    expect(enter(state, user(), T0 + minute * MINUTE)).toMatchObject({ kind: 'wait' });
  expect(enter(state, user(), T0 + 2 * HOUR)).toMatchObject({ kind: 'go' });
});

test('without a reset time it is looked at once an hour; refused credentials every five minutes', () => {
  const exhausted = settle(NEW_LANE, failing('exhausted'), T0).state;
  expect(exhausted.gate?.retryAt).toBe(T0 + HOUR);
  const auth = settle(NEW_LANE, failing('auth'), T0).state;
  expect(auth.gate?.retryAt).toBe(T0 + 5 * MINUTE);
});

test('a refused request says that the service works; our own mistakes say nothing', () => {
  const { state } = broken(9);
  expect(settle(state, failing('invalid'), T0).state.streak).toBe(0);
  expect(settle(state, failing('bug'), T0).state.streak).toBe(9);
});

test('sessions: no more than there are places, and the urgent go first', () => {
  const limits = { sessions: 2 };
  expect(enter(NEW_LANE, user(limits), T0, { held: 1 })).toMatchObject({ kind: 'go', place: { tokens: 0 } });
  const urgent = enter(NEW_LANE, user(limits, { priority: 'urgent' }), T0, { held: 2 });
  expect(urgent).toMatchObject({ kind: 'wait' });
  expect(enter(urgent.state, user(limits, { priority: 'bulk' }), T0 + 1, { held: 1 }).kind).toBe('wait');
  expect(enter(urgent.state, user(limits, { priority: 'urgent' }), T0 + 1, { held: 1 }).kind).toBe('go');
  expect(enter(urgent.state, user(limits, { priority: 'bulk' }), T0 + MINUTE, { held: 1 }).kind).toBe('go');
  const mine = { held: 2, mine: { tokens: 0 } };
  expect(enter(urgent.state, user(limits), T0 + 1, mine).kind).toBe('go'); // the same session, tried again
});

test('a free place is kept for the urgent session that waits for longest, whoever asks meanwhile', () => {
  const urgent = user({ sessions: 1 }, { priority: 'urgent' });
  const long = enter(NEW_LANE, urgent, T0, { held: 1 }, { waits: 9, jitter: 0.5 });
  expect(long).toMatchObject({ kind: 'wait', delayMs: MINUTE });
  const newcomer = enter(long.state, { ...urgent, who: 'newcomer' }, T0 + 1, { held: 1 }, { jitter: 0.5 });
  expect(newcomer).toMatchObject({ kind: 'wait', delayMs: 5000 });
  const bulk = user({ sessions: 1 }, { priority: 'bulk' });
  expect(enter(newcomer.state, bulk, T0 + 50_000, { held: 0 }).kind).toBe('wait');
  expect(enter(newcomer.state, urgent, T0 + MINUTE, { held: 0 }).kind).toBe('go');
});

test('tokens: while nobody knows what a session takes, one goes first and shows it', () => {
  const limited = user({ tokensPerMinute: 1000 });
  const first = enter(NEW_LANE, limited, T0, { held: 0 });
  expect(first.kind).toBe('go');
  expect(enter(first.state, limited, T0, { held: 1 })).toMatchObject({
    kind: 'wait',
    why: expect.stringContaining('not known yet') as string,
  });
  // One that tells no tokens counts as known too: else all would go one by one for ever.
  const known = left(first.state, 0, used({ tokens: 0 }), T0 + MINUTE);
  expect(enter(known, limited, T0 + MINUTE, { held: 1 }).kind).toBe('go');
});

test('tokens: sessions are booked by what earlier ones used, and wait until the minute has room', () => {
  const limits = { tokensPerMinute: 1000 };
  let { state } = enter(NEW_LANE, user(limits), T0, { held: 0 });
  state = left(state, 0, used({ tokens: 3000 }), T0); // three minutes' worth
  const next = enter(state, user(limits), T0, { held: 0 });
  expect(next).toMatchObject({ kind: 'wait' });
  expect(next.kind === 'wait' && next.delayMs).toBeGreaterThan(MINUTE);
  expect(enter(state, user(limits), T0 + 2 * MINUTE, { held: 0 })).toMatchObject({
    kind: 'go',
    place: { tokens: 3000 },
  });
});

describe('since when it is closed', () => {
  const askedAt = (state: LaneState, at: number): LaneState => {
    const passage = pass(state, 'job-1', at);
    if (passage.kind === 'wait') throw new Error('nobody may ask yet');
    return passage.state;
  };
  const closedFor = (state: LaneState, errorClass: ErrorClass, at: number, hintMs?: number): LaneState =>
    settle(state, failing(errorClass, 'job-1', hintMs), at).state;

  test('a quota of minutes counts from when it was used up, not from the fault that came before it', () => {
    const down = broken(10).state;
    expect(down.gate?.cause).toBe('transient');
    const at = T0 + 55 * MINUTE;
    const { gate } = closedFor(askedAt(down, at), 'exhausted', at, 10 * MINUTE);
    expect(gate).toMatchObject({ cause: 'exhausted', since: at, retryAt: at + 10 * MINUTE });
    const late = closedFor(down, 'exhausted', T0 + SECOND, 10 * MINUTE);
    expect(late.gate).toMatchObject({ cause: 'exhausted', since: T0 + SECOND });
  });

  test('time in which nobody asked counts for nothing; while somebody asks it goes on', () => {
    const spent = closedFor(NEW_LANE, 'exhausted', T0, 10 * MINUTE);
    const soon = T0 + 12 * MINUTE;
    expect(closedFor(askedAt(spent, soon), 'exhausted', soon, 10 * MINUTE).gate?.since).toBe(T0);
    const nextNight = T0 + 24 * HOUR;
    expect(closedFor(askedAt(spent, nextNight), 'exhausted', nextNight, 10 * MINUTE).gate?.since).toBe(
      nextNight,
    );
    const down = broken(10).state;
    expect(closedFor(askedAt(down, soon), 'transient', soon).gate?.since).toBe(T0);
    expect(closedFor(askedAt(down, nextNight), 'transient', nextNight).gate?.since).toBe(nextNight);
  });
});

describe('spending in ten minutes', () => {
  const limited = user({ spendPer10Min: 10 });
  const UNIT = 1_000_000;

  test('while nobody knows what a session costs, one goes first and shows it', () => {
    const first = enter(NEW_LANE, limited, T0, { held: 0 });
    expect(first.kind).toBe('go');
    expect(enter(first.state, limited, T0, { held: 1 })).toMatchObject({
      kind: 'wait',
      why: 'what a session costs is not known yet: the first one shows it',
    });
    const refused = left(first.state, 0, used({ isPriced: false, hasRun: false }), T0);
    expect(enter(refused, limited, T0, { held: 1 }).kind, 'a start that was refused says nothing').toBe(
      'wait',
    );
    const silent = left(first.state, 0, used({ micros: 0 }), T0);
    expect(enter(silent, limited, T0, { held: 1 }).kind, 'one that tells no cost counts as free').toBe('go');
  });

  test('starts are spread by what sessions cost: no ten minutes have more than the limit', () => {
    let state = left(enter(NEW_LANE, limited, T0, { held: 0 }).state, 0, used({ micros: 2 * UNIT }), T0);
    const starts: number[] = [];
    for (let now = T0; now < T0 + 60 * MINUTE; now += 10_000) {
      const entry = enter(state, limited, now, { held: starts.length });
      if (entry.kind === 'go') starts.push(now);
      state = entry.state;
    }
    expect(starts).toHaveLength(29); // 10 in ten minutes are five sessions of 2 each; the first was booked before
    for (const from of starts) {
      const within = starts.filter((at) => at >= from && at < from + 10 * MINUTE);
      expect(within.length).toBeLessThanOrEqual(5);
    }
    const late = enter(state, limited, T0 + 60 * MINUTE, { held: 1 });
    expect(late.kind === 'wait' ? late.why : '').toMatch(/^$|10 in ten minutes are spent/);
  });

  test('what one costs beyond the mean is made up for, what it costs less is given back', () => {
    const known = left(enter(NEW_LANE, limited, T0, { held: 0 }).state, 0, used({ micros: UNIT }), T0);
    const at = T0 + 10 * MINUTE;
    const next = enter(known, limited, at, { held: 0 }).state;
    expect(next.spendAt).toBe(at + MINUTE);
    expect(left(next, 0, used({ micros: 5 * UNIT }), at).spendAt).toBe(at + 5 * MINUTE);
    expect(left(next, 0, used({ micros: 0, isPriced: false, hasRun: false }), at).spendAt).toBe(at);
  });

  test('each is counted by what was booked when it began, whatever the mean has become', () => {
    const known = left(enter(NEW_LANE, limited, T0, { held: 0 }).state, 0, used({ micros: 0.05 * UNIT }), T0);
    const each = user({ spendPer10Min: 1000 }, {});
    let state: LaneState = { ...known, spendAt: T0, declared: {} };
    const jobs = Array.from({ length: 50 }, (_, at) => ({ ...each, who: `job-${at}` }));
    let now = T0;
    for (const job of jobs) {
      now += 1000;
      state = enter(state, job, now, { held: 1 }).state;
    }
    const before = state.spendAt ?? 0;
    for (const { who } of jobs) state = leave(state, who, 0, used({ micros: UNIT }), now);
    const bookedMs = (state.spendAt ?? 0) - Math.max(before, now);
    expect((bookedMs / (10 * MINUTE)) * 1000).toBeCloseTo(50 - 2.5, 0);
    expect(state.microsBooked).toEqual({});
  });

  test('of one that ran and told no cost what was booked stays', () => {
    const known = left(enter(NEW_LANE, limited, T0, { held: 0 }).state, 0, used({ micros: UNIT }), T0);
    const at = T0 + 10 * MINUTE;
    const next = enter(known, limited, at, { held: 0 }).state;
    expect(left(next, 0, used({ isPriced: false }), at)).toMatchObject({
      spendAt: at + MINUTE,
      microsPerSession: UNIT,
    });
  });

  test('one that was begun by an earlier release is counted by the mean of its end', () => {
    const known = left(enter(NEW_LANE, limited, T0, { held: 0 }).state, 0, used({ micros: UNIT }), T0);
    const at = T0 + 10 * MINUTE;
    const { microsBooked: _, ...earlier } = enter(known, limited, at, { held: 0 }).state;
    expect(left(earlier, 0, used({ micros: 5 * UNIT }), at).spendAt).toBe(at + 5 * MINUTE);
  });

  test('the strictest of the batches that use the account counts, and lanes of earlier releases know nothing of it', () => {
    const both = enter(
      enter(NEW_LANE, limited, T0).state,
      user({ spendPer10Min: 4 }, { batchId: 'batch-2' }),
      T0,
    ).state;
    expect(ceiling(both, T0).spendPer10Min).toBe(4);
    expect(left(NEW_LANE, 0, used({ micros: UNIT }), T0)).toEqual(NEW_LANE);
  });
});

test('a state moved back is the same to those whose clock was set back by as much', () => {
  const limits = { requestsPerSecond: 1, sessions: 1, tokensPerMinute: 100, spendPer10Min: 1 };
  const busy = { ...user(limits), priority: 'urgent' } as const;
  const steps: ((state: LaneState, now: number) => LaneState)[] = [
    (state, now) => enter(state, busy, now, { held: 0 }).state,
    (state, now) => reserve(state, 'normal', now).state,
    (state, now) => left(state, 0, used({ tokens: 1000, micros: 2_000_000, hasRun: true }), now),
    (state, now) => enter(state, busy, now, { held: 1 }).state, // it waits
    (state, now) => settle(state, failing('throttled', 'job-2', MINUTE), now).state,
    (state, now) => settle(state, failing('transient', 'job-2', HOUR), now).state,
    (state, now) => settle(state, failing('exhausted', 'job-3', HOUR), now).state,
    (state, now) => {
      const passed = pass(state, 'job-4', now + HOUR);
      return passed.kind === 'go' ? passed.state : state;
    },
  ];
  const at = (t0: number): LaneState =>
    steps.reduce((state, step, n) => step(state, t0 + n * SECOND), NEW_LANE);
  const late = at(T0 + 2 * HOUR);
  expect(late).toMatchObject({
    gate: { probe: { who: 'job-4' } },
    waiting: { urgent: expect.any(Number) as number },
  });
  expect(movedBack(late, 2 * HOUR)).toEqual(at(T0));
});
