// The Interactions API of the local agent server, through the vendor's own SDK. Time is stepped: nothing waits.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  AGENT,
  aServer,
  geminiAt,
  HOUR,
  ONCE,
  RUN_KEY,
  startBody,
  thrownBy,
} from './agent-server-fixture.js';

test('a run goes from queued to completed, with text, files whose hashes agree, and usage', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const environment = await client.environments.create({}, ONCE);
  const started = await client.interactions.create(startBody(environment.id), ONCE);
  expect(started).toMatchObject({ status: 'queued', agent: AGENT, environment_id: environment.id });
  expect(started.id).toMatch(/^v1_/);

  server.advance(10_000);
  expect(await client.interactions.get(started.id, undefined, ONCE)).toMatchObject({ status: 'in_progress' });
  expect((await client.interactions.get(started.id, undefined, ONCE)).usage).toBeUndefined();
  server.advance(HOUR);
  const ended = await client.interactions.get(started.id, undefined, ONCE);
  expect(ended.status).toBe('completed');
  expect(ended.usage?.total_tokens).toBeGreaterThan(ended.usage?.total_cached_tokens ?? Infinity);

  const listed = await client.environments.files.list({ environment: environment.id, path: 'out' }, ONCE);
  expect(listed.files?.map(({ path }) => path)).toEqual([
    'workspace/out/article.md',
    'workspace/out/manifest.json',
    'workspace/out/started.json',
  ]);
  expect(typeof listed.files?.[0]?.size_bytes).toBe('string');
  const download = (path: string) =>
    client.environments.files.download({ environment: environment.id, path });
  const manifest = JSON.parse(Buffer.from(await download('out/manifest.json')).toString()) as {
    files: { path: string; bytes: number; sha256: string }[];
  };
  const article = Buffer.from(await download('out/article.md'));
  expect(manifest.files).toEqual([
    {
      path: 'out/article.md',
      bytes: article.length,
      sha256: createHash('sha256').update(article).digest('hex'),
    },
  ]);
  expect(ended.output_text).toBe(article.toString());
  expect(article.toString().split(/\s+/).length).toBeGreaterThan(300);
  expect(article.toString()).toMatch(/^# .+\n\n[^]+\n## /);
  expect(server.ledger().runs).toMatchObject([
    { surface: 'gemini', runKey: RUN_KEY, attempt: 1, runs: 1, paidTurns: 1, open: 0 },
  ]);
  expect(server.ledger().totals.cents).toBeGreaterThan(5);
});

test('a claim is taken once: the second upload without overwrite is a conflict, and marks the environment', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const { id } = await client.environments.create({}, ONCE);
  const claim = (text: string) =>
    client.environments.files.upload(
      { environment: id, path: `claim/${RUN_KEY}-2`, file: new Blob([text]), overwrite: false },
      ONCE,
    );
  expect(await claim('ledger-1')).toMatchObject({
    files: [{ path: `workspace/claim/${RUN_KEY}-2`, size_bytes: '8' }],
  });
  const refused = await thrownBy(() => claim('ledger-2'));
  expect(refused).toMatchObject({ name: 'ConflictError', status: 409 });
  expect(JSON.parse(String(refused['body']))).toMatchObject({ error: { code: 'aborted' } });
  const held = await client.environments.files.download({ environment: id, path: `claim/${RUN_KEY}-2` });
  expect(Buffer.from(held).toString()).toBe('ledger-1');

  await client.environments.get(id, undefined, ONCE);
  expect(server.requests().at(-1)).toMatchObject({ call: 'environments.get', runKey: RUN_KEY, attempt: 2 });
});

test('a cancel takes effect a little later, is refused after the end, and the record can be deleted', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const { id } = await client.interactions.create(startBody('remote'), ONCE);
  server.advance(20_000);
  expect(await client.interactions.cancel(id, undefined, ONCE)).toMatchObject({ status: 'in_progress' });
  server.advance(5_000);
  const cancelled = await client.interactions.get(id, undefined, ONCE);
  expect(cancelled.status).toBe('cancelled');
  expect(cancelled.usage?.total_tokens).toBeGreaterThan(0);
  expect(await thrownBy(() => client.interactions.cancel(id, undefined, ONCE))).toMatchObject({
    status: 400,
  });
  await client.interactions.delete(id, undefined, ONCE);
  expect(await thrownBy(() => client.interactions.get(id, undefined, ONCE))).toMatchObject({
    name: 'NotFoundError',
    status: 404,
  });
  expect(server.ledger().totals).toMatchObject({ runs: 1, open: 0 }); // deleting a record gives no money back
});

test('what the service refuses, it refuses with its own codes', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const refusalOf = async (body: object): Promise<unknown> => {
    const error = await thrownBy(() => client.interactions.create(body as never, ONCE));
    const { error: said } = JSON.parse(String(error['body'])) as { error: { code: string } };
    return [error['status'], said.code];
  };
  expect(await refusalOf(startBody('remote', { surprise: 1 }))).toEqual([400, 'parameter_unknown']);
  expect(await refusalOf(startBody('remote', { agent: 'antigravity-preview-05-2026' }))).toEqual([
    404,
    'not_found',
  ]);
  expect(await refusalOf(startBody('env_missing'))).toEqual([404, 'not_found']);
  expect(await refusalOf(startBody('remote', { store: false }))).toEqual([400, 'invalid_request']);
  expect(await refusalOf(startBody('remote', { labels: { Run: 'X' } }))).toEqual([400, 'invalid_request']);
  expect(await refusalOf(startBody('remote', { response_format: {} }))).toEqual([400, 'invalid_request']);
  expect(server.ledger().totals.paidTurns).toBe(0);

  const list = await fetch(`${server.geminiUrl}/v1beta/interactions`, { headers: { 'x-goog-api-key': 'k' } });
  expect(list.status).toBe(404); // there is no list
  const anonymous = await fetch(`${server.geminiUrl}/v1/environments`, { method: 'POST', body: '{}' });
  expect(anonymous.status).toBe(401);
});

test('a run may stop at its token cap; the partial article has no manifest', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const body = startBody('remote', { agent_config: { type: 'antigravity', max_total_tokens: '60000' } });
  const { id, environment_id: environment = '' } = await client.interactions.create(body, ONCE);
  server.advance(HOUR);
  expect(await client.interactions.get(id, undefined, ONCE)).toMatchObject({ status: 'incomplete' });
  const { files } = await client.environments.files.list({ environment, path: 'out' }, ONCE);
  expect(files?.map(({ name }) => name)).toEqual(['article.md', 'started.json']);
});

test('deleting the environment ends the run in it, and a late start finds nothing', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const environment = await client.environments.create({}, ONCE);
  const { id } = await client.interactions.create(startBody(environment.id), ONCE);
  server.advance(20_000);
  await client.environments.delete(environment.id, undefined, ONCE);
  expect(await client.interactions.get(id, undefined, ONCE)).toMatchObject({ status: 'failed' });
  expect(await thrownBy(() => client.interactions.create(startBody(environment.id), ONCE))).toMatchObject({
    status: 404,
  });
});

test('the record of a run is kept for 55 days', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const { id } = await client.interactions.create(startBody('remote'), ONCE);
  server.advance(54 * 24 * HOUR);
  expect((await client.interactions.get(id, undefined, ONCE)).status).toBe('completed');
  server.advance(24 * HOUR);
  expect(await thrownBy(() => client.interactions.get(id, undefined, ONCE))).toMatchObject({ status: 404 });
});

test('an id that is empty is noticed', async () => {
  const server = await aServer();
  await thrownBy(() => geminiAt(server.geminiUrl).interactions.get('', undefined, ONCE)); // the SDK sends it
  expect(server.requests().at(-1)).toMatchObject({ complaints: ['empty id'] });
});

test('an environment is gone seven days after its last use; a listing shows what is left, page by page', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const ids: string[] = [];
  for (let made = 0; made < 3; made++) ids.push((await client.environments.create({}, ONCE)).id);
  const first = await client.environments.list({ page_size: 2 }, ONCE);
  expect(first.environments?.map(({ id }) => id)).toEqual(ids.slice(0, 2));
  const second = await client.environments.list(
    { page_size: 2, page_token: first.next_page_token ?? '' },
    ONCE,
  );
  expect(second.environments?.map(({ id }) => id)).toEqual(ids.slice(2));
  expect(second.next_page_token).toBeUndefined();

  server.advance(5 * 24 * HOUR);
  await client.interactions.create(startBody(ids[0] ?? ''), ONCE);
  server.advance(5 * 24 * HOUR);
  expect((await client.environments.list({}, ONCE)).environments?.map(({ id }) => id)).toEqual(
    ids.slice(0, 1),
  );
  expect(await thrownBy(() => client.environments.get(ids[1] ?? '', undefined, ONCE))).toMatchObject({
    status: 404,
  });
});

test('files: one entry for a file, directories by level or as a tree, a tar for a download, 404 for nothing', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const { id: environment } = await client.environments.create({}, ONCE);
  for (const path of ['a/one.txt', 'a/b/two.txt', 'c.txt']) {
    await client.environments.files.upload({ environment, path, file: new Blob([path]) }, ONCE);
  }
  const list = async (path: string, more: object = {}) =>
    (await client.environments.files.list({ environment, path, ...more }, ONCE)).files?.map(
      (file) => `${file.type} ${file.path}`,
    );
  expect(await list('a')).toEqual(['directory workspace/a/b', 'file workspace/a/one.txt']);
  expect(await list('a', { recursive: true })).toEqual([
    'directory workspace/a/b',
    'file workspace/a/b/two.txt',
    'file workspace/a/one.txt',
  ]);
  expect(await list('c.txt')).toEqual(['file workspace/c.txt']);
  const tar = Buffer.from(await client.environments.files.download({ environment, path: 'a' }));
  expect(tar.length % 512).toBe(0);
  expect(tar.subarray(0, 9).toString()).toBe('b/two.txt');
  const missing = await thrownBy(() => client.environments.files.list({ environment, path: 'no' }, ONCE));
  expect(JSON.parse(String(missing['body']))).toEqual({
    error: { code: 'not_found', message: `Path 'no' not found in environment '${environment}'.` },
  });
  expect(await client.environments.get(environment, undefined, ONCE)).toMatchObject({ file_count: '3' });
});

test('a stream tells what happens and goes on from the last event that was read', async () => {
  const server = await aServer({ speed: 20_000 });
  const client = geminiAt(server.geminiUrl);
  const { id } = await client.interactions.create(startBody('remote'), ONCE);
  const read = async (lastEventId?: string) => {
    const params = {
      stream: true as const,
      ...(lastEventId !== undefined && { last_event_id: lastEventId }),
    };
    const events: { event_id?: string; event_type?: string; delta?: { text?: string } }[] = [];
    for await (const event of await client.interactions.get(id, params, ONCE)) events.push(event as never);
    return events;
  };
  const all = await read();
  expect(all[0]?.event_type).toBe('interaction.created');
  expect(all.at(-1)?.event_type).toBe('interaction.completed');
  const text = all.map(({ delta }) => delta?.text ?? '').join('');
  expect(text).toBe((await client.interactions.get(id, undefined, ONCE)).output_text);
  expect(await read(all[4]?.event_id)).toEqual(all.slice(5));
});

test('a call that does not run in the background answers at the end, or breaks after a minute', async () => {
  const server = await aServer({ speed: 20_000 });
  const client = geminiAt(server.geminiUrl);
  const { background: _background, ...body } = startBody('remote');
  const error = await thrownBy(() => client.interactions.create(body, ONCE));
  expect(error.name).toBe('APIConnectionError'); // runs take minutes
  expect(server.ledger().totals.paidTurns).toBe(1);
});

test('triggers: a start that can be looked up; each run of it is another paid run', async () => {
  const server = await aServer();
  const client = geminiAt(server.geminiUrl);
  const { labels: _labels, ...interaction } = startBody('remote');
  const trigger = await client.triggers.create(
    { display_name: `${RUN_KEY}-1`, schedule: '0 0 1 1 *', time_zone: 'UTC', interaction },
    ONCE,
  );
  await client.triggers.update(trigger.id, { status: 'paused' }, ONCE);
  expect((await client.triggers.list({}, ONCE)).triggers).toMatchObject([
    { id: trigger.id, status: 'paused' },
  ]);
  expect((await client.triggers.listExecutions(trigger.id, undefined, ONCE)).trigger_executions).toEqual([]);

  const execution = await client.triggers.run(trigger.id, undefined, ONCE);
  expect(execution).toMatchObject({ status: 'in_progress', trigger_id: trigger.id });
  server.advance(HOUR);
  expect(
    (await client.triggers.listExecutions(trigger.id, undefined, ONCE)).trigger_executions,
  ).toMatchObject([{ id: execution.id, status: 'completed', interaction_id: execution.interaction_id }]);
  await client.triggers.run(trigger.id, undefined, ONCE);
  expect(server.ledger().runs).toMatchObject([{ runKey: RUN_KEY, attempt: 1, runs: 2, paidTurns: 2 }]);
  await client.triggers.delete(trigger.id, undefined, ONCE);
  expect(await thrownBy(() => client.triggers.get(trigger.id, undefined, ONCE))).toMatchObject({
    status: 404,
  });
});
