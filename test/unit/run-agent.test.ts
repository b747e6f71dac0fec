// One agent step as a worker takes it, without Temporal: what it asks of the ledger, the lanes and the destinations
// before a session starts, and how often.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { CancelledFailure, type ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { agentLane, effectLane } from '../../src/activities/lanes/lane-of.js';
import type { Deps } from '../../src/activities/deps.js';
import { retryAfter } from '../../src/activities/failure.js';
import { publish } from '../../src/activities/publish.js';
import { runAgent } from '../../src/activities/run-agent.js';
import { settleJob } from '../../src/activities/settle-job.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { effectsOf } from '../../src/batch/effects.js';
import type { Connections } from '../../src/client/connections.js';
import { sweepSessions } from '../../src/client/orphans.js';
import { readTickets, storeManifest, storedDefinition } from '../../src/batch/manifest.js';
import { budgetSchema, definitionSchema, type Definition } from '../../src/contract/batch-file.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { PlacedJob } from '../../src/contract/job.js';
import type { AgentEnd, AgentRequest, JobRef, TriedBefore, Waiting } from '../../src/contract/messages.js';
import { backAtOf } from '../../src/policy/back-at.js';
import { RETRY_RULES } from '../../src/policy/retry.js';
import { noticeSleep } from '../../src/host-sleep.js';
import { fingerprint } from '../../src/identity/fingerprint.js';
import { jobKey } from '../../src/identity/keys.js';
import { aServer } from './agent-server-fixture.js';
import type { CostRow } from '../../src/ledger/ledger.js';
import { BATCH, NO_USAGE, aLedger, by, openBatch, rawSql, temporaryFolder } from './ledger-fixture.js';

const WORK = 'article';
const SLUGS = ['one', 'two', 'three'];

const jobOf = (slug: string): PlacedJob => {
  const identity = { site: 'blog', category: 'a', slug };
  const known = { key: jobKey(identity), fingerprint: fingerprint({ identity, input: {} }) };
  return { ...known, identity, input: {}, revision: 1, file: 'jobs.csv', line: 2 };
};

/** Jobs whose agent prints a line, and whose destination has nothing. */
async function aNight(
  more: {
    agent?: object;
    limits?: object;
    effectLimits?: object;
    budget?: object;
    status?: number;
    checks?: object[];
    retry?: object;
    now?: () => Date;
  } = {},
) {
  const lookups: string[] = [];
  const server = createServer((request, response) => {
    lookups.push(request.url ?? '');
    response.writeHead(more.status ?? 404).end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const dir = temporaryFolder();
  const { ledger, path } = await aLedger();
  const artifacts = folderArtifactStore({ root: join(dir, 'artifacts') });
  const definition = definitionSchema.parse({
    name: 'nightly',
    work: WORK,
    baseDir: dir,
    agent: { use: 'command', command: ['echo', 'text'], limits: more.limits, ...more.agent },
    effects: [
      {
        name: 'post',
        use: 'http',
        target: 'blog',
        with: { url, lookup: { url: `${url}/{{ slug }}?key={{ effect.key }}` } },
        limits: more.effectLimits,
      },
    ],
    budget: more.budget,
    checks: more.checks,
    retry: more.retry,
  });
  /** Where the jobs stand once their batch is stored. */
  async function stored(of: Definition): Promise<(slug: string) => JobRef> {
    const manifest = await storeManifest({ definition: of, jobs: SLUGS.map(jobOf) }, artifacts);
    const refs = new Map<string, JobRef>();
    for await (const { job, offset, length } of readTickets(manifest, artifacts)) {
      const ref = { work: WORK, batchId: BATCH, manifest, key: job.key, offset, length };
      refs.set(job.identity['slug'] ?? '', ref);
    }
    return (slug) => {
      const ref = refs.get(slug);
      if (ref === undefined) throw new Error(`no job ${slug}`);
      return ref;
    };
  }
  const refOf = await stored(definition);
  await openBatch(ledger, SLUGS);
  const deps: Deps = {
    ledger,
    artifacts,
    client: { workflow: { list: async function* () {} } } as unknown as Client,
    stateDir: dir,
    env: { ...process.env, GEMINI_API_KEY: 'test-key', ANTHROPIC_API_KEY: 'test-key' },
    worker: 'test',
    now: more.now ?? (() => new Date()),
    reached: async () => undefined,
    alarm: { look: () => undefined, wake: () => undefined },
    config: { taskQueue: 'test', heartbeatTimeoutMs: 30_000, tracing: false },
    engineKind: 'embedded',
  };
  const sql = rawSql(path);
  return {
    ledger,
    path,
    lookups,
    definition,
    deps,
    refOf,
    step: (slug: string, waits?: number): Promise<AgentEnd> =>
      new MockActivityEnvironment({ scheduledTimestampMs: Date.now() }).run(runAgent(deps), {
        ...refOf(slug),
        ...(waits !== undefined && { waits }),
      }),
    /** One try of a step, which is told what the try before it told last. @returns its end, and what it told */
    async try(
      slug: string,
      heartbeatDetails?: unknown,
      more: Partial<AgentRequest> = {},
    ): Promise<{ end: unknown; told: unknown }> {
      const environment = new MockActivityEnvironment({ scheduledTimestampMs: Date.now(), heartbeatDetails });
      let told: unknown = heartbeatDetails;
      environment.on('heartbeat', (details: unknown) => (told = details));
      const request = { ...refOf(slug), ...more };
      const end = await environment.run(runAgent(deps), request).catch((error: unknown) => error);
      return { end, told };
    },
    /** A job by a file whose agent was edited since. */
    async edited(slug: string, agent: object): Promise<JobRef> {
      return (await stored(definitionSchema.parse({ ...definition, agent })))(slug);
    },
    /** One step of a job of the same batch with another priority. */
    async stepOf(slug: string, priority: 'urgent' | 'bulk'): Promise<AgentEnd> {
      const limits = { ...definition.limits, priority };
      const ref = (await stored(definitionSchema.parse({ ...definition, limits })))(slug);
      return new MockActivityEnvironment({ scheduledTimestampMs: Date.now() }).run(runAgent(deps), ref);
    },
    /** Takes a place as the session of another job would. */
    takePlace: () => agentLane(definition, { ...refOf('one'), key: 'another' }, deps).enter('session'),
    attempts: async () => (await sql('select number from attempts')).length,
  };
}

describe('a lane that is closed for longer than patience lasts', () => {
  const BACK_MS = 48 * 3_600_000;
  const spent = (message: string) => new AdapterError('exhausted', message, { retryAfterMs: BACK_MS });
  /** The time in a message, to the minute. */
  const backIn = (message: string) =>
    Math.round(
      (Date.parse(backAtOf({ error: { class: 'exhausted', message } }) ?? '') - Date.now()) / 60_000,
    );

  test.each([undefined, 3])(
    'gates the jobs that find it closed, as it did the one that was told; waited before: %s',
    async (waits) => {
      const night = await aNight();
      const lane = agentLane(night.definition, { ...night.refOf('one'), key: 'another' }, night.deps);
      if (waits !== undefined) {
        await lane.report(
          new AdapterError('exhausted', 'starting was answered 429', { retryAfterMs: 60_000 }),
        );
        expect(await night.step('two')).toMatchObject({ kind: 'wait' });
      }
      await lane.report(spent('starting was answered 429'));
      const end = await night.step('two', waits);
      expect(end).toMatchObject({ kind: 'gated', errorClass: 'exhausted' });
      if (end.kind !== 'gated') return;
      expect(end.message).toMatch(/^starting was answered 429 \(back at /);
      expect(backIn(end.message)).toBe(48 * 60);
      const [job] = await night.ledger.jobReports(BATCH, { states: ['gated'] });
      expect(job?.error).toEqual({ class: 'exhausted', message: end.message });
    },
  );

  test('also where it is the destination’s, before anything is paid for', async () => {
    const night = await aNight();
    const { definition, deps } = night;
    const [effect] = effectsOf(definition, jobOf('two'));
    if (effect === undefined) throw new Error('no effect');
    const lane = effectLane(definition, effect, night.refOf('one'), deps);
    await lane?.report(spent('POST was answered 429'));
    const end = await night.step('two');
    expect(end).toMatchObject({ kind: 'gated', errorClass: 'exhausted' });
    if (end.kind === 'gated') expect(end.message).toMatch(/^post: POST was answered 429 \(back at /);
    const request = { ...night.refOf('two'), effect: 'post', artifact: 'a'.repeat(64) };
    const published = await new MockActivityEnvironment().run(publish(deps), request);
    expect(published, 'one that has its artifact').toMatchObject({ kind: 'gated', errorClass: 'exhausted' });
    expect(night.lookups).toEqual([]);
  });

  test('and waits where it is back within patience', async () => {
    const night = await aNight();
    const lane = agentLane(night.definition, { ...night.refOf('one'), key: 'another' }, night.deps);
    await lane.report(new AdapterError('exhausted', '429', { retryAfterMs: 11 * 3_600_000 }));
    expect(await night.step('two')).toMatchObject({ kind: 'wait' });
  });
});

describe('a service that fails, and goes on failing', () => {
  async function downNight(which: 'agent' | 'destination') {
    const night = await aNight({ retry: { patience: '1h' } });
    const { definition, deps } = night;
    const ref = { ...night.refOf('one'), key: 'another' };
    const [effect] = effectsOf(definition, jobOf('two'));
    if (effect === undefined) throw new Error('no effect');
    const lane =
      which === 'agent' ? agentLane(definition, ref, deps) : effectLane(definition, effect, ref, deps);
    for (let failures = 0; failures < 10; failures++)
      await lane?.report(new AdapterError('transient', 'HTTP 503', { sent: 'rejected' }));
    const artifact = 'a'.repeat(64);
    return {
      ...night,
      lane,
      publish: (tried?: TriedBefore) =>
        new MockActivityEnvironment().run(publish(deps), {
          ...night.refOf('two'),
          ...{ effect: 'post', artifact },
          ...(tried && { tried }),
        }),
    };
  }
  const since = (minutes: number) => ({
    failed: { transient: 3 },
    failingSinceMs: Date.now() - minutes * 60_000,
  });
  const now = expect.closeTo(Date.now(), -5) as number;

  test.each(['agent', 'destination'] as const)(
    '%s: its jobs wait until patience ends, which counts from their first wait on; then they leave the run',
    async (which) => {
      const night = await downNight(which);
      const first = await night.try('two');
      expect(first.end).toMatchObject({ kind: 'wait', tried: { failingSinceMs: now } });
      const tried = since(59);
      expect((await night.try('two', undefined, { waits: 7, tried })).end).toMatchObject({
        kind: 'wait',
        tried,
      });
      const message = expect.stringContaining(
        'HTTP 503 (it has failed for 61 min, and patience ends there)',
      ) as string;
      const gated = { kind: 'gated', errorClass: 'transient', message };
      for (const waits of [0, 8])
        expect((await night.try('two', undefined, { waits, tried: since(61) })).end).toMatchObject(gated);
      expect(night.lookups).toHaveLength(which === 'agent' ? 2 : 0);
      if (which === 'agent') return;
      expect(await night.publish()).toMatchObject({ kind: 'wait', tried: { failingSinceMs: now } });
      expect(await night.publish(tried)).toMatchObject({ kind: 'wait', tried });
      expect(await night.publish(since(61))).toMatchObject(gated);
    },
  );

  test.each(['agent', 'destination'] as const)(
    '%s: what its run has waited there counts for a job that comes later, too',
    async (which) => {
      const night = await downNight(which);
      const sql = rawSql(night.path);
      const hourAgo = Date.now() - 61 * 60_000;
      await sql(`update lanes set state = json_set(state, '$.gate.since', ?)`, hourAgo);
      expect((await night.try('two')).end, 'it failed before the run began').toMatchObject({ kind: 'wait' });
      await sql('update batches set opened_at = ?', new Date(hourAgo).toISOString());
      const message = expect.stringContaining('it has failed for 61 min, and patience ends there') as string;
      expect((await night.try('three')).end).toMatchObject({ kind: 'gated', message });
      await night.ledger.placeHold({ kind: 'provider', name: 'command' }, 'finish', 'ann');
      await night.ledger.liftHold({ kind: 'provider', name: 'command' }, 'ann');
      expect((await night.try('three')).end, 'it was paused meanwhile').toMatchObject({ kind: 'wait' });
    },
  );

  test.each([
    ['agent', undefined],
    ['destination', true],
  ] as const)('%s: its jobs say whether others may go on: %s', async (which, ofDestination) => {
    const night = await downNight(which);
    const { end } = await night.try('two', undefined, { tried: since(61) });
    expect(end).toMatchObject({ kind: 'gated' });
    expect((end as { ofDestination?: true }).ofDestination).toBe(ofDestination);
    if (which === 'destination') expect(await night.publish(since(61))).toMatchObject({ ofDestination });
  });

  test.each([1, 61])(
    'destination: the job whose look-up fails last waits, or is gated, with the others',
    async (n) => {
      const night = await aNight({ status: 503, retry: { patience: '1h' } });
      const { definition, deps } = night;
      const [effect] = effectsOf(definition, jobOf('two'));
      if (effect === undefined) throw new Error('no effect');
      for (const key of ['1', '2', '3', '4'])
        await effectLane(definition, { ...effect, key }, night.refOf('one'), deps)?.report(
          new AdapterError('transient', 'HTTP 503', { sent: 'rejected' }),
        );
      const { end } = await night.try('two', undefined, { tried: since(n) });
      expect(end).toMatchObject(n === 1 ? { kind: 'wait' } : { kind: 'gated', ofDestination: true });
      expect(night.lookups).toHaveLength(1);
    },
  );

  test('what failed before its session is not forgotten by a wait, and what passed is', async () => {
    const night = await downNight('destination');
    const failing = { failingSinceMs: Date.now() - 61 * 60_000 };
    expect((await night.try('two', failing)).end).toMatchObject({ kind: 'gated' });
    const passed = { at: undefined, failed: {}, answered: 1 }; // an earlier try of this step has watched its session well
    const environment = new MockActivityEnvironment({ attempt: 2, heartbeatDetails: passed });
    const request = { ...night.refOf('two'), tried: since(61) };
    const end = await environment.run(runAgent(night.deps), request);
    expect(end).toMatchObject({ kind: 'wait', tried: { failingSinceMs: now } });
    expect((end as Waiting).tried).not.toHaveProperty('failed');
  });
});

test('unexpected errors of a job are tried again as often as its batch says of a bug', async () => {
  const night = await aNight({ retry: { classes: { bug: { tries: 2 } } } });
  const environment = new MockActivityEnvironment({ attempt: 9 });
  let told: unknown;
  environment.on('heartbeat', (details: unknown) => (told = details));
  const fails = runAgent({ ...night.deps, reached: () => Promise.reject(new Error('the disk is full')) });
  await expect(environment.run(fails, night.refOf('one'))).rejects.toMatchObject({ nonRetryable: false });
  const next = new MockActivityEnvironment({ attempt: 10, heartbeatDetails: told });
  await expect(next.run(fails, night.refOf('one'))).rejects.toMatchObject({
    type: 'bug',
    nonRetryable: true,
  });
});

test('a step that kills its worker each time is parked, and asks nobody for anything', async () => {
  const night = await aNight({ status: 503 });
  for (const slug of ['one', 'two']) await night.try(slug); // claims it
  const asked = night.lookups.length;
  const message = expect.stringMatching(/died or hung 30 times in a row.*retry NAME --job KEY$/) as string;
  const parked = { kind: 'parked', errorClass: 'bug', message };
  const last = () => new MockActivityEnvironment({ attempt: 32, heartbeatDetails: { answered: 1 } });
  expect(await last().run(runAgent(night.deps), night.refOf('one'))).toEqual(parked);
  const effect = { ...night.refOf('two'), effect: 'post', artifact: 'a'.repeat(64) };
  expect(await last().run(publish(night.deps), effect)).toEqual(parked);
  expect(night.lookups).toHaveLength(asked);
  const rows = await rawSql(night.path)('select state, error_class from jobs');
  expect(rows).toEqual(Array(2).fill({ state: 'parked', error_class: 'bug' }));
});

test('after workers that died, the first failure waits as the first one does', async () => {
  const night = await aNight({ status: 503 });
  const environment = new MockActivityEnvironment({ attempt: 9 });
  const failure: unknown = await environment
    .run(runAgent(night.deps), night.refOf('one'))
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ type: 'transient' });
  const { nextRetryDelay } = failure as ApplicationFailure;
  expect(nextRetryDelay).toBeGreaterThan(0);
  expect(nextRetryDelay).toBeLessThanOrEqual(RETRY_RULES.transient.baseMs);
});

describe('a job that waits all night', () => {
  test('for a place: it claims and looks once; from then on it asks for the place alone, less and less often', async () => {
    const night = await aNight({ limits: { sessions: 1 } });
    expect(await night.takePlace()).toEqual({ kind: 'go' });

    expect(await night.step('one')).toMatchObject({
      kind: 'wait',
      why: 'all 1 places for sessions are taken',
    });
    expect([night.lookups.length, await night.attempts()]).toEqual([1, 1]);
    for (const [waits, ms] of [
      [1, 10_000],
      [2, 20_000],
      [5, 60_000],
      [50, 60_000],
    ] as const) {
      const end = await night.step('one', waits);
      if (end.kind !== 'wait') throw new Error(`it has no place: ${end.kind}`);
      expect(end.delayMs).toBeGreaterThanOrEqual(0.75 * ms);
      expect(end.delayMs).toBeLessThanOrEqual(1.25 * ms);
    }
    expect([night.lookups.length, await night.attempts()]).toEqual([1, 1]);
  });

  test('for room in the budget: the same', async () => {
    const night = await aNight({ budget: { perSession: 1, perBatch: 1 } });
    const limits = {
      perSession: 1_000_000,
      perBatch: 1_000_000,
      currency: 'USD',
      warnAt: [],
      dayEndsAt: '00:00',
      timeZone: 'UTC',
    };
    const { key: other } = night.refOf('two');
    const by = { batchId: BATCH, workflowId: '', runId: '', attempt: 1, worker: 'test' };
    const claim = await night.ledger.claimJob({
      work: WORK,
      jobKey: other,
      identity: jobOf('two').identity,
      fingerprint: jobOf('two').fingerprint,
      revision: 1,
      effectKeys: [],
      by,
    });
    if (claim.kind !== 'claimed') throw new Error(claim.kind);
    const session = { runKey: 'r'.repeat(32), attempt: 1 };
    const row = { ...session, work: WORK, jobKey: other, provider: 'command', revision: 1, by };
    await night.ledger.reserveSession(row, { limits }, claim.fence);

    expect(await night.step('one')).toMatchObject({ kind: 'wait', delayMs: 15_000 });
    expect([night.lookups.length, await night.attempts()]).toEqual([1, 2]);
    expect(await night.step('one', 1)).toMatchObject({ kind: 'wait', delayMs: 30_000 });
    expect(await night.step('one', 9)).toMatchObject({ kind: 'wait', delayMs: 60_000 });
    expect([night.lookups.length, await night.attempts()]).toEqual([1, 2]);

    const end = { state: 'failed', usage: NO_USAGE, errorClass: 'rejected', message: 'too short' } as const;
    await night.ledger.endSession(session, end, claim.fence);
    expect(await night.step('one', 10)).toMatchObject({ kind: 'made' });
    expect(night.lookups).toHaveLength(2); // once more before it is paid for
  });

  test('for the next day of a budget: it is gated until then, or until a newer start raises the budget', async () => {
    const night = await aNight({ budget: { perSession: 1, perDay: 0.5 } });
    const { ledger, deps } = night;
    const { key } = night.refOf('one');
    expect(await night.step('one')).toMatchObject({
      kind: 'wait',
      why: expect.stringContaining('perDay') as string,
    });
    expect((await ledger.jobs(WORK, [key])).get(key)).toMatchObject({ state: 'gated', errorClass: 'budget' });
    const why = expect.stringMatching(/^budget\.perDay is used up until \d/) as string;
    expect(await ledger.gatedByBudget(BATCH)).toEqual({ jobs: 1, why });

    const budget = budgetSchema.parse({ perSession: 1, perDay: 10 });
    const raised = await storedDefinition({ ...night.definition, budget }, deps.artifacts);
    expect(await ledger.noteAsked(BATCH, raised)).toBe(true);
    expect(await ledger.noteAsked(BATCH, raised), 'no news').toBe(false);
    expect(await night.step('one', 1)).toMatchObject({ kind: 'made' });
    expect(await ledger.gatedByBudget(BATCH)).toMatchObject({ jobs: 0 });

    await ledger.noteAsked(BATCH, night.refOf('one').manifest.definition); // the newest start counts, not the highest
    expect(await night.step('two')).toMatchObject({ kind: 'wait' });
  });

  test('for a place: also where a job of another work has the same identity', async () => {
    const night = await aNight({ limits: { sessions: 1 } });
    const other = { ...night.definition, work: 'translation' };
    expect(await agentLane(other, night.refOf('one'), night.deps).enter('session')).toEqual({ kind: 'go' });
    expect(await night.step('one')).toMatchObject({
      kind: 'wait',
      why: 'all 1 places for sessions are taken',
    });
  });

  test('it goes on with what has come to be meanwhile, and leaves no place behind that it does not need', async () => {
    const night = await aNight({ limits: { sessions: 1 } });
    expect(await night.step('one')).toMatchObject({ kind: 'made' });
    expect(await night.takePlace()).toEqual({ kind: 'go' });
    expect(await night.step('one', 3)).toMatchObject({ kind: 'made' }); // no session needed
    const lane = agentLane(night.definition, { ...night.refOf('one'), key: 'another' }, night.deps);
    await lane.leave();
    expect(await night.step('two', 3)).toMatchObject({ kind: 'made' });
    expect(await night.ledger.lanes()).toMatchObject([{ sessions: 0 }]);
  });
});

/** A program that is done at once and says what it has used. */
const used = (status: string) => {
  const usage = { inputTokens: 2000, outputTokens: 1000 };
  const document = { v: 1, status, text: 'text', usage, cost: { usd: 2 } };
  return ['sh', '-c', `echo '${JSON.stringify(document)}' > "$NIGHTSHIFT_RESULT_FILE"`];
};

describe.each(['ok', 'rejected'])('a session that ends %s', (status) => {
  test.each([
    [{ tokensPerMinute: 1000 }, '1000 tokens a minute are used up'],
    [{ spendPer10Min: 1 }, '1 in ten minutes are spent (limits.spendPer10Min)'],
  ])('keeps the next one back by what it has used, under %o', async (limits, why) => {
    const night = await aNight({ agent: { command: used(status) }, limits });
    const { end } = await night.try('one');
    expect(end).toMatchObject(status === 'ok' ? { kind: 'made' } : { type: 'rejected' });
    expect(await night.step('two')).toMatchObject({ kind: 'wait', why });
    expect(await night.ledger.lanes()).toMatchObject([{ sessions: 0 }]);
  });
});

describe('the priority of a batch', () => {
  test('a place for a session goes to the more urgent, who asked for it', async () => {
    const night = await aNight({ limits: { sessions: 1 } });
    await night.takePlace();
    expect(await night.stepOf('one', 'urgent')).toMatchObject({ kind: 'wait' });
    await agentLane(night.definition, { ...night.refOf('one'), key: 'another' }, night.deps).leave();
    const why = 'a session of priority urgent goes first';
    expect(await night.stepOf('two', 'bulk')).toMatchObject({ kind: 'wait', why });
    expect(await night.stepOf('one', 'urgent')).toMatchObject({ kind: 'made' });
  });

  test('a request at a destination comes before those that are less so', async () => {
    const night = await aNight({ effectLimits: { requestsPerMinute: 480 } });
    const { signal } = new AbortController();
    const [effect] = effectsOf(night.definition, jobOf('three'));
    if (effect === undefined) throw new Error('no effect');
    const lane = effectLane(night.definition, effect, night.refOf('three'), night.deps);
    // Slots of three seconds are given out: more than bulk work may reserve ahead.
    const busy = Array.from({ length: 24 }, () => lane?.turn(signal));
    const bulk = night.stepOf('two', 'bulk');
    await vi.waitFor(async () => expect(await night.attempts()).toBe(1));
    await Promise.all([bulk, night.stepOf('one', 'urgent'), ...busy]);
    expect(night.lookups.map((url) => url.split('?')[0])).toEqual(['/one', '/two']);
  });
});

describe('look-ups before a session', () => {
  test('keep to the limit of their destination', async () => {
    const night = await aNight({ effectLimits: { requestsPerMinute: 240 } });
    const begun = performance.now();
    await Promise.all(SLUGS.map((slug) => night.step(slug)));
    expect(night.lookups).toHaveLength(3);
    expect(performance.now() - begun).toBeGreaterThan(450); // a quarter of a second apart
  });

  test('are not made while their destination is closed to all, and nothing else is begun', async () => {
    const night = await aNight();
    const [effect] = effectsOf(night.definition, jobOf('two'));
    if (effect === undefined) throw new Error('it has an effect');
    const patience = new AdapterError('throttled', 'HTTP 429', { sent: 'rejected', retryAfterMs: 60_000 });
    await effectLane(night.definition, effect, night.refOf('two'), night.deps)?.report(patience);
    for (const waits of [0, 1, 2])
      expect(await night.step('one', waits)).toMatchObject({
        kind: 'wait',
        why: 'the service asked for patience',
      });
    expect(night.lookups).toEqual([]);
    expect(await night.attempts(), 'the ledger knows the job from then on').toBe(1);
  });

  test('tell the others that the destination is in trouble', async () => {
    const night = await aNight({ status: 503 });
    for (const slug of SLUGS) await expect(night.step(slug)).rejects.toThrow('503');
    expect(await night.ledger.lanes()).toMatchObject([{ state: { streak: 3 } }]);
  });
});

describe('a session of which nobody can tell what it did', () => {
  const conflict = {
    state: 'failed',
    errorClass: 'conflict',
    message: 'the start got no answer',
    usage: NO_USAGE,
  } as const;
  const job = { state: 'held', errorClass: 'unknown', message: 'the start got no answer' } as const;

  test('is followed by no other one at a plain start, which says so', async () => {
    const night = await aNight();
    const ref = night.refOf('one');
    const handle = { v: 1, provider: 'command', runKey: 'a'.repeat(32), attempt: 1, ids: {} };
    const definition = { ...jobOf('one'), work: WORK, jobKey: ref.key, effectKeys: [] };
    const claim = await night.ledger.claimJob({ ...definition, by: by() });
    if (claim.kind !== 'claimed') throw new Error(claim.kind);
    const session = { runKey: 'a'.repeat(32), attempt: 1 };
    const intent = { ...session, work: WORK, jobKey: ref.key, revision: 1, provider: 'command', by: by() };
    await night.ledger.intendSession(intent, claim.fence);
    await night.ledger.saveHandle(session, handle, claim.fence);
    await night.ledger.endSession(session, { ...conflict, job }, claim.fence);

    expect(await night.step('one')).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    const known = (await night.ledger.jobs(WORK, [ref.key])).get(ref.key);
    expect(known).toMatchObject({ state: 'held', attempts: 1 });
  });
});

describe('an agent that acts on the outside world', () => {
  const fails = { command: ['sh', '-c', 'echo acted >> "$LOG"; exit 1'] };

  /** Its program leaves a line for each of its runs. */
  async function anOutward(more: object = {}) {
    const log = join(temporaryFolder(), 'log');
    const night = await aNight({ agent: { ...fails, env: { LOG: log }, outward: true, ...more } });
    const runs = () => readFileSync(log, 'utf8').trim().split('\n').length;
    return { ...night, runs };
  }

  test('has no second session after one that ran and was not done, until a person asks for it', async () => {
    const night = await anOutward();
    const { key } = night.refOf('one');
    expect(await night.step('one')).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(await night.step('one')).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(night.runs()).toBe(1);
    expect(await night.ledger.requeue(BATCH, 'ann', { keys: [key] })).toEqual([key]);
    expect(await night.step('one')).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(night.runs()).toBe(2);
  });

  test('nor after one whose job was cancelled', async () => {
    const night = await anOutward();
    const { key } = night.refOf('one');
    await night.step('one');
    const sql = rawSql(night.path);
    await sql(`update jobs set state = 'cancelled', error_class = null where job_key = ?`, key);
    expect(await night.step('one')).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(night.runs()).toBe(1);
  });
});

describe('a session that ended, whose output can’t be had', () => {
  const retry = { patience: '1ms' };
  const agents = {
    antigravity: (url: string) => ({ use: 'antigravity', with: { baseUrl: `${url}/gemini` } }),
    claude: (url: string) => ({
      use: 'claude',
      with: { baseUrl: `${url}/anthropic`, agent: 'agent_nightshift', environment: 'env_nightshift' },
    }),
  } as const;
  const DOWNLOADS = { antigravity: 'files.read', claude: 'files.download' } as const;

  async function aHostedNight(
    which: keyof typeof agents,
    more: Parameters<typeof aServer>[0],
    { with: options, ...also }: { budget?: object; checks?: object[]; retry?: object; with?: object } = {},
  ) {
    const server = await aServer({ speed: 1000, ...more });
    const { use, with: place } = agents[which](server.url);
    const agent = {
      ...{ use, command: undefined, prompt: 'Write.', timeout: '1d' },
      with: { ...place, pollInterval: '10ms', requestTimeout: '1d', ...options },
    };
    const night = await aNight({ agent, retry, now: () => new Date(server.now()), ...also });
    return { ...night, server, paid: () => server.ledger().totals };
  }

  test('each failure counts, and what its session did well before the first of them gives none back', async () => {
    const faults = [{ match: { call: DOWNLOADS.claude }, do: 'server-error', times: 9 } as const];
    const night = await aHostedNight(
      'claude',
      { faults },
      { retry: { classes: { transient: { tries: 3 } } } },
    );
    let last = await night.try('one');
    for (const _ of ['second', 'third']) {
      expect(last.end).toMatchObject({ type: 'transient' });
      last = await night.try('one', last.told);
    }
    const message = expect.stringMatching(/could not be collected.*\(3 tries failed\)$/) as string;
    expect(last.end).toMatchObject({ kind: 'parked', errorClass: 'transient', message });
    expect(night.paid()).toMatchObject({ runs: 1, paidTurns: 1 });
  });

  test.each(['antigravity', 'claude'] as const)(
    '%s: it is parked when patience ends, and collected without another start when a person asks',
    async (which) => {
      const match = { call: DOWNLOADS[which] };
      const night = await aHostedNight(which, { faults: [{ match, do: 'server-error', times: 3 }] });
      const first = await night.try('one');
      expect(first.end).toMatchObject({ type: 'transient' });
      const second = await night.try('one', first.told);
      expect(second.end).toMatchObject({
        kind: 'parked',
        errorClass: 'transient',
        message: expect.stringMatching(/^what the session made could not be collected: .*patience/) as string,
      });
      const { key } = night.refOf('one');
      expect(await night.ledger.requeue(BATCH, 'ann', { keys: [key] })).toEqual([key]);
      const third = await night.try('one');
      expect(third.end, 'it has its patience again').toMatchObject({ type: 'transient' });
      expect((await night.try('one', third.told)).end).toMatchObject({ kind: 'made' });
      expect(night.server.ledger().runs).toMatchObject([{ runs: 1 }]);
    },
  );

  test('patience goes on over a wait for a service that fails; what went well in between ends that', async () => {
    const match = { call: DOWNLOADS.antigravity };
    const tried = { failed: { transient: 1 }, failingSinceMs: 1 };
    const night = await aHostedNight('antigravity', { faults: [{ match, do: 'server-error', times: 2 }] });
    expect((await night.try('one', undefined, { tried })).end, 'its session ran meanwhile').toMatchObject({
      type: 'transient',
    });
    expect((await night.try('one', undefined, { tried })).end).toMatchObject({
      kind: 'parked',
      message: expect.stringContaining('patience') as string,
    });
  });

  test.each(['antigravity', 'claude'] as const)(
    '%s: credentials that are refused then are no trouble of an effect, and the message says what they keep away',
    async (which) => {
      const match = { call: DOWNLOADS[which] };
      const night = await aHostedNight(which, { faults: [{ match, do: 'auth', with: { form: '401' } }] });
      const message =
        /^what the session made could not be collected: .*401.*\(auth: no job can go on before this is put right\)$/;
      expect((await night.try('one')).end).toMatchObject({
        kind: 'gated',
        errorClass: 'auth',
        message: expect.stringMatching(message) as string,
      });
    },
  );

  test.each([
    ['antigravity', 'environments.delete'],
    ['claude', 'sessions.archive'],
  ] as const)(
    '%s: nothing of it is left at the service when its job is cancelled then',
    async (which, call) => {
      const night = await aHostedNight(which, {});
      const environment = new MockActivityEnvironment({ scheduledTimestampMs: Date.now() });
      const reached = async (point: string) => void (point === 'A10' && environment.cancel());
      await environment.run(runAgent({ ...night.deps, reached }), night.refOf('one')).catch(() => undefined);
      const releases = night.server.requests().filter((request) => request.call === call);
      expect(releases).toMatchObject([{ status: 200 }]);
    },
  );

  test('a start that nobody saw arrive takes no more of a budget than was set aside for it', async () => {
    const faults = [{ match: { call: 'interactions.create' }, do: 'drop-before', times: 1 } as const];
    const budget = { perBatch: 3, perSession: 0.6 };
    const night = await aHostedNight('antigravity', { faults }, { budget, with: { unknownStartWait: '1s' } });
    const first = await night.try('one');
    expect(first.end, 'its start got no answer').toMatchObject({ type: 'unknown' });
    expect((await night.try('one', first.told)).end, 'it is given up').toMatchObject({ type: 'lost' });
    expect((await night.try('one')).end).toMatchObject({ kind: 'made' });
    const rows: CostRow[] = [];
    await night.ledger.costs({}, (page) => void rows.push(...page));
    expect(rows).toMatchObject([
      { use: 'wasted', reason: 'twin', usage: { costMicros: 600_000, costSource: 'reserved' } },
      { use: 'useful' },
    ]);
  });

  test.each([
    ['antigravity', 'interactions.create', 'environments.delete'],
    ['claude', 'events.send', 'sessions.archive'],
  ] as const)(
    '%s: a start that is refused gives back what it had made, by one request',
    async (which, start, back) => {
      const night = await aHostedNight(which, { faults: [{ match: { call: start }, do: 'throttle' }] });
      expect((await night.try('one')).end).toMatchObject({ kind: 'gated', errorClass: 'throttled' });
      const given = night.server.requests().filter(({ call }) => call === back);
      expect(given).toMatchObject([{ status: 200 }]);
    },
  );

  test('a check that can’t run ends the same way', async () => {
    const night = await aNight({ retry, checks: [{ use: './down.ts' }] });
    writeFileSync(
      join(night.definition.baseDir, 'down.ts'),
      `import { defineCheck, AdapterError } from 'nightshift/adapter';
       import { z } from 'zod';
       export const check = defineCheck({
         name: 'down', version: '1', options: z.strictObject({}),
         run() { throw new AdapterError('transient', 'the service is down'); },
       });`,
    );
    const first = await night.try('one');
    expect(first.end).toMatchObject({ type: 'transient' });
    expect((await night.try('one', first.told)).end).toMatchObject({
      kind: 'parked',
      errorClass: 'transient',
      message: expect.stringMatching(/^what the session made could not be checked: .*patience/) as string,
    });
  });

  /** A night whose check says what a file says, and can't run while there is none. */
  async function aMendedNight(which: keyof typeof agents) {
    const budget = { perBatch: 9, perSession: 0.6 };
    const night = await aHostedNight(which, {}, { budget, checks: [{ use: './mended.ts' }] });
    const said = join(night.definition.baseDir, 'said.json');
    writeFileSync(
      join(night.definition.baseDir, 'mended.ts'),
      `import { readFileSync } from 'node:fs';
       import { defineCheck, AdapterError } from 'nightshift/adapter';
       import { z } from 'zod';
       export const check = defineCheck({
         name: 'mended', version: '1', options: z.strictObject({}),
         run() {
           try { return JSON.parse(readFileSync(${JSON.stringify(said)}, 'utf8')); }
           catch { throw new AdapterError('config', 'it is not set up'); }
         },
       });`,
    );
    const paidRows = async (): Promise<readonly CostRow[]> => {
      const rows: CostRow[] = [];
      await night.ledger.costs({}, (page) => void rows.push(...page));
      return rows;
    };
    const says = (problems: readonly string[]) => writeFileSync(said, JSON.stringify(problems));
    return { ...night, says, paidRows };
  }

  test.each(['antigravity', 'claude'] as const)(
    '%s: what is paid for is booked while a check can’t run, and checked once it is mended, at no cost',
    async (which) => {
      const night = await aMendedNight(which);
      const { ledger, server } = night;
      expect((await night.try('one')).end).toMatchObject({
        kind: 'gated',
        errorClass: 'config',
        message: expect.stringMatching(/^what the session made could not be checked: .*not set up/) as string,
      });
      const booked = await night.paidRows();
      expect(booked).toMatchObject([{ use: 'useful', usage: { costMicros: expect.any(Number) as number } }]);
      const [{ usage } = { usage: NO_USAGE }] = booked;
      expect(usage.costMicros).toBeGreaterThan(0);
      const [job] = await ledger.jobReports(BATCH, { states: ['gated'] });
      expect(job, 'and is there to be looked at').toMatchObject({
        lastArtifact: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      });
      expect(job, 'but nothing that could go out').not.toHaveProperty('artifact');
      const { key } = night.refOf('one');
      expect(await ledger.needsSession({ work: WORK, jobKey: key })).toBe(false);
      expect(await ledger.openSessions(new Date(Date.now() + 86_400_000 * 9).toISOString())).toEqual([]);

      const asked = server.requests().length;
      expect((await night.try('one')).end, 'as long as it is not mended').toMatchObject({ kind: 'gated' });
      night.says([]);
      expect((await night.try('one')).end).toMatchObject({ kind: 'made', sha256: job?.lastArtifact });
      expect((await night.try('one')).end, 'it is the job’s').toMatchObject({ kind: 'made' });
      expect(server.requests(), 'its service has nothing to do with it').toHaveLength(asked);
      expect(server.ledger().runs).toMatchObject([{ runs: 1 }]);
      expect(await night.paidRows(), 'booked once').toEqual(booked);
    },
  );

  test('what fails the mended check is waste, booked once, and another session follows', async () => {
    const night = await aMendedNight('antigravity');
    await night.try('one');
    const [first] = await night.paidRows();
    night.says(['too dull']);
    expect((await night.try('one')).end).toMatchObject({
      type: 'rejected',
      message: expect.stringContaining('too dull') as string,
    });
    expect(await night.paidRows()).toMatchObject([
      { use: 'wasted', reason: 'rejected', usage: first?.usage, bookedAt: first?.bookedAt },
    ]);
    night.says([]);
    expect((await night.try('one')).end).toMatchObject({ kind: 'made' });
    expect(await night.paidRows()).toMatchObject([{ use: 'wasted' }, { use: 'useful' }]);
  });

  test('an unchecked artifact that is gone has to be paid for again, and that is said', async () => {
    const night = await aMendedNight('antigravity');
    await night.try('one');
    night.says([]);
    const [job] = await night.ledger.jobReports(BATCH, { states: ['gated'] });
    const made = job?.lastArtifact ?? '';
    rmSync(join(night.deps.stateDir, 'artifacts', 'sha256', made.slice(0, 2), made.slice(2)));
    expect((await night.try('one')).end).toMatchObject({ kind: 'made' });
    expect(await night.paidRows()).toMatchObject([
      { use: 'wasted', reason: 'lost-artifact' },
      { use: 'useful' },
    ]);
  });

  test('one that is taken up after its deadline, while looks fail, is not cancelled unseen', async () => {
    const server = await aServer({ speed: 1000 });
    let late = 0;
    const { use, with: options } = agents.antigravity(server.url);
    const night = await aNight({
      agent: {
        use,
        command: undefined,
        prompt: 'Write.',
        timeout: '1d',
        with: { ...options, pollInterval: '10ms' },
      },
      now: () => new Date(server.now() + late),
    });
    server.addFault({ match: { call: 'files.read' }, do: 'server-error', times: 1 });
    const first = await night.try('one');
    expect(first.end).toMatchObject({ type: 'transient' });
    late = 2 * 24 * 3_600_000;
    server.addFault({ match: { call: 'interactions.get' }, do: 'server-error', times: 1 });
    expect((await night.try('one', first.told)).end).toMatchObject({ kind: 'made' });
    expect(server.requests().filter(({ call }) => call === 'interactions.cancel')).toEqual([]);
  });
});

test('a start that is refused again after the host slept for longer than patience lasts is tried again', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => void vi.useRealTimers());
  const match = { call: 'environments.create' };
  const refused = { match, do: 'throttle', with: { form: 'none' }, times: 2 } as const;
  const server = await aServer({ speed: 1000, faults: [refused] });
  const night = await aNight({
    agent: {
      use: 'antigravity',
      command: undefined,
      prompt: 'Write.',
      with: { baseUrl: `${server.url}/gemini`, pollInterval: '10ms' },
    },
    retry: { patience: '1h' },
  });
  noticeSleep();
  expect((await night.try('one')).end).toMatchObject({ type: 'throttled' });
  vi.setSystemTime(Date.now() + 13 * 3_600_000);
  expect((await night.try('one')).end).toMatchObject({ type: 'throttled' });
});

test('a try that wakes when another one has the job in hand leaves it alone, though its own patience is over', async () => {
  const server = await aServer({ speed: 1000 });
  const night = await aNight({
    agent: {
      use: 'antigravity',
      command: undefined,
      prompt: 'Write.',
      timeout: '1d',
      with: { baseUrl: `${server.url}/gemini`, pollInterval: '10ms' },
    },
    retry: { patience: '1h' },
    now: () => new Date(server.now()),
  });
  server.addFault({ match: { call: 'files.read' }, do: 'server-error', times: 1 });
  await night.try('one');
  const { ledger } = night;
  const job = jobOf('one');
  const attachSession: typeof ledger.attachSession = async (...given) => {
    await ledger.attachSession(...given);
    const { key, identity, revision } = job;
    const claim = { work: WORK, jobKey: key, identity, fingerprint: job.fingerprint, revision };
    await ledger.claimJob({ ...claim, effectKeys: [], by: by() });
  };
  server.addFault({ match: { call: 'interactions.get' }, do: 'server-error', times: 1 });
  const late = new MockActivityEnvironment({ heartbeatDetails: { lookFailingSinceMs: 1 } });
  const deps = { ...night.deps, ledger: { ...ledger, attachSession } };
  const end: unknown = await late.run(runAgent(deps), night.refOf('one')).catch((error: unknown) => error);
  expect(end).toMatchObject({ name: 'StaleFence' });
  const [row] = await rawSql(night.path)('select state from jobs where job_key = ?', job.key);
  expect(row).toEqual({ state: 'running' });
});

const dead = { do: 'auth', with: { form: '401' } } as const;

/** A service at which the first session of a job never ends by itself, unless it `ends`. */
async function aService(which: 'antigravity' | 'claude', name: string, ends = false) {
  const surface = which === 'claude' ? 'anthropic' : 'gemini';
  const match = { surface, attempt: 1 } as const;
  const server = await aServer({ speed: 1000, faults: ends ? [] : [{ match, do: 'timeout-mid-run' }] });
  const own = { agent: 'agent_nightshift', environment: 'env_nightshift' };
  const agent = {
    use: which,
    prompt: 'Write.',
    timeout: '1d',
    with: {
      baseUrl: `${server.url}/${surface}`,
      apiKey: `\${env:${name}}`,
      pollInterval: '10ms',
      ...(which === 'claude' && own),
    },
  };
  const look = which === 'claude' ? 'sessions.retrieve' : 'interactions.get';
  /** Calls that came after it was left alone. */
  const since = { at: 0 };
  return {
    ...{ server, agent, look },
    mark: () => void (since.at = server.requests().length),
    calls: () =>
      server
        .requests()
        .slice(since.at)
        .map(({ call }) => call),
    /** When they came, in milliseconds of ours. */
    times: (which?: string) =>
      server
        .requests()
        .slice(since.at)
        .filter(({ call }) => which === undefined || call === which)
        .map(({ at }) => at / 1000),
    running: () => server.ledger().runs.filter(({ open }) => open > 0).length,
  };
}

/** Leaves a session of job `one` open at the first service. */
async function leftOpen(
  first: 'antigravity' | 'claude',
  second: 'antigravity' | 'claude',
  more: object = { budget: { perSession: 2 } },
) {
  const old = await aService(first, 'OLD_KEY');
  const present = await aService(second, 'NEW_KEY');
  const night = await aNight({
    agent: { command: undefined, ...old.agent },
    ...more,
    now: () => new Date(old.server.now()),
  });
  Object.assign(night.deps.env, { OLD_KEY: 'old', NEW_KEY: 'new' });
  old.server.addFault({ match: { call: old.look }, ...dead, times: 1 });
  expect(await night.step('one')).toMatchObject({ kind: 'gated', errorClass: 'auth' });
  expect(old.running()).toBe(1);
  old.mark();
  const ref = await night.edited('one', present.agent);
  return {
    ...{ ...night, old, present, ref },
    stepNow: () => new MockActivityEnvironment().run(runAgent(night.deps), ref),
    sessions: () =>
      rawSql(night.path)(
        'select attempt, provider, state, cost_micros, error_message as why from sessions order by attempt',
      ),
  };
}

describe('the limits of the agent’s service', () => {
  const PER_MINUTE = 480;
  const limits = { requestsPerMinute: PER_MINUTE };

  /** No request may leave before its slot; the first may have come late. */
  function keptTo(times: readonly number[], requestsMin: number): void {
    expect(times.length).toBeGreaterThanOrEqual(requestsMin);
    const tookMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
    expect(tookMs).toBeGreaterThan((times.length - 1) * (60_000 / PER_MINUTE) - 250);
  }

  async function atService(ends = false) {
    const service = await aService('antigravity', 'OLD_KEY', ends);
    const night = await aNight({
      agent: { command: undefined, ...service.agent },
      limits,
      now: () => new Date(service.server.now()),
    });
    night.deps.env['OLD_KEY'] = 'old';
    return { ...night, ...service };
  }

  test('hold for each request of a session', async () => {
    const night = await atService(true);
    expect(await night.step('one')).toMatchObject({ kind: 'made' });
    keptTo(night.times(), 10);
  });

  test('hold for sessions that are ended because their jobs are cancelled', async () => {
    const night = await atService();
    const environments = SLUGS.map(() => new MockActivityEnvironment({ scheduledTimestampMs: Date.now() }));
    const steps = environments.map((environment, at) =>
      environment.run(runAgent(night.deps), night.refOf(SLUGS[at] ?? '')).catch((error: unknown) => error),
    );
    await vi.waitFor(() => expect(night.running()).toBe(SLUGS.length), { timeout: 20_000 });
    night.mark();
    for (const environment of environments) environment.cancel();
    const ends = await Promise.all(steps);
    expect(ends, 'also those that waited for their turn').toEqual(
      SLUGS.map(() => expect.any(CancelledFailure) as unknown),
    );
    expect(night.running()).toBe(0);
    keptTo(night.times(), 5 * SLUGS.length);
    const rows = await rawSql(night.path)('select state, error_message as why from sessions');
    expect(rows).toEqual(SLUGS.map(() => ({ state: 'cancelled', why: 'the job was cancelled' })));
  });

  test('hold for a session that its worker left behind, and for one that nobody owns', async () => {
    const cancelled = await leftOpen('antigravity', 'antigravity', { limits });
    await rawSql(cancelled.path)(`update jobs set state = 'running'`);
    const end = { state: 'cancelled' as const };
    await new MockActivityEnvironment().run(settleJob(cancelled.deps), cancelled.refOf('one'), end);
    expect(cancelled.old.running()).toBe(0);
    keptTo(cancelled.old.times(), 5);

    const night = await leftOpen('antigravity', 'antigravity', { limits });
    const sql = rawSql(night.path);
    await sql(`update sessions set state = 'lost'`);
    await sql(`update jobs set state = 'parked'`);
    const { env, stateDir } = night.deps;
    const connections = { config: { env, stateDir }, ledger: async () => night.ledger, who: 'ann' };
    const { definition } = night;
    const sweep = { end: true, since: new Date(0), reason: undefined };
    const found = await sweepSessions({ definition }, connections as unknown as Connections, sweep);
    expect(found).toMatchObject([{ standing: 'orphan', outcome: 'ended' }]);
    keptTo(night.old.times(), 5);
  });
});

describe('a job that is cancelled while its agent’s service takes nothing', () => {
  const patience = new AdapterError('throttled', 'HTTP 429', { retryAfterMs: 60_000 });
  const end = { state: 'cancelled' as const };

  async function leftRunning() {
    const night = await leftOpen('antigravity', 'antigravity', {});
    await rawSql(night.path)(`update jobs set state = 'running'`);
    return {
      ...night,
      lane: agentLane(night.definition, { ...night.refOf('one'), key: 'another' }, night.deps),
      settle: (more: Partial<Deps> = {}) =>
        new MockActivityEnvironment().run(settleJob({ ...night.deps, ...more }), night.refOf('one'), end),
    };
  }
  const why = 'the job was cancelled';

  test('its session is ended when the service takes requests again', async () => {
    const night = await leftRunning();
    const match = { call: 'interactions.cancel' };
    const soon = { form: 'seconds', seconds: 2000 }; // two of ours
    night.old.server.addFault({ match, do: 'throttle', with: soon, times: 1 });
    await night.settle();
    expect(night.old.running()).toBe(0);
    const [refused = 0, taken = 0] = night.old.times('interactions.cancel');
    expect(taken - refused).toBeGreaterThanOrEqual(2000);
    expect(await night.sessions()).toMatchObject([{ state: 'cancelled', why }]);
    expect(await night.ledger.laneNotes(), 'all who use it are told').toMatchObject([{ what: 'slowed' }]);
  });

  test('its session is ended at once where a quota or failures keep all others away', async () => {
    const night = await leftRunning();
    await night.lane.report(new AdapterError('exhausted', 'HTTP 429', { retryAfterMs: 48 * 3_600_000 }));
    await night.settle();
    expect(night.old.running()).toBe(0);
    expect(await night.sessions()).toMatchObject([{ state: 'cancelled', why }]);
  });

  test('a worker that stops leaves its session to the next one', async () => {
    const night = await leftRunning();
    await night.lane.report(patience);
    const grace = new AbortController();
    const settled = night.settle({ graceOver: grace.signal });
    const over = expect(settled).rejects.toMatchObject({
      message: 'the worker stopped',
      nonRetryable: false,
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    grace.abort(retryAfter('transient', 'the worker stopped', 1));
    await over;
    expect(night.old.calls()).toEqual([]);
    expect(await night.sessions()).toMatchObject([{ state: 'started' }]);
    await night.ledger.resetLane(night.lane.id, 'ann');
    await night.settle();
    expect(await night.sessions()).toMatchObject([{ state: 'cancelled', why }]);
  });
});

describe('an open session of a job whose agent is another one now', () => {
  test.each([
    ['antigravity', 'claude', 'the agent is claude now'],
    ['claude', 'antigravity', 'the agent is antigravity now'],
    ['antigravity', 'antigravity', 'the agent has another account at antigravity now'],
    ['claude', 'claude', 'the agent has another account at claude now'],
  ] as const)('%s, now %s: it is ended by its own, and another one is begun', async (first, second, why) => {
    const night = await leftOpen(first, second);
    expect(await night.stepNow()).toMatchObject({ kind: 'made' });
    expect(night.old.running()).toBe(0);
    expect(night.present.server.ledger().runs).toMatchObject([{ attempt: 2, runs: 1 }]);
    expect(await night.sessions()).toMatchObject([
      { attempt: 1, provider: first, state: 'cancelled', why },
      { attempt: 2, provider: second, state: 'collected' },
    ]);
  });

  test.each([
    ['its key is dead', true, /401/],
    ['an older release began it', false, /nothing that is stored says how antigravity was reached/],
  ])('%s: it is booked as lost with what was set aside, and named', async (_, isKnown, why) => {
    const night = await leftOpen('antigravity', 'claude');
    night.old.server.addFault({ match: {}, ...dead });
    if (!isKnown)
      await rawSql(night.path)(`update sessions set handle = json_remove(handle, '$.definition')`);
    expect(await night.stepNow()).toMatchObject({ kind: 'made' });
    const [lost] = await night.sessions();
    expect(lost).toMatchObject({ provider: 'antigravity', state: 'lost', cost_micros: 2_000_000 });
    expect(lost?.['why']).toMatch(
      /^the agent is claude now; the session at antigravity \(.*run [0-9a-f]{12}#1\) could not be ended/,
    );
    expect(lost?.['why']).toMatch(why);
    expect(night.old.calls()).toEqual(isKnown ? ['interactions.cancel'] : []);
  });

  test('is ended by its own agent, too, where the job is cancelled', async () => {
    const night = await leftOpen('antigravity', 'claude');
    const sql = rawSql(night.path);
    await sql(`update jobs set state = 'running'`);
    await new MockActivityEnvironment().run(settleJob(night.deps), night.ref, {
      state: 'cancelled' as const,
    });
    expect([night.old.running(), night.present.server.requests()]).toEqual([0, []]);
    expect(await sql('select state from jobs')).toEqual([{ state: 'cancelled' }]);
    expect(await night.sessions()).toMatchObject([{ state: 'cancelled', why: 'the job was cancelled' }]);
    expect(await sql('select error_class from sessions'), 'a person did it, and nothing failed').toEqual([
      { error_class: null },
    ]);
  });

  test('is no second one of an agent that acts on the outside world', async () => {
    const night = await leftOpen('antigravity', 'claude');
    const ref = await night.edited('one', { ...night.present.agent, outward: true });
    const end = await new MockActivityEnvironment().run(runAgent(night.deps), ref);
    expect(end).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(night.present.server.ledger().runs).toEqual([]);
  });

  test('is gone on with where only other things were edited', async () => {
    const night = await leftOpen('antigravity', 'claude');
    const { agent } = night.old;
    const ref = await night.edited('one', { ...agent, prompt: 'Write more.', timeout: '1ms' });
    const end = await new MockActivityEnvironment().run(runAgent(night.deps), ref).catch((e: unknown) => e);
    expect(end, 'it ran longer than it may now').toMatchObject({ type: 'timeout' });
    expect(await night.sessions()).toMatchObject([{ attempt: 1, state: 'failed' }]);
  });
});

describe('a job that is cancelled while nobody has heard of the start of its session', () => {
  /** Its agent runs, or may run, under an intent without a handle. @param found what its service says of it */
  async function unheard(found: string) {
    const night = await aNight({ agent: { use: './own.ts', command: undefined }, budget: { perSession: 2 } });
    const log = join(night.definition.baseDir, 'log');
    writeFileSync(
      join(night.definition.baseDir, 'own.ts'),
      `import { appendFileSync } from 'node:fs';
       import { AdapterError, defineProvider } from 'nightshift/adapter';
       import { z } from 'zod';
       const used = { inputTokens: 1, outputTokens: 1, cachedTokens: 0, costMicros: 7, costSource: 'reported' };
       export const provider = defineProvider({
         name: 'own', version: '1', options: z.strictObject({}),
         create: () => ({
           facts: { name: 'own', find: 'exact', startIsIdempotent: true, survivesWorkerLoss: true, cost: 'reported' },
           find: async ({ runKey, attempt }) => {
             const handle = { v: 1, provider: 'own', runKey, attempt, ids: {} };
             return ${found};
           },
           start: async () => { throw new AdapterError('transient', 'no answer', { sent: 'maybe' }); },
           cancel: async () => appendFileSync(${JSON.stringify(log)}, 'cancelled'),
           usage: async () => used,
           classify: (error) => error,
         }),
       });`,
    );
    await expect(night.step('one')).rejects.toMatchObject({ type: 'transient' });
    const end = { state: 'cancelled' as const };
    await new MockActivityEnvironment().run(settleJob(night.deps), night.refOf('one'), end);
    const rows = await rawSql(night.path)(
      'select j.state as job, s.state, s.cost_micros, s.error_message as why, s.started_seq from jobs j, sessions s',
    );
    return { rows, log: () => readFileSync(log, 'utf8') };
  }

  test('one that runs is ended, and is in all figures', async () => {
    const { rows, log } = await unheard(`{ kind: 'session', handle }`);
    expect(log()).toBe('cancelled');
    const [row] = rows;
    expect(row).toMatchObject({ job: 'cancelled', state: 'cancelled', cost_micros: 7 });
    expect(row?.['started_seq']).not.toBeNull();
  });

  test('one that never began costs nothing', async () => {
    const { rows } = await unheard(`{ kind: 'none' }`);
    expect(rows).toMatchObject([{ job: 'cancelled', state: 'cancelled', cost_micros: 0 }]);
  });

  test('one of which nobody can tell is lost, with what was set aside for it', async () => {
    const { rows } = await unheard(`{ kind: 'unknown', why: 'the list is late' }`);
    expect(rows).toMatchObject([{ job: 'cancelled', state: 'lost', cost_micros: 2_000_000 }]);
    expect(rows[0]?.['why']).toMatch(
      /^the job was cancelled; the session at own .* may run on: the list is late/,
    );
  });
});

describe('a job that is cancelled while its session can’t be ended', () => {
  const down = { do: 'server-error', with: { form: '500' } } as const;

  test.each([
    ['its service is down', down, 3],
    ['its key is dead', dead, 1],
  ] as const)(
    '%s: it is cancelled all the same, and says that the session may run on',
    async (_, fault, asked) => {
      const night = await leftOpen('antigravity', 'antigravity');
      night.old.server.addFault({ match: {}, ...fault });
      const sql = rawSql(night.path);
      await sql(`update jobs set state = 'running'`);
      await new MockActivityEnvironment().run(settleJob(night.deps), night.refOf('one'), {
        state: 'cancelled' as const,
      });
      expect(night.old.calls()).toEqual(Array(asked).fill('interactions.cancel'));
      const told = expect.stringMatching(
        /^the job was cancelled; the session at antigravity .* may run on/,
      ) as string;
      expect(await sql('select state, error_class, error_message as why from jobs')).toEqual([
        { state: 'cancelled', error_class: 'lost', why: told },
      ]);
      expect(await night.sessions()).toMatchObject([
        {
          state: 'cancelled',
          cost_micros: 2_000_000,
          why: told,
        },
      ]);
    },
  );

  test.each([
    ['antigravity', 'interactions.cancel'],
    ['claude', 'sessions.retrieve'],
  ] as const)('%s: where no budget has set anything aside, its reserve is booked', async (provider, call) => {
    const night = await leftOpen(provider, provider, {});
    night.old.server.addFault({ match: { call }, ...down });
    const sql = rawSql(night.path);
    await sql(`update jobs set state = 'running'`);
    await new MockActivityEnvironment().run(settleJob(night.deps), night.refOf('one'), {
      state: 'cancelled' as const,
    });
    expect(await sql('select state, cost_micros, cost_source from sessions')).toEqual([
      { state: 'cancelled', cost_micros: 5_000_000, cost_source: 'estimate' },
    ]);
  });

  test('also while a worker watches it', async () => {
    const old = await aService('antigravity', 'OLD_KEY');
    const night = await aNight({
      agent: { command: undefined, ...old.agent },
      now: () => new Date(old.server.now()),
    });
    night.deps.env['OLD_KEY'] = 'old';
    const environment = new MockActivityEnvironment({ scheduledTimestampMs: Date.now() });
    const reached = async (point: string): Promise<void> => {
      if (point !== 'A6') return;
      old.server.addFault({ match: {}, ...down });
      environment.cancel();
    };
    const end = await environment
      .run(runAgent({ ...night.deps, reached }), night.refOf('one'))
      .catch((error: unknown) => error);
    expect(end).toBeInstanceOf(CancelledFailure);
    expect(await rawSql(night.path)('select j.state as job, s.state from jobs j, sessions s')).toEqual([
      { job: 'cancelled', state: 'cancelled' },
    ]);
  });
});

test('the key of a check’s module is a secret of the batch, like those of agents and destinations', async () => {
  const night = await aNight({
    agent: { command: ['echo', 'I used sk-planted-4711.'] },
    checks: [{ use: './house.ts', with: { key: '${env:HOUSE_KEY}' } }],
    retry: { sessions: 1 },
  });
  Object.assign(night.deps.env, { HOUSE_KEY: 'sk-planted-4711' });
  writeFileSync(
    join(night.definition.baseDir, 'house.ts'),
    `import { defineCheck } from 'nightshift/adapter';
     import { z } from 'zod';
     export const check = defineCheck({
       name: 'house', version: '1', options: z.strictObject({ key: z.string() }), run: () => [],
     });`,
  );
  expect((await night.try('one')).end).toMatchObject({
    type: 'rejected',
    message: expect.stringContaining('the artifact has the value of ${env:HOUSE_KEY} in it') as string,
  });
});
