// The provider `claude` through its own library, against a local server with stepped time.
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { resolveSecrets } from '../../src/batch/secrets.js';
import type { SessionHandle } from '../../src/activities/providers/provider.js';
import { claude } from '../../src/activities/providers/claude/provider.js';
import { anthropicAt, BETAS, HOUR, message, RUN_KEY } from './agent-server-fixture.js';
import {
  aContext,
  aStage,
  bytesOf,
  idIn,
  mustHavePaidOnce,
  mustHideKey,
  PLANTED_KEY,
  requestOf,
  sha256,
  thrown,
  watched,
  watchOutput,
} from './managed-agents-fixture.js';

/** A file of a session as the server has it, read without the adapter. */
async function fileAtServer(anthropicUrl: string, session: string, name: string): Promise<Buffer> {
  const { files } = anthropicAt(anthropicUrl).beta;
  const { data } = await files.list({ scope_id: session, betas: BETAS });
  const id = data.find(({ filename }) => filename === name)?.id ?? '';
  return Buffer.from(await (await files.download(id, { betas: BETAS })).arrayBuffer());
}

test('a session is created idle, given its prompt, watched, collected with its hash, booked and archived', async () => {
  watchOutput();
  const { server, make } = await aStage('claude');
  const provider = await make({ budget: 5 });
  const { context, handles } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  expect(handles.map(({ phase }) => phase)).toEqual(['prepared', 'start-sent', 'started']);
  expect(server.ledger().runs).toMatchObject([{ runKey: RUN_KEY, attempt: 1, sessions: 1, paidTurns: 1 }]);

  expect(await watched(provider, handle, context, server)).toMatchObject({ kind: 'succeeded' });
  const output = await provider.collect(handle, context); // waits for files that are listed late
  const bytes = await bytesOf(output.content);
  const session = idIn(handle, 'session');
  expect(sha256(bytes)).toBe(sha256(await fileAtServer(server.anthropicUrl, session, 'article.md')));
  expect(output.mime).toBe('text/markdown');
  expect(await bytesOf((await provider.collect(handle, context)).content)).toEqual(bytes);

  const usage = await provider.usage(handle, context);
  expect(usage.costSource).toBe('provider');
  expect(usage.costMicros).toBe(Math.ceil(server.ledger().totals.cents) * 10_000);
  await provider.release?.(handle, context);
  await provider.release?.(handle, context); // again is no error
  expect(await provider.usage(handle, context)).toEqual(usage);
  expect(server.ledger().totals).toMatchObject({ sessions: 1, open: 0 });
  expect(mustHavePaidOnce(server)).toBe(1);
  mustHideKey(handles, output, usage);
});

test('the last message is the artifact where the batch file says so', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make({ output: 'text' });
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  await watched(provider, handle, context, server);
  const { sessions } = anthropicAt(server.anthropicUrl).beta;
  const { data } = await sessions.events.list(idIn(handle, 'session'), { types: ['agent.message'] });
  expect(data).toMatchObject([
    { content: [{ text: (await bytesOf((await provider.collect(handle, context)).content)).toString() }] },
  ]);
});

test('an idle session of the attempt is used, twins are archived, and one with a prompt is attached to', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make();
  const { context } = aContext(server);
  const [other] = [await provider.start(requestOf({ attempt: 2 }), undefined, context)];
  const { sessions } = anthropicAt(server.anthropicUrl).beta;
  const { agent, environment_id } = await sessions.retrieve(idIn(other, 'session'));
  const twin = () =>
    sessions.create({
      agent: agent.id,
      environment_id,
      metadata: { run_key: RUN_KEY, attempt: '1' },
    });
  const ids: string[] = [];
  for (let made = 0; made < 3; made++) {
    ids.push((await twin()).id);
    server.advance(1_000);
  }
  expect(await provider.find(requestOf(), undefined, context)).toEqual({ kind: 'none' });
  const handle = await provider.start(requestOf(), undefined, context);
  expect(handle.ids['session']).toBe(ids[0]); // the oldest
  const archived = await Promise.all(
    ids.map(async (id) => (await sessions.retrieve(id)).archived_at !== null),
  );
  expect(archived).toEqual([false, true, true]);

  const found = await provider.find(requestOf(), undefined, context);
  expect(found).toMatchObject({ kind: 'session', handle: { ids: { session: ids[0] } } });
  await provider.start(requestOf(), undefined, context); // attaches
  expect(mustHavePaidOnce(server)).toBe(2);
});

test('a session is found behind many others, page by page', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make();
  const { context } = aContext(server);
  const other = await provider.start(requestOf({ attempt: 2 }), undefined, context);
  const { sessions } = anthropicAt(server.anthropicUrl).beta;
  const { agent, environment_id } = await sessions.retrieve(idIn(other, 'session'));
  for (let made = 0; made < 120; made++) {
    const metadata = { run_key: 'f'.repeat(32), attempt: String(made) };
    await sessions.create({ agent: agent.id, environment_id, metadata });
  }
  const handle = await provider.start(requestOf(), undefined, context);
  const found = await provider.find(requestOf(), undefined, context);
  expect(found).toMatchObject({ kind: 'session', handle: { ids: { session: handle.ids['session'] } } });
  expect(mustHavePaidOnce(server)).toBe(2);
});

test('a cancelled session stops, is archived, and can still be asked what it used', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make();
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  server.advance(60_000);
  await provider.cancel(handle, context);
  expect(await provider.usage(handle, context)).toMatchObject({ costSource: 'provider' });
  await provider.cancel(handle, context);
  await provider.release?.(handle, context);
  const missing = { ...handle, ids: { ...handle.ids, session: 'sesn_missing' } };
  await provider.cancel(missing, context); // nothing is left of it
  expect(server.ledger().totals).toMatchObject({ paidTurns: 1, open: 0 });
});

test('what was interrupted has made nothing, also before it could be archived', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make({ output: 'text' });
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  server.advance(60_000);
  const { sessions } = anthropicAt(server.anthropicUrl).beta;
  await sessions.events.send(idIn(handle, 'session'), { events: [{ type: 'user.interrupt' }] });
  server.advance(10_000);
  const interrupted = { kind: 'lost', message: expect.stringContaining('interrupted') as string };
  expect(await provider.poll(handle, context), 'whoever interrupted it died').toMatchObject(interrupted);
  await provider.cancel(handle, context);
  expect(await provider.poll(handle, context)).toMatchObject(interrupted);
});

test('an interrupt that came too late takes nothing away', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make();
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  server.advance(HOUR);
  await provider.cancel(handle, context);
  expect(await provider.poll(handle, context)).toEqual({ kind: 'succeeded' });
});

test('what a session used can be asked in every phase', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make({ budget: 2.5 });
  const { context, handles } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  const [prepared] = handles;
  if (!prepared) throw new Error('no handle');
  expect(await provider.usage(prepared, context)).toMatchObject({ costMicros: 0, costSource: 'none' });
  server.advance(HOUR);
  expect(await provider.usage(handle, context)).toMatchObject({ costSource: 'provider' });
  const missing = { ...handle, ids: { ...handle.ids, session: 'sesn_missing' } };
  expect(await provider.usage(missing, context)).toMatchObject({
    costMicros: 2_500_000,
    costSource: 'estimate',
  });
});

test('a prompt that somebody else has sent is not sent again', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make();
  const { context } = aContext(server);
  const stop = async (handle: SessionHandle) => {
    await context.save(handle);
    if (handle.phase === 'prepared') {
      const { sessions } = anthropicAt(server.anthropicUrl).beta;
      await sessions.events.send(idIn(handle, 'session'), message());
    }
  };
  const handle = await provider.start(requestOf(), undefined, { ...context, save: stop });
  expect(handle.phase).toBe('started');
  expect(mustHavePaidOnce(server)).toBe(1);
});

test('a service that repeats the key in its answer does not bring it into an error', async () => {
  const { server, make } = await aStage('claude');
  const provider = await make();
  await provider.start(requestOf(), undefined, aContext(server).context); // it has used its key
  const echo = Object.assign(new Error(`bad key ${PLANTED_KEY}`), {
    status: 401,
    error: {
      error: { type: 'authentication_error', message: `key ${PLANTED_KEY}` },
      request_id: PLANTED_KEY,
    },
    headers: new Headers({ 'x-echo': PLANTED_KEY }),
  });
  for (const verb of ['start', 'poll', 'cancel'] as const) mustHideKey(provider.classify(echo, verb));
  expect(provider.classify(echo, 'poll').message).toMatch(/\*\*\*/);
});

test('without its key nothing starts, and the variable is named', async () => {
  const ids = { agent: 'agent_1', environment: 'env_1' };
  const options = claude.options.parse({ ...ids, apiKey: '${env:NIGHTSHIFT_TEST_NO_SUCH_KEY}' });
  const secret = (text: string) => resolveSecrets(text, {});
  await expect(claude.preflight?.({ options, baseDir: '/', secret })).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('NIGHTSHIFT_TEST_NO_SUCH_KEY') as string,
  });
  expect(claude.options.safeParse({ ...ids, apiKey: 'sk-ant-a-key-itself' }).success).toBe(false);
  expect(claude.options.parse(ids)).toMatchObject({ apiKey: '${env:ANTHROPIC_API_KEY}' });
});

test('a redirect is not followed, and a page where JSON belongs is no session', async () => {
  for (const [status, headers, body, errorClass] of [
    [307, { location: '/elsewhere' }, '', 'config'],
    [200, { 'content-type': 'text/html' }, '<h1>Welcome</h1>', 'transient'],
    [204, {}, '', 'bug'],
  ] as const) {
    const seen: string[] = [];
    const odd = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.writeHead(status, headers).end(body);
    });
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    try {
      const address = odd.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const { server, make } = await aStage('claude');
      const provider = await make({ baseUrl: `http://127.0.0.1:${port}` });
      const error = await thrown(provider, 'start', () =>
        provider.start(requestOf(), undefined, aContext(server).context),
      );
      expect(error.errorClass).toBe(errorClass);
      expect(seen).toHaveLength(1);
    } finally {
      odd.close();
    }
  }
});

test('a session says at the service what it is for: site, batch, work, job', async () => {
  const { server, make } = await aStage('claude');
  const { context } = aContext(server);
  const identity = { site: 'Blog.example', slug: 'rye' };
  const handle = await (await make()).start(requestOf({ identity, batch: 'nightly' }), undefined, context);
  const { metadata } = await anthropicAt(server.anthropicUrl).beta.sessions.retrieve(idIn(handle, 'session'));
  expect(metadata).toEqual({
    run_key: RUN_KEY,
    attempt: '1',
    work: 'article',
    job_key: 'b'.repeat(32),
    site: 'Blog.example',
    batch: 'nightly',
  });
});
