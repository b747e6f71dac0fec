// The embedded engine with real processes: users, keeper and server are killed in every combination, and the next
// `openEngine` works without hand work.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type EngineRecord, EngineUnavailable, openEngine, peekEngine } from '../../src/engine/index.js';

const FIXTURE = fileURLToPath(new URL('fixtures/engine-user.mjs', import.meta.url));
const IDLE_SECONDS = 3;
const WAIT = { timeout: 120_000, interval: 50 };

interface User {
  readonly child: ChildProcess;
  readonly address: string;
  readonly webUi: string;
  readonly progress: string[];
  readonly message?: string;
  readonly tried?: string[];
}

let folder: string;
let stateDir: string;
const users: ChildProcess[] = [];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'nightshift-engine-')));
  stateDir = join(folder, `state of "the" night's $HOME; ü`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(users.splice(0).map((child) => killed(child)));
  // Removing the folder is enough by design; here it must not leave a process even if the design fails.
  for (const { pid } of processes()) kill(pid);
  rmSync(folder, { recursive: true, force: true });
});

test('two processes share one engine', async () => {
  const first = await openedByChild(relative(process.cwd(), stateDir));
  const second = await openedByChild();

  expect(second.address).toBe(first.address);
  expect(second.progress).toEqual([]);
  expect(first.progress.join('\n')).toMatch(
    /starting the embedded Temporal .*\nengine ready in .* Web UI http:/,
  );
  expect(servers()).toHaveLength(1);
  expect(await describeDefault(first.address)).toMatchObject({ retentionSeconds: 7 * 86_400 });
  expect((await fetch(first.webUi)).status).toBe(200);
});

test('twenty processes that open at once get one engine', async () => {
  const opened = await Promise.all(Array.from({ length: 20 }, () => openedByChild()));

  expect(new Set(opened.map((user) => user.address)).size).toBe(1);
  expect(servers()).toHaveLength(1);
});

test('an engine outlives the SIGKILL of its starter while another process uses it', async () => {
  const starter = await openedByChild();
  const other = await openedByChild();

  await killed(starter.child);
  await seconds(IDLE_SECONDS + 2);

  expect(await describeDefault(other.address)).toBeDefined();
});

test('an engine that nobody uses stops, also when its users were killed, and leaves no process', async () => {
  const user = await openedByChild();
  expect(await peekEngine(stateDir)).toMatchObject({ address: user.address });

  await killed(user.child);

  await vi.waitFor(() => expect(processes()).toEqual([]), WAIT);
  expect(await peekEngine(stateDir)).toBeUndefined();
  expect((await openedByChild()).address).toBe(user.address); // the port is kept
});

test('a released engine is no longer in use; its Workflows are there when it starts again', async () => {
  vi.stubEnv('NIGHTSHIFT_ENGINE_IDLE_SECONDS', '1');
  const engine = await openEngine({ stateDir });
  await startWorkflow(engine.address, 'kept');
  engine.release();
  engine.release();
  await vi.waitFor(() => expect(processes()).toEqual([]), WAIT);

  const again = await openEngine({ stateDir });
  expect(await workflowIds(again.address)).toEqual(['kept']);
  again.release();
});

test('a killed keeper takes its server with it, and the next open works', async () => {
  const user = await openedByChild();
  await killed(user.child); // else the user would start the engine again
  const { pid, serverPid } = recordOf();

  kill(pid);

  await vi.waitFor(() => expect(servers()).toEqual([]), WAIT);
  const next = await openedByChild();
  expect(next.address).toBe(user.address);
  expect(recordOf().serverPid).not.toBe(serverPid);
});

test('a user whose keeper was killed gets its engine back on the same address', async () => {
  const user = await openedByChild();
  const { pid } = recordOf();

  kill(pid);

  await vi.waitFor(async () => expect((await running()).pid).not.toBe(pid), WAIT);
  expect((await running()).address).toBe(user.address);
  expect(await describeDefault(user.address)).toBeDefined();
});

test('a killed server is back on the same address while a user lives', async () => {
  const user = await openedByChild();
  const { serverPid } = recordOf();

  kill(serverPid);

  await vi.waitFor(async () => expect((await running()).serverPid).not.toBe(serverPid), WAIT);
  expect((await running()).address).toBe(user.address);
  expect(await describeDefault(user.address)).toBeDefined();
});

test('a killed wrapper does not cost the server twice: one server runs afterwards', async () => {
  const user = await openedByChild();
  const before = recordOf();

  for (const { pid } of processes('wrapper')) kill(pid);

  await vi.waitFor(async () => expect((await running()).serverPid).not.toBe(before.serverPid), WAIT);
  expect(servers()).toHaveLength(1);
  expect(await describeDefault(user.address)).toBeDefined();
});

test('a server orphaned by the death of everything else is ended by the next keeper, which takes its address', async () => {
  const user = await openedByChild();
  const { pid, serverPid } = recordOf();
  for (const each of [user.child.pid ?? 0, pid, ...processes('wrapper').map((wrapper) => wrapper.pid)])
    kill(each);
  await seconds(1);
  expect(servers()).toEqual([serverPid]);

  const next = await openedByChild();

  expect(servers()).toEqual([recordOf().serverPid]);
  expect(servers()).not.toContain(serverPid);
  expect(next.address, 'workers that ask there go on').toBe(user.address);
  expect(await describeDefault(next.address)).toBeDefined();
});

test('everything killed at once leaves nothing that hinders the next open', async () => {
  const user = await openedByChild();
  for (const { pid } of [...processes(), { pid: user.child.pid ?? 0 }]) kill(pid);

  const next = await openedByChild();

  expect(await describeDefault(next.address)).toBeDefined();
  expect(servers()).toHaveLength(1);
});

test('garbage in any file of the folder needs no hand work', async () => {
  const engineDir = join(stateDir, 'engine');
  await killed((await openedByChild()).child);
  await vi.waitFor(() => expect(processes()).toEqual([]), WAIT);
  const names = readdirSync(engineDir).filter((name) => !name.startsWith('temporal.db'));
  for (const name of [...names, 'engine.json', 'failure.json'])
    writeFileSync(join(engineDir, name), '{"garbage": 1');

  const user = await openedByChild();

  expect(await describeDefault(user.address)).toBeDefined();
});

test('a record of another server, or of a process id that is somebody else’s now, is not believed', async () => {
  const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  users.push(bystander);
  const other = await openedByChild(join(folder, 'other'));
  const lie: EngineRecord = {
    ...recordOf(join(folder, 'other')),
    pid: bystander.pid ?? 0,
    serverPid: bystander.pid ?? 0,
  };
  mkdirSync(join(stateDir, 'engine'), { recursive: true });
  writeFileSync(join(stateDir, 'engine', 'engine.json'), JSON.stringify(lie));
  writeFileSync(join(stateDir, 'engine', 'server.pid'), `${bystander.pid}\n`);

  const user = await openedByChild();

  expect(user.address).not.toBe(other.address);
  expect(bystander.exitCode).toBeNull();
  for (const { pid } of processes('all', join(folder, 'other'))) kill(pid);
});

test('a port that somebody else took meanwhile is replaced by another', async () => {
  const first = await openedByChild();
  await killed(first.child);
  await vi.waitFor(() => expect(processes()).toEqual([]), WAIT);
  const squatter = createServer((_request, response) => response.end('not Temporal'));
  await new Promise<void>((resolve) =>
    squatter.listen(Number(first.address.split(':')[1]), '127.0.0.1', resolve),
  );

  const second = await openedByChild();

  expect(second.address).not.toBe(first.address);
  expect(await describeDefault(second.address)).toBeDefined();
  squatter.close();
});

test('a removed state directory ends its engine at once', async () => {
  const user = await openedByChild();
  rmSync(stateDir, { recursive: true });
  await vi.waitFor(() => expect(processes()).toEqual([]), WAIT);
  expect(existsSync(stateDir)).toBe(false);
  await killed(user.child);
});

test('without a program and a network the failure lists everything that was tried, and what to do', async () => {
  const env = { PATH: join(folder, 'empty'), XDG_CACHE_HOME: join(folder, 'cache'), NIGHTSHIFT_OFFLINE: '1' };
  const error = await openEngine({ stateDir, env }).catch((reason: unknown) => reason);

  expect(error).toBeInstanceOf(EngineUnavailable);
  expect((error as EngineUnavailable).tried).toEqual([
    'TEMPORAL_CLI_PATH: not set',
    'PATH: no program named temporal',
    expect.stringMatching(/^cache: no .*cache.nightshift.temporal-/),
    'download: not allowed (NIGHTSHIFT_OFFLINE is set)',
  ]);
  expect((error as EngineUnavailable).message).toMatch(/set TEMPORAL_ADDRESS/);
});

test('a program that is Temporal by name only fails with the words of its log', async () => {
  const fake = join(folder, 'temporal');
  writeFileSync(
    fake,
    '#!/bin/sh\n[ "$1" = --version ] && echo "temporal version 1.9.9" || { echo "no disk" >&2; exit 3; }\n',
    {
      mode: 0o755,
    },
  );
  const error = await openEngine({
    stateDir,
    env: { PATH: process.env['PATH'], TEMPORAL_CLI_PATH: fake },
  }).catch((reason: unknown) => reason);
  expect(String(error)).toMatch(/failed 5 times in a row: it ended with code 3; its log ends: [^]*no disk/);
  expect(processes()).toEqual([]);
});

test('an open aborted before the start starts nothing; one aborted later leaves the engine to its idle time', async () => {
  vi.stubEnv('NIGHTSHIFT_ENGINE_IDLE_SECONDS', '1');
  const before = new AbortController();
  const abortAtStart = (): void => before.abort(new Error('enough'));
  await expect(openEngine({ stateDir, signal: before.signal, onProgress: abortAtStart })).rejects.toThrow(
    'enough',
  );
  expect(processes()).toEqual([]);

  const later = new AbortController();
  const opening = openEngine({ stateDir, signal: later.signal });
  await vi.waitFor(() => expect(processes('keeper')).toHaveLength(1), WAIT);
  later.abort(new Error('enough'));
  await opening
    .then((engine) => engine.release())
    .catch((reason: unknown) => expect(String(reason)).toMatch('enough'));
  await vi.waitFor(() => expect(processes()).toEqual([]), WAIT);
});

test('a configured address is used as it is, from the environment or a profile, and starts nothing', async () => {
  const { address } = await openedByChild();
  const other = join(folder, 'other');
  const file = join(folder, 'temporal.toml');
  writeFileSync(
    file,
    `[profile.night]\naddress = "${address}"\nnamespace = "default"\ngrpc_meta = { team = "a" }\n`,
  );

  const byAddress = await openEngine({ stateDir: other, env: { TEMPORAL_ADDRESS: address } });
  const byProfile = await openEngine({
    stateDir: other,
    env: { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'night' },
  });

  expect(byAddress).toMatchObject({ kind: 'configured', namespace: 'default', connection: { address } });
  expect(byProfile).toMatchObject({ kind: 'configured', connection: { address, metadata: { team: 'a' } } });
  expect(existsSync(other)).toBe(false);
});

test('a configured address that nobody answers at fails within seconds and names it', async () => {
  const opening = openEngine({ stateDir, env: { TEMPORAL_ADDRESS: '127.0.0.1:1' } });
  await expect(opening).rejects.toThrow(/configured Temporal at 127\.0\.0\.1:1 does not answer/);
}, 20_000);

test('settings that cannot be read fail and say which, instead of starting an engine nobody meant', async () => {
  const env = { TEMPORAL_PROFILE: 'absent', HOME: folder };
  await expect(openEngine({ stateDir, env })).rejects.toThrow(/Profile 'absent' not found/);
  await expect(openEngine({ stateDir, env: { TEMPORAL_CONFIG_FILE: '/none.toml' } })).rejects.toThrow(
    /none\.toml/,
  );
});

/** Opens the engine in a process of its own, which then uses it until it is killed. */
async function openedByChild(dir = stateDir): Promise<User> {
  const child = spawn(process.execPath, [FIXTURE, dir], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NIGHTSHIFT_ENGINE_IDLE_SECONDS: String(IDLE_SECONDS) },
  });
  users.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    child.once('exit', (code) => reject(new Error(`no answer, exit code ${code}`)));
  });
  const answer = JSON.parse(line) as User;
  if (answer.message !== undefined) throw new Error(answer.message);
  return { ...answer, child };
}

function recordOf(dir = stateDir): EngineRecord {
  return JSON.parse(readFileSync(join(dir, 'engine', 'engine.json'), 'utf8')) as EngineRecord;
}

async function running(): Promise<EngineRecord> {
  const record = await peekEngine(stateDir);
  if (!record) throw new Error('no engine runs');
  return record;
}

const servers = (): number[] => processes('server').map(({ pid }) => pid);

/** Processes of one state directory, by what their command line says. */
function processes(
  kind: 'all' | 'keeper' | 'wrapper' | 'server' = 'all',
  dir = stateDir,
): { pid: number; kind: string }[] {
  const database = join(dir, 'engine', 'temporal.db');
  const order = JSON.stringify({ stateDir: dir }).slice(0, -1); // how the keeper's argument begins
  return commandLines()
    .map(({ pid, text }) => {
      if (text.includes(order)) return { pid, kind: 'keeper' };
      if (!text.includes(database)) return { pid, kind: 'none' };
      return { pid, kind: text.startsWith('/bin/sh') ? 'wrapper' : 'server' };
    })
    .filter((each) => each.kind !== 'none' && (kind === 'all' || each.kind === kind));
}

function commandLines(): { pid: number; text: string }[] {
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => ({ pid: Number(name), text: readIfPresent(`/proc/${name}/cmdline`) }));
  }
  const lines = execFileSync('ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n');
  return lines
    .map((line) => /^\s*(\d+) (.*)$/.exec(line))
    .flatMap((hit) => (hit ? [{ pid: Number(hit[1]), text: hit[2] ?? '' }] : []));
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

const seconds = (count: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, count * 1_000));

async function withConnection<T>(address: string, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

const describeDefault = (address: string): Promise<{ retentionSeconds: number }> =>
  withConnection(address, async ({ workflowService }) => {
    const { config } = await workflowService.describeNamespace({ namespace: 'default' });
    return { retentionSeconds: Number(config?.workflowExecutionRetentionTtl?.seconds) };
  });

const startWorkflow = (address: string, workflowId: string): Promise<unknown> =>
  withConnection(address, ({ workflowService }) =>
    workflowService.startWorkflowExecution({
      namespace: 'default',
      workflowId,
      workflowType: { name: 'none' },
      taskQueue: { name: 'none' },
      requestId: workflowId,
      searchAttributes: {
        indexedFields: { NightshiftBatch: keyword('b'), NightshiftErrorClass: keyword('c') },
      },
    }),
  );

const keyword = (text: string): { metadata: Record<string, Uint8Array>; data: Uint8Array } => ({
  metadata: { encoding: Buffer.from('json/plain'), type: Buffer.from('Keyword') },
  data: Buffer.from(JSON.stringify(text)),
});

const workflowIds = (address: string): Promise<(string | null | undefined)[]> =>
  withConnection(address, async ({ workflowService }) => {
    const { executions } = await workflowService.listWorkflowExecutions({
      namespace: 'default',
      query: 'NightshiftBatch = "b"',
    });
    return executions.map(({ execution }) => execution?.workflowId);
  });
