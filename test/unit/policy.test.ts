// Pure decisions: retry table, verdict on a job, shards, checks, jitter.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ERROR_CLASSES, type ErrorClass } from '../../src/contract/errors.js';
import type { KnownJob } from '../../src/ledger/ledger.js';
import { retrySchema } from '../../src/contract/batch-file.js';
import { backAtOf } from '../../src/policy/back-at.js';
import { jitterOf } from '../../src/policy/jitter.js';
import {
  DEFAULT_RETRY,
  RETRY_RULES,
  afterClosed,
  afterEffect,
  afterSession,
  afterStep,
  type Excuse,
  type Next,
  retryPolicy,
  type SessionFailure,
  whyOf,
} from '../../src/policy/retry.js';
import { DIRECT_JOBS_MAX, SHARD_JOBS, partsOf, shardsAtOnce } from '../../src/policy/shards.js';
import { judge } from '../../src/policy/verdict.js';

type Stopped = Extract<Next, { kind: 'gate' }>;

describe('the table of retries', () => {
  test('docs/reference/errors.md says the same, class by class', () => {
    const page = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8');
    const rows = [
      ...page.matchAll(/^\| `(\w+)` \| .* \| (\w+) \| (\w+) \| (\w+) \| (.*) \| (.*) \| (.*) \|$/gm),
    ];
    const documented = Object.fromEntries(
      rows.map(([, name = '', ...columns]) => [name, columns.map((column) => column.trim())] as const),
    );
    const seconds = (ms: number) => (ms === 0 ? '-' : ms < 60_000 ? `${ms / 1000}s` : `${ms / 60_000}m`);
    const coded = Object.fromEntries(
      ERROR_CLASSES.map((name) => {
        const { agent, effect, budget, baseMs, capMs, tries } = RETRY_RULES[name];
        const asked = agent === 'again' || effect === 'again';
        const bound = tries === undefined ? (asked ? 'patience' : '-') : `${tries} tries`;
        return [name, [agent, effect, budget, seconds(baseMs), seconds(capMs), bound]];
      }),
    );
    expect(documented).toEqual(coded);
  });

  const failed = (errorClass: ErrorClass, more: Partial<SessionFailure> = {}): SessionFailure => ({
    errorClass,
    ran: true,
    endedAt: 0,
    ...more,
  });

  test('a job is parked exactly when one of its budgets is used up by sessions that ran', () => {
    const failures = fc.array(fc.tuple(fc.constantFrom(...ERROR_CLASSES), fc.boolean(), fc.boolean()), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        failures,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (ends, sessions, rejected, jitter) => {
          const all = ends.map(([errorClass, ran, earlier], at) =>
            failed(errorClass, { ran, earlier: earlier && at < ends.length - 1 }),
          );
          const last = all.at(-1) ?? failed('bug');
          const { agent, budget, tries = Infinity } = RETRY_RULES[last.errorClass];
          const next = afterSession(all, { ...DEFAULT_RETRY, sessions, rejected }, { jitter });
          const used = all.filter(({ errorClass, ran }) => ran && RETRY_RULES[errorClass].budget === budget);
          const most = { sessions, rejected, none: Infinity }[budget];
          const starts = all.slice(all.findLastIndex(({ ran }) => ran) + 1);
          const alike = starts.filter((one) => one.errorClass === last.errorClass && !one.earlier);
          const mayGoOn = agent === 'again' && (last.ran ? used.length < most : alike.length < tries);
          expect(next.kind === 'again').toBe(mayGoOn);
        },
      ),
    );
  });

  test('a service that is down for hours parks nobody, and one that is down for longer than patience does', () => {
    const MINUTE = 60_000;
    const down = (minutes: number) =>
      Array.from({ length: minutes / 5 + 1 }, (_, n) =>
        failed('transient', { ran: false, endedAt: n * 5 * MINUTE }),
      );
    expect(afterSession(down(11 * 60), DEFAULT_RETRY, { jitter: 0.5 }).kind).toBe('again');
    expect(afterSession(down(12 * 60), DEFAULT_RETRY, { jitter: 0.5 }).kind).toBe('park');
    const tried = { tries: 200, elapsedMs: 11 * 60 * MINUTE };
    expect(afterEffect({ errorClass: 'transient', ...tried, jitter: 0.5 }, DEFAULT_RETRY).kind).toBe('again');
    expect(afterEffect({ errorClass: 'bug', ...tried, jitter: 0.5 }, DEFAULT_RETRY).kind).toBe('park');
  });

  describe('patience and tries of a start are those of its run', () => {
    const DAY = 24 * 3_600_000;
    const start = (errorClass: ErrorClass, more: Partial<SessionFailure> = {}) =>
      failed(errorClass, { ran: false, ...more });
    const lastNight = (errorClass: ErrorClass) => start(errorClass, { earlier: true });

    test('what was refused last night parks nobody tonight', () => {
      for (const errorClass of ['auth', 'exhausted', 'transient', 'unknown'] as const) {
        const before = Array<SessionFailure>(20).fill(lastNight(errorClass));
        for (const now of ['throttled', 'transient', 'unknown'] as const)
          expect(
            afterSession([...before, start(now, { endedAt: DAY })], DEFAULT_RETRY, { jitter: 1 }),
          ).toEqual({
            kind: 'again',
            delayMs: RETRY_RULES[now].baseMs,
          });
      }
      const ranBefore = Array<SessionFailure>(2).fill(failed('lost', { earlier: true }));
      expect(
        afterSession([...ranBefore, failed('lost')], DEFAULT_RETRY, { jitter: 1 }).kind,
        'what was paid for counts',
      ).toBe('park');
    });

    test('a quota that was waited for is no failure, however late it came back', () => {
      const back = start('transient', { endedAt: DAY });
      expect(
        afterSession([start('transient'), start('exhausted'), back], DEFAULT_RETRY, { jitter: 0.5 }).kind,
      ).toBe('again');
      expect(afterSession([start('transient'), back], DEFAULT_RETRY, { jitter: 0.5 }).kind).toBe('park');
    });

    test('tries are those of one class; patience, and the waits, those of all', () => {
      const down = Array<SessionFailure>(15).fill(start('transient'));
      expect(afterSession([...down, start('unknown')], DEFAULT_RETRY, { jitter: 1 })).toEqual({
        kind: 'again',
        delayMs: RETRY_RULES.unknown.capMs,
      });
      const twelve = Array<SessionFailure>(12).fill(start('unknown'));
      expect(afterSession([...down, ...twelve], DEFAULT_RETRY, { jitter: 1 })).toEqual({
        kind: 'park',
        why: '12 tries failed',
      });
      expect(
        afterSession([...down, start('throttled', { endedAt: DAY })], DEFAULT_RETRY, { jitter: 1 }),
      ).toEqual({
        kind: 'park',
        why: '16 tries in 24 h failed, and patience ends there',
      });
    });
  });

  test('waiting with the others at a service that is down uses up no tries; patience ends it all the same', () => {
    const why = 'the service fails too often';
    const down = { kind: 'down', failing: true, delayMs: 66_000, backInMs: 60_000, why } as const;
    const next = (tries: number, hours: number, excuse?: Excuse) =>
      afterEffect(
        { errorClass: 'unknown', tries, elapsedMs: hours * 3_600_000, jitter: 0.5, excuse },
        DEFAULT_RETRY,
      );
    expect(next(12, 0).kind).toBe('park');
    expect(next(12, 11, down)).toEqual({ kind: 'wait', delayMs: 66_000, why: down.why });
    expect(next(1, 12).kind, 'its own').toBe('park');
  });

  test('no excuse keeps what would never work', () => {
    const down = { kind: 'down', delayMs: 66_000, why: 'the service fails too often' } as const;
    for (const errorClass of ['invalid', 'auth', 'conflict'] as const)
      expect(
        afterEffect({ errorClass, tries: 1, elapsedMs: 0, jitter: 0.5, excuse: down }, DEFAULT_RETRY),
      ).toEqual(afterEffect({ errorClass, tries: 1, elapsedMs: 0, jitter: 0.5 }, DEFAULT_RETRY));
  });

  test('the same output rejected twice is not asked for a third time', () => {
    const [one, other] = ['1'.repeat(64), '2'.repeat(64)];
    const rejected = (sha256: string) => failed('rejected', { sha256 });
    expect(afterSession([rejected(one), rejected(other)], DEFAULT_RETRY, { jitter: 0.5 }).kind).toBe('again');
    const twice = afterSession([rejected(one), failed('lost'), rejected(one)], DEFAULT_RETRY, {
      jitter: 0.5,
    });
    expect(twice).toMatchObject({ kind: 'park', why: 'the very same output was rejected before' });
  });

  test('sessions that the service itself cuts short are paid for as well, and use up the budget', () => {
    const HOUR = 3_600_000;
    for (const [errorClass, hintMs] of [
      ['throttled', 60_000],
      ['throttled', 0],
      ['exhausted', HOUR],
    ] as const) {
      const ends = (count: number, ran: boolean) =>
        afterSession(Array(count).fill(failed(errorClass, { ran })), DEFAULT_RETRY, { jitter: 0.5, hintMs })
          .kind;
      const goesOn = errorClass === 'exhausted' ? 'wait' : 'again';
      expect([1, 2, 3, 30].map((count) => ends(count, true))).toEqual([goesOn, goesOn, 'park', 'park']);
      expect(ends(30, false), 'what was refused costs nothing').toBe(goesOn);
    }
  });

  test('no session follows one that ran where the agent acts on the outside world; a refused start is repeated', () => {
    for (const errorClass of ERROR_CLASSES) {
      const next = (ran: boolean) =>
        afterSession([failed(errorClass, { ran })], DEFAULT_RETRY, {
          jitter: 0.5,
          hintMs: 60_000,
          outward: true,
        });
      expect([errorClass, next(true).kind]).toEqual([errorClass, 'hold']);
      expect(next(false)).toEqual(
        afterSession([failed(errorClass, { ran: false })], DEFAULT_RETRY, { jitter: 0.5, hintMs: 60_000 }),
      );
    }
  });

  test('a quota that comes back by itself is waited for; one that does not stops the batch', () => {
    const TWO_HOURS = 2 * 3_600_000;
    const waits = afterSession([failed('exhausted', { ran: false })], DEFAULT_RETRY, {
      jitter: 0.5,
      hintMs: TWO_HOURS,
    });
    expect(waits.kind).toBe('wait');
    if (waits.kind === 'wait') expect(waits.delayMs).toBeGreaterThanOrEqual(TWO_HOURS);
    expect(afterSession([failed('exhausted', { ran: false })], DEFAULT_RETRY, { jitter: 0.5 }).kind).toBe(
      'gate',
    );
    const tooLong = 13 * 3_600_000;
    expect(
      afterEffect(
        { errorClass: 'exhausted', tries: 1, elapsedMs: 0, jitter: 0.5, hintMs: tooLong },
        DEFAULT_RETRY,
      ).kind,
    ).toBe('gate');
  });

  describe('nothing is waited for past patience', () => {
    const HOUR = 3_600_000;
    const patient = retryPolicy(retrySchema.parse({ patience: '1h' }));
    const closed = (kind: Excuse['kind'], backInMs: number): Excuse => ({
      kind,
      delayMs: 1.05 * backInMs,
      why: 'closed',
      backInMs,
    });

    test('what the service says is back later gates the job, and says when that is', () => {
      for (const errorClass of ['exhausted', 'throttled', 'transient'] as const) {
        for (const next of [
          afterSession([failed(errorClass, { ran: false })], patient, { jitter: 0.5, hintMs: 2 * HOUR }),
          afterSession([failed(errorClass)], patient, { jitter: 0.5, hintMs: 2 * HOUR }),
          afterEffect({ errorClass, tries: 1, elapsedMs: 0, jitter: 0.5, hintMs: 2 * HOUR }, patient),
        ]) {
          if (next.kind !== 'gate') throw new Error(`${errorClass}: ${next.kind}`);
          const said = whyOf(next, Date.parse('2026-11-29T12:00:00Z'));
          expect(said).toBe('back at 2026-11-29T14:00:00.000Z, later than patience lasts');
          expect(backAtOf({ error: { class: errorClass, message: `answered 429 (${said})` } })).toBe(
            '2026-11-29T14:00:00.000Z',
          );
        }
      }
      expect(whyOf(afterClosed(closed('closed', 1e300), patient) as Stopped, 0)).toContain('+275760-09-13');
    });

    test('a closed lane says the same to all others, and is waited for as long as patience lasts', () => {
      const start = [failed('throttled', { ran: false })];
      const tried = { tries: 1, elapsedMs: 0 };
      for (const [backInMs, kind] of [
        [2 * HOUR, 'gate'],
        [HOUR, 'wait'],
      ] as const) {
        expect(afterClosed(closed('closed', backInMs), patient).kind).toBe(kind);
        expect(
          afterSession(start, patient, { jitter: 0.5, hintMs: backInMs, excuse: closed('closed', backInMs) })
            .kind,
        ).toBe(kind);
        for (const excuse of ['closed', 'down'] as const)
          expect(
            afterEffect(
              { errorClass: 'transient', ...tried, jitter: 0.5, excuse: closed(excuse, backInMs) },
              patient,
            ).kind,
          ).toBe(kind);
      }
    });

    test('a service that fails, and does not say until when, is waited for until patience ends', () => {
      const waits = (elapsedMs: number, more: Partial<Excuse> = {}) =>
        afterClosed({ ...closed('closed', 600_000), failing: true, ...more }, patient, elapsedMs);
      expect(waits(HOUR - 1).kind).toBe('wait');
      expect(waits(HOUR)).toEqual({
        kind: 'gate',
        why: 'it has failed for 60 min, and patience ends there',
      });
      expect(waits(HOUR, { backInMs: 0 }).kind, 'another job asks it just now').toBe('wait');
      expect(waits(HOUR, { failing: false }).kind, 'it has had enough, which is no failure').toBe('wait');
      const excuse = { ...closed('closed', 600_000), failing: true };
      const step = afterStep(
        { errorClass: 'throttled', tries: 1, elapsedMs: HOUR, jitter: 0.5, excuse },
        patient,
      );
      expect(step).toEqual(waits(HOUR));
    });

    test('the job that asked such a service last is gated as those are that merely wait', () => {
      const down = { ...closed('down', 600_000), failing: true };
      const starts = [0, HOUR].map((endedAt) => failed('transient', { ran: false, endedAt }));
      const gate = { kind: 'gate', why: 'it has failed for 60 min, and patience ends there' };
      expect(afterSession(starts, patient, { jitter: 0.5, excuse: down })).toEqual(gate);
      expect(afterSession(starts, patient, { jitter: 0.5 }).kind, 'it fails for it alone').toBe('park');
      const tried = { errorClass: 'unknown', tries: 1, elapsedMs: HOUR, jitter: 0.5 } as const;
      for (const after of [afterEffect, afterStep]) {
        expect(after({ ...tried, excuse: down }, patient)).toEqual(gate);
        expect(after(tried, patient).kind).toBe('park');
      }
      expect(afterSession(starts.slice(1), patient, { jitter: 0.5, excuse: down }).kind).toBe('again');
    });

    test('a start that its lane kept back uses up the patience of its step, waits included', () => {
      const start = [failed('throttled', { ran: false, endedAt: HOUR })];
      const next = (failingMs: number, excuse: Excuse) =>
        afterSession(start, patient, { jitter: 0.5, hintMs: 600_000, excuse, failingMs }).kind;
      const back = closed('closed', 600_000);
      expect(next(HOUR - 1, { ...back, failing: true })).toBe('wait');
      expect(next(HOUR, { ...back, failing: true })).toBe('gate');
      expect(next(HOUR, back), 'a quota is no failure').toBe('wait');
    });

    test('a limit of our own that leaves no room is no closed service, and is waited for', () => {
      const limit = { kind: 'closed', delayMs: 2 * HOUR, why: 'its limit leaves no room sooner' } as const;
      const start = [failed('throttled', { ran: false })];
      expect(afterSession(start, patient, { jitter: 0.5, hintMs: 2 * HOUR, excuse: limit }).kind).toBe(
        'wait',
      );
      expect(
        afterEffect(
          { errorClass: 'throttled', tries: 1, elapsedMs: 0, jitter: 0.5, hintMs: 2 * HOUR, excuse: limit },
          patient,
        ).kind,
      ).toBe('wait');
    });

    test('a wait of the table ends with patience, for a last try', () => {
      const policy = retryPolicy(
        retrySchema.parse({
          patience: '20s',
          classes: { transient: { wait: '99999999d', waitAtMost: '99999999d' } },
        }),
      );
      const wait = (elapsedMs: number) =>
        afterEffect({ errorClass: 'transient', tries: 1, elapsedMs, jitter: 1 }, policy);
      expect(wait(0)).toEqual({ kind: 'again', delayMs: 20_000 });
      expect(wait(15_000)).toEqual({ kind: 'again', delayMs: 5000 });
      expect(wait(20_000).kind).toBe('park');
      expect(afterSession([failed('transient')], policy, { jitter: 1 })).toEqual({
        kind: 'again',
        delayMs: 20_000,
      });
    });
  });

  test('a batch may have its own numbers', () => {
    const policy = retryPolicy({
      sessions: 5,
      rejected: 1,
      patience: '1h',
      classes: { transient: { wait: '10s', waitAtMost: '20s', tries: 2 } },
    });
    const next = (n: number) =>
      afterEffect({ errorClass: 'transient', tries: n, elapsedMs: 0, jitter: 1 }, policy);
    expect(next(1)).toEqual({ kind: 'again', delayMs: 10_000 });
    expect(next(2).kind).toBe('park');
    expect(afterSession([failed('rejected')], policy, { jitter: 1 }).kind).toBe('park');
    expect(policy.rules.lost).toEqual(RETRY_RULES.lost);
  });

  test('a first wait that is longer than the longest of the table is not cut short by it', () => {
    const policy = retryPolicy(retrySchema.parse({ classes: { lost: { wait: '10m' } } }));
    expect(afterEffect({ errorClass: 'lost', tries: 1, elapsedMs: 0, jitter: 1 }, policy)).toEqual({
      kind: 'again',
      delayMs: 600_000,
    });
  });

  test('a batch’s own number of tries of a class counts its sessions too, before the budget of all is used', () => {
    const policy = retryPolicy(retrySchema.parse({ sessions: 5, classes: { transient: { tries: 2 } } }));
    const kinds = (...ends: ErrorClass[]) =>
      afterSession(
        ends.map((end) => failed(end)),
        policy,
        { jitter: 0.5 },
      ).kind;
    expect(kinds('transient')).toBe('again');
    expect(kinds('transient', 'lost')).toBe('again');
    expect(kinds('transient', 'lost', 'transient')).toBe('park');
  });

  test('a wait never ends before the hint of the server, and is never zero', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ErrorClass>('transient', 'throttled', 'unknown'),
        fc.integer({ min: 1, max: 11 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 3_600_000 }),
        (errorClass, tries, jitter, hintMs) => {
          const next = afterEffect({ errorClass, tries, elapsedMs: 0, jitter, hintMs }, DEFAULT_RETRY);
          expect(next.kind).toBe('again');
          if (next.kind === 'again') expect(next.delayMs).toBeGreaterThanOrEqual(Math.max(1, hintMs));
        },
      ),
    );
  });

  test('siblings that fail together do not come back together', () => {
    const delays = Array.from({ length: 50 }, (_, job) =>
      afterSession([failed('transient')], DEFAULT_RETRY, { jitter: jitterOf(`job-${job}:1`) }),
    );
    const distinct = new Set(
      delays.map((next) => (next.kind === 'again' ? Math.round(next.delayMs / 100) : -1)),
    );
    expect(distinct.size).toBeGreaterThan(10);
  });
});

describe('the verdict on a job', () => {
  const key = 'e'.repeat(32);
  const [one, other] = ['1'.repeat(64), '2'.repeat(64)];
  const wanted = (fingerprint = one, revision = 1) => ({ fingerprint, revision, effectKeys: [key] });
  const known = (
    state: KnownJob['state'],
    effect: 'pending' | 'landed' | 'unknown' = 'landed',
    revision = 1,
  ): KnownJob => ({
    state,
    fingerprint: one,
    revision,
    artifact: undefined,
    attempts: 1,
    effects: new Map([[key, { state: effect, revision }]]),
    errorClass: undefined,
    errorMessage: undefined,
  });

  test.each([
    ['never seen', wanted(), undefined, 'new'],
    ['done, unchanged', wanted(), known('done'), 'adopt'],
    ['adopted, unchanged', wanted(), known('adopted'), 'adopt'],
    [
      'done, but the effect is a new one',
      { ...wanted(), effectKeys: [key, 'f'.repeat(32)] },
      known('done'),
      'resume',
    ],
    ['done, payload edited', wanted(other), known('done'), 'conflict'],
    ['done, payload edited and revision raised', wanted(other, 2), known('done'), 'update'],
    ['done at a higher revision', wanted(one, 1), known('done', 'landed', 2), 'conflict'],
    ['running, payload edited, nothing sent', wanted(other), known('running', 'pending'), 'resume'],
    ['running, payload edited, something may be out', wanted(other), known('held', 'unknown'), 'conflict'],
    ['parked, unchanged', wanted(), known('parked', 'pending'), 'parked'],
    ['parked, input mended, nothing sent', wanted(other), known('parked', 'pending'), 'resume'],
    ['held', wanted(), known('held', 'unknown'), 'resume'],
    ['held for its session', wanted(), { ...known('held', 'pending'), heldForSession: true }, 'held'],
    [
      'held for its session, revision raised',
      wanted(one, 2),
      { ...known('held', 'pending'), heldForSession: true },
      'resume',
    ],
    ['cancelled', wanted(), known('cancelled', 'pending'), 'resume'],
  ] as const)('%s', (_, job, ledger, verdict) => {
    expect(judge(job, ledger).verdict).toBe(verdict);
  });

  test('a conflict names both fingerprints and the revision to set', () => {
    const { note } = judge(wanted(other), known('done'));
    expect(note).toContain(one.slice(0, 12));
    expect(note).toContain(other.slice(0, 12));
    expect(note).toContain('revision to 2');
  });
});

describe('shards', () => {
  test('every job is in exactly one part, in order, and no part is too large', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200_000 }), (jobs) => {
        const parts = partsOf(jobs);
        const firsts: number[] = [];
        let next = 0;
        for (const { count } of parts) {
          firsts.push(next);
          next += count;
        }
        expect(parts.map(({ from }) => from)).toEqual(firsts);
        expect(parts.filter(({ count }) => count < 1 || count > SHARD_JOBS)).toEqual([]);
        expect(next).toBe(jobs);
      }),
    );
  });

  test('the jobs at once over all shards never exceed the concurrency asked for, beyond one for each', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 800 }),
        (concurrency, shards) => {
          const atOnce = shardsAtOnce(concurrency, shards);
          expect(atOnce * Math.max(1, Math.floor(concurrency / atOnce))).toBeLessThanOrEqual(concurrency);
        },
      ),
    );
    expect(DIRECT_JOBS_MAX).toBeLessThanOrEqual(400);
  });
});

describe('jitter', () => {
  test('is spread over the whole range, and the same for the same text', () => {
    const values = Array.from({ length: 1000 }, (_, n) => jitterOf(`key:${n}`));
    expect(Math.min(...values)).toBeLessThan(0.05);
    expect(Math.max(...values)).toBeGreaterThan(0.95);
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(0.5, 1);
    expect(jitterOf('key:1')).toBe(jitterOf('key:1'));
  });
});
