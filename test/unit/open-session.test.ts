// How the agent step opens a session and gives it up, over a provider and a ledger of memory.
import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { collectSession } from '../../src/activities/session/collect.js';
import { endReplaced, type GivingUp } from '../../src/activities/session/given-up.js';
import { failSession, failureOf, notStarted } from '../../src/activities/session/end.js';
import type { Provider, SessionHandle } from '../../src/activities/providers/provider.js';
import { openSession, SessionNotStarted } from '../../src/activities/session/open.js';
import type { Claimed, SessionScope } from '../../src/activities/session/scope.js';
import { heldStart } from '../../src/activities/providers/managed/unanswered.js';
import { definitionSchema } from '../../src/contract/batch-file.js';
import { AdapterError, type ErrorClass } from '../../src/contract/errors.js';
import { NOTHING_USED, type GivenUpEnd, type SessionRow } from '../../src/ledger/ledger.js';
import { endAtService, type LeftSession } from '../../src/activities/session/end-at-service.js';
import { HELD_MAX_MS } from '../../src/activities/session/ending.js';
import type { Lane } from '../../src/activities/lanes/lane.js';
import { endingContext } from '../../src/activities/providers/ending-context.js';
import { DEFAULT_RETRY } from '../../src/policy/retry.js';
import { bench, lives, RUN_KEY, sh, until } from './command-fixture.js';
import { aContext, aStage, requestOf } from './managed-agents-fixture.js';

const HANDLE: SessionHandle = { v: 1, provider: 'model', runKey: 'a'.repeat(32), attempt: 1, ids: {} };

/** A step whose intent is written, with nothing at the service yet. */
function aScope(start: Provider['start'], save: () => Promise<void>, more: object = {}): SessionScope {
  const provider = {
    facts: { name: 'model', find: 'exact', startIsIdempotent: true, survivesWorkerLoss: true, cost: 'none' },
    find: async () => ({ kind: 'none' }),
    start,
    classify: (error: unknown) => error as AdapterError,
  };
  const scope: unknown = {
    provider,
    request: requestOf(),
    session: HANDLE,
    deps: {},
    definition: { agent: { outward: false } },
    claim: { fence: 1, openSession: { ...HANDLE, state: 'intent', handle: undefined } },
    context: { save, signal: new AbortController().signal, now: () => new Date() },
    lane: { report: async () => undefined, shared: () => undefined },
    lastSaved: () => undefined,
    reached: async () => undefined,
    ...more,
  };
  return scope as SessionScope;
}

test('a start that the service surely refused is over', async () => {
  const refusal = new AdapterError('throttled', 'not now', { sent: 'rejected' });
  const scope = aScope(
    () => Promise.reject(refusal),
    async () => undefined,
  );
  await expect(openSession(scope)).rejects.toEqual(new SessionNotStarted(refusal));
});

test.each(['antigravity', 'claude'] as const)(
  '%s: of the crash points of a start A3 lies before it has left, and A4 before its id is written down',
  async (which) => {
    const { server, make } = await aStage(which);
    const provider = await make();
    const never = () => Promise.reject(new Error('not asked'));
    const seen: string[] = [];
    const save = async ({ phase = 'started' }: SessionHandle) => void seen.push(`saved as ${phase}`);
    const reached = async (point: string) =>
      void seen.push(`${point} with ${server.ledger().totals.runs} runs`);
    const { context } = aContext(server);
    const scope = aScope(never, async () => undefined, {
      provider,
      reached,
      context: { ...context, save },
    });
    await openSession(scope);
    expect(seen).toEqual([
      'A2 with 0 runs',
      'saved as prepared',
      'saved as start-sent',
      'A3 with 0 runs',
      'A4 with 1 runs',
      'saved as started',
      'saved as started',
      'A5 with 1 runs',
    ]);
  },
);

// What a database says when it is away names no request of ours: taken for the service's word, it would be a refusal.
test.each([{ code: 'ECONNREFUSED' }, { sent: 'rejected' }] as const)(
  'a session whose handle can’t be saved (%o) is not over: the next try looks for it',
  async (facts) => {
    const trouble = new AdapterError('transient', 'the ledger does not answer', facts);
    const scope = aScope(
      async (_request, _known, context) => {
        await context.save(HANDLE); // it runs by now
        return HANDLE;
      },
      () => Promise.reject(trouble),
    );
    await expect(openSession(scope)).rejects.toBe(trouble);
  },
);

test('a start that waits for its turn while the ledger is away is not over, and its service not blamed', async () => {
  const away = new AdapterError('transient', 'the ledger does not answer', { ours: 'ledger' });
  const report = vi.fn(async () => undefined);
  const scope = aScope(
    () => Promise.reject(away),
    async () => undefined,
    { lane: { report, shared: () => undefined } },
  );
  await expect(openSession(scope)).rejects.toBe(away);
  expect(report).not.toHaveBeenCalledWith(away);
});

test('that our own disk fails is no word of the service that made the result', async () => {
  const broken = new AdapterError('transient', 'the artifact can’t be stored: EIO', { ours: 'artifacts' });
  const said: unknown[] = [];
  const base = aScope(
    async () => HANDLE,
    async () => undefined,
  );
  const scope = aScope(
    async () => HANDLE,
    async () => undefined,
    {
      provider: {
        ...base.provider,
        collect: async () => ({ content: Buffer.from('text') }),
        classify: () => new AdapterError('transient', 'the service fails'),
      },
      deps: { artifacts: { put: () => Promise.reject(broken) } },
      lane: { report: async (outcome: unknown) => void said.push(outcome), shared: () => undefined },
    },
  );
  const { message, facts } = broken;
  await expect(collectSession(scope, HANDLE)).rejects.toMatchObject({
    message: `what the session made could not be collected: ${message}`,
    facts,
  });
  expect(said).toEqual([]);
});

/** Of a session that is over, and has failed. @param release what the service is told then */
function aFailedScope(release: (handle: SessionHandle) => Promise<void>, more: object = {}): SessionScope {
  const never = () => Promise.reject(new Error('not asked'));
  const { provider } = aScope(never, async () => undefined);
  return aScope(never, async () => undefined, {
    claim: { fence: 1, failures: [] },
    deps: { now: () => new Date(), ledger: { endSession: async () => undefined } },
    retry: DEFAULT_RETRY,
    lane: { leave: async () => undefined },
    provider: { ...provider, release },
    ...more,
  });
}

test('what a failed start had made ready at the service is let go of, not left idle', async () => {
  const atService = new Set(['sesn_1', 'sesn_2']);
  const refusal = new AdapterError('throttled', 'not now', { sent: 'rejected' });
  const scope = aFailedScope(async ({ ids }) => void atService.delete(ids['session'] as string), {
    lastSaved: () => ({ ...HANDLE, phase: 'prepared', ids: { session: 'sesn_1' } }),
  });
  await expect(failSession(scope, undefined, notStarted(refusal))).rejects.toMatchObject({
    type: 'throttled',
  });
  expect([...atService]).toEqual(['sesn_2']);
});

test.each([
  ['conflict', 'start-sent'],
  ['rejected', 'started'],
] as const)(
  'a session whose start got no answer, and that ends %s, is let go of as %s',
  async (errorClass, as) => {
    const freed: unknown[] = [];
    const scope = aFailedScope(async ({ phase }) => void freed.push(phase));
    const failed = { state: 'failed', errorClass, message: 'it ended', usage: NOTHING_USED } as const;
    await new MockActivityEnvironment()
      .run(() => failSession(scope, { ...HANDLE, phase: 'start-sent' }, failed))
      .catch(() => undefined);
    expect(freed).toEqual([as]);
  },
);

test.each([
  ['', true],
  [', also where its handle was never saved', false],
])('a session that its job gave up for another payload is ended%s', async (_, isSaved) => {
  const night = await bench({ command: sh('echo $$ > "$NIGHTSHIFT_OUT_DIR/pid"; exec sleep 60') });
  const { provider, request, context } = night;
  const handle = await provider.start(request, undefined, context);
  onTestFinished(() => provider.cancel(handle, context));
  await until(
    () => provider.find(request, undefined, context).then(({ kind }) => kind === 'session'),
    'it is claimed',
  );
  await until(() => night.read('pid.json').includes('}'), 'whoever claimed it has said who it is');
  const { pid } = JSON.parse(night.read('pid.json')) as { pid: number };
  expect(lives(pid)).toBe(true);

  const openedAt = new Date().toISOString();
  const row = { runKey: RUN_KEY, attempt: 1, revision: 1, state: 'started', openedAt } as const;
  const booked: unknown[] = [];
  const saved: unknown[] = [];
  const ledger = {
    saveHandle: async (_: unknown, found: unknown) => void saved.push(found),
    endGivenUp: async (_: unknown, end: GivenUpEnd) => void booked.push([end.message, lives(pid)]),
  };
  const definition = definitionSchema.parse({
    ...{ name: 'nightly', work: 'article', baseDir: night.stateDir },
    agent: { use: 'command', command: ['true'], with: { killGrace: '100ms' } },
    effects: [{ name: 'post', use: 'folder', target: './out' }],
  });
  const step = {
    ...{ definition, job: { ...requestOf(), key: 'k', revision: 2 } },
    ref: { work: 'article', manifest: { definition: 'd', jobs: 'j', count: 1 } },
    deps: { now: () => new Date(), ledger, artifacts: {}, stateDir: night.stateDir, env: {} },
  } as unknown as GivingUp;
  const give = (...givenUp: readonly SessionRow[]) =>
    endReplaced({ givenUp, fence: 2 } as unknown as Claimed, step);
  await give({ ...row, runKey: 'e'.repeat(32), provider: 'command', handle: undefined });
  expect(lives(pid), 'another one, which never began').toBe(true);
  await give({ ...row, provider: 'command', handle: isSaved ? handle : undefined });
  const why = 'revision 2 replaced revision 1';
  expect(booked, 'when it has ended').toEqual([
    [why, true],
    [why, false],
  ]);
  expect(saved.length, 'that it had begun is written down').toBe(isSaved ? 0 : 1);
});

test('a session that can’t be ended is booked all the same after a few tries, and says that it may run on', async () => {
  const down = new AdapterError('transient', 'the service does not answer');
  const { booked, waitedMs } = await endedBy({ cancel: () => Promise.reject(down) });
  expect(waitedMs).toEqual([1000, 2000]);
  expect(booked).toEqual([
    {
      usage: NOTHING_USED,
      mayRunOn: expect.stringMatching(/^the session at model \(run a+#1\) could not be ended/) as string,
    },
  ]);
});

test.each([
  ['the reserve of the agent', { reserveMicros: 5_000_000, capMicros: 9_000_000 }, 'started', 5_000_000],
  ['the cap of the session', { capMicros: 9_000_000 }, 'started', 9_000_000],
  ['nothing, where nobody can say', {}, 'started', undefined],
  ['nothing, where it was only made ready', { capMicros: 9_000_000 }, 'prepared', undefined],
] as const)('of a session whose use can’t be learnt: %s', async (_, more, phase, reserveMicros) => {
  const facts = {
    ...aScope(
      () => Promise.reject(isBusy),
      async () => undefined,
    ).provider.facts,
    ...more,
  };
  for (const verb of ['usage', 'cancel'] as const) {
    const { booked } = await endedBy(
      { facts, cancel: async () => undefined, [verb]: () => Promise.reject(isBusy) },
      phase,
    );
    expect(booked, verb).toMatchObject([{ usage: NOTHING_USED }]);
    expect(booked[0]?.reserveMicros, verb).toBe(reserveMicros);
  }
});

test.each([
  ['that can list its sessions', /see "nightshift doctor FILE --orphans", with a file whose agent is model$/],
  ['that can’t', /model can’t list its sessions, so it has to be ended there by hand$/],
])('what can be done is advised of a service %s', async (which, advice) => {
  const sweep = which === 'that can’t' ? undefined : async function* () {};
  const { booked } = await endedBy({ cancel: () => Promise.reject(isBusy), ...(sweep && { sweep }) });
  expect(booked).toMatchObject([{ mayRunOn: expect.stringMatching(advice) as string }]);
});

test('a program on another host is named with its host and its run directory', async () => {
  const night = await bench({ command: ['true'] });
  const { provider, request, context } = night;
  const handle = await provider.start(request, undefined, context);
  await until(() => provider.poll(handle, context).then(({ kind }) => kind !== 'running'), 'it has ended');
  rmSync(night.fileOf('exit'));
  const claim = JSON.parse(night.read('pid.json')) as object;
  writeFileSync(night.fileOf('pid.json'), JSON.stringify({ ...claim, host: 'elsewhere', bootId: 'x' }));
  const why = await provider.cancel(handle, context).catch((error: unknown) => error);
  const told = `it runs on host elsewhere, and its run directory is ${dirname(night.fileOf('exit'))}`;
  expect(why).toMatchObject({ errorClass: 'transient', message: told });
});

describe('a service that wants to be left alone while a session is ended there', () => {
  /** It refuses so often, and then takes it. */
  async function refusing(times: number, ...[errorClass, retryAfterMs]: [ErrorClass, number?]) {
    const facts = retryAfterMs === undefined ? {} : { retryAfterMs };
    const refusal = new AdapterError(errorClass, 'not now', facts);
    let asked = 0;
    const cancel = async () => {
      if (asked++ < times) throw refusal;
    };
    const { booked, ...end } = await endedBy({ cancel, usage: async () => NOTHING_USED });
    return { ...end, refusal, runsOn: booked[0]?.mayRunOn !== undefined };
  }

  test('is asked again when it says, as often as need be, and all who use it hear of that', async () => {
    const { waitedMs, runsOn, told, refusal } = await refusing(5, 'throttled', 20_000);
    expect(waitedMs).toEqual([20_000, 20_000, 20_000, 20_000, 20_000]);
    expect(runsOn).toBe(false);
    expect(told).toEqual(waitedMs.map(() => refusal));
  });

  test('and less and less often where it does not say when', async () => {
    const { waitedMs, runsOn } = await refusing(8, 'throttled');
    expect(waitedMs).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => 1000 * seconds));
    expect(runsOn).toBe(false);
  });

  test('one that fails, and says when to come back, is asked a few times then', async () => {
    const { waitedMs, runsOn } = await refusing(9, 'transient', 20_000);
    expect([waitedMs, runsOn]).toEqual([[20_000, 20_000], true]);
  });

  test('longer than anybody should wait for a cancel: it is asked a few times at once, and may run on', async () => {
    const { waitedMs, runsOn } = await refusing(9, 'throttled', HELD_MAX_MS + 1);
    expect([waitedMs, runsOn]).toEqual([[1000, 2000], true]);
  });
});

/** Ends a session. @returns what was booked, whether it was freed, what was waited, and what its lane was told */
async function endedBy(more: Partial<Provider>, phase: NonNullable<SessionHandle['phase']> = 'started') {
  const { provider } = aScope(
    () => Promise.reject(new Error('not asked')),
    async () => undefined,
  );
  const freed: SessionHandle[] = [];
  const release = async (handle: SessionHandle) => void freed.push(handle);
  const waitedMs: number[] = [];
  const context = {
    ...endingContext(() => new Date()),
    sleep: async (ms: number) => void waitedMs.push(ms),
  };
  const told: unknown[] = [];
  const report: Lane['report'] = async (outcome) => void told.push(outcome);
  const lane = { report, shared: () => undefined } as unknown as Lane;
  const heldUntil = performance.now() + HELD_MAX_MS;
  const booked: LeftSession[] = [];
  const handle = phase === 'started' ? HANDLE : { ...HANDLE, phase };
  const ending = { provider: { ...provider, release, ...more }, context, lane, heldUntil };
  await new MockActivityEnvironment().run(() =>
    endAtService(ending, handle, async (left) => void booked.push(left)),
  );
  return { booked, freed, waitedMs, told };
}
const isBusy = new AdapterError('transient', 'it still counts as running');

test('a session that is slow to stop is not given up because its first try took long', async () => {
  let asked = 0;
  const clock = vi.spyOn(performance, 'now');
  onTestFinished(() => clock.mockRestore());
  const cancel = async () => {
    clock.mockReturnValue(31_000 * ++asked);
    if (asked < 3) throw isBusy;
  };
  const { booked, freed } = await endedBy({ cancel, usage: async () => NOTHING_USED });
  expect([asked, booked, freed]).toEqual([3, [{ usage: NOTHING_USED }], [HANDLE]]);
});

test('a session that was ended is freed, and does not run on, also where nobody says what it has used', async () => {
  let asked = 0;
  const usage = async () => {
    asked += 1;
    throw isBusy;
  };
  const { booked, freed } = await endedBy({ cancel: async () => undefined, usage });
  expect([asked, booked, freed]).toEqual([3, [{ usage: NOTHING_USED }], [HANDLE]]);
});

test('a start that may have run unseen holds its job, as a question and not as a conflict of contents', async () => {
  const ends: unknown[] = [];
  const scope = aScope(
    () => Promise.reject(new Error('not asked')),
    async () => undefined,
    {
      claim: { fence: 1, failures: [] },
      deps: {
        now: () => new Date(),
        ledger: { endSession: async (_: unknown, end: unknown) => void ends.push(end) },
      },
      retry: DEFAULT_RETRY,
      lane: { leave: async () => undefined },
    },
  );
  const failed = { state: 'failed', ...heldStart('the start got no answer'), usage: NOTHING_USED } as const;
  const end: unknown = await new MockActivityEnvironment().run(() =>
    failSession(scope, HANDLE, failed as Parameters<typeof failSession>[2]),
  );
  expect(end).toMatchObject({ kind: 'held', errorClass: 'unknown' });
  expect(end).toHaveProperty('message', expect.stringMatching(/look at the service .*retry NAME --job KEY/));
  expect(ends).toMatchObject([{ errorClass: 'conflict', job: { state: 'held', errorClass: 'unknown' } }]);
});

test('a start that its lane kept back goes on with the patience of its job, not with a new one', async () => {
  const scope = aScope(
    () => Promise.reject(new Error('not asked')),
    async () => undefined,
    {
      claim: { fence: 1, failures: [] },
      deps: { now: () => new Date(), ledger: { endSession: async () => undefined } },
      retry: DEFAULT_RETRY,
      lane: { leave: async () => undefined },
    },
  );
  const since = Date.now() - 3_600_000;
  const reason = new AdapterError('throttled', 'nothing is sent at the moment', { sent: 'no' });
  const excuse = { kind: 'closed', failing: true, delayMs: 5000, why: 'it fails' } as const;
  const environment = new MockActivityEnvironment({
    heartbeatDetails: { failingSinceMs: since, failed: { transient: 2 } },
  });
  const end: unknown = await environment.run(() =>
    failSession(scope, undefined, notStarted(reason), { excuse }),
  );
  expect(end).toEqual({
    ...{ kind: 'wait', delayMs: 5000, why: 'it fails' },
    tried: { failed: { transient: 2 }, failingSinceMs: since },
  });
});

test('a start that surely never arrived uses up no session, however often', async () => {
  let last: SessionHandle | undefined;
  const ends: unknown[] = [];
  const scope = aScope(
    () => Promise.reject(new Error('not asked')),
    async () => undefined,
    {
      claim: {
        fence: 1,
        failures: Array(9).fill({ errorClass: 'transient', ran: false, endedAt: Date.now() }),
      },
      context: {
        save: async (handle: SessionHandle) => void (last = handle),
        signal: new AbortController().signal,
      },
      deps: {
        now: () => new Date(),
        ledger: { endSession: async (_: unknown, end: unknown) => void ends.push(end) },
      },
      retry: DEFAULT_RETRY,
      lane: { leave: async () => undefined, report: async () => undefined, shared: () => undefined },
      lastSaved: () => last,
    },
  );
  scope.provider.usage = async () => NOTHING_USED;
  const over = { kind: 'lost', message: 'the prompt never arrived', neverRan: true } as const;
  const failed = await failureOf(scope, HANDLE, over);
  await expect(failSession(scope, HANDLE, failed)).rejects.toMatchObject({ type: 'transient' });
  expect(ends).toMatchObject([{ state: 'failed', errorClass: 'transient' }]);
  expect(last?.phase, 'which the ledger takes for one that never ran').toBe('prepared');
});
