// Each fault of the local agent server once, at the provider `antigravity`: which class comes out, and what becomes of
// the job. Money is counted at the server.
import { expect, test } from 'vitest';
import { AdapterError } from '../../src/contract/errors.js';
import type { FaultRuleInput } from '../../src/testing/agent-server/index.js';
import { geminiAt, RUN_KEY } from './agent-server-fixture.js';
import {
  aContext,
  aStage,
  bytesOf,
  idIn,
  Killer,
  mustHavePaidOnce,
  requestOf,
  runJob,
  thrown,
  watched,
} from './managed-agents-fixture.js';

const START = 'interactions.create';

interface Case {
  readonly name: string;
  readonly rule: Omit<FaultRuleInput, 'match'> & { readonly call?: string };
  /** Class and `sent` of the error that the start throws; absent where it starts. */
  readonly start?: readonly [errorClass: string, sent: string];
  /** Class that a run comes to that started. */
  readonly run?: string;
  readonly end: string;
  /** Runs paid for in all. */
  readonly paid: number;
  readonly options?: object;
}

const throttled = (form: string, body: 'word' | 'classic'): Case => ({
  name: `throttle, ${form}, ${body}`,
  rule: { do: 'throttle', with: { form, body } },
  start: ['throttled', 'rejected'],
  end: 'made',
  paid: 1,
});
const serverError = (form: string, commit: 'before' | 'after'): Case => ({
  name: `server-error, ${form}, ${commit} the work`,
  rule: { do: 'server-error', with: { form, commit } },
  start: ['unknown', 'maybe'],
  end: 'made',
  paid: 1,
});

const CASES: readonly Case[] = [
  ...['seconds', 'date', 'ms', 'retry-info', 'none'].flatMap((form) => [
    throttled(form, 'word'),
    throttled(form, 'classic'),
  ]),
  ...['500', '502', '503', '504'].flatMap((form) => [
    serverError(form, 'before'),
    serverError(form, 'after'),
  ]),
  { name: 'drop-before', rule: { do: 'drop-before' }, start: ['unknown', 'maybe'], end: 'made', paid: 1 },
  {
    name: 'drop-after-commit',
    rule: { do: 'drop-after-commit' },
    start: ['unknown', 'maybe'],
    end: 'made',
    paid: 1,
  },
  { name: 'truncate-body', rule: { do: 'truncate-body' }, start: ['unknown', 'maybe'], end: 'made', paid: 1 },
  {
    name: 'client-timeout',
    rule: { do: 'client-timeout' },
    options: { requestTimeout: '400ms' },
    start: ['unknown', 'maybe'],
    end: 'made',
    paid: 1,
  },
  { name: 'fresh-404', rule: { do: 'fresh-404' }, run: 'succeeded', end: 'made', paid: 1 },
  {
    name: 'sandbox-restart, the run goes on',
    rule: { do: 'sandbox-restart', with: { form: 'goes-on' } },
    run: 'succeeded',
    end: 'made',
    paid: 1,
  },
  {
    name: 'sandbox-restart, files gone',
    rule: { do: 'sandbox-restart', with: { form: 'files-gone' } },
    run: 'collect: rejected',
    end: 'made',
    paid: 2,
  },
  {
    name: 'sandbox-restart, the run fails',
    rule: { do: 'sandbox-restart', with: { form: 'fails' } },
    run: 'transient',
    end: 'made',
    paid: 2,
  },
  ...['hash', 'no-manifest'].map((form) => ({
    name: `truncated-output, ${form}`,
    rule: { do: 'truncated-output' as const, with: { form } },
    run: 'collect: rejected',
    end: 'made',
    paid: 2,
  })),
  { name: 'empty-output', rule: { do: 'empty-output' }, run: 'collect: rejected', end: 'made', paid: 2 },
  {
    name: 'empty-output, as text',
    rule: { do: 'empty-output' },
    options: { output: 'text' },
    run: 'collect: rejected',
    end: 'made',
    paid: 2,
  },
  { name: 'slow', rule: { do: 'slow' }, run: 'succeeded', end: 'made', paid: 1 },
  ...(['429', '402'] as const).map((form) => ({
    name: `spend-cap, ${form}`,
    rule: { do: 'spend-cap' as const, with: { form } },
    start: ['exhausted', 'rejected'] as const,
    end: 'exhausted',
    paid: 0,
  })),
  {
    name: 'spend-cap, in the run',
    rule: { do: 'spend-cap', with: { form: 'incomplete' } },
    run: 'budget',
    end: 'budget',
    paid: 1,
  },
  ...['word', 'per-day'].map((form) => ({
    name: `day-quota, ${form}`,
    rule: { do: 'day-quota' as const, with: { form } },
    start: ['exhausted', 'rejected'] as const,
    end: 'exhausted',
    paid: 0,
  })),
  { name: 'lost', rule: { do: 'lost' }, run: 'lost', end: 'made', paid: 2 },
  ...['401', '403'].map((form) => ({
    name: `auth, ${form}`,
    rule: { do: 'auth' as const, with: { form } },
    start: ['auth', 'rejected'] as const,
    end: 'auth',
    paid: 0,
  })),
  { name: 'needs-action', rule: { do: 'needs-action' }, run: 'invalid', end: 'invalid', paid: 1 },
  { name: 'refuse', rule: { do: 'refuse' }, run: 'rejected', end: 'made', paid: 2 },
  { name: 'unknown-status', rule: { do: 'unknown-status' }, run: 'succeeded', end: 'made', paid: 1 },
];

const once = ({ call = START, ...rule }: Case['rule']): FaultRuleInput => ({
  ...rule,
  match: { surface: 'gemini', call },
  times: 1,
});

test.each(CASES)('$name: its class', async ({ rule, start, run, options }) => {
  const { server, make } = await aStage('antigravity', { faults: [once(rule)] });
  const provider = await make(options);
  const { context, handles } = aContext(server);
  if (start) {
    const error = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
    expect([error.errorClass, error.facts.sent]).toEqual(start);
    expect(handles.at(-1)?.phase).toBe(start[1] === 'maybe' ? 'start-sent' : 'prepared');
    return;
  }
  const handle = await provider.start(requestOf(), undefined, context);
  const end = await watched(provider, handle, context, server);
  if (end.kind === 'succeeded' && run !== 'succeeded') {
    const drain = async () => {
      const { content } = await provider.collect(handle, context);
      for await (const _ of content as AsyncIterable<Uint8Array>);
    };
    expect(`collect: ${(await thrown(provider, 'collect', drain)).errorClass}`).toBe(run);
    return;
  }
  expect(end.kind === 'failed' ? end.errorClass : end.kind).toBe(run);
});

test.each(CASES)('$name: what becomes of the job', async ({ rule, end, paid, options }) => {
  const stage = await aStage('antigravity', { faults: [once(rule)] });
  const job = await runJob({ ...stage, make: () => stage.make(options) }, { goOn: false });
  expect(job.errorClass ?? job.kind).toBe(end);
  expect(mustHavePaidOnce(stage.server)).toBe(paid);
  expect(stage.server.ledger().totals.open).toBe(0);
  if (job.kind === 'made') expect(job.content?.length).toBeGreaterThan(100);
  const booked = job.usage.reduce((sum, { costMicros }) => sum + costMicros, 0);
  expect(booked).toBeGreaterThanOrEqual(Math.floor(stage.server.ledger().totals.cents * 10_000) - 1);
});

test('a wait hint reaches whoever waits, and a long one counts as an exhausted quota', async () => {
  for (const form of ['seconds', 'date', 'ms', 'retry-info']) {
    const { server, make } = await aStage('antigravity', {
      speed: 1,
      faults: [once({ do: 'throttle', with: { form, seconds: 40 } })],
    });
    const provider = await make();
    const { context } = aContext(server);
    const error = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
    expect(error.facts.retryAfterMs, form).toBeGreaterThan(35_000);
    expect(error.facts.retryAfterMs, form).toBeLessThanOrEqual(41_000);
  }
  const { server, make } = await aStage('antigravity', {
    speed: 1,
    faults: [once({ do: 'throttle', with: { form: 'seconds', seconds: 3600 } })],
  });
  const provider = await make();
  const error = await thrown(provider, 'start', () =>
    provider.start(requestOf(), undefined, aContext(server).context),
  );
  expect(error).toMatchObject({ errorClass: 'exhausted', facts: { sent: 'rejected' } });
});

test.each([
  { do: 'server-error', with: { form: '503' } },
  { do: 'drop-after-commit' },
  { do: 'truncate-body' },
  { do: 'throttle', with: { form: 'none' } },
] as const)('$do at every free call: nothing is started twice, and the job is made', async (fault) => {
  for (const call of [
    'environments.create',
    'environments.get',
    'files.upload',
    'files.finalize',
    'files.read',
    'interactions.get',
    'interactions.delete',
    'environments.delete',
  ]) {
    const stage = await aStage('antigravity', { faults: [{ ...fault, match: { call }, times: 2 }] });
    const job = await runJob(stage, { goOn: false });
    expect([call, job.kind]).toEqual([call, 'made']);
    expect(mustHavePaidOnce(stage.server), call).toBe(1);
  }
});

test('a start without an answer whose run lives is found by its signs and collected without its id', async () => {
  const { server, make } = await aStage('antigravity', { faults: [once({ do: 'drop-after-commit' })] });
  const provider = await make({ reserve: 2 });
  const { context, handles } = aContext(server);
  await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
  const handle = handles.at(-1);
  if (!handle) throw new Error('no handle');
  const end = await watched(provider, handle, context, server);
  expect(end).toMatchObject({ kind: 'succeeded' });
  expect(end.notes).toContain('running, id unknown');
  expect((await provider.collect(handle, context)).content).toBeDefined();
  expect(await provider.usage(handle, context)).toMatchObject({
    costMicros: 2_000_000,
    costSource: 'estimate',
  });
  await provider.release?.(handle, context);
  expect(server.ledger().totals).toMatchObject({ runs: 1, open: 0 });
});

test('a manifest is found among more files than a page of a listing holds', async () => {
  const { server, make } = await aStage('antigravity', { faults: [once({ do: 'drop-after-commit' })] });
  const provider = await make();
  const { context, handles } = aContext(server);
  await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
  const handle = handles.at(-1);
  if (!handle) throw new Error('no handle');
  const environment = idIn(handle, 'environment');
  await filledBefore('manifest.json', 'out', environment, server.geminiUrl);
  expect(await watched(provider, handle, context, server)).toMatchObject({ kind: 'succeeded' });
  expect((await provider.collect(handle, context)).content).toBeDefined();
  expect(mustHavePaidOnce(server)).toBe(1);
});

test('what a run left, and whose a sandbox is, is found on every page of a listing', async () => {
  const { server, make } = await aStage('antigravity');
  const provider = await make({ file: 'z.md' });
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  const environment = idIn(handle, 'environment');
  await filledBefore('z.md', 'out', environment, server.geminiUrl);
  const { files } = geminiAt(server.geminiUrl).environments;
  await files.upload({ environment, path: 'out/z.md', file: new Blob(['asked for']) });
  const left = await provider.leftOver?.(handle, context);
  expect(left && (await bytesOf(left.content)).toString()).toBe('asked for');

  await filledBefore(RUN_KEY, 'claim', environment, server.geminiUrl);
  const swept = [];
  for await (const one of provider.sweep?.(new Date(0), context) ?? []) swept.push(one);
  expect(swept).toMatchObject([{ runKey: RUN_KEY, attempt: 1, ids: { environment } }]);
});

/** A page holds 50: so many that are listed before a name. */
async function filledBefore(
  name: string,
  folder: string,
  environment: string,
  geminiUrl: string,
): Promise<void> {
  const before = Array.from({ length: 60 }, (_, index) => `0${String(index).padStart(2, '0')}.md`);
  expect(before.every((one) => one < name)).toBe(true);
  const { files } = geminiAt(geminiUrl).environments;
  for (const one of before)
    await files.upload({ environment, path: `${folder}/${one}`, file: new Blob(['x']) });
}

test('a start without an answer and without signs is fenced off after its wait: a late sender fails too', async () => {
  const { server, make } = await aStage('antigravity', { faults: [once({ do: 'drop-before' })] });
  const provider = await make();
  const { context, handles } = aContext(server);
  await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
  const handle = handles.at(-1);
  if (!handle) throw new Error('no handle');
  const before = server.now();
  expect(await watched(provider, handle, context, server)).toMatchObject({ kind: 'lost' });
  expect(server.now() - before).toBeGreaterThanOrEqual(10 * 60_000);
  const environment = idIn(handle, 'environment');
  const late = await fetch(`${server.geminiUrl}/v1beta/interactions`, {
    method: 'POST',
    headers: { 'x-goog-api-key': 'k', 'content-type': 'application/json' },
    body: JSON.stringify({ agent: 'antigravity-preview-09-2026', input: 'x', environment, background: true }),
  });
  expect(late.status).toBe(404);
  expect(server.ledger().totals.runs).toBe(0);
});

test('a handle that can’t be saved is no refusal: whoever comes next finds the run by its signs', async () => {
  const { server, make } = await aStage('antigravity');
  const provider = await make();
  const { context, handles } = aContext(server);
  const trouble = new AdapterError('transient', 'the ledger does not answer', { code: 'ECONNREFUSED' });
  const save: typeof context.save = async (handle) => {
    if (handle.phase === 'started') throw trouble;
    await context.save(handle);
  };
  await expect(provider.start(requestOf(), undefined, { ...context, save })).rejects.toBe(trouble);
  const sent = handles.at(-1);
  if (sent?.phase !== 'start-sent') throw new Error(`the last phase is ${sent?.phase}`);
  expect(await watched(provider, sent, context, server)).toMatchObject({ kind: 'succeeded' });
  expect(mustHavePaidOnce(server)).toBe(1);
});

test('an agent that acts outside its sandbox is held where its start got no answer', async () => {
  for (const [fault, paid] of [
    ['drop-before', 0],
    ['server-error', 0],
  ] as const) {
    const rule =
      fault === 'server-error' ? { do: fault, with: { commit: 'before' as const } } : { do: fault };
    const stage = await aStage('antigravity', { faults: [once(rule)] });
    const job = await runJob(stage, { goOn: false, request: { outward: true } });
    expect(job).toMatchObject({ kind: 'parked', errorClass: 'conflict', attempts: 1 });
    expect(job.usage).toMatchObject([{ costSource: 'estimate', costMicros: 5_000_000 }]);
    expect(mustHavePaidOnce(stage.server)).toBe(paid);
    expect(stage.server.requests().filter(({ call }) => call === 'environments.delete')).toEqual([]);
  }
});

test('a sandbox that is gone when the start arrives is made up for by another: no job is to blame for it', async () => {
  const { server, make } = await aStage('antigravity');
  const { context, handles } = aContext(server);
  let struck = 0;
  const goes = async (kind?: 'paid') => {
    const [made] = handles.slice(-1);
    if (kind === 'paid' && made && struck++ === 0)
      await geminiAt(server.geminiUrl).environments.delete(idIn(made, 'environment'));
  };
  const provider = await make({}, goes);
  const error = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
  expect(error).toMatchObject({ errorClass: 'transient', facts: { sent: 'rejected', code: 'not_found' } });
  expect(handles.at(-1)?.phase).toBe('prepared');
  const job = await runJob({ server, make: () => make({}, goes) }, { goOn: false });
  expect([job.kind, mustHavePaidOnce(server)]).toEqual(['made', 1]);
});

test('an agent that the service does not know is no sandbox that is gone', async () => {
  const { server, make } = await aStage('antigravity');
  const provider = await make({ agent: 'antigravity-preview-05-2026' });
  const { context } = aContext(server);
  const error = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
  expect(error).toMatchObject({ errorClass: 'invalid', facts: { sent: 'rejected' } });
});

test('a run that never ends is cancelled at its deadline and booked', async () => {
  const { server, make } = await aStage('antigravity', { faults: [once({ do: 'timeout-mid-run' })] });
  const provider = await make();
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  server.advance(4 * 3_600_000);
  expect(await provider.poll(handle, context)).toMatchObject({ kind: 'running' });
  await provider.cancel(handle, context);
  expect(await provider.usage(handle, context)).toMatchObject({ costSource: 'price-table' });
  await provider.release?.(handle, context);
  expect(server.ledger().totals).toMatchObject({ runs: 1, open: 0 });
});

test.each([
  ['cancel-404', 'not-found'],
  ['cancel-404', 'method'],
  ['cancel-lag', 'plain'],
] as const)('%s, %s: cancelling goes on', async (fault, form) => {
  const { server, make } = await aStage('antigravity', {
    faults: [{ do: fault, with: { form }, match: { call: 'interactions.cancel' }, times: 2 }],
  });
  const provider = await make();
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  server.advance(30_000);
  await provider.cancel(handle, context);
  await provider.release?.(handle, context);
  server.advance(60_000);
  expect(server.ledger().totals).toMatchObject({ runs: 1, open: 0 });
});

test('a worker killed after any save or answer: one paid run for each attempt, and the job is made', async () => {
  for (const goOn of [false, true]) {
    const secondAttempts: number[] = [];
    let after = 1;
    for (let struck = true; struck; after++) {
      const stage = await aStage('antigravity', { seed: `kill ${after}` });
      const killer = new Killer(after);
      const job = await runJob(stage, { goOn, killer });
      struck = killer.struck;
      killer.remove();
      expect({ after, goOn, kind: job.kind }).toEqual({ after, goOn, kind: 'made' });
      expect({ after, goOn, paid: mustHavePaidOnce(stage.server) }).toEqual({ after, goOn, paid: 1 });
      if (job.attempts > 1) secondAttempts.push(after);
    }
    expect(after).toBeGreaterThan(12);
    // Between the save of the phase and the answer of the start nobody can know: there alone an attempt is given up.
    if (goOn) expect(secondAttempts).toHaveLength(1);
  }
});
