// Each fault of the local agent server as a client of managed agents sees it, through the vendor's own SDK.
import type Anthropic from '@anthropic-ai/sdk';
import { expect, test } from 'vitest';
import type { AgentServer, FaultName, FaultRuleInput } from '../../src/testing/agent-server/index.js';
import {
  anAgent,
  anthropicAt,
  aServer,
  BETAS,
  HOUR,
  message,
  sessionBody,
  thrownBy,
  type SessionMaker,
} from './agent-server-fixture.js';

interface Stage {
  readonly server: AgentServer;
  readonly client: Anthropic;
  readonly maker: SessionMaker;
  readonly sessions: Anthropic['beta']['sessions'];
  /** A session with its message sent. */
  readonly run: () => Promise<string>;
  readonly lastEvent: (id: string, type: 'session.status_idle' | 'session.error') => Promise<unknown>;
}

async function aStage(rule: FaultRuleInput): Promise<Stage> {
  const server = await aServer();
  const client = anthropicAt(server.anthropicUrl, 2_000);
  const maker = await anAgent(client);
  const { sessions } = client.beta;
  server.addFault(rule);
  return {
    server,
    client,
    maker,
    sessions,
    run: async () => {
      const { id } = await sessions.create(sessionBody(maker));
      await sessions.events.send(id, message());
      return id;
    },
    lastEvent: async (id, type) => (await sessions.events.list(id, { types: [type], order: 'desc' })).data[0],
  };
}

const send = { call: 'events.send' };
const paid = ({ server }: Stage): number => server.ledger().totals.paidTurns;
const filesOf = async ({ client }: Stage, id: string) =>
  (await client.beta.files.list({ scope_id: id, betas: BETAS })).data;

interface Case {
  readonly fault: FaultName;
  readonly title: string;
  readonly rule: FaultRuleInput;
  readonly see: (stage: Stage) => Promise<void>;
}

/** The turn ends in this way. */
const ends = (fault: FaultName, title: string, form: string | undefined, stop: string): Case => ({
  fault,
  title,
  rule: { do: fault, ...(form !== undefined && { with: { form } }) },
  see: async ({ server, run, lastEvent }) => {
    const id = await run();
    server.advance(HOUR);
    expect(await lastEvent(id, 'session.status_idle')).toMatchObject({ stop_reason: { type: stop } });
  },
});

/** The send is answered in this way. */
const answers = (
  fault: FaultName,
  form: string,
  status: number,
  name: string,
  errorCode: string | null,
  more: object = {},
): Case => ({
  fault,
  title: `${status} ${name} ${errorCode ?? ''}`,
  rule: { match: send, do: fault, with: { form, ...more } },
  see: async (stage) => {
    const error = await thrownBy(stage.run);
    expect(error).toMatchObject({ name, status, errorCode });
    if (fault === 'throttle') expect((error['headers'] as Headers).get('retry-after')).toBe('30');
    expect(paid(stage)).toBe('commit' in more && more.commit === 'after' ? 1 : 0);
  },
});

const cases: readonly Case[] = [
  {
    fault: 'timeout-mid-run',
    title: 'running for ever, until interrupted',
    rule: { do: 'timeout-mid-run' },
    see: async ({ server, sessions, run }) => {
      const id = await run();
      server.advance(100 * HOUR);
      expect((await sessions.retrieve(id)).status).toBe('running');
      await sessions.events.send(id, { events: [{ type: 'user.interrupt' }] });
      server.advance(10_000);
      expect((await sessions.retrieve(id)).status).toBe('idle');
    },
  },
  answers('throttle', 'seconds', 429, 'RateLimitError', null),
  answers('throttle', 'ramp', 429, 'RampLimitExceededError', 'ramp_limit_exceeded'),
  ...(['before', 'after'] as const).flatMap((commit) => [
    answers('server-error', '500', 500, 'InternalServerError', null, { commit }),
    answers('server-error', '529', 529, 'OverloadedError', null, { commit }),
  ]),
  ...(['drop-before', 'drop-after-commit'] as const).map((fault): Case => ({
    fault,
    title: 'the connection breaks',
    rule: { match: send, do: fault },
    see: async (stage) => {
      expect((await thrownBy(stage.run)).name).toBe('APIConnectionError');
      expect(paid(stage)).toBe(fault === 'drop-after-commit' ? 1 : 0);
    },
  })),
  {
    fault: 'drop-after-commit',
    title: 'on create it leaves an idle session that a list shows',
    rule: { match: { call: 'sessions.create' }, do: 'drop-after-commit', times: 1 },
    see: async (stage) => {
      expect((await thrownBy(stage.run)).name).toBe('APIConnectionError');
      expect((await stage.sessions.list()).data).toHaveLength(1);
      expect(paid(stage)).toBe(0);
    },
  },
  {
    fault: 'truncate-body',
    title: '200 and half the JSON',
    rule: { match: send, do: 'truncate-body' },
    see: async (stage) => {
      expect((await thrownBy(stage.run))['status']).toBeUndefined();
      expect(paid(stage)).toBe(1);
    },
  },
  {
    fault: 'fresh-404',
    title: 'the new session is missing in lists for a while',
    rule: { do: 'fresh-404', with: { seconds: 100 } },
    see: async ({ server, sessions, maker }) => {
      const { id } = await sessions.create(sessionBody(maker));
      expect((await sessions.list()).data).toEqual([]);
      expect((await sessions.retrieve(id)).id).toBe(id);
      server.advance(101_000);
      expect((await sessions.list()).data).toHaveLength(1);
    },
  },
  {
    fault: 'sandbox-restart',
    title: 'rescheduling, then running, then done',
    rule: { do: 'sandbox-restart', with: { form: 'resumes' } },
    see: async (stage) => {
      const { server, sessions, run } = stage;
      const id = await run();
      const seen = new Set<string>();
      for (let minute = 0; minute < 80; minute++) {
        seen.add((await sessions.retrieve(id)).status);
        server.advance(15_000);
      }
      expect([...seen]).toEqual(['idle', 'running', 'rescheduling']);
      expect(await filesOf(stage, id)).toHaveLength(2);
    },
  },
  ends('sandbox-restart', 'the retries are exhausted', 'exhausted', 'retries_exhausted'),
  {
    fault: 'sandbox-restart',
    title: 'a terminal error ends the session',
    rule: { do: 'sandbox-restart', with: { form: 'terminal' } },
    see: async ({ server, sessions, run, lastEvent }) => {
      const id = await run();
      server.advance(HOUR);
      expect(await sessions.retrieve(id)).toMatchObject({ status: 'terminated', archived_at: null });
      expect(await lastEvent(id, 'session.error')).toMatchObject({
        error: { retry_status: { type: 'terminal' } },
      });
    },
  },
  ...(['hash', 'no-manifest'] as const).map((form): Case => ({
    fault: 'truncated-output',
    title: `the article is cut (${form})`,
    rule: { do: 'truncated-output', with: { form } },
    see: async (stage) => {
      const id = await stage.run();
      stage.server.advance(HOUR);
      const files = await filesOf(stage, id);
      if (form === 'no-manifest')
        return expect(files.map(({ filename }) => filename)).toEqual(['article.md']);
      const manifest = await stage.client.beta.files.download(files[1]?.id ?? '', { betas: BETAS });
      const { files: named } = (await manifest.json()) as { files: { bytes: number }[] };
      expect(named[0]?.bytes).toBeGreaterThan(files[0]?.size_bytes ?? Infinity);
    },
  })),
  {
    fault: 'empty-output',
    title: 'end of turn with nothing',
    rule: { do: 'empty-output' },
    see: async (stage) => {
      const id = await stage.run();
      stage.server.advance(HOUR);
      expect(await stage.lastEvent(id, 'session.status_idle')).toMatchObject({
        stop_reason: { type: 'end_turn' },
      });
      expect(await filesOf(stage, id)).toEqual([]);
      expect((await stage.sessions.events.list(id, { types: ['agent.message'] })).data).toEqual([]);
    },
  },
  {
    fault: 'slow',
    title: 'the turn takes a multiple of its time',
    rule: { do: 'slow', with: { factor: 30 } },
    see: async ({ server, sessions, run }) => {
      const id = await run();
      server.advance(HOUR);
      expect((await sessions.retrieve(id)).status).toBe('running');
    },
  },
  {
    fault: 'client-timeout',
    title: 'taken, and answered when the caller has gone',
    rule: { match: send, do: 'client-timeout' },
    see: async (stage) => {
      const { id } = await stage.sessions.create(sessionBody(stage.maker));
      const call = () => stage.sessions.events.send(id, message(), { timeout: 100 });
      expect((await thrownBy(call)).name).toBe('APIConnectionTimeoutError');
      expect(paid(stage)).toBe(1);
    },
  },
  answers('spend-cap', '429', 429, 'EnforcedSpendLimitReachedError', 'enforced_spend_limit_reached'),
  answers('spend-cap', '402', 402, 'PaymentRequiredError', null),
  ends('spend-cap', 'the budget is reached', 'budget', 'budget_reached'),
  {
    fault: 'lost',
    title: 'GET answers 404 for good',
    rule: { do: 'lost' },
    see: async ({ server, sessions, run }) => {
      const id = await run();
      expect((await sessions.retrieve(id)).id).toBe(id);
      server.advance(HOUR);
      expect(await thrownBy(() => sessions.retrieve(id))).toMatchObject({ status: 404 });
      expect((await sessions.list()).data).toEqual([]);
      expect(server.ledger().totals).toMatchObject({ paidTurns: 1, open: 0 });
    },
  },
  ...(
    [
      ['401', 'AuthenticationError'],
      ['403', 'PermissionDeniedError'],
      ['402', 'PaymentRequiredError'],
    ] as const
  ).map(([form, name]): Case => ({
    fault: 'auth',
    title: `${form} from a moment on`,
    rule: { do: 'auth', with: { form, seconds: 60 } },
    see: async ({ server, sessions, run }) => {
      const id = await run();
      server.advance(61_000);
      expect((await thrownBy(() => sessions.retrieve(id))).name).toBe(name);
      expect((await thrownBy(run)).name).toBe(name);
    },
  })),
  {
    fault: 'needs-action',
    title: 'the turn stops and waits for a tool to be confirmed',
    rule: { do: 'needs-action' },
    see: async ({ server, sessions, run, lastEvent }) => {
      const id = await run();
      server.advance(HOUR);
      const [asked] = (await sessions.events.list(id, { types: ['agent.tool_use'] })).data;
      expect(await lastEvent(id, 'session.status_idle')).toMatchObject({
        stop_reason: { type: 'requires_action', event_ids: [asked?.id] },
      });
    },
  },
  ends('refuse', 'the turn is refused', undefined, 'refusal'),
  ...(['cancel-404', 'cancel-lag'] as const).map((fault): Case => ({
    fault,
    title: 'archive answers 400 for a while',
    rule: { do: fault, with: { seconds: 30 } },
    see: async ({ server, sessions, maker }) => {
      const { id } = await sessions.create(sessionBody(maker));
      expect((await thrownBy(() => sessions.archive(id))).name).toBe('BadRequestError');
      server.advance(29_000);
      expect((await thrownBy(() => sessions.archive(id))).name).toBe('BadRequestError');
      server.advance(2_000);
      expect((await sessions.archive(id)).archived_at).not.toBeNull();
    },
  })),
];

test.each(cases)('$fault: $title', async ({ rule, see }) => see(await aStage(rule)));

test('every fault of this service is among them', async () => {
  const { FAULTS } = await import('../../src/testing/agent-server/faults/catalogue.js');
  const here = Object.entries(FAULTS).flatMap(([name, places]) => (places.anthropic ? [name] : []));
  expect([...new Set(cases.map(({ fault }) => fault))].sort()).toEqual(here.sort());
});
