// Each fault of the local agent server once, at the provider `claude`: which class comes out, and what becomes of the
// job. Money is counted at the server.
import { expect, test } from 'vitest';
import { AdapterError } from '../../src/contract/errors.js';
import type { FaultRuleInput } from '../../src/testing/agent-server/index.js';
import { anthropicAt, message } from './agent-server-fixture.js';
import {
  aContext,
  aStage,
  idIn,
  Killer,
  mustHavePaidOnce,
  requestOf,
  runJob,
  thrown,
  watched,
} from './managed-agents-fixture.js';

interface Case {
  readonly name: string;
  readonly rule: Omit<FaultRuleInput, 'match'> & { readonly call?: string };
  /** Class and `sent` of the error that the start throws; absent where it starts. */
  readonly start?: readonly [errorClass: string, sent: string];
  /** Class that a turn comes to that started. */
  readonly run?: string;
  readonly end: string;
  /** Sessions with a paid turn in all. */
  readonly paid: number;
  readonly options?: object;
}

const CREATE = 'sessions.create';

/** What the adapter puts right by itself. */
const mended = (name: string, rule: Case['rule'], options?: object): Case => ({
  name,
  rule,
  run: 'succeeded',
  end: 'made',
  paid: 1,
  ...(options && { options }),
});
const refusedAtStart = (name: string, rule: Case['rule'], errorClass: string, end: string): Case => ({
  name,
  rule,
  start: [errorClass, 'rejected'],
  end,
  paid: end === 'made' ? 1 : 0,
});
const afterStart = (name: string, rule: Case['rule'], run: string, end = 'made', paid = 2): Case => ({
  name,
  rule,
  run,
  end,
  paid,
});

const CASES: readonly Case[] = [
  ...['seconds', 'ramp'].flatMap((form) => [
    refusedAtStart(`throttle, ${form}, send`, { do: 'throttle', with: { form } }, 'throttled', 'made'),
    refusedAtStart(
      `throttle, ${form}, create`,
      { do: 'throttle', with: { form }, call: CREATE },
      'throttled',
      'made',
    ),
  ]),
  ...['500', '529'].flatMap((form) =>
    (['before', 'after'] as const).flatMap((commit) => [
      mended(`server-error, ${form}, ${commit} the work, send`, {
        do: 'server-error',
        with: { form, commit },
      }),
      mended(`server-error, ${form}, ${commit} the work, create`, {
        do: 'server-error',
        with: { form, commit },
        call: CREATE,
      }),
    ]),
  ),
  ...(['drop-before', 'drop-after-commit', 'truncate-body'] as const).flatMap((fault) => [
    mended(`${fault}, send`, { do: fault }),
    mended(`${fault}, create`, { do: fault, call: CREATE }),
  ]),
  mended('client-timeout, send', { do: 'client-timeout' }, { requestTimeout: '400ms' }),
  mended('client-timeout, create', { do: 'client-timeout', call: CREATE }, { requestTimeout: '400ms' }),
  mended('fresh-404', { do: 'fresh-404', call: CREATE }),
  mended('sandbox-restart, resumes', { do: 'sandbox-restart', with: { form: 'resumes' } }),
  afterStart(
    'sandbox-restart, exhausted',
    { do: 'sandbox-restart', with: { form: 'exhausted' } },
    'rejected',
  ),
  afterStart('sandbox-restart, terminal', { do: 'sandbox-restart', with: { form: 'terminal' } }, 'rejected'),
  afterStart(
    'truncated-output, hash',
    { do: 'truncated-output', with: { form: 'hash' } },
    'collect: rejected',
  ),
  afterStart(
    'truncated-output, no-manifest',
    { do: 'truncated-output', with: { form: 'no-manifest' } },
    'collect: rejected',
  ),
  afterStart('empty-output', { do: 'empty-output' }, 'collect: rejected'),
  {
    ...afterStart('empty-output, as text', { do: 'empty-output' }, 'collect: rejected'),
    options: { output: 'text' },
  },
  mended('slow', { do: 'slow' }),
  refusedAtStart('spend-cap, 429', { do: 'spend-cap', with: { form: '429' } }, 'exhausted', 'exhausted'),
  refusedAtStart('spend-cap, 402', { do: 'spend-cap', with: { form: '402' } }, 'exhausted', 'exhausted'),
  afterStart('spend-cap, in the turn', { do: 'spend-cap', with: { form: 'budget' } }, 'budget', 'budget', 1),
  afterStart('lost', { do: 'lost' }, 'lost'),
  refusedAtStart('auth, 401', { do: 'auth', with: { form: '401' } }, 'auth', 'auth'),
  refusedAtStart('auth, 403', { do: 'auth', with: { form: '403' } }, 'auth', 'auth'),
  refusedAtStart('auth, 402', { do: 'auth', with: { form: '402' } }, 'exhausted', 'exhausted'),
  afterStart('needs-action', { do: 'needs-action' }, 'invalid', 'invalid', 1),
  afterStart('refuse', { do: 'refuse' }, 'rejected'),
];

const once = ({ call = 'events.send', ...rule }: Case['rule']): FaultRuleInput => ({
  ...rule,
  match: { surface: 'anthropic', call },
  times: 1,
});

test.each(CASES)('$name: its class', async ({ rule, start, run, options }) => {
  const { server, make } = await aStage('claude', { faults: [once(rule)] });
  const provider = await make(options);
  const { context } = aContext(server);
  if (start) {
    const error = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
    expect([error.errorClass, error.facts.sent]).toEqual(start);
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
  const stage = await aStage('claude', { faults: [once(rule)] });
  const job = await runJob({ ...stage, make: () => stage.make(options) }, { goOn: false });
  expect(job.errorClass ?? job.kind).toBe(end);
  expect(mustHavePaidOnce(stage.server)).toBe(paid);
  if (job.kind === 'made') expect(job.content?.length).toBeGreaterThan(100);
  expect(stage.server.ledger().totals.open).toBe(0);
  const booked = job.usage.reduce((sum, { costMicros }) => sum + costMicros, 0);
  expect(booked).toBeGreaterThanOrEqual(Math.floor(stage.server.ledger().totals.cents * 10_000) - 1);
});

test.each([
  { do: 'server-error', with: { form: '529' } },
  { do: 'drop-after-commit' },
  { do: 'truncate-body' },
  { do: 'throttle', with: { form: 'seconds' } },
] as const)('$do at every free call: nothing is paid for twice, and the job is made', async (fault) => {
  for (const call of [
    'sessions.create',
    'sessions.list',
    'sessions.retrieve',
    'events.list',
    'files.list',
    'files.download',
    'sessions.archive',
  ]) {
    const stage = await aStage('claude', { faults: [{ ...fault, match: { call }, times: 2 }] });
    const job = await runJob(stage, { goOn: false });
    expect([call, job.kind]).toEqual([call, 'made']);
    expect(mustHavePaidOnce(stage.server), call).toBe(1);
  }
});

test('a wait hint reaches whoever waits', async () => {
  const { server, make } = await aStage('claude', {
    speed: 1,
    faults: [once({ do: 'throttle', with: { form: 'seconds', seconds: 40 } })],
  });
  const provider = await make();
  const error = await thrown(provider, 'start', () =>
    provider.start(requestOf(), undefined, aContext(server).context),
  );
  expect(error.facts.retryAfterMs).toBeGreaterThanOrEqual(39_000);
  expect(error.facts.code).toBe('rate_limit_error');
});

test('a prompt that got no answer is held for an agent that acts outside its sandbox, unless it is seen', async () => {
  for (const [fault, kind] of [
    ['drop-before', 'parked'],
    ['drop-after-commit', 'made'],
  ] as const) {
    const stage = await aStage('claude', { faults: [once({ do: fault })] });
    const job = await runJob(stage, { goOn: false, request: { outward: true } });
    expect(job.kind).toBe(kind);
    if (kind === 'parked') expect(job.errorClass).toBe('conflict');
    expect(mustHavePaidOnce(stage.server)).toBe(kind === 'made' ? 1 : 0);
  }
});

// The prompt arrived, or did not; its answer is lost; and then the service does not say which.
test.each([
  ['drop-after-commit', 'events.list', { do: 'throttle' }, 'made', 1],
  ['drop-before', 'events.list', { do: 'throttle' }, 'parked', 0],
  ['drop-before', 'sessions.retrieve', { do: 'auth', with: { form: '403' } }, 'parked', 0],
] as const)(
  'a prompt without an answer (%s) whose look-up fails too (%s) is no refusal: no second session is begun',
  async (lost, call, fault, end, paid) => {
    // Of the lists of events, the first is asked before the prompt.
    const nth = call === 'events.list' ? 2 : 1;
    const faults = [once({ do: lost }), { ...fault, match: { call, nth }, times: 1 }];
    const request = { outward: true };

    const alone = await aStage('claude', { faults });
    const provider = await alone.make();
    const { context, handles } = aContext(alone.server);
    const start = () => provider.start(requestOf(request), undefined, context);
    const error = await thrown(provider, 'start', start);
    expect([error.errorClass, error.facts.sent]).toEqual(['unknown', 'maybe']);
    expect(error.message).toMatch(/^sending the prompt.*whether it arrived can’t be seen: .*answered 4/);
    expect(handles.at(-1)?.phase).toBe('start-sent');

    const stage = await aStage('claude', { faults });
    const job = await runJob(stage, { goOn: false, request });
    expect([job.kind, job.attempts, mustHavePaidOnce(stage.server)]).toEqual([end, 1, paid]);
  },
);

test('a 5xx on the prompt is told as trouble of the service, however unclear it leaves the start', async () => {
  const stage = await aStage('claude', {
    faults: [{ do: 'server-error', with: { commit: 'before' }, match: { call: 'events.send' } }],
  });
  const provider = await stage.make();
  const { context } = aContext(stage.server);
  const error = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
  expect([error.errorClass, error.facts.sent, error.facts.serverFault]).toEqual(['unknown', 'maybe', true]);
});

test('a session whose creation got no answer, and can’t be looked for now, is used by the next try of the same attempt', async () => {
  const faults: FaultRuleInput[] = [
    once({ do: 'drop-after-commit', call: CREATE }),
    { do: 'throttle', match: { call: 'sessions.list', nth: 2 }, times: 1 },
  ];
  const stage = await aStage('claude', { faults });
  const job = await runJob(stage, { goOn: false });
  expect([job.kind, job.attempts, mustHavePaidOnce(stage.server)]).toEqual(['made', 1, 1]);
  expect(stage.server.ledger().totals).toMatchObject({ sessions: 1, open: 0 });
});

test('a handle that can’t be saved is no refusal: whoever comes next finds the session at work', async () => {
  const { server, make } = await aStage('claude');
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

test('a start that another try finds unfinished is fenced off: a prompt still on its way is refused', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make();
  const { context, handles } = aContext(server);
  const dies = async (handle: (typeof handles)[number]) => {
    await context.save(handle);
    if (handle.phase === 'start-sent') throw new Error('the worker stalls here');
  };
  await provider.start(requestOf(), undefined, { ...context, save: dies }).catch(() => undefined);
  const sent = handles.at(-1);
  if (!sent) throw new Error('no handle');
  expect(await watched(provider, sent, context, server)).toMatchObject({ kind: 'lost', neverRan: true });
  expect(await provider.usage(sent, context)).toMatchObject({ costMicros: 0, costSource: 'none' });
  const { sessions } = anthropicAt(server.anthropicUrl).beta;
  await expect(sessions.events.send(idIn(sent, 'session'), message())).rejects.toMatchObject({
    status: 400,
  });
  expect(server.ledger().totals).toMatchObject({ runs: 0, open: 0 });
});

test('a session that is gone when its prompt arrives is made up for by another: no job is to blame for it', async () => {
  const { server, make } = await aStage('claude');
  const { sessions } = anthropicAt(server.anthropicUrl).beta;
  let struck = 0;
  const { context, handles } = aContext(server);
  const goes = async (kind?: 'paid') => {
    if (kind === 'paid' && struck++ === 0)
      await sessions.delete(idIn(handles.at(-1) ?? NO_HANDLE, 'session'));
  };
  const provider = await make({}, goes);
  const error = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
  expect(error).toMatchObject({ errorClass: 'transient', facts: { sent: 'rejected' } });
  expect(handles.at(-1)?.phase).toBe('prepared');

  const job = await runJob({ server, make: () => make({}, goes) }, { goOn: false });
  expect([job.kind, mustHavePaidOnce(server)]).toEqual(['made', 1]);
});

const NO_HANDLE = { v: 1, provider: 'claude', runKey: '', attempt: 1, ids: {} } as const;

test('a turn that never ends is interrupted at its deadline, booked and archived', async () => {
  const { server, make } = await aStage('claude', { faults: [once({ do: 'timeout-mid-run' })] });
  const provider = await make();
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  server.advance(2 * 3_600_000);
  expect(await provider.poll(handle, context)).toMatchObject({ kind: 'running' });
  await provider.cancel(handle, context);
  expect(await provider.usage(handle, context)).toMatchObject({ costSource: 'provider' });
  await provider.release?.(handle, context);
  expect(server.ledger().totals).toMatchObject({ runs: 1, open: 0 });
});

test.each(['cancel-404', 'cancel-lag'] as const)('%s: archiving goes on', async (fault) => {
  const { server, make } = await aStage('claude', {
    faults: [{ do: fault, match: { call: 'sessions.archive' }, times: 1 }],
  });
  const provider = await make();
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  server.advance(30_000);
  await provider.cancel(handle, context);
  await provider.release?.(handle, context);
  expect(server.ledger().totals).toMatchObject({ runs: 1, open: 0 });
});

test('a worker killed after any save or answer: one paid turn for each attempt, and the job is made', async () => {
  for (const goOn of [false, true]) {
    const secondAttempts: number[] = [];
    let after = 1;
    for (let struck = true; struck; after++) {
      const stage = await aStage('claude', { seed: `kill ${after}` });
      const killer = new Killer(after);
      const job = await runJob(stage, { goOn, killer });
      struck = killer.struck;
      killer.remove();
      expect({ after, goOn, kind: job.kind }).toEqual({ after, goOn, kind: 'made' });
      expect({ after, goOn, paid: mustHavePaidOnce(stage.server) }).toEqual({ after, goOn, paid: 1 });
      if (job.attempts > 1) secondAttempts.push(after);
    }
    expect(after).toBeGreaterThan(12);
    // Between the save of the phase and the sending of the prompt: there the session is archived, unpaid.
    if (goOn) expect(secondAttempts).toHaveLength(1);
  }
});
