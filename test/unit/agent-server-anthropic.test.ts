// The managed-agents API of the local agent server, through the vendor's own SDK. Time is stepped: nothing waits.
import { createHash } from 'node:crypto';
import Anthropic from '@anthropic-ai/sdk';
import { expect, test } from 'vitest';
import type { AgentServerOptions } from '../../src/testing/agent-server/index.js';
import {
  anAgent,
  anthropicAt,
  aServer,
  BETAS,
  HOUR,
  message,
  OTHER_KEY,
  RUN_KEY,
  sessionBody,
  thrownBy,
} from './agent-server-fixture.js';

/** A server with an agent, and a client for it. */
async function aStage(options: Partial<AgentServerOptions> = {}) {
  const server = await aServer(options);
  const client = anthropicAt(server.anthropicUrl);
  const maker = await anAgent(client);
  const { sessions } = client.beta;
  const eventTypes = async (id: string, order: 'asc' | 'desc' = 'asc') =>
    (await sessions.events.list(id, { order, limit: 100 })).data.map(({ type }) => type);
  return { server, client, maker, sessions, eventTypes };
}

test('a session is idle and free until a message comes, runs, and leaves text, files, usage and cost', async () => {
  const { server, client, maker, sessions, eventTypes } = await aStage();
  const created = await sessions.create(sessionBody(maker));
  expect(created).toMatchObject({ status: 'idle', usage: { list_cost: null }, stats: {}, archived_at: null });
  server.advance(HOUR);
  expect(await sessions.retrieve(created.id)).toMatchObject({ status: 'idle', usage: { list_cost: null } });
  expect(server.ledger().runs).toMatchObject([
    { runKey: RUN_KEY, attempt: 1, sessions: 1, runs: 0, paidTurns: 0, cents: 0 },
  ]);

  const sent = await sessions.events.send(created.id, message());
  expect(sent.data).toMatchObject([{ type: 'user.message', processed_at: null }]);
  expect((await sessions.retrieve(created.id)).status).toBe('idle'); // not picked up yet
  server.advance(10_000);
  expect((await sessions.retrieve(created.id)).status).toBe('running');
  const [kickoff] = (await sessions.events.list(created.id, { types: ['user.message'], limit: 1 })).data;
  expect(kickoff).toMatchObject({ id: sent.data?.[0]?.id });
  expect(kickoff && 'processed_at' in kickoff ? kickoff.processed_at : null).not.toBeNull();

  server.advance(HOUR);
  const ended = await sessions.retrieve(created.id);
  expect(ended.status).toBe('idle');
  expect(Number(ended.usage.list_cost?.amount)).toBeGreaterThan(10);
  expect(ended.usage.active_seconds).toBeGreaterThanOrEqual(180);
  expect((await eventTypes(created.id)).slice(-3)).toEqual([
    'span.model_request_end',
    'session.usage',
    'session.status_idle',
  ]);
  const [idle] = (await sessions.events.list(created.id, { types: ['session.status_idle'], order: 'desc' }))
    .data;
  expect(idle).toMatchObject({ stop_reason: { type: 'end_turn' }, stop_details: null });

  const files = (await client.beta.files.list({ scope_id: created.id, betas: BETAS })).data;
  expect(files.map(({ filename }) => filename)).toEqual(['article.md', 'manifest.json']);
  expect(typeof files[0]?.size_bytes).toBe('number');
  const bytesOf = async (index: number) =>
    Buffer.from(
      await (await client.beta.files.download(files[index]?.id ?? '', { betas: BETAS })).arrayBuffer(),
    );
  const article = await bytesOf(0);
  expect(JSON.parse((await bytesOf(1)).toString())).toEqual({
    files: [
      {
        path: 'article.md',
        bytes: article.length,
        sha256: createHash('sha256').update(article).digest('hex'),
      },
    ],
  });
  const [said] = (await sessions.events.list(created.id, { types: ['agent.message'] })).data;
  expect(said).toMatchObject({ content: [{ type: 'text', text: article.toString() }] });
  expect(article.toString().split(/\s+/).length).toBeGreaterThan(300);

  const { cents, ...run } = server.ledger().runs[0] ?? { cents: 0 };
  expect(run).toMatchObject({ surface: 'anthropic', sessions: 1, runs: 1, paidTurns: 1, open: 1 });
  expect(Math.ceil(cents)).toBe(Number(ended.usage.list_cost?.amount));
  await sessions.archive(created.id);
  expect(server.ledger().totals.open).toBe(0);
});

test('a second user.message is a second paid turn', async () => {
  const { server, maker, sessions } = await aStage();
  const { id } = await sessions.create(sessionBody(maker));
  const first = await sessions.events.send(id, message());
  const second = await sessions.events.send(id, message());
  expect(second.data?.[0]?.id).not.toBe(first.data?.[0]?.id);
  server.advance(2 * HOUR);
  expect(server.ledger().runs).toMatchObject([{ sessions: 1, runs: 1, paidTurns: 2 }]);
  const idles = await sessions.events.list(id, { types: ['session.status_idle'] });
  expect(idles.data).toHaveLength(2);
});

/** How long the turn of this seed takes from message to idle event: the same on every server. */
async function turnMs(): Promise<number> {
  const { server, maker, sessions } = await aStage();
  const { id } = await sessions.create(sessionBody(maker));
  await sessions.events.send(id, message());
  const sentAt = server.now();
  server.advance(HOUR);
  const [idle] = (await sessions.events.list(id, { types: ['session.status_idle'] })).data;
  return Date.parse(idle && 'processed_at' in idle ? (idle.processed_at ?? '') : '') - sentAt;
}

test('for three seconds after the idle event GET says running and archive answers 400; files come late', async () => {
  const { server, client, maker, sessions, eventTypes } = await aStage();
  const { id } = await sessions.create(sessionBody(maker));
  await sessions.events.send(id, message());
  server.advance(await turnMs());
  expect(await eventTypes(id)).toContain('session.status_idle');
  expect((await sessions.retrieve(id)).status).toBe('running');
  expect((await client.beta.files.list({ scope_id: id, betas: BETAS })).data).toEqual([]);
  const refused = await thrownBy(() => sessions.archive(id));
  expect(refused).toBeInstanceOf(Anthropic.BadRequestError);
  server.advance(3_000);
  expect((await sessions.retrieve(id)).status).toBe('idle');
  expect((await client.beta.files.list({ scope_id: id, betas: BETAS })).data).toHaveLength(2);
  expect(await sessions.archive(id)).toMatchObject({ status: 'terminated' });
  expect(await sessions.archive(id)).toMatchObject({ status: 'terminated' }); // again is no error
  expect((await thrownBy(() => sessions.events.send(id, message()))).name).toBe('BadRequestError');
});

test('an interrupt ends the turn with what it used', async () => {
  const { server, maker, sessions, eventTypes } = await aStage();
  const { id } = await sessions.create(sessionBody(maker));
  await sessions.events.send(id, message());
  server.advance(60_000);
  await sessions.events.send(id, { events: [{ type: 'user.interrupt' }] });
  server.advance(10_000);
  expect(await eventTypes(id)).toEqual(
    expect.arrayContaining(['user.interrupt', 'session.usage', 'session.status_idle']),
  );
  const { status, usage } = await sessions.retrieve(id);
  expect(status).toBe('idle');
  expect(usage.active_seconds).toBeLessThan(62);
  server.advance(HOUR);
  expect((await sessions.retrieve(id)).usage.active_seconds).toBe(usage.active_seconds);
});

test('a budget stops the turn with its output so far; a raised one lets it go on', async () => {
  const { server, maker, sessions } = await aStage();
  const limit = (amount: string) => ({
    type: 'limit' as const,
    max_list_cost: { amount, currency: 'USD' as const },
  });
  const { id } = await sessions.create({ ...sessionBody(maker), budget: limit('10') });
  await sessions.events.send(id, message());
  server.advance(HOUR);
  const [idle] = (await sessions.events.list(id, { types: ['session.status_idle'] })).data;
  expect(idle).toMatchObject({ stop_reason: { type: 'budget_reached' } });
  expect(await thrownBy(() => sessions.events.send(id, message()))).toMatchObject({ status: 400 });
  expect(await thrownBy(() => sessions.update(id, { budget: limit('1') }))).toMatchObject({ status: 400 });
  await sessions.update(id, { budget: limit('500') });
  await sessions.events.send(id, message());
  server.advance(HOUR);
  expect((await sessions.events.list(id, { types: ['session.status_idle'] })).data.at(-1)).toMatchObject({
    stop_reason: { type: 'end_turn' },
  });
});

test('an agent is edited only as it was read, and each of its versions can be had', async () => {
  const { client, maker } = await aStage();
  const { agents } = client.beta;
  expect(await agents.update(maker.agentId, { version: 1, system: 'Be brief.' })).toMatchObject({
    version: 2,
  });
  const stale = await thrownBy(() => agents.update(maker.agentId, { version: 1, name: 'late' }));
  expect(stale['status']).toBe(409);
  expect(await agents.retrieve(maker.agentId, { version: 1 })).toMatchObject({ version: 1, system: null });
  expect(await agents.retrieve(maker.agentId)).toMatchObject({ version: 2, system: 'Be brief.' });
  expect((await thrownBy(() => agents.retrieve(maker.agentId, { version: 7 })))['status']).toBe(404);
  expect((await thrownBy(() => agents.retrieve(maker.agentId, { version: 0 })))['status']).toBe(400);
});

test('a page goes on where the last one ended, also when that item has left the list', async () => {
  const { server, maker, sessions } = await aStage();
  for (let attempt = 1; attempt <= 5; attempt++) {
    server.advance(1000);
    await sessions.create(sessionBody(maker, RUN_KEY, attempt));
  }
  for (const order of ['asc', 'desc'] as const) {
    const all = (await sessions.list({ order })).data.map(({ id }) => id);
    const first = await sessions.list({ order, limit: 2 });
    await sessions.delete(all[1] ?? '');
    const next = await first.getNextPage();
    expect(next.data.map(({ id }) => id)).toEqual(all.slice(2, 4));
  }
});

test('sessions are found by agent, time, status and archive, in either order, page by page', async () => {
  const { server, client, maker, sessions } = await aStage();
  const other = await client.beta.agents.create({ name: 'other', model: 'claude-haiku-4-5' });
  const ids: string[] = [];
  const since = new Date(server.now()).toISOString();
  for (const attempt of [1, 2, 3]) {
    server.advance(60_000);
    ids.push((await sessions.create(sessionBody(maker, RUN_KEY, attempt))).id);
  }
  await sessions.create({
    agent: other.id,
    environment_id: maker.environmentId,
    metadata: { run_key: OTHER_KEY },
  });
  await sessions.archive(ids[1] ?? '');

  const found: string[] = [];
  const query = {
    agent_id: maker.agentId,
    'created_at[gte]': since,
    include_archived: true,
    order: 'asc',
    limit: 2,
  } as const;
  for await (const { id, metadata } of sessions.list(query)) {
    found.push(id);
    expect(metadata['run_key']).toBe(RUN_KEY);
  }
  expect(found).toEqual(ids);
  expect(server.requests().filter(({ call }) => call === 'sessions.list')).toHaveLength(2);
  expect((await sessions.list({ agent_id: maker.agentId })).data.map(({ id }) => id)).toEqual([
    ids[2],
    ids[0],
  ]);
  expect((await sessions.list({ statuses: ['running'] })).data).toEqual([]);
  const later = new Date(server.now() + 1).toISOString();
  expect((await sessions.list({ 'created_at[gte]': later })).data).toEqual([]);
});

test('each mistake has the status, the error class and the request id that the SDK knows', async () => {
  const { client, maker, sessions } = await aStage();
  const missing = await thrownBy(() => sessions.retrieve('sesn_missing'));
  expect(missing).toBeInstanceOf(Anthropic.NotFoundError);
  expect(missing['type']).toBe('not_found_error');
  expect(missing['requestID']).toMatch(/^req_/);
  expect(missing['error']).toMatchObject({ request_id: missing['requestID'] });
  expect(await thrownBy(() => client.beta.environments.create({ name: 'nightly' }))).toBeInstanceOf(
    Anthropic.ConflictError,
  );
  const noAgent = { ...sessionBody(maker), agent: 'agent_missing' };
  expect(await thrownBy(() => sessions.create(noAgent))).toBeInstanceOf(Anthropic.NotFoundError);
  const badMetadata = { ...sessionBody(maker), metadata: { k: 'x'.repeat(513) } };
  expect(await thrownBy(() => sessions.create(badMetadata))).toBeInstanceOf(Anthropic.BadRequestError);
});

test('without the beta header, which the SDK leaves out for files, the answer is 400; both auth styles work', async () => {
  const { server, client } = await aStage();
  expect(await thrownBy(() => client.beta.files.list({}))).toMatchObject({ status: 400 });
  expect(server.requests().at(-1)).toMatchObject({ call: 'files.list', complaints: ['no beta header'] });
  const get = (headers: Record<string, string>) => fetch(`${server.anthropicUrl}/v1/agents`, { headers });
  const common = { 'anthropic-version': '2023-06-01', 'anthropic-beta': BETAS[0] ?? '' };
  expect((await get({ ...common, 'x-api-key': 'k' })).status).toBe(200);
  expect((await get({ ...common, authorization: 'Bearer k' })).status).toBe(200);
  expect((await get(common)).status).toBe(401);
});

test('the number of each send is recorded, so a client that sends again by itself is seen', async () => {
  const { server, maker, sessions } = await aStage();
  await sessions.create(sessionBody(maker));
  expect(server.requests().at(-1)).toMatchObject({ retryCount: 0, complaints: [] });
  server.addFault({
    match: { call: 'sessions.create' },
    do: 'server-error',
    with: { form: '529', commit: 'before' },
    times: 1,
  });
  const retrying = new Anthropic({ apiKey: 'k', baseURL: server.anthropicUrl, maxRetries: 1 });
  await retrying.beta.sessions.create(sessionBody(maker, OTHER_KEY));
  expect(server.requests().at(-1)).toMatchObject({ retryCount: 1, complaints: ['retried'] });
});

test('initial events start a paid turn at once', async () => {
  const { server, maker, sessions } = await aStage();
  await sessions.create({ ...sessionBody(maker), initial_events: message().events });
  expect(server.ledger().totals.paidTurns).toBe(1);
});

test('a stream gives what happens from now on', async () => {
  const { maker, sessions } = await aStage({ speed: 20_000 });
  const { id } = await sessions.create(sessionBody(maker));
  const stream = await sessions.events.stream(id);
  await sessions.events.send(id, message());
  const seen: string[] = [];
  for await (const { type } of stream) {
    seen.push(type);
    if (type === 'session.status_idle') break;
  }
  expect(seen[0]).toBe('user.message');
  expect(seen).toContain('agent.message');
});
