/** The presets of the provider `command`, with stand-ins that play each CLI as documented and count their model calls. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { resolveSecrets } from '../../src/batch/secrets.js';
import { msToMidnight } from '../../src/activities/providers/managed/midnight.js';
import { command } from '../../src/activities/providers/command/provider.js';
import { sessionIdOf } from '../../src/activities/providers/command/session-id.js';
import {
  aFolder,
  bench,
  collected,
  ended,
  lives,
  RUN_KEY,
  runToEnd,
  until,
  type Bench,
} from './command-fixture.js';

const STARTER = fileURLToPath(new URL('../crash/command-starter.mjs', import.meta.url));
const CLIS = fileURLToPath(new URL('../support/fake-clis/', import.meta.url));
const PRESETS = [
  ['claude-code', 'claude', 'ANTHROPIC_API_KEY'],
  ['codex', 'codex', 'CODEX_API_KEY'],
  ['gemini-cli', 'gemini', 'GEMINI_API_KEY'],
  ['antigravity-cli', 'agy', 'UNUSED'],
] as const;
type Name = (typeof PRESETS)[number][0];

interface PresetBench extends Bench {
  readonly home: string;
  readonly options: Record<string, unknown>;
  /** Model calls, counted by the stand-in. */
  readonly calls: () => { session: string; argv: string[] }[];
}

interface Setting {
  readonly options?: Record<string, unknown>;
  readonly env?: Record<string, string>;
  readonly request?: Parameters<typeof bench>[1];
  readonly home?: string;
  readonly stateDir?: string;
}

async function presetBench(name: Name, mode: string, setting: Setting = {}): Promise<PresetBench> {
  const home = setting.home ?? aFolder();
  const [, program, key] = PRESETS.find(([preset]) => preset === name) ?? PRESETS[0];
  const counted = join(home, 'calls');
  const options = {
    preset: name,
    command: [join(CLIS, program)],
    env: {
      HOME: home,
      FAKE_MODE: mode,
      FAKE_CALLS: counted,
      IS_SANDBOX: '1',
      [key]: '${env:KEY}',
      ...setting.env,
    },
    ...setting.options,
  };
  const night = await bench(
    options,
    { prompt: 'Write about "rain" — $HOME; é', ...setting.request },
    { env: { KEY: 's3cret-value' }, ...(setting.stateDir !== undefined && { stateDir: setting.stateDir }) },
  );
  // The line that a stand-in has only begun to write is no call yet.
  const calls = () =>
    existsSync(counted)
      ? readFileSync(counted, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as { session: string; argv: string[] })
      : [];
  return { ...night, home, options, calls };
}

test('the session id is a UUID of version 5 that depends on run key and attempt only', () => {
  const id = sessionIdOf({ runKey: RUN_KEY, attempt: 1 });
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(sessionIdOf({ runKey: RUN_KEY, attempt: 1 })).toBe(id);
  expect(sessionIdOf({ runKey: RUN_KEY, attempt: 2 })).not.toBe(id);
});

test.each(PRESETS)('%s: the prompt goes in as it is, the last message is the artifact', async (name) => {
  const night = await presetBench(name, 'ok');
  expect(await runToEnd(night)).toEqual({ kind: 'succeeded' });
  expect((await collected(night)).toString()).toBe('# Article\n\nWrite about "rain" — $HOME; é');
  expect(night.calls()).toHaveLength(1);
});

test.each(PRESETS)('%s: five megabytes arrive whole', async (name) => {
  const night = await presetBench(name, 'huge');
  expect(await runToEnd(night)).toEqual({ kind: 'succeeded' });
  const text = (await collected(night)).toString();
  expect(text.length).toBe(5_000_011);
  expect(text).toMatch(/x\nend$/);
});

const WAIT = 9_540_000;
test.each<[Name, string, string, number?]>([
  ['claude-code', '401', 'auth'],
  ['claude-code', 'error-rc0', 'auth'],
  ['claude-code', 'no-login', 'auth'],
  ['claude-code', '400', 'invalid'],
  ['claude-code', '429', 'throttled', 12_000],
  ['claude-code', 'long-429', 'exhausted', WAIT],
  ['claude-code', '500', 'transient'],
  ['claude-code', 'no-network', 'transient'],
  ['claude-code', 'credit', 'exhausted'],
  ['claude-code', 'budget', 'budget'],
  ['claude-code', 'refusal', 'rejected'],
  ['claude-code', 'empty-text', 'rejected'],
  ['claude-code', 'empty', 'transient'],
  ['claude-code', 'cut', 'transient'],
  ['codex', '401', 'auth'],
  ['codex', 'no-login', 'auth'],
  ['codex', '400', 'invalid'],
  ['codex', '429', 'throttled'],
  ['codex', 'long-429', 'exhausted', ((3 * 24 + 4) * 60 + 5) * 60_000],
  ['codex', '500', 'transient'],
  ['codex', 'no-network', 'transient'],
  ['codex', 'credit', 'exhausted'],
  ['codex', 'refusal', 'rejected'],
  ['codex', 'empty-text', 'rejected'],
  ['codex', 'empty', 'transient'],
  ['gemini-cli', '401', 'auth'],
  ['gemini-cli', 'no-login', 'auth'],
  ['gemini-cli', '400', 'invalid'],
  ['gemini-cli', '429', 'throttled', 22_000],
  ['gemini-cli', 'long-429', 'exhausted', 9_552_000],
  ['gemini-cli', 'day-429', 'exhausted'],
  ['gemini-cli', 'quota-429', 'throttled', 22_000],
  ['gemini-cli', 'bare-429', 'throttled'],
  ['gemini-cli', '500', 'transient'],
  ['gemini-cli', 'no-network', 'transient'],
  ['gemini-cli', 'credit', 'exhausted'],
  ['gemini-cli', 'refusal', 'rejected'],
  ['gemini-cli', 'turns', 'budget'],
  ['gemini-cli', 'untrusted', 'config'],
  ['gemini-cli', 'empty-text', 'rejected'],
  ['gemini-cli', 'empty', 'transient'],
  ['antigravity-cli', '429', 'throttled', 12_000],
  ['antigravity-cli', 'long-429', 'exhausted', 9_553_000],
  ['antigravity-cli', 'no-login', 'auth'],
  ['antigravity-cli', 'empty', 'rejected'],
])('%s, %s: is of class %s and never a success', async (name, mode, errorClass, retryAfterMs) => {
  const night = await presetBench(name, mode);
  const end = await runToEnd(night);
  expect(end).toMatchObject({ kind: 'failed', errorClass });
  if (retryAfterMs !== undefined) expect(end).toMatchObject({ retryAfterMs });
  await expect(collected(night)).rejects.toMatchObject({ errorClass: 'rejected' });
});

test('gemini-cli: a day’s quota is back at midnight in California, whatever its message says', async () => {
  const end = await runToEnd(await presetBench('gemini-cli', 'day-429'));
  const left = msToMidnight('America/Los_Angeles', new Date());
  if (end.kind !== 'failed' || end.retryAfterMs === undefined) throw new Error(JSON.stringify(end));
  const apart = Math.abs(end.retryAfterMs - left); // it may be midnight there right now
  expect(Math.min(apart, 86_400_000 - apart)).toBeLessThan(60_000);
});

test.each(PRESETS)('%s: a worker that dies leaves one session, whoever comes next', async (name) => {
  const night = await presetBench(name, 'slow');
  const worker = async (provider: Bench['provider']) => {
    const found = await provider.find(night.request, undefined, night.context);
    return found.kind === 'session' ? found.handle : provider.start(night.request, undefined, night.context);
  };
  await Promise.all([worker(night.provider), worker(await night.another()), worker(await night.another())]);
  const handle = await worker(await night.another());
  expect(await ended(night, handle)).toEqual({ kind: 'succeeded' });
  expect(await worker(await night.another())).toEqual(handle);
  expect(night.calls()).toHaveLength(1);
});

test.each(PRESETS)(
  '%s: the session outlives a worker that is killed, and the next collects it',
  async (name) => {
    const night = await presetBench(name, 'wait');
    const argv = [
      STARTER,
      ...[night.options, night.request, night.stateDir].map((value) => JSON.stringify(value)),
    ];
    const worker = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(worker.stdout, 'data');
    await until(() => night.calls().length === 1, 'a model call');
    worker.kill('SIGKILL');
    await once(worker, 'exit');

    const found = await night.provider.find(night.request, undefined, night.context);
    if (found.kind !== 'session') throw new Error(`found ${found.kind}`);
    const handle = await night.provider.start(night.request, undefined, night.context);
    expect(await night.provider.poll(handle, night.context)).toMatchObject({ kind: 'running' });
    writeFileSync(join(night.home, 'go'), '');
    expect(await ended(night, handle)).toEqual({ kind: 'succeeded' });
    expect((await collected(night)).toString()).toContain('# Article');
    expect(night.calls()).toHaveLength(1);
  },
);

test.each(['claude-code', 'gemini-cli'] as const)(
  '%s: a start that nobody remembers is refused by the CLI itself before anything is paid for',
  async (name) => {
    const night = await presetBench(name, 'ok', { options: { cwd: '.' } });
    await runToEnd(night);
    rmSync(join(night.stateDir, 'runs'), { recursive: true });
    const end = await runToEnd(night);
    expect(end).toMatchObject({ kind: 'lost', message: expect.stringContaining('earlier start') as string });
    expect(night.calls()).toHaveLength(1);
    const found = await night.provider.find(night.request, undefined, night.context);
    if (found.kind !== 'session') throw new Error(found.kind);
    expect(await night.provider.usage(found.handle, night.context)).toMatchObject({ costMicros: 0 });
  },
);

/** Kills the wrapper and all of its group, as a machine short of memory would. */
async function killInTheMiddle(night: PresetBench): Promise<void> {
  await until(() => night.calls().length === 1, 'a model call');
  const { pid } = JSON.parse(night.read('pid.json')) as { pid: number };
  process.kill(-pid, 'SIGKILL');
}

test.each(['claude-code', 'codex', 'gemini-cli'] as const)(
  '%s: the session of a killed run is continued by the next attempt, in its folder',
  async (name) => {
    const night = await presetBench(name, 'hang');
    const handle = await night.provider.start(night.request, undefined, night.context);
    await killInTheMiddle(night);
    expect(await ended(night, handle)).toMatchObject({ kind: 'lost' });
    await night.provider.release?.(handle, night.context);

    const next = await presetBench(name, 'ok', {
      home: night.home,
      stateDir: night.stateDir,
      request: { attempt: 2 },
    });
    expect(await runToEnd(next)).toEqual({ kind: 'succeeded' });
    expect((await collected(next)).toString()).toContain('Carry on where you stopped');
    const [first, second] = next.calls();
    expect(second?.session).toBe(first?.session);
    const again = await next.provider.start(next.request, undefined, next.context);
    expect(next.calls()).toHaveLength(2);
    await next.provider.release?.(again, next.context);
    expect(existsSync(night.fileOf('work'))).toBe(false);
  },
);

test('antigravity-cli: the attempt after a killed run begins anew', async () => {
  const night = await presetBench('antigravity-cli', 'hang');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await killInTheMiddle(night);
  expect(await ended(night, handle)).toMatchObject({ kind: 'lost' });
  const { home, stateDir } = night;
  const next = await presetBench('antigravity-cli', 'ok', { home, stateDir, request: { attempt: 2 } });
  expect(await runToEnd(next)).toEqual({ kind: 'succeeded' });
  expect((await collected(next)).toString()).not.toContain('Carry on');
});

test.each(PRESETS)('%s: one that ignores SIGTERM is killed when its time is up', async (name) => {
  const night = await presetBench(name, 'ignore-term', { options: { quiet: '700ms', killGrace: '200ms' } });
  expect(await runToEnd(night)).toMatchObject({ kind: 'failed', errorClass: 'timeout' });
});

test.each(PRESETS)('%s: one that waits for somebody to log in is stopped, and that is said', async (name) => {
  const night = await presetBench(name, 'login', { options: { quiet: '700ms', killGrace: '200ms' } });
  expect(await runToEnd(night)).toMatchObject({
    kind: 'failed',
    errorClass: 'auth',
    message: expect.stringContaining('asked somebody to log in') as string,
  });
});

test.each(PRESETS)('%s: exit code 0 after a signal of somebody else is no success', async (name) => {
  const night = await presetBench(name, 'hang');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await until(() => night.calls().length === 1, 'a model call');
  const { pid } = JSON.parse(night.read('pid.json')) as { pid: number };
  process.kill(-pid, 'SIGTERM');
  expect(await ended(night, handle)).toMatchObject({ kind: 'failed', errorClass: 'transient' });
});

test.each(PRESETS)('%s: what it leaves running in a group of its own is gone at its end', async (name) => {
  const cwd = aFolder();
  const night = await presetBench(name, 'leftover', { options: { cwd } });
  expect(await runToEnd(night)).toEqual({ kind: 'succeeded' });
  const left = Number(readFileSync(join(cwd, 'leftover.pid'), 'utf8'));
  expect(left).toBeGreaterThan(1);
  expect(lives(left)).toBe(false);
});

const usageOf = async (night: Bench) => {
  const found = await night.provider.find(night.request, undefined, night.context);
  if (found.kind !== 'session') throw new Error(found.kind);
  return night.provider.usage(found.handle, night.context);
};

test.each<[Name, string, Record<string, unknown>, Record<string, unknown>]>([
  [
    'claude-code',
    'ok',
    {},
    { inputTokens: 103, outputTokens: 9, cachedTokens: 7, costMicros: 435, costSource: 'reported' },
  ],
  ['claude-code', 'refusal', {}, { costMicros: 435, costSource: 'reported' }],
  ['claude-code', '401', {}, { costMicros: 0, costSource: 'reported' }],
  ['claude-code', 'empty', { maxBudget: 2 }, { costMicros: 2_000_000, costSource: 'estimate' }],
  [
    'codex',
    'ok',
    {},
    { inputTokens: 90, outputTokens: 9, cachedTokens: 10, costMicros: 0, costSource: 'none' },
  ],
  [
    'codex',
    'ok',
    { prices: { input: 10, output: 100, cached: 1, date: '2026-01-01' } },
    {
      costMicros: 1810,
      costSource: 'price-table',
      priceTable: { id: 'batch-file', date: '2026-01-01' },
    },
  ],
  [
    'gemini-cli',
    'ok',
    { prices: { input: 10, output: 100, cached: 1 } },
    { inputTokens: 90, outputTokens: 11, cachedTokens: 10, costMicros: 2010, costSource: 'price-table' },
  ],
  ['antigravity-cli', 'ok', {}, { inputTokens: 0, costMicros: 0, costSource: 'none' }],
])('%s, %s, with %j: used %j', async (name, mode, options, usage) => {
  const night = await presetBench(name, mode, { options });
  await runToEnd(night);
  expect(await usageOf(night)).toMatchObject(usage);
});

test('its own cap is what a budget sets aside for it, and what may be counted on', async () => {
  const cap = async (options: Record<string, unknown>) =>
    (await presetBench('claude-code', 'ok', { options })).provider.facts.capMicros;
  expect(await cap({ maxBudget: 2.5 })).toBe(2_500_000);
  expect(await cap({})).toBeUndefined();
});

test('model, budget and further arguments reach the CLI; the key is in no argument and no file', async () => {
  const night = await presetBench('claude-code', 'ok', {
    options: { model: 'm1', maxBudget: 5, permissionMode: 'acceptEdits', args: ['--effort', 'low'] },
  });
  await runToEnd(night);
  const [call] = night.calls();
  expect(call?.argv).toEqual([
    ...['-p', '--output-format', 'json', '--permission-mode', 'acceptEdits', '--model', 'm1'],
    ...[
      '--max-budget-usd',
      '5',
      '--effort',
      'low',
      '--session-id',
      sessionIdOf({ runKey: RUN_KEY, attempt: 1 }),
    ],
  ]);
  for (const name of ['spec.json', 'stdin', 'stdout']) expect(night.read(name)).not.toContain('s3cret-value');
});

test.each<[Name, string]>([
  ['claude-code', 'ANTHROPIC_API_KEY'],
  ['codex', 'CODEX_API_KEY'],
  ['gemini-cli', 'GEMINI_API_KEY'],
])(
  '%s: a missing credential is named before anything starts; a login of its own is one',
  async (name, variable) => {
    const night = await presetBench(name, 'ok', { env: { [variable]: '' } });
    await expect(night.provider.start(night.request, undefined, night.context)).rejects.toMatchObject({
      errorClass: 'config',
      facts: { sent: 'no' },
      message: expect.stringContaining(variable) as string,
    });
    expect(existsSync(join(night.stateDir, 'runs'))).toBe(false);
    const login = { 'claude-code': '.claude/.credentials.json', codex: '.codex/auth.json' }[name as string];
    const path = join(night.home, login ?? '.gemini/oauth_creds.json');
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '{}');
    expect(await runToEnd(night)).toEqual({ kind: 'succeeded' });
  },
);

// Source: runs of 0.169.0, and developers.openai.com/codex/environment-variables
test('codex: OPENAI_API_KEY, which it does not read, is no way in, unless it is said to be', async () => {
  const env = { CODEX_API_KEY: '', OPENAI_API_KEY: 'k' };
  const night = await presetBench('codex', 'ok', { env });
  await expect(night.provider.start(night.request, undefined, night.context)).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('CODEX_API_KEY') as string,
  });
  const own = await presetBench('codex', 'ok', { env, options: { credential: 'OPENAI_API_KEY' } });
  expect(await runToEnd(own)).toEqual({ kind: 'succeeded' });
});

test('preflight names the variable that is not set, and how to get a program that is not there', async () => {
  const check = async (options: Record<string, unknown>) =>
    command.preflight?.({
      options: command.options.parse(options),
      baseDir: aFolder(),
      secret: (text) => resolveSecrets(text, {}),
    });
  await expect(
    check({
      preset: 'codex',
      command: [join(CLIS, 'codex')],
      env: { CODEX_API_KEY: '${env:NO_SUCH_KEY_HERE}' },
    }),
  ).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('NO_SUCH_KEY_HERE') as string,
  });
  await expect(
    check({ preset: 'gemini-cli', env: { PATH: '/nowhere', GEMINI_API_KEY: 'x' } }),
  ).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('npm install -g @google/gemini-cli') as string,
  });
});

test.runIf(userInfo().uid === 0)('claude-code as root is refused with what to do', async () => {
  const night = await presetBench('claude-code', 'ok', { env: { IS_SANDBOX: '' } });
  await expect(night.provider.start(night.request, undefined, night.context)).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('acceptEdits') as string,
  });
  const allowed = await presetBench('claude-code', 'ok', {
    env: { IS_SANDBOX: '' },
    options: { permissionMode: 'acceptEdits' },
  });
  expect(await runToEnd(allowed)).toEqual({ kind: 'succeeded' });
});

test('a preset without a prompt is refused before a run is made', async () => {
  const night = await presetBench('codex', 'ok', { request: { prompt: ' ' } });
  await expect(night.provider.start(night.request, undefined, night.context)).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('agent.prompt') as string,
  });
  expect(existsSync(join(night.stateDir, 'runs'))).toBe(false);
});

test('a prompt too long for an argument is invalid, not a failed start', async () => {
  const night = await presetBench('antigravity-cli', 'ok', { request: { prompt: 'x'.repeat(140_000) } });
  await expect(night.provider.start(night.request, undefined, night.context)).rejects.toMatchObject({
    errorClass: 'invalid',
  });
});

test.each([
  [{ preset: 'no-such' }, 'preset'],
  [{ preset: 'codex', maxBudget: 5 }, 'no cap of its own'],
  [{ command: ['x'], model: 'm' }, 'for presets'],
  [{ command: ['x'], args: ['m'] }, 'for presets'],
])('options %j are refused', (options, message) => {
  const parsed = command.options.safeParse(options);
  expect(parsed.success).toBe(false);
  expect(JSON.stringify(parsed.error?.issues)).toContain(message);
});

test('a session of another host is waited for, then lost; its files growing in a shared folder count as signs', async () => {
  const night = await presetBench('codex', 'ok', { options: { hostLost: '10m' } });
  await runToEnd(night);
  rmSync(night.fileOf('exit'));
  const claim = JSON.parse(night.read('pid.json')) as object;
  writeFileSync(night.fileOf('pid.json'), JSON.stringify({ ...claim, host: 'elsewhere', bootId: 'x' }));
  const handle = {
    v: 1 as const,
    provider: 'command',
    runKey: RUN_KEY,
    attempt: 1,
    ids: { host: 'elsewhere', deadlineAt: new Date(Date.now() + 9e6).toISOString() },
  };
  const after = (ms: number) =>
    night.provider.poll(handle, { ...night.context, now: () => new Date(Date.now() + ms) });
  await expect(after(0)).rejects.toMatchObject({ errorClass: 'transient' });
  await expect(after(500_000)).rejects.toMatchObject({
    message: expect.stringContaining('elsewhere') as string,
  });
  expect(statSync(join(night.stateDir, 'away', `${RUN_KEY}-1`)).isFile()).toBe(true);
  expect(await after(700_000)).toMatchObject({ kind: 'lost' });
  expect(night.calls()).toHaveLength(1);
});
