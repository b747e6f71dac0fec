// The provider `antigravity` through its own library, against a local server with stepped time.
import { expect, test } from 'vitest';
import { resolveSecrets } from '../../src/batch/secrets.js';
import { antigravity } from '../../src/activities/providers/antigravity/provider.js';
import { geminiAt, HOUR, ONCE, RUN_KEY } from './agent-server-fixture.js';
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

/** The environment's files as the server has them, read without the adapter. */
async function fileAtServer(geminiUrl: string, environment: string, path: string): Promise<Buffer> {
  const file = await geminiAt(geminiUrl).environments.files.download({ environment, path });
  return Buffer.from(file);
}

test('a run is prepared, claimed, started, watched, collected with its hash, booked and released', async () => {
  watchOutput();
  const { server, make } = await aStage('antigravity');
  const provider = await make();
  const { context, handles } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  expect(handles.map(({ phase }) => phase)).toEqual(['prepared', 'start-sent', 'started']);
  expect(handles.at(-1)).toEqual(handle);
  expect(server.ledger().runs).toMatchObject([{ runKey: RUN_KEY, attempt: 1, runs: 1 }]);

  expect(await watched(provider, handle, context, server)).toMatchObject({ kind: 'succeeded' });
  const environment = idIn(handle, 'environment');
  const article = await fileAtServer(server.geminiUrl, environment, 'out/article.md');
  const output = await provider.collect(handle, context);
  expect(sha256(await bytesOf(output.content))).toBe(sha256(article));
  expect(output.mime).toBe('text/markdown');
  expect(sha256(await bytesOf((await provider.collect(handle, context)).content))).toBe(sha256(article));

  const usage = await provider.usage(handle, context);
  const { cents } = server.ledger().totals;
  expect(usage).toMatchObject({ costSource: 'price-table' });
  expect(usage.costMicros / 10_000).toBeCloseTo(cents, 3);
  expect(Number.isSafeInteger(usage.costMicros)).toBe(true);

  await provider.release?.(handle, context);
  await provider.release?.(handle, context); // again is no error
  await expect(fileAtServer(server.geminiUrl, environment, 'out/article.md')).rejects.toThrow();
  expect(mustHavePaidOnce(server)).toBe(1);
  mustHideKey(handles, output, usage);
});

test('the last message is the artifact where the batch file says so', async () => {
  const { server, make } = await aStage('antigravity');
  const provider = await make({ output: 'text' });
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  await watched(provider, handle, context, server);
  const output = await provider.collect(handle, context);
  const run = await geminiAt(server.geminiUrl).interactions.get(idIn(handle, 'interaction'), undefined, ONCE);
  expect((await bytesOf(output.content)).toString()).toBe(run.output_text);
});

test('a cancelled run stops, its tokens are known, and cancelling it again is no error', async () => {
  const { server, make } = await aStage('antigravity');
  const provider = await make();
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  server.advance(60_000);
  await provider.cancel(handle, context);
  const usage = await provider.usage(handle, context);
  expect(usage.inputTokens).toBeGreaterThan(0);
  expect(usage.costSource).toBe('price-table');
  await provider.cancel(handle, context);
  await provider.release?.(handle, context);
  await provider.cancel(handle, context); // nothing of it is left
  expect(server.ledger().totals).toMatchObject({ runs: 1, open: 0 });
});

test('what a run used can be asked in every phase', async () => {
  const { server, make } = await aStage('antigravity');
  const provider = await make({ reserve: 1.25 });
  const { context, handles } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  const [prepared, sent] = handles;
  if (!prepared || !sent) throw new Error('no handles');
  expect(await provider.usage(prepared, context)).toMatchObject({ costMicros: 0, costSource: 'none' });
  expect(await provider.usage(sent, context)).toMatchObject({
    costMicros: 1_250_000,
    costSource: 'estimate',
  });
  server.advance(30_000);
  expect(await provider.usage(handle, context)).toMatchObject({
    costMicros: 1_250_000,
    costSource: 'estimate',
  });
  server.advance(HOUR);
  expect(await provider.usage(handle, context)).toMatchObject({ costSource: 'price-table' });
});

test('a claim of another start means that its run is watched, and nothing is sent', async () => {
  const { server, make } = await aStage('antigravity');
  const provider = await make();
  const { context, handles } = aContext(server);
  await provider.start(requestOf(), undefined, context);
  const [prepared] = handles;
  if (!prepared) throw new Error('no handle');
  const other = { ...prepared, ids: { ...prepared.ids, claim: 'of another ledger' } };
  const handle = await provider.start(requestOf(), other, context);
  expect(handle.phase).toBe('start-sent');
  expect(handle.ids['interaction']).toBeUndefined();
  expect(mustHavePaidOnce(server)).toBe(1);
});

test('a saved start is never sent again, and a finished one is attached to', async () => {
  const { server, make } = await aStage('antigravity');
  const { context, handles } = aContext(server);
  const provider = await make();
  const handle = await provider.start(requestOf(), undefined, context);
  for (const known of handles.slice(1)) {
    expect(await provider.find(requestOf(), known, context)).toEqual({ kind: 'session', handle: known });
    expect(await provider.start(requestOf(), known, context)).toEqual(known);
  }
  expect(await provider.find(requestOf(), undefined, context)).toEqual({ kind: 'none' });
  expect(await provider.find(requestOf(), handles[0], context)).toEqual({ kind: 'none' });
  expect(handle.phase).toBe('started');
  expect(mustHavePaidOnce(server)).toBe(1);
});

test('a service that repeats the key in its answer does not bring it into an error', async () => {
  const { server, make } = await aStage('antigravity');
  const provider = await make();
  const echo = Object.assign(new Error(`bad key ${PLANTED_KEY}`), {
    status: 401,
    body: JSON.stringify({ error: { code: 'authentication', message: `key ${PLANTED_KEY} is not valid` } }),
    headers: new Headers({ 'x-echo': PLANTED_KEY }),
  });
  const { context } = aContext(server);
  await provider.start(requestOf(), undefined, context); // it has used its key
  for (const verb of ['start', 'poll', 'cancel'] as const) mustHideKey(provider.classify(echo, verb));
  expect(provider.classify(echo, 'poll').message).toMatch(/\*\*\*/);
});

test('without its key nothing starts, and the variable is named', async () => {
  const options = antigravity.options.parse({ apiKey: '${env:NIGHTSHIFT_TEST_NO_SUCH_KEY}' });
  const secret = (text: string) => resolveSecrets(text, {});
  await expect(antigravity.preflight?.({ options, baseDir: '/', secret })).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('NIGHTSHIFT_TEST_NO_SUCH_KEY') as string,
  });
  expect(antigravity.options.safeParse({ apiKey: 'AIza-a-key-itself' }).success).toBe(false);
  expect(antigravity.options.parse({})).toMatchObject({ apiKey: '${env:GEMINI_API_KEY}' });
});

test('a redirect is not followed', async () => {
  const { createServer } = await import('node:http');
  const seen: string[] = [];
  const redirecting = createServer((request, response) => {
    seen.push(request.url ?? '');
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  await new Promise<void>((resolve) => redirecting.listen(0, '127.0.0.1', resolve));
  try {
    const address = redirecting.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { make } = await aStage('antigravity');
    const provider = await make({ baseUrl: `http://127.0.0.1:${port}` });
    const { context } = aContext({ now: () => 0, advance: () => undefined });
    const error = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
    expect(error.errorClass).toBe('config');
    expect(seen).toHaveLength(1);
  } finally {
    redirecting.close();
  }
});

test('a run says at the service what it is for, as its labels can', async () => {
  const { server, make } = await aStage('antigravity');
  const { context } = aContext(server);
  const identity = { site: `Блог.Example/${'𝐀'.repeat(80)}`, slug: 'rye' };
  const request = requestOf({ identity, batch: 'Nightly', work: 'article v2' });
  const handle = await (await make()).start(request, undefined, context);
  const run = await geminiAt(server.geminiUrl).interactions.get(idIn(handle, 'interaction'), undefined, ONCE);
  expect(run.labels).toEqual({
    ns_run: RUN_KEY,
    ns_attempt: '1',
    ns_work: 'article_v2',
    ns_job: 'b'.repeat(32),
    ns_site: `блог_example_${'_'.repeat(50)}`,
    ns_batch: 'nightly',
  });
});
