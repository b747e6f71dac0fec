// A whole run of the adapter against answers as the service's documentation and the tests of its own library show them.
import { expect, test } from 'vitest';
import { recorded, replaying, type Recorded } from './recorded-answers.js';
import { aContext, bytesOf, makerFor, requestOf, sha256 } from './managed-agents-fixture.js';
import { RUN_KEY } from './agent-server-fixture.js';

const NOW = Date.parse('2026-07-22T15:20:00Z');
const RUN_ID = 'v1_ChdPU0F4YWFtNkFwS2kxZThQZ05lbXdROBIXT1NBeGFhbTZBcEtpMWU4UGdOZW13UTg';

/** What the agent has written: as long as the documented listing says, quotes included. */
const CONTENT = JSON.stringify('x'.repeat(126));
const MANIFEST = {
  files: [{ path: 'out/main.py', bytes: CONTENT.length, sha256: sha256(Buffer.from(CONTENT)) }],
};

/** The service, by documented answers. */
async function documented(environment = 'gemini-environment') {
  const made = await recorded(environment);
  const [started, put, completed, cancelled, listed, environments, missing] = await Promise.all([
    recorded('gemini-upload-started'),
    recorded('gemini-upload-final'),
    recorded('gemini-antigravity-completed'),
    recorded('gemini-interaction-cancelled'),
    recorded('gemini-file-list'),
    recorded('gemini-environment-list'),
    recorded('gemini-file-missing-404'),
  ]);
  const calls: string[] = [];
  let isCancelled = false;
  let url = '';
  const answerTo = (method: string, asked: string): Recorded => {
    const { pathname, searchParams } = new URL(asked, 'http://localhost');
    const path = decodeURIComponent(pathname.replace(/^(\/upload)?\/v1beta/, ''));
    calls.push(`${method} ${path}`);
    if (method === 'PUT')
      return { ...started, headers: { ...started.headers, 'x-goog-upload-url': `${url}/upload_target` } };
    if (path === '/upload_target') return put;
    if (path.endsWith('/cancel')) isCancelled = true;
    if (path.startsWith('/interactions')) return isCancelled ? cancelled : completed;
    if (method === 'GET' && path === '/environments') return environments;
    if (path.includes('/files/claim')) return missing;
    if (!path.includes('/files/')) return made;
    if (searchParams.get('alt') !== 'media') return inOut(listed);
    return { ...listed, body: path.endsWith('manifest.json') ? MANIFEST : JSON.parse(CONTENT) };
  };
  url = await replaying(answerTo);
  const make = await makerFor('antigravity', { geminiUrl: url, anthropicUrl: '' });
  return { calls, make, ...aContext({ now: () => NOW, advance: () => undefined }) };
}

/** The documented file lies in `src`; what a run hands over lies in `out`. */
const inOut = (listed: Recorded): Recorded => ({
  ...listed,
  body: JSON.parse(JSON.stringify(listed.body).replace('workspace/src/', 'workspace/out/')),
});

test.each([
  ['gemini-environment', 'env_abc_123'],
  ['gemini-environment-of-guide', '140128b2a13c12c00a5a0d8cf7af9469'],
])('%s: a run is started, watched, collected and booked', async (name, environment) => {
  const { calls, make, context, handles } = await documented(name);
  const provider = await make({ file: 'main.py' });
  const handle = await provider.start(requestOf(), undefined, context);
  expect(handle).toMatchObject({ phase: 'started', ids: { environment, interaction: RUN_ID } });
  expect(handles.map(({ phase }) => phase)).toEqual(['prepared', 'start-sent', 'started']);
  expect(calls).toEqual([
    'POST /environments',
    `PUT /environments/${environment}/files/claim/${RUN_KEY}-1`,
    'POST /upload_target',
    `GET /environments/${environment}`,
    'POST /interactions',
  ]);
  expect(await provider.poll(handle, context)).toEqual({ kind: 'succeeded' });
  const { content, mime } = await provider.collect(handle, context);
  expect([(await bytesOf(content)).toString(), mime]).toEqual([CONTENT, 'text/x-python']);
  const tokens = { inputTokens: 50, outputTokens: 700, cachedTokens: 0 };
  expect(await provider.usage(handle, context)).toMatchObject(tokens);
  const text = await (await make({ output: 'text' })).collect(handle, context);
  expect((await bytesOf(text.content)).toString()).toMatch(/^I've summarized the top 5 Hacker News stories/);
});

test('a run is cancelled', async () => {
  const { calls, make, context } = await documented();
  const provider = await make();
  const handle = await provider.start(requestOf(), undefined, context);
  calls.length = 0;
  await provider.cancel(handle, context);
  expect(calls).toEqual([`POST /interactions/${RUN_ID}/cancel`, `GET /interactions/${RUN_ID}`]);
  expect(await provider.poll(handle, context)).toEqual({
    kind: 'lost',
    message: 'the run was cancelled at the service',
  });
});

test('the sandboxes of a project are listed, and what is nobody’s run is no session', async () => {
  const { calls, make, context } = await documented();
  const provider = await make();
  await provider.probe?.(context);
  const found = [];
  for await (const handle of provider.sweep?.(new Date(0), context) ?? []) found.push(handle);
  expect(found).toEqual([]);
  expect(calls.slice(-2)).toEqual([
    'GET /environments/140128b2a13c12c00a5a0d8cf7af9469/files/claim',
    'GET /environments/362b738275a1d74af6f1c62bc050da73/files/claim',
  ]);
});
