// The agent server as a process of its own, killed without warning and started again on its file.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { UsageError } from '../../src/contract/errors.js';
import {
  startAgentServer,
  type AgentLedger,
  type LoggedRequest,
} from '../../src/testing/agent-server/index.js';
import { jitterOf } from '../../src/policy/jitter.js';
import {
  anAgent,
  anthropicAt,
  aServer,
  BETAS,
  geminiAt,
  message,
  ONCE,
  RUN_KEY,
  sessionBody,
  startBody,
  type SessionMaker,
} from './agent-server-fixture.js';
import { SEED } from '../support/rounds.js';

const MAIN = fileURLToPath(new URL('../../dist/testing/agent-server/main.js', import.meta.url));

interface ServerProcess {
  readonly url: string;
  readonly geminiUrl: string;
  readonly anthropicUrl: string;
  readonly kill: () => Promise<void>;
}

function aFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-agent-server-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'server.db');
}

/** Ready when it has said its one line. */
async function aProcess(file: string, ...flags: string[]): Promise<ServerProcess> {
  const args = [MAIN, '--seed', 'process', '--speed', 'stepped', '--file', file, ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  onTestFinished(kill);
  const line = await Promise.race([
    new Promise<string>((resolve) => child.stdout.once('data', (data: Buffer) => resolve(data.toString()))),
    closed.then(() => Promise.reject(new Error('it ended before it was ready'))),
  ]);
  return { ...(JSON.parse(line) as Omit<ServerProcess, 'kill'>), kill };
}

const control = async <T>(url: string, path: string, body?: object): Promise<T> => {
  const init = body && { method: 'POST', body: JSON.stringify(body) };
  return (await (await fetch(`${url}/_/${path}`, init)).json()) as T;
};

test('killed between any two calls, it has lost nothing that it answered', { timeout: 240_000 }, async () => {
  const file = aFile();
  let server = await aProcess(file);
  const killed = async <T>(step: (server: ServerProcess) => Promise<T>): Promise<T> => {
    const result = await step(server);
    await server.kill();
    server = await aProcess(file);
    return result;
  };
  const gemini = () => geminiAt(server.geminiUrl);
  const environment = await killed(() => gemini().environments.create({}, ONCE));
  const claim = {
    environment: environment.id,
    path: `claim/${RUN_KEY}-1`,
    file: new Blob(['mine']),
    overwrite: false,
  };
  await killed(() => gemini().environments.files.upload(claim, ONCE));
  await expect(gemini().environments.files.upload(claim, ONCE)).rejects.toMatchObject({ status: 409 });
  const run = await killed(() => gemini().interactions.create(startBody(environment.id), ONCE));
  await killed(() => control(server.url, 'advance', { ms: 3_600_000 }));
  const ended = await gemini().interactions.get(run.id, undefined, ONCE);
  expect(ended.status).toBe('completed');

  const anthropic = () => anthropicAt(server.anthropicUrl);
  const maker: SessionMaker = await killed(() => anAgent(anthropic()));
  const session = await killed(() => anthropic().beta.sessions.create(sessionBody(maker)));
  await killed(() => anthropic().beta.sessions.events.send(session.id, message()));
  await killed(() => control(server.url, 'advance', { ms: 3_600_000 }));
  expect((await anthropic().beta.files.list({ scope_id: session.id, betas: BETAS })).data).toHaveLength(2);
  await killed(() => anthropic().beta.sessions.archive(session.id));

  const { runs } = await control<AgentLedger>(server.url, 'ledger');
  expect(runs).toMatchObject([
    { surface: 'anthropic', runKey: RUN_KEY, runs: 1, paidTurns: 1, open: 0 },
    { surface: 'gemini', runKey: RUN_KEY, runs: 1, paidTurns: 1, open: 0 },
  ]);
  const requests = await control<LoggedRequest[]>(server.url, 'requests');
  expect(requests.filter(({ call }) => call === 'interactions.create')).toHaveLength(1);
});

test(
  'killed at random moments under load, every run that was answered is still there',
  { timeout: 240_000 },
  async () => {
    const file = aFile();
    const answered: string[] = [];
    for (let round = 0; round < 3; round++) {
      const server = await aProcess(file);
      const client = geminiAt(server.geminiUrl);
      const before = answered.length;
      let stopped = false;
      const load = Array.from({ length: 4 }, async (_, lane) => {
        for (let index = 0; !stopped; index++) {
          const labels = { ns_run: `r${round}-${lane}-${index}`, ns_attempt: '1' };
          const started = await client.interactions
            .create(startBody('remote', { labels }), ONCE)
            .catch(() => undefined);
          if (started) answered.push(started.id);
        }
      });
      while (answered.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, jitterOf(`${SEED}:${round}`) * 300));
      await server.kill();
      stopped = true;
      await Promise.all(load);
    }
    expect(answered.length).toBeGreaterThan(0);
    const server = await aProcess(file);
    const client = geminiAt(server.geminiUrl);
    for (const id of answered) {
      await expect(client.interactions.get(id, undefined, ONCE), `seed ${SEED}`).resolves.toMatchObject({
        id,
      });
    }
  },
);

test('a file that can’t be made, or is none of its own, is a mistake of whoever named it', async () => {
  const file = aFile();
  writeFileSync(file, 'x'.repeat(5000));
  for (const wrong of [join(file, 'x.db'), join(dirname(file), 'no', 'such.db'), dirname(file), file]) {
    const start = startAgentServer({ seed: 1, file: wrong });
    await expect(start).rejects.toThrow(UsageError);
    await expect(start).rejects.toThrow(`${wrong} can’t be used: `);
  }
  expect(readFileSync(file, 'utf8')).toBe('x'.repeat(5000));
});

test('the file is in WAL mode and belongs to one seed', async () => {
  const file = aFile();
  await (await startAgentServer({ seed: 1, file })).close();
  const database = new BetterSqlite3(file, { readonly: true });
  expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
  database.close();
  await expect(startAgentServer({ seed: 2, file })).rejects.toThrow('the file belongs to seed 1, not 2');
});

test('control routes: faults, requests, reset, and a plain word for what is wrong', async () => {
  const server = await aServer();
  await control(server.url, 'faults', { do: 'throttle', match: { call: 'environments.create' }, times: 1 });
  const create = () => geminiAt(server.geminiUrl).environments.create({}, ONCE);
  await expect(create()).rejects.toMatchObject({ status: 429 });
  await expect(create()).resolves.toMatchObject({ status: 'active' });
  expect(await control(server.url, 'requests')).toMatchObject([{ status: 429 }, { status: 200 }]);
  expect(await control<{ error: string }>(server.url, 'faults', { do: 'nothing' })).toMatchObject({
    error: expect.stringContaining('do') as string,
  });
  await control(server.url, 'reset', {});
  expect(await control(server.url, 'requests')).toEqual([]);
  expect(await control(server.url, 'ledger')).toMatchObject({ runs: [], totals: { sessions: 0 } });
});

test('it listens on loopback only, and its control routes answer no page of a browser', async () => {
  const server = await aServer();
  const { port } = new URL(server.url);
  const statusWith = (headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path: '/_/ledger', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
  expect(await statusWith({})).toBe(200);
  expect(await statusWith({ origin: 'https://example.com' })).toBe(403);
  expect(await statusWith({ host: 'example.com' })).toBe(403);
  await expect(fetch(`http://127.0.0.2:${port}/_/ledger`)).rejects.toThrow('fetch failed');
});

test('a port that is taken is no bug: it is named, and who started the server is told to choose another', async () => {
  const port = Number(new URL((await aServer()).url).port);
  await expect(startAgentServer({ seed: 1, port })).rejects.toMatchObject({
    name: 'UsageError',
    message: `port ${port} is taken by another program; choose another, or 0 for any that is free`,
  });
});
