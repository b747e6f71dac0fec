// The service itself is killed between the calls of an adapter, and comes back with what it had answered.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { AgentLedger, LoggedRequest } from '../../src/testing/agent-server/index.js';
import {
  claudeIds,
  makerFor,
  mustHavePaidOnce,
  runJob,
  type SteppedServer,
  type Which,
} from './managed-agents-fixture.js';

const MAIN = fileURLToPath(new URL('../../dist/testing/agent-server/main.js', import.meta.url));

/** A server that can be killed and always comes back at the same address. Its time is stepped. */
class MortalServer implements SteppedServer {
  private child: ChildProcess | undefined;
  private time = 0;
  private coming: Promise<void> | undefined;
  url = '';

  private constructor(private readonly file: string) {}

  static async start(): Promise<MortalServer> {
    const folder = mkdtempSync(join(tmpdir(), 'nightshift-mortal-'));
    const server = new MortalServer(join(folder, 'server.db'));
    onTestFinished(async () => {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    await server.alive();
    return server;
  }

  now = (): number => this.time;

  async advance(ms: number): Promise<void> {
    await this.control('advance', { ms });
    this.time += ms;
  }

  /** Starts it again where it is dead. */
  alive(): Promise<void> {
    if (this.child) return Promise.resolve();
    this.coming ??= this.spawned().finally(() => (this.coming = undefined));
    return this.coming;
  }

  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill('SIGKILL');
    await closed;
  }

  async control<T>(path: string, body?: object): Promise<T> {
    await this.alive();
    const init = body && { method: 'POST', body: JSON.stringify(body) };
    return (await (await REAL_FETCH(`${this.url}/_/${path}`, init)).json()) as T;
  }

  private async spawned(): Promise<void> {
    const port = this.url === '' ? '0' : new URL(this.url).port;
    const args = [MAIN, '--seed', 'mortal', '--speed', 'stepped', '--file', this.file];
    const child = spawn(process.execPath, [...args, '--port', port], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (data: Buffer) => resolve(data.toString()));
      child.once('close', () => reject(new Error('it ended before it was ready')));
    });
    this.url = (JSON.parse(line) as { url: string }).url;
    this.child = child;
    this.time = (await this.control<{ now: number }>('clock')).now;
  }
}

const REAL_FETCH = globalThis.fetch;

/** Kills the server before the n-th call, or while it is on its way. */
function killing(server: MortalServer, nth: number, when: 'before' | 'during'): () => boolean {
  let calls = 0;
  globalThis.fetch = async (input, init) => {
    calls += 1;
    if (calls !== nth) {
      if (calls > nth) await server.alive();
      return REAL_FETCH(input, init);
    }
    if (when === 'before') {
      await server.kill();
      return REAL_FETCH(input, init);
    }
    const answer = REAL_FETCH(input, init);
    await Promise.race([answer.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 3))]);
    await server.kill();
    return answer;
  };
  onTestFinished(() => void (globalThis.fetch = REAL_FETCH));
  return () => calls >= nth;
}

test.each(['antigravity', 'claude'] as const satisfies readonly Which[])(
  '%s: the server is killed at one call after another; every run is paid for once',
  { timeout: 240_000 },
  async (which) => {
    const server = await MortalServer.start();
    const urls = { geminiUrl: `${server.url}/gemini`, anthropicUrl: `${server.url}/anthropic` };
    const ids = which === 'claude' ? await claudeIds(urls.anthropicUrl) : undefined;
    const make = await makerFor(which, urls, ids);
    let jobs = 0;
    for (const when of ['before', 'during'] as const) {
      for (const nth of [2, 4, 5]) {
        await server.alive();
        const struck = killing(server, nth, when);
        const runKey = (++jobs).toString(16).padStart(32, '0');
        const job = await runJob({ server, make }, { goOn: false, request: { runKey } });
        globalThis.fetch = REAL_FETCH;
        expect({ when, nth, kind: job.kind, struck: struck() }).toEqual({
          when,
          nth,
          kind: 'made',
          struck: true,
        });
      }
    }
    const ledger = await server.control<AgentLedger>('ledger');
    const requests = await server.control<LoggedRequest[]>('requests');
    expect(mustHavePaidOnce({ ledger: () => ledger, requests: () => requests })).toBe(jobs);
  },
);
