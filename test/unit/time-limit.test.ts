// Time limits hold while garbage is collected: Node lets go of `AbortSignal.timeout` inside `AbortSignal.any`, and what
// waited on it waited for ever. Against a server that never answers, or stops in the middle of an answer.
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sendHttp } from '../../src/activities/http/request.js';
import { claudeApi } from '../../src/activities/providers/claude/api.js';
import { claudeOptionsSchema } from '../../src/activities/providers/claude/options.js';
import { geminiApi } from '../../src/activities/providers/antigravity/api.js';
import { antigravityOptionsSchema } from '../../src/activities/providers/antigravity/options.js';
import { openDownload } from '../../src/activities/providers/managed/download.js';
import { timeLimit, withTimeLimit } from '../../src/time-limit.js';
import { findings } from './checks-fixture.js';

/** Collects garbage every few milliseconds for as long as a test runs. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const timer = setInterval(gc, 5);
  onTestFinished(() => clearInterval(timer));
}

async function aSilentServer(): Promise<string> {
  const server = createServer(({ url }, response) => {
    if (url?.endsWith('/half') || url?.includes('alt=media')) response.writeHead(200).write('begun');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const TIME = '100ms';
const TIME_MS = 100;
const outer = () => AbortSignal.any([new AbortController().signal]);
const judgeOptions = () => ({ secrets: [], extraErrorCodes: {}, maxThrottleMs: 0, now: new Date() });
const http = (url: string, method: 'GET' | 'POST' = 'GET') =>
  sendHttp({ method, url, timeoutMs: TIME_MS, signal: outer() });
const gemini = (baseUrl: string) =>
  geminiApi(
    antigravityOptionsSchema.parse({ model: 'm', baseUrl, requestTimeout: TIME, downloadTimeout: TIME }),
    () => 'k',
    judgeOptions,
    {},
  );
const claude = (baseUrl: string) =>
  claudeApi(
    claudeOptionsSchema.parse({ agent: 'a', environment: 'e', baseUrl, requestTimeout: TIME }),
    () => 'k',
    judgeOptions,
    {},
  );

async function readAll(body: AsyncIterable<Uint8Array> | undefined): Promise<void> {
  for await (const _ of body ?? []);
}

describe('while garbage is collected, an end comes to', () => {
  test.each<[name: string, wait: (origin: string) => Promise<unknown>]>([
    ['a look', (at) => http(`${at}/`)],
    ['a write', (at) => http(`${at}/`, 'POST')],
    ['an answer that stops half way', (at) => http(`${at}/half`)],
    ['a read of the gemini library', (at) => gemini(at).interaction('i', outer())],
    [
      'a paid start of the gemini library',
      (at) => gemini(at).start({ input: 'x', agent: 'a' }, async () => undefined),
    ],
    ['a read of the anthropic library', (at) => claude(at).session('s', outer())],
    ['a prompt of the anthropic library', (at) => claude(at).sendMessage('s', 'text')],
    ['a download', async (at) => readAll(await gemini(at).download('e', 'f', outer()))],
    [
      'a download that stops half way',
      async (url) => {
        const limits = { timeoutMs: TIME_MS, signal: outer() };
        await readAll(await openDownload({ url: `${url}/half`, headers: {}, secrets: [], ...limits }));
      },
    ],
    ['work that heeds no signal', () => withTimeLimit(TIME_MS, outer(), () => new Promise(() => undefined))],
  ])('%s', async (_name, wait) => {
    const origin = await aSilentServer();
    collectGarbage();
    await expect(wait(origin)).rejects.toThrow();
  });

  test('a link that is looked at', async () => {
    const origin = await aSilentServer();
    collectGarbage();
    const check = { links: { resolve: true, hosts: ['127.0.0.1'], timeout: TIME } };
    expect((await findings(`[a](${origin}/)`, [check])).notes).toHaveLength(1);
  });
});

describe('a time limit', () => {
  test('is over at once where the other signal is', () => {
    const reason = new Error('stopped');
    const { signal } = timeLimit(1000, AbortSignal.abort(reason));
    expect(signal.reason).toBe(reason);
  });

  test('starts no work then', async () => {
    let began = false;
    const work = withTimeLimit(1000, AbortSignal.abort(new Error('stopped')), async () => (began = true));
    await expect(work).rejects.toThrow('stopped');
    expect(began).toBe(false);
  });

  test('passes the other signal on, with its reason', () => {
    const other = new AbortController();
    const { signal } = timeLimit(1000, other.signal);
    other.abort(new Error('stopped'));
    expect(signal.reason).toMatchObject({ message: 'stopped' });
  });

  test('that was ended is over no more', async () => {
    const other = new AbortController();
    const limit = timeLimit(20, other.signal);
    limit.end();
    other.abort();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(limit.signal.aborted).toBe(false);
  });
});
