// Same seed, same night: whatever the order of requests. Half of these tests draw their own seed and print it.
import { expect, test } from 'vitest';
import { articleFor } from '../../src/testing/agent-server/agent/article.js';
import { anthropic } from '../../src/testing/agent-server/anthropic/service.js';
import { CALLS } from '../../src/testing/agent-server/faults/catalogue.js';
import { gemini } from '../../src/testing/agent-server/gemini/service.js';
import { readAgentServerFlags } from '../../src/testing/agent-server/flags.js';
import {
  startAgentServer,
  type AgentServer,
  type FaultRuleInput,
} from '../../src/testing/agent-server/index.js';
import {
  anAgent,
  anthropicAt,
  aServer,
  geminiAt,
  HOUR,
  message,
  ONCE,
  sessionBody,
  startBody,
  thrownBy,
} from './agent-server-fixture.js';
import { SEED } from '../support/rounds.js';

const KEYS = Array.from({ length: 6 }, (_, index) => String(index).repeat(32));
const TICK_MS = 20_000;

interface Seen {
  readonly runKey: string;
  readonly id: string;
  readonly ticks: number;
  readonly end: string;
  readonly tokens: number | undefined;
  readonly text: string | undefined;
}

/** Starts one run for each key, in this order, and looks at them in this order until all have ended. */
async function nightOf(server: AgentServer, keys: readonly string[]): Promise<Seen[]> {
  const client = geminiAt(server.geminiUrl);
  const running = new Map<string, string>();
  const seen: Seen[] = [];
  for (const runKey of keys) {
    const body = startBody('remote', {
      labels: { ns_run: runKey, ns_attempt: '1' },
      input: `Write about ${runKey}`,
    });
    running.set(runKey, (await client.interactions.create(body, ONCE)).id);
  }
  for (let ticks = 0; running.size > 0; ticks++) {
    server.advance(TICK_MS);
    for (const [runKey, id] of running) {
      const { status, usage, output_text: text } = await client.interactions.get(id, undefined, ONCE);
      if (status === 'queued' || status === 'in_progress') continue;
      seen.push({ runKey, id, ticks, end: status, tokens: usage?.total_tokens, text });
      running.delete(runKey);
    }
  }
  return seen.sort((a, b) => (a.runKey < b.runKey ? -1 : 1));
}

test('ids, durations, tokens, ends and texts do not depend on the order of requests', async () => {
  const faults: FaultRuleInput[] = [
    { do: 'refuse', p: 0.3 },
    { do: 'empty-output', p: 0.3 },
  ];
  const forwards = await nightOf(await aServer({ seed: SEED, faults }), KEYS);
  const backwards = await nightOf(await aServer({ seed: SEED, faults }), [...KEYS].reverse());
  expect(backwards, `seed ${SEED}`).toEqual(forwards);
  expect(new Set(forwards.map(({ tokens }) => tokens)).size).toBe(KEYS.length);
});

test('another seed is another night', async () => {
  const one = await nightOf(await aServer({ seed: 'a' }), KEYS);
  const other = await nightOf(await aServer({ seed: 'b' }), KEYS);
  expect(other.map(({ ticks }) => ticks)).not.toEqual(one.map(({ ticks }) => ticks));
  expect(other.map(({ text }) => text)).toEqual(one.map(({ text }) => text)); // texts come from the prompts alone
});

test('sessions cost the same cents and give the same event ids in either order', async () => {
  const costs = async (keys: readonly string[]) => {
    const server = await aServer({ seed: SEED });
    const client = anthropicAt(server.anthropicUrl);
    const maker = await anAgent(client);
    const ids = new Map<string, unknown>();
    for (const key of keys) {
      const { id } = await client.beta.sessions.create(sessionBody(maker, key));
      const sent = await client.beta.sessions.events.send(id, message());
      ids.set(key, [id, sent.data?.[0]?.id]);
    }
    server.advance(HOUR);
    return { runs: server.ledger().runs, ids: [...ids.entries()].sort() };
  };
  expect(await costs([...KEYS].reverse()), `seed ${SEED}`).toEqual(await costs(KEYS));
});

test('a second run of the same key is another run, with an id and a duration of its own', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const first = await client.interactions.create(startBody('remote'), ONCE);
  const second = await client.interactions.create(startBody('remote'), ONCE);
  expect(second.id).not.toBe(first.id);
  expect(server.ledger().runs).toMatchObject([{ runs: 2, paidTurns: 2 }]);
});

test('an article has 300 words and more, headings, a list, and one text for one prompt', () => {
  const articles = Array.from({ length: 200 }, (_, index) => articleFor(`prompt ${index}`));
  for (const article of articles) {
    expect(article.split(/\s+/).length).toBeGreaterThan(300);
    expect(article).toMatch(/^# \S.+\n\n/);
    expect(article.match(/^## /gm)).toHaveLength(5);
    expect(article.match(/^- /gm)).toHaveLength(4);
  }
  expect(new Set(articles).size).toBe(articles.length);
  expect(articleFor('prompt 7')).toBe(articles[7]);
});

test('rules are asked in their order, strike as often as they say, and match key, attempt and call number', async () => {
  const server = await aServer({
    faults: [{ do: 'drop-before', match: { call: 'interactions.create', nth: 3 } }],
  });
  server.addFault({ match: { call: 'interactions.create' }, do: 'throttle', times: 2 });
  server.addFault({ match: { call: 'interactions.create', attempt: 2 }, do: 'auth', with: { form: '401' } });
  const client = geminiAt(server.geminiUrl);
  const start = (attempt: number) => {
    const labels = { ns_run: KEYS[0] ?? '', ns_attempt: String(attempt) };
    return client.interactions.create(startBody('remote', { labels }), ONCE);
  };
  expect((await thrownBy(() => start(1)))['status']).toBe(429);
  expect((await thrownBy(() => start(2)))['status']).toBe(429);
  expect((await thrownBy(() => start(2)))['status']).toBe(401);
  expect((await start(1)).status).toBe('queued');
  expect((await thrownBy(() => start(1))).name).toBe('APIConnectionError');
  expect(server.requests().map(({ fault }) => fault?.split(':')[0])).toEqual([
    'throttle',
    'throttle',
    'auth',
    undefined,
    'drop-before',
  ]);
});

test('a rule that can never strike is refused with what would be right', async () => {
  const server = await aServer();
  expect(() => server.addFault({ match: { surface: 'anthropic' }, do: 'day-quota' })).toThrow(
    /does not exist at anthropic/,
  );
  expect(() => server.addFault({ match: { call: 'files.list' }, do: 'refuse' })).toThrow(
    /it strikes interactions.create/,
  );
  expect(() => server.addFault({ do: 'throttle', with: { form: 'polite' } })).toThrow(/it has seconds, date/);
  expect(() => server.addFault({ match: { call: 'interactions.creat' }, do: 'throttle' })).toThrow(
    /there is no call interactions.creat; there are interactions.create,/,
  );
  const elsewhere = { surface: 'gemini', call: 'events.send' } as const;
  expect(() => server.addFault({ match: elsewhere, do: 'throttle' })).toThrow(
    /gemini has no call events.send, anthropic has/,
  );
  const budget = { do: 'spend-cap', with: { form: 'budget' } } as const;
  expect(() => server.addFault({ ...budget, match: { call: 'sessions.create' } })).toThrow(
    /as .*budget.* can't strike sessions.create; it strikes events.send/,
  );
  await expect(startAgentServer({ seed: 1, profile: 'one-fault:nothing' as never })).rejects.toThrow(
    /no profile/,
  );
});

test('rules name every call that a service has, and no other', () => {
  for (const { surface, routes } of [gemini, anthropic]) {
    expect([...CALLS[surface]].sort()).toEqual([...new Set(routes.map(({ name }) => name))].sort());
  }
});

test('a session’s budget is reached in its turn, also where the rule names no call', async () => {
  const server = await aServer({ faults: [{ do: 'spend-cap', with: { form: 'budget' }, times: 1 }] });
  const client = anthropicAt(server.anthropicUrl);
  const session = await client.beta.sessions.create(sessionBody(await anAgent(client)));
  await client.beta.sessions.events.send(session.id, message());
  server.advance(HOUR);
  const { data } = await client.beta.sessions.events.list(session.id, { types: ['session.status_idle'] });
  expect(data.at(-1)).toMatchObject({ stop_reason: { type: 'budget_reached' } });
});

test('flags are checked, and each mistake says what would be right', () => {
  expect(readAgentServerFlags({ seed: '7', speed: '720', fault: ['{"do":"slow"}'] })).toMatchObject({
    seed: '7',
    port: 0,
    speed: 720,
    profile: 'calm',
    faults: [{ do: 'slow' }],
  });
  expect(readAgentServerFlags({ speed: 'stepped' }).speed).toBe('stepped');
  expect(() => readAgentServerFlags({ speed: '-1' })).toThrow('a number above 0, or "stepped"');
  expect(() => readAgentServerFlags({ port: '65536' })).toThrow('to 65535');
  expect(() => readAgentServerFlags({ profile: 'one-fault:no' })).toThrow('one-fault:<fault>');
  expect(() => readAgentServerFlags({ fault: ['x'] })).toThrow(
    `--fault x is no JSON; write a rule such as '{"do":"throttle","times":2}'`,
  );
  expect(() => readAgentServerFlags({ fault: ['[]'] })).toThrow('is no rule such as');
  expect(() => readAgentServerFlags({ fault: ['{"do":"no"}'] })).toThrow('do: Invalid option');
});

test('a storm strikes many runs and a calm night none; one fault strikes the first attempt of each', async () => {
  const struck = async (profile: 'calm' | 'storm' | 'one-fault:refuse') => {
    const server = await aServer({ seed: 'profiles', profile });
    const client = geminiAt(server.geminiUrl);
    for (let index = 0; index < 60; index++) {
      const labels = { ns_run: `run-${index}`, ns_attempt: String(1 + (index % 2)) };
      await client.interactions.create(startBody('remote', { labels }), ONCE).catch(() => undefined);
    }
    return server.requests().filter(({ fault }) => fault !== undefined).length;
  };
  expect(await struck('calm')).toBe(0);
  expect(await struck('storm')).toBeGreaterThan(10);
  expect(await struck('one-fault:refuse')).toBe(30);
});

test('with a speed an hour passes in seconds, and hints to wait are in the caller’s time', async () => {
  const server = await aServer({ speed: 3_600 });
  const client = geminiAt(server.geminiUrl);
  server.addFault({
    match: { call: 'interactions.get' },
    do: 'throttle',
    with: { form: 'ms', seconds: 3_600 },
    times: 1,
  });
  const { id } = await client.interactions.create(startBody('remote'), ONCE);
  const error = await thrownBy(() => client.interactions.get(id, undefined, ONCE));
  expect((error['headers'] as Headers).get('retry-after-ms')).toBe('1000');
  await expect
    .poll(async () => (await client.interactions.get(id, undefined, ONCE)).status, {
      timeout: 20_000,
      interval: 50,
    })
    .toBe('completed');
});
