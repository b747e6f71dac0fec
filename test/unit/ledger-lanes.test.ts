// What worker processes share of one account, through the ledger. Two ledgers on one place stand for two workers.
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { agentAccount, laneIdOf, mayBeLane } from '../../src/activities/lanes/lane-key.js';
import { reportTrouble } from '../../src/activities/lanes/lane-of.js';
import { openLane } from '../../src/activities/lanes/lane.js';
import type { Definition } from '../../src/contract/batch-file.js';
import { AdapterError, type ErrorClass } from '../../src/contract/errors.js';
import type { LaneLimits, Priority } from '../../src/contract/limits.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { aLedger, aPlace, placeOf, rawSql } from './ledger-fixture.js';

const LANE = { id: 'acme-1', label: 'acme https://api.example' };
const HOUR = 3_600_000;
const { signal } = new AbortController();

const laneFor = (
  ledger: Ledger,
  who: string,
  { limits = {}, priority = 'normal' }: { limits?: LaneLimits; priority?: Priority } = {},
) => openLane(LANE, { who, batchId: 'batch-1', limits, priority }, ledger);

const error = (errorClass: ErrorClass, retryAfterMs?: number) =>
  new AdapterError(errorClass, 'HTTP 429', {
    sent: 'rejected',
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });

async function twoWorkers() {
  const place = await aPlace();
  const { ledger: here } = await aLedger(place);
  const { ledger: there } = await aLedger(place);
  return { place, here, there };
}

/** Lets time pass for all lanes: every time in them lies so much further back. */
async function timePasses(place: string, ms: number): Promise<void> {
  const sql = rawSql(place);
  const back = (value: unknown): unknown => {
    if (typeof value === 'number' && value > 1e12) return value - ms;
    if (Array.isArray(value)) return value.map(back);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, back(part)]));
  };
  for (const { lane, state } of await sql('select lane, state from lanes'))
    await sql(
      'update lanes set state = ? where lane = ?',
      JSON.stringify(back(JSON.parse(String(state)))),
      lane,
    );
  for (const { holder, expires_at } of await sql('select holder, expires_at from lane_places')) {
    const expires = new Date(Date.parse(String(expires_at)) - ms).toISOString();
    await sql('update lane_places set expires_at = ? where holder = ?', expires, holder);
  }
}

/** Counts what is asked of the ledger. */
function counting(ledger: Ledger): { ledger: Ledger; calls: string[] } {
  const calls: string[] = [];
  const counted = new Proxy(ledger, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...given: unknown[]) => unknown;
      return (...given: unknown[]) => {
        calls.push(String(name));
        return method(...given);
      };
    },
  });
  return { ledger: counted, calls };
}

describe('what it costs', () => {
  test('a lane without limits: one read when a step begins, and nothing for its requests', async () => {
    const { ledger, calls } = counting((await aLedger()).ledger);
    const lane = laneFor(ledger, 'job-1');
    expect(await lane.enter('session')).toEqual({ kind: 'go' });
    for (let at = 0; at < 50; at++) {
      await lane.turn(signal);
      await lane.report('ok');
    }
    expect(calls).toEqual(['lane']);
    expect(await ledger.lanes()).toEqual([]);
  });

  test('a limited lane: one transaction for each request, and one for all that wait at the same time', async () => {
    const { ledger, calls } = counting((await aLedger()).ledger);
    const limits = { requestsPerSecond: 500 };
    const lane = laneFor(ledger, 'job-1', { limits });
    for (let at = 0; at < 5; at++) {
      await lane.turn(signal);
      await lane.report('ok');
    }
    expect(calls.length).toBeGreaterThanOrEqual(5); // more only where a slot was overslept
    expect(new Set(calls)).toEqual(new Set(['changeLane']));
    const before = calls.length;
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        laneFor(ledger, `job-${at}`, { limits }).turn(new AbortController().signal),
      ),
    );
    expect(calls.length - before).toBeLessThan(20);
  });
});

describe('places of sessions', () => {
  const limits = { sessions: 2 };

  test('no more sessions than places over all workers; one that ends makes room', async () => {
    const { here, there } = await twoWorkers();
    const first = laneFor(here, 'a', { limits });
    expect((await first.enter('session')).kind).toBe('go');
    expect((await laneFor(there, 'b', { limits }).enter('session')).kind).toBe('go');
    const third = laneFor(there, 'c', { limits });
    expect(await third.enter('session')).toMatchObject({
      kind: 'wait',
      why: 'all 2 places for sessions are taken',
    });
    expect((await laneFor(there, 'a', { limits }).enter('session')).kind).toBe('go'); // taken over by another worker
    expect((await third.enter('effect')).kind).toBe('go');
    await first.leave();
    expect((await third.enter('session')).kind).toBe('go');
    expect(await here.lanes()).toMatchObject([{ ...LANE, sessions: 2 }]);
  });

  test('what a session has cost keeps the next one back, on whichever worker', async () => {
    const { place, here, there } = await twoWorkers();
    const spending = { limits: { spendPer10Min: 10 } };
    const first = laneFor(here, 'a', spending);
    expect((await first.enter('session')).kind).toBe('go');
    await first.leave({ tokens: 0, micros: 5_000_000, isPriced: true, hasRun: true });
    const second = laneFor(there, 'b', spending);
    expect(await second.enter('session')).toMatchObject({
      kind: 'wait',
      why: '10 in ten minutes are spent (limits.spendPer10Min)',
    });
    await timePasses(place, 5 * 60_000);
    expect((await second.enter('session')).kind).toBe('go');
  });

  test('a dead worker’s places come free; a live one’s are renewed', async () => {
    const { place, here, there } = await twoWorkers();
    await laneFor(here, 'a', { limits }).enter('session');
    await laneFor(here, 'b', { limits }).enter('session');
    await timePasses(place, 4 * 60_000);
    const places = ['a', 'unknown'].map((who) => ({ lane: LANE.id, who }));
    expect(await here.keepPlaces(places, 5 * 60_000)).toEqual([places[1]]);
    await timePasses(place, 2 * 60_000);
    expect((await laneFor(there, 'c', { limits }).enter('session')).kind).toBe('go');
    expect((await laneFor(there, 'd', { limits }).enter('session')).kind).toBe('wait');
  });

  test('a worker that goes on with another’s session keeps its place, also one that was lost meanwhile', async () => {
    const { place, here, there } = await twoWorkers();
    const limited = { limits: { sessions: 1 } };
    await laneFor(here, 'a', limited).enter('session');
    await timePasses(place, 4 * 60_000);
    const taken = laneFor(there, 'a', limited);
    await taken.attach();
    for (const round of [1, 2, 3]) {
      await timePasses(place, 4 * 60_000);
      const soon = performance.now() + round * 61_000;
      vi.spyOn(performance, 'now').mockReturnValue(soon);
      await taken.keep();
      vi.restoreAllMocks();
      expect((await laneFor(here, 'b', limited).enter('session')).kind).toBe('wait');
    }
    await timePasses(place, 6 * 60_000);
    expect((await laneFor(here, 'b', limited).enter('session')).kind).toBe('go');
    await taken.attach(); // it runs all the same
    expect(await there.lanes()).toMatchObject([{ sessions: 2 }]);
    await taken.leave();
    expect(await there.lanes()).toMatchObject([{ sessions: 1 }]);
  });

  test('a place that was lost is taken again by whoever still watches its session, unless nothing limits it any more', async () => {
    const { place, here, there } = await twoWorkers();
    const limited = { limits: { sessions: 1 } };
    const watched = laneFor(here, 'a', limited);
    await watched.enter('session');
    let minutes = 0;
    const keepLater = async () => {
      vi.spyOn(performance, 'now').mockReturnValue(performance.now() + ++minutes * 61_000);
      await watched.keep();
      vi.restoreAllMocks();
    };
    await timePasses(place, 6 * 60_000); // its worker stood still
    const other = laneFor(there, 'b', limited);
    expect((await other.enter('session')).kind).toBe('go');
    await keepLater();
    expect(await there.lanes()).toMatchObject([{ sessions: 2 }]);
    await other.leave();
    expect((await laneFor(there, 'c', limited).enter('session')).kind).toBe('wait');
    await watched.leave();
    await keepLater();
    expect(await there.lanes()).toMatchObject([{ sessions: 0 }]);
  });

  test('the limit of one batch binds the sessions of another that declares none', async () => {
    const { here, there } = await twoWorkers();
    await laneFor(here, 'a', { limits: { sessions: 1 } }).enter('session');
    expect((await laneFor(there, 'b').enter('session')).kind).toBe('wait');
  });

  test('at the same time, no two get the last place', async () => {
    const { here, there } = await twoWorkers();
    const entries = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        laneFor(at % 2 ? here : there, `job-${at}`, { limits }).enter('session'),
      ),
    );
    expect(entries.filter(({ kind }) => kind === 'go')).toHaveLength(2);
  });
});

describe('a closed lane', () => {
  test('a quota that is back in two hours: no call until then, one note, one look, and all go on', async () => {
    const { place, here, there } = await twoWorkers();
    const late = laneFor(there, 'late');
    await late.enter('session');
    await laneFor(here, 'a').report(error('exhausted', 2 * HOUR));
    await late.report(error('exhausted')); // was under way
    expect((await here.laneNotes()).map(({ what }) => what)).toEqual(['opened']);
    for (const worker of [here, there]) {
      const entry = await laneFor(worker, 'b').enter('session');
      if (entry.kind !== 'wait') throw new Error('nobody may begin');
      expect(entry.delayMs).toBeGreaterThan(1.99 * HOUR);
      await expect(laneFor(worker, 'b').turn(signal)).rejects.toMatchObject({
        errorClass: 'throttled',
        facts: { sent: 'no' },
      });
    }
    await timePasses(place, 1.99 * HOUR);
    expect((await laneFor(there, 'b').enter('session')).kind).toBe('wait');
    await timePasses(place, 0.02 * HOUR);
    const jobs = Array.from({ length: 8 }, (_, at) => laneFor(at % 2 ? here : there, `job-${at}`));
    const entries = await Promise.all(jobs.map((lane) => lane.enter('session')));
    expect(entries.filter(({ kind }) => kind === 'go')).toHaveLength(1);
    await jobs[entries.findIndex(({ kind }) => kind === 'go')]?.report('ok');
    const all = await Promise.all(jobs.map((lane) => lane.enter('session')));
    expect(all).toEqual(jobs.map(() => ({ kind: 'go' })));
    expect((await here.laneNotes()).map(({ what, cause }) => ({ what, cause }))).toEqual([
      { what: 'opened', cause: 'exhausted' },
      { what: 'closed', cause: 'exhausted' },
    ]);
  });

  test('five jobs of several workers that fail one after another close it for all', async () => {
    const { here, there } = await twoWorkers();
    for (let at = 0; at < 5; at++)
      await laneFor(at % 2 ? here : there, `job-${at}`).report(error('transient'));
    expect(await laneFor(here, 'job-6').enter('effect')).toMatchObject({ kind: 'wait' });
    expect(await laneFor(there, 'job-7').enter('effect')).toMatchObject({ kind: 'wait' });
  });

  describe('where starts alone are answered 5xx, while looks at sessions under way go well', () => {
    const fault = new AdapterError('unknown', 'HTTP 503', { sent: 'maybe', serverFault: true });
    const failingStarts = async (ledger: Ledger, jobs: number) => {
      for (let at = 0; at < jobs; at++) {
        await reportTrouble(laneFor(ledger, `job-${at}`), fault);
        await laneFor(ledger, 'under-way').report('ok');
      }
    };

    test('five of them close it for all; a look that goes well opens it for one more try, not for five', async () => {
      const { place, here, there } = await twoWorkers();
      await failingStarts(here, 5);
      expect(await laneFor(there, 'job-6').enter('session')).toMatchObject({ kind: 'wait' });
      await timePasses(place, 60_000);
      const look = laneFor(here, 'under-way');
      await look.enter('effect');
      await look.report('ok');
      expect(await laneFor(here, 'job-6').enter('session')).toEqual({ kind: 'go' });
      await reportTrouble(laneFor(here, 'job-6'), fault);
      expect(await laneFor(there, 'job-7').enter('session')).toMatchObject({ kind: 'wait' });
    });

    test('a start that goes well makes up for those that failed', async () => {
      const { here, there } = await twoWorkers();
      await failingStarts(here, 4);
      await laneFor(here, 'job-9').report('written');
      await failingStarts(here, 4);
      expect(await laneFor(there, 'job-6').enter('session')).toEqual({ kind: 'go' });
    });

    test('a start without any answer tells nothing', async () => {
      const { here, there } = await twoWorkers();
      const silence = new AdapterError('unknown', 'no answer', { sent: 'maybe' });
      for (let at = 0; at < 9; at++) await reportTrouble(laneFor(here, `job-${at}`), silence);
      expect(await laneFor(there, 'job-6').enter('session')).toEqual({ kind: 'go' });
    });
  });

  test('a hint of one worker holds the requests of another', async () => {
    const { here, there } = await twoWorkers();
    await laneFor(here, 'a').report(error('throttled', 60_000));
    const lane = laneFor(there, 'b');
    expect(await lane.enter('session')).toMatchObject({
      kind: 'wait',
      why: 'the service asked for patience',
    });
    const refused: unknown = await lane.turn(signal).catch((reason: unknown) => reason);
    expect(refused).toBeInstanceOf(AdapterError);
    if (refused instanceof AdapterError) await lane.report(refused); // our own word is not the service's
    expect((await here.lanes())[0]?.state.throttles).toBe(1);
  });

  test('what a step that had begun is about to pay for does not leave once another worker was told to wait', async () => {
    const { here, there } = await twoWorkers();
    const lane = laneFor(there, 'b');
    expect(await lane.enter('session')).toEqual({ kind: 'go' });
    await laneFor(here, 'a').report(error('exhausted', 2 * HOUR));
    await lane.turn(signal); // a look: known ten seconds later
    await expect(lane.turn(signal, { fresh: true })).rejects.toThrow('nothing is sent to acme');
  });

  describe('slots that were given out ahead', () => {
    /** One leaves at once, the others half a second apart. */
    const slow = { limits: { requestsPerMinute: 120 } };
    const settled = async (turns: readonly Promise<void>[]) =>
      (await Promise.allSettled(turns)).map(({ status }) => status);

    test.each([
      ['is told of a quota', [error('exhausted', 2 * HOUR)]],
      ['is asked for a minute of patience', [error('throttled', 60_000)]],
      ['fails for five jobs', Array.from({ length: 5 }, () => error('transient'))],
    ])('are given up when their process %s meanwhile', async (_what, said) => {
      const { ledger } = await aLedger();
      const turns = Array.from({ length: 5 }, (_, at) => laneFor(ledger, `job-${at}`, slow).turn(signal));
      await turns[0];
      for (const [at, one] of said.entries()) await laneFor(ledger, `told-${at}`, slow).report(one);
      expect(await settled(turns)).toEqual(['fulfilled', ...turns.slice(1).map(() => 'rejected')]);
    });

    test('are given anew, at half the rate, after a short wait that the service asks for', async () => {
      const { ledger } = await aLedger();
      const turns = Array.from({ length: 4 }, (_, at) => laneFor(ledger, `job-${at}`, slow).turn(signal));
      await turns[0];
      const begun = performance.now();
      await laneFor(ledger, 'told', slow).report(error('throttled', 300));
      const left = turns.slice(1).map((turn) => turn.then(() => performance.now() - begun));
      expect(await settled(turns)).toEqual(turns.map(() => 'fulfilled'));
      expect(Math.max(...(await Promise.all(left)))).toBeGreaterThan(300 + 2 * 1000 - 50);
    });

    test('are kept by what ends sessions', async () => {
      const { ledger } = await aLedger();
      const heldUntil = performance.now() + 60_000;
      const turns = Array.from({ length: 3 }, (_, at) =>
        laneFor(ledger, `job-${at}`, slow).turn(signal, { heldUntil }),
      );
      await turns[0];
      await laneFor(ledger, 'told', slow).report(error('exhausted', 2 * HOUR));
      expect(await settled(turns)).toEqual(turns.map(() => 'fulfilled'));
    });

    test('what costs or changes something hears of it from another worker, by one read; all else later', async () => {
      const { here, there } = await twoWorkers();
      const counted = counting(there);
      const slower = { limits: { requestsPerMinute: 30 } }; // time for the other worker to be heard, on a busy machine
      const lane = (who: string) => laneFor(counted.ledger, who, slower);
      await lane('first').turn(signal);
      const paid = settled([lane('paid').turn(signal, { fresh: true })]);
      const look = settled([lane('look').turn(signal)]);
      await laneFor(here, 'told', slower).report(error('exhausted', 2 * HOUR));
      const before = counted.calls.filter((name) => name === 'lane').length;
      expect(await paid).toEqual(['rejected']);
      // None where a busy machine has overslept the slot: another one is asked for then, which hears of it too.
      expect(counted.calls.filter((name) => name === 'lane').length - before).toBeLessThanOrEqual(1);
      expect(await look).toEqual(['rejected']); // of the same process, which knows now
    });

    test('a write is kept back where writes fail for others, and a look is not', async () => {
      const { ledger } = await aLedger();
      const fault = new AdapterError('unknown', 'HTTP 503', { sent: 'maybe', serverFault: true });
      const lane = (who: string) => laneFor(ledger, who, slow);
      await lane('first').turn(signal);
      const [paid, look] = [lane('paid').turn(signal, { fresh: true }), lane('look').turn(signal)];
      for (let at = 0; at < 5; at++) await reportTrouble(lane(`job-${at}`), fault);
      expect(await settled([paid, look])).toEqual(['rejected', 'fulfilled']);
    });
  });

  test('requests that a new worker makes at the same time all hear first that it is closed', async () => {
    const { here, there } = await twoWorkers();
    await laneFor(here, 'a').report(error('exhausted', 2 * HOUR));
    const turns = Array.from({ length: 5 }, (_, at) => laneFor(there, `job-${at}`).turn(signal));
    const ends = await Promise.allSettled(turns);
    expect(ends.map(({ status }) => status)).toEqual(turns.map(() => 'rejected'));
  });

  test('a person opens it again; what batches declared and the places stay', async () => {
    const { here } = await twoWorkers();
    const lane = laneFor(here, 'a', { limits: { sessions: 3 } });
    await lane.enter('session');
    await lane.report(error('auth'));
    expect(await here.resetLane(LANE.id, 'ann')).toBe(true);
    expect(await here.resetLane('other', 'ann')).toBe(false);
    expect(await here.lanes()).toMatchObject([{ sessions: 1, state: { declared: { 'batch-1': {} } } }]);
    expect(await lane.enter('effect')).toEqual({ kind: 'go' });
    expect((await here.laneNotes()).map(({ what }) => what)).toEqual(['opened', 'reset']);
  });
});

describe('requests that end sessions', () => {
  const heldUntil = (ms: number) => ({ heldUntil: performance.now() + ms });

  test('keep to the limit, and come before those that were to follow', async () => {
    const { ledger } = await aLedger();
    const limits = { requestsPerSecond: 10 };
    const left: string[] = [];
    const lane = (who: string) => laneFor(ledger, who, { limits, priority: 'bulk' });
    const begun = performance.now();
    // Bulk work reserves two seconds ahead: seventeen slots.
    const work = Array.from({ length: 30 }, () =>
      lane('work')
        .turn(signal)
        .then(() => left.push('work')),
    );
    const ends = ['a', 'b'].map((who) =>
      lane(who)
        .turn(signal, heldUntil(60_000))
        .then(() => left.push('end')),
    );
    await Promise.all([...work, ...ends]);
    expect(performance.now() - begun).toBeGreaterThan(31 * 125 - 50);
    expect(left.lastIndexOf('end')).toBeLessThan(20);
  });

  test('leave all the same when they were held for long enough', async () => {
    const { ledger } = await aLedger();
    const lane = laneFor(ledger, 'a', { limits: { requestsPerMinute: 1 } });
    await lane.turn(signal);
    await lane.turn(signal, heldUntil(0)); // its slot is a minute away
    await lane.report(error('throttled', HOUR));
    await lane.turn(signal, heldUntil(60_000));
    await expect(lane.turn(signal)).rejects.toMatchObject({ errorClass: 'throttled' });
  });

  test('wait as long as the service asks', async () => {
    const { here, there } = await twoWorkers();
    await laneFor(here, 'a').report(error('throttled', 1500));
    const begun = performance.now();
    const lane = laneFor(there, 'b');
    await lane.turn(signal, heldUntil(60_000));
    expect(performance.now() - begun).toBeGreaterThan(1400);
  });

  test('are kept back by no closed lane, and are not its probe', async () => {
    const { place, here, there } = await twoWorkers();
    await laneFor(here, 'a').report(error('exhausted', 2 * HOUR));
    await laneFor(there, 'b').turn(signal, heldUntil(60_000));
    await timePasses(place, 2 * HOUR);
    await laneFor(there, 'b').turn(signal, heldUntil(60_000));
    expect(await laneFor(here, 'c').enter('session'), 'the first who asks is').toEqual({ kind: 'go' });
  });

  test('stop waiting when their worker does', async () => {
    const { ledger } = await aLedger();
    const lane = laneFor(ledger, 'a');
    await lane.report(error('throttled', 30_000));
    const stop = new AbortController();
    const turn = lane.turn(stop.signal, heldUntil(60_000));
    setTimeout(() => stop.abort(), 50);
    await expect(turn).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('what one worker knows survives its end', async () => {
  const place = await aPlace();
  const first = await openLedger(placeOf(place));
  await laneFor(first, 'a').report(error('auth'));
  await first.close();
  const { ledger } = await aLedger(place);
  expect((await laneFor(ledger, 'b').enter('effect')).kind).toBe('wait');
});

describe('a clock that is set back by hours', () => {
  /** Two workers of one host, whose clock can be set. */
  async function aHost() {
    const clock = { aheadMs: 2 * HOUR };
    const now = () => new Date(Date.now() + clock.aheadMs);
    const path = await aPlace();
    const workers = await Promise.all([1, 2].map(() => openLedger({ ...placeOf(path), now })));
    onTestFinished(async () => void (await Promise.all(workers.map((ledger) => ledger.close()))));
    const [here, there] = workers as [Ledger, Ledger];
    return { here, there, setBack: () => (clock.aheadMs = 0) };
  }

  test('leaves each request its slot, as far away as it was', async () => {
    const { here, there, setBack } = await aHost();
    const limits = { requestsPerSecond: 1 };
    await laneFor(here, 'job-1', { limits }).turn(signal);
    setBack();
    const began = performance.now();
    await laneFor(there, 'job-2', { limits }).turn(signal);
    await laneFor(here, 'job-1', { limits }).turn(signal);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('leaves those who wait for a slot meanwhile no further away from one', async () => {
    const { here, setBack } = await aHost();
    const turns = (...who: string[]) =>
      who.map((one) => laneFor(here, one, { limits: { requestsPerSecond: 2 } }).turn(signal));
    const began = performance.now();
    const waiting = turns('job-1', 'job-2', 'job-3');
    await waiting[0];
    await new Promise((resolve) => setTimeout(resolve, 100)); // all have their slots
    setBack();
    await Promise.all([...waiting, ...turns('job-4')]);
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  test('leaves a lane closed for no longer than it was, also for those who only look', async () => {
    const { here, there, setBack } = await aHost();
    await laneFor(here, 'job-1').report(error('exhausted', 60_000));
    setBack();
    const before = await laneFor(there, 'job-2').closed();
    expect(before?.delayMs).toBeLessThan(70_000);
    const [shown] = await here.lanes();
    expect((shown?.state.gate?.retryAt ?? Infinity) - Date.now()).toBeLessThanOrEqual(60_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [later] = await here.lanes();
    expect(later?.state.gate?.retryAt, 'it comes nearer').toBe(shown?.state.gate?.retryAt);
  });

  test('gives the place of a dead worker away when its lease ends', async () => {
    const { here, there, setBack } = await aHost();
    const limits = { sessions: 1 };
    const dead = { who: 'job-1', batchId: 'batch-1', leaseMs: 300 };
    await here.changeLane(LANE, (state) => ({ state, result: undefined, place: { tokens: 0 } }), dead);
    setBack();
    const holder = { ...dead, who: 'job-2' };
    const held = () =>
      there.changeLane(LANE, (state, _now, places) => ({ state, result: places?.held }), holder);
    expect((await held()).result).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await held()).result).toBe(0);
    expect(await laneFor(there, 'job-2', { limits }).enter('session')).toEqual({ kind: 'go' });
  });
});

test('a lane is told by adapter, origin and names of credentials, and holds no secret', () => {
  const of = (options: Record<string, string>, target = 'blog') =>
    laneIdOf({ name: 'ghost', options, target }).id;
  const key = { key: '${env:GHOST_KEY}' };
  expect(of({ url: 'https://a.example/x', ...key })).toBe(of({ url: 'https://a.example/y', ...key }, 'shop'));
  expect(of({ url: 'https://a.example', ...key })).not.toBe(of({ url: 'https://b.example', ...key }));
  expect(of(key)).not.toBe(of({ key: '${env:OTHER}' }));
  expect(of({}, 'a')).not.toBe(of({}, 'b'));
  const plain = laneIdOf({
    name: 'ghost',
    options: { url: 'https://u:geheim@a.example/?k=geheim', key: 'geheim' },
  });
  expect(JSON.stringify(plain)).not.toContain('geheim');
});

test('an agent’s account is one lane however its key is named; programs of this host have one each', () => {
  const of = (agent: Partial<Definition['agent']>) =>
    laneIdOf(agentAccount({ use: 'command', timeout: '1h', outward: false, ...agent }));
  const named = of({ use: 'claude', with: { apiKey: '${env:ANTHROPIC_API_KEY}' } });
  expect(of({ use: 'claude' }).id).toBe(named.id);
  expect(of({ use: 'claude', with: { apiKey: '${env:OTHER_KEY}' } }).id).not.toBe(named.id);
  const codex = of({ preset: 'codex' });
  expect(codex.label).toBe('command codex');
  expect(of({ preset: 'gemini-cli' }).id).not.toBe(codex.id);
  expect(of({ command: ['/usr/local/bin/write', '--fast'] }).id).toBe(of({ command: ['write'] }).id);
  expect(of({ command: ['write'] }).id).not.toBe(of({ command: ['translate'] }).id);
  const script = of({ command: ['/usr/bin/node', './agents/write.mjs'] });
  expect(script.label).toBe('command node write.mjs');
  expect(of({ command: ['node', 'translate.mjs'] }).id).not.toBe(script.id);
  const withKey = { preset: 'codex', env: { CODEX_API_KEY: '${env:TEAM_KEY}' } } as const;
  expect(of(withKey).id).not.toBe(codex.id);
  expect(
    mayBeLane(of(withKey), agentAccount({ use: 'command', timeout: '1h', outward: false, ...withKey })),
  ).toBe(true);
});

test('jobs for several places are in several lanes, and each is known by the batch file', () => {
  const key = '${env:GHOST_KEY}';
  const spec = { name: 'ghost', options: { url: 'https://{{ site }}.example/blog', key }, target: 'blog' };
  const laneFor = (site: string) =>
    laneIdOf({ ...spec, filled: { url: `https://${site}.example/blog`, key } });
  const [one, two] = [laneFor('one'), laneFor('two')];
  expect(one.id).not.toBe(two.id);
  expect(one.label).toBe('ghost https://one.example');
  expect(mayBeLane(one, spec) && mayBeLane(two, spec)).toBe(true);
  const elsewhere = laneIdOf({ ...spec, options: { url: 'https://one.example.org', key } });
  expect(mayBeLane(elsewhere, spec)).toBe(false);
  expect(mayBeLane(one, { ...spec, name: 'wordpress' })).toBe(false);
  const plain = { name: 'ghost', options: { url: 'https://one.example/blog', key }, target: 'blog' };
  expect(mayBeLane(one, plain)).toBe(true);
  expect(mayBeLane(two, plain)).toBe(false);
  const bucket = { name: 's3', options: {}, target: 's3://{{ site }}/posts' };
  expect(mayBeLane(laneIdOf({ ...bucket, target: 's3://one/posts' }), bucket)).toBe(true);
});

test('what a job fills in names no credential', () => {
  const options = { url: 'https://a.example', title: '{{ title }}', key: '${env:GHOST_KEY}' };
  const laneFor = (title: string) => laneIdOf({ name: 'ghost', options, filled: { ...options, title } }).id;
  expect(laneFor('${env:OTHER}')).toBe(laneFor('plain'));
});
