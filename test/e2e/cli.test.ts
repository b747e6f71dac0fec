// The built command line as people and scripts use it: words in; lines, documents and exit codes out.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { jobKey } from '../../src/identity/keys.js';
import { runReportSchema } from '../../src/contract/result.js';
import { slugsOf, tempDir, writeBatch, type BatchOptions, type TestBatch } from '../support/batch.js';
import { CLI, cli, startCli, startNode, until, type Exit } from '../support/cli.js';

const ESCAPE = '\x1b';

// One state directory, so one engine, for all that run; each test has a name and a kind of work of its own.
const root = tempDir('nightshift-cli-');
const state = join(root, 'state');
const at = { cwd: root, env: { NIGHTSHIFT_STATE: state } };
const aBatch = (name: string, batch: BatchOptions): TestBatch =>
  writeBatch({ ...batch, name, work: name, dir: join(root, name), state });

const json = ({ stdout }: Exit): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

describe('words', () => {
  const here = { cwd: tempDir() };

  test('help names every verb, each verb has an example, and both exit 0', async () => {
    const { code, stdout } = await cli(['--help'], here);
    expect(code).toBe(0);
    const verbs = [...stdout.matchAll(/^ {2}([a-z]+) (?=.* {2,}\S)/gm)].map(([, verb = '']) => verb);
    for (const verb of ['init', 'plan', 'run', 'up', 'worker', 'watch', 'status', 'list', 'pause', 'resume'])
      expect(verbs).toContain(verb);
    for (const verb of ['cancel', 'retry', 'ledger', 'doctor', 'key', 'demo']) expect(verbs).toContain(verb);
    for (const verb of ['run', 'retry', 'key']) {
      const help = await cli([verb, '--help'], here);
      expect(help.code).toBe(0);
      expect(help.stdout).toMatch(/Examples?:\n {2}nightshift/);
    }
  });

  test('help loads neither the engine client nor the ledger, and costs next to nothing', async () => {
    const probe = join(here.cwd, 'probe.cjs');
    writeFileSync(
      probe,
      `process.on('exit', () => {
        const { user, system } = process.cpuUsage();
        const heavy = Object.keys(require.cache).filter((path) => /@temporalio|better-sqlite3|zod/.test(path));
        process.stderr.write(JSON.stringify({ ms: (user + system) / 1000, heavy }));
      });`,
    );
    const empty = join(here.cwd, 'empty.mjs');
    writeFileSync(empty, '');
    const cost = async (...args: string[]) => {
      const { stderr } = await startNode(['--require', probe, ...args], here).exit;
      return JSON.parse(stderr) as { ms: number; heavy: string[] };
    };
    const [help, bare] = [await cost(CLI, '--help'), await cost(empty)];
    expect(help.heavy).toEqual([]);
    expect(help.ms - bare.ms).toBeLessThan(300);
  });

  test.each([[['frobnicate']], [['run']], [['list', '--limit', 'many']], [['list', '--frob']], [[]]])(
    'wrong words %j exit 64 with a text on stderr alone',
    async (words) => {
      const { code, stdout, stderr } = await cli(words, here);
      expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
      expect(stderr).toMatch(/nightshift/);
    },
  );

  test('wrong words with --json are one document on stdout too; help that was asked for is none', async () => {
    const wrong = await cli(['list', '--frob', '--json'], here);
    expect(json(wrong)).toEqual({
      error: { kind: 'usage', exit: 64, message: expect.stringContaining('--frob') as string },
    });
    const unknown = await cli(['status', 'nobody', '--json'], here);
    expect({ code: unknown.code, error: json(unknown)['error'] }).toMatchObject({
      code: 64,
      error: { kind: 'usage', exit: 64 },
    });
    expect((await cli(['--json', '--help'], here)).stdout).toMatch(/^Usage/);
  });

  test('help of a verb below another is its own; of one that there is not, it says so', async () => {
    const below = await cli(['help', 'ledger', 'verify'], here);
    expect(below.stdout).toBe((await cli(['ledger', 'verify', '--help'], here)).stdout);
    const unknown = await cli(['help', 'ledger', 'nonsense'], here);
    expect(unknown).toMatchObject({ code: 64, stdout: '' });
    expect(unknown.stderr).toMatch(/^nightshift: unknown command 'nonsense'/);
  });

  test('a module that is not there is told by its path, not as a bug', async () => {
    const { code, stderr } = await cli(['conformance', './none.ts'], here);
    expect(code).toBe(78);
    expect(stderr).toMatch(/none\.ts: no such file\nLook at that path/);
  });

  test('key prints canonical form and key, and refuses what changes from run to run', async () => {
    const words = ['key', 'site=home:a', 'category=x', 'slug=b'];
    const good = await cli([...words, '--json'], here);
    expect(good.code).toBe(0);
    expect(json(good)).toEqual({
      canonical: 'home%3Aa:x:b',
      key: jobKey({ site: 'home:a', category: 'x', slug: 'b' }),
    });
    const refused = await cli(['key', 'slug=b', 'date=2026-11-23'], here);
    expect(refused.code).toBe(64);
    expect(refused.stderr).toContain('edition');
  });

  test('init writes a batch that passes, keeps what is there, and overwrites nothing', async () => {
    const dir = tempDir();
    expect((await cli(['init'], { cwd: dir })).code).toBe(0);
    expect((await cli(['plan', 'batch.yaml', '--json'], { cwd: dir })).code).toBe(2);
    expect((await cli(['init'], { cwd: dir })).code).toBe(0);
    writeFileSync(join(dir, 'jobs.csv'), 'mine');
    const again = await cli(['init'], { cwd: dir });
    expect(again.code).toBe(64);
    expect(again.stderr).toContain('jobs.csv');
    expect(readFileSync(join(dir, 'jobs.csv'), 'utf8')).toBe('mine');
  });
});

test('a bad batch exits 78 with every problem and its place, and starts nothing', async () => {
  const dir = tempDir();
  const file = join(dir, 'bad.yaml');
  writeFileSync(
    file,
    `name: Nightly
work: article
jobs: [{ site: a, category: b, slug: c }]
agent: { use: command, comand: [x] }
effects: [{ name: post, use: folder, target: "{{ nothing }}" }]
`,
  );
  const { code, stdout, stderr } = await cli(['run', 'bad.yaml', '--state', 'state', '--json'], { cwd: dir });
  expect(code).toBe(78);
  expect(JSON.parse(stdout)).toMatchObject({
    error: {
      kind: 'configuration',
      exit: 78,
      problems: [{ file: 'bad.yaml', line: 1 }, { line: 4 }, { line: 5 }, { line: 5 }],
    },
  });
  for (const place of ['bad.yaml:1:', 'bad.yaml:4:', 'bad.yaml:5:']) expect(stderr).toContain(place);
  expect(stderr).toContain('nothing was started');
  expect(existsSync(join(dir, 'state', 'engine'))).toBe(false);
});

test('without an engine a run exits 69 and says what was tried', async () => {
  const batch = writeBatch({ slugs: ['a'] });
  const { code, stderr } = await cli(['run', batch.file], {
    cwd: batch.dir,
    env: { TEMPORAL_ADDRESS: '127.0.0.1:9' },
  });
  expect(code).toBe(69);
  expect(stderr).toContain('127.0.0.1:9');
  expect(stderr).not.toContain('    at ');
});

test('a batch is planned, run, found finished, and told of by every verb that looks', async () => {
  const batch = aBatch('told', { slugs: slugsOf(3), title: () => 'A \u001b[31mtitle' });
  expect((await cli(['plan', batch.file], at)).code).toBe(2);
  const dry = await cli(['run', batch.file, '--dry-run'], at);
  expect(dry.code, dry.stderr).toBe(0);
  expect(batch.sessions()).toEqual([]);

  const first = await cli(['run', batch.file], at);
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toContain('told: completed, 3 of 3 jobs finished');
  expect(first.stdout).toContain('file://');
  expect(first.stderr).toContain('started batch:told:');
  expect(first.stdout + first.stderr).not.toContain(ESCAPE);

  const second = await cli(['run', batch.file], at);
  expect(second.code).toBe(0);
  expect(second.stdout).toBe(
    'told: already completed: nothing to do; 3 jobs done earlier, 0 sessions, 0 effects, 0.00 USD\n',
  );
  expect(batch.sessions()).toHaveLength(3);
  expect((await cli(['plan', batch.file], at)).code).toBe(0);

  const again = await cli(['run', batch.file, '--json', '--quiet'], at);
  expect(again.stderr).toBe('');
  expect(runReportSchema.parse(json(again)).batch.result).toBe('already-completed');

  const status = await cli(['status', '--json'], at);
  expect(status.code).toBe(0);
  expect(json(status)).toMatchObject({
    batch: { name: 'told', state: 'completed', jobs: 3 },
    counts: { jobs: 3, done: 3 },
  });
  const list = await cli(['list', '--json'], at);
  expect(json(list)['batches']).toContainEqual(expect.objectContaining({ name: 'told', state: 'completed' }));
  const receipts = await cli(['ledger', 'show', 'told', '--json'], at);
  expect(json(receipts)['receipts']).toHaveLength(3);
  const one = await cli(
    ['ledger', 'show', '--job', jobKey({ site: 'blog', category: 'news', slug: 'job-02' })],
    at,
  );
  expect(one.stdout.trim().split('\n')).toHaveLength(2);
  expect(one.stdout).toContain('blog / news / job-02');

  const watched = await cli(['watch', 'told'], at);
  expect(watched.code).toBe(0);
  const unknown = await cli(['status', 'nigthly'], at);
  expect(unknown.code).toBe(64);
  expect(unknown.stderr).toContain('there are: told');
  for (const verb of ['pause', 'resume', 'cancel']) {
    const late = await cli([verb, 'told'], at);
    expect(late.code, late.stderr).toBe(0);
    expect(late.stdout).toContain('not under way');
  }
  const doctor = await cli(['doctor', '--json'], at);
  expect(doctor.code, doctor.stdout).toBe(0);
});

test('a pause stops admission, tells who comes, and ends by a resume; an interrupted run goes on later', async () => {
  const batch = aBatch('steered', { slugs: slugsOf(4, 'steered'), seconds: 1, concurrency: 1 });
  const night = startCli(['run', batch.file, '--json'], at);
  await until('the first session runs', () => batch.sessions().length > 0);

  const pause = await cli(['pause', 'steered', '--reason', 'blog moves', '--json'], at);
  expect(pause.code, pause.stderr).toBe(0);
  // Whether the session under way has ended by then is a matter of the machine's speed.
  const paused = expect.stringMatching(/^(pausing|paused)$/) as unknown;
  expect(json(pause)).toMatchObject({ batches: [{ answer: 'answered', state: paused }] });
  const joined = await cli(['run', batch.file, '--no-wait'], at);
  expect(joined.code, joined.stderr).toBe(75);
  expect(joined.stderr).toContain('joined');
  expect(joined.stdout).toContain('nightshift resume steered');
  const status = await cli(['status', 'steered'], at);
  expect(status.code).toBe(75);
  expect(status.stdout).toContain('paused (blog moves)');

  const watcher = startCli(['watch', 'steered'], at);
  await new Promise((resolve) => watcher.process.stderr?.once('data', resolve)); // it watches
  watcher.process.kill('SIGINT');
  const left = await watcher.exit;
  expect(left.code).toBe(130);
  expect(left.stderr).toContain('the batch goes on: nightshift watch steered');

  const wider = await cli(['resume', '--all'], at);
  expect(wider.stdout).toContain('everything: was not paused');
  expect(wider.stderr, 'what it leaves on, and how that is lifted').toContain('nightshift resume steered');
  expect((await cli(['status', 'steered'], at)).stdout).toContain('paused (blog moves)');
  const resume = await cli(['resume', 'steered'], at);
  expect(resume.stdout).toContain('steered: running');
  night.process.kill('SIGHUP'); // its terminal was closed, which is no reason to stop
  const sessionsSoFar = batch.sessions().length;
  await until('another session runs', () => batch.sessions().length > sessionsSoFar);
  night.process.kill('SIGTERM');
  const stopped = await night.exit;
  expect({ code: stopped.code, stdout: stopped.stdout }).toEqual({ code: 130, stdout: '' });
  expect(stopped.stderr).toContain(`go on with: nightshift run ${batch.file}`);

  const rest = await cli(['run', batch.file], at);
  expect(rest.code, rest.stderr).toBe(0);
  expect(batch.sessions()).toHaveLength(4);
});

test.runIf(process.platform === 'linux')('a night outlives its terminal, and ends as any other', async () => {
  const batch = writeBatch({ slugs: slugsOf(3), seconds: 1, concurrency: 1 });
  const exit = join(batch.dir, 'exit');
  // The shell ignores what the terminal says when it goes, to tell how the night ended; Node sets that back.
  const shell = `trap '' HUP; "${process.execPath}" "${CLI}" run "${batch.file}" --state "${batch.state}"; echo $? > "${exit}"`;
  const terminal = spawn('script', ['-qec', shell, '/dev/null'], {
    cwd: batch.dir,
    env: { ...process.env, SHELL: '/bin/sh', NIGHTSHIFT_ENGINE_IDLE_SECONDS: '5' },
    stdio: 'ignore',
  });
  await until('the first session runs', () => batch.sessions().length > 0);
  terminal.kill('SIGKILL');
  await until('the night has ended', () => existsSync(exit) && readFileSync(exit, 'utf8') !== '');
  expect(readFileSync(exit, 'utf8')).toBe('0\n');
  expect(batch.published()).toHaveLength(3);
});

test('detached jobs are done by a worker, which drains on SIGTERM; parked ones are run again by retry', async () => {
  const batch = aBatch('detached', {
    slugs: ['good', 'bad'],
    sessionsMax: 1,
    before: '[ "$slug" = bad ] && [ ! -e mended ] && exit 65',
  });
  const detached = await cli(['run', batch.file, '--detach'], at);
  expect(detached.code, detached.stderr).toBe(0);
  expect(detached.stderr).toContain('no worker runs yet');
  expect((await cli(['status', 'detached'], at)).stdout).toContain('0 of 2 jobs finished');

  const worker = startCli(['worker'], at);
  const watched = await cli(['watch', 'detached', '--json'], at);
  expect(watched.code, watched.stderr).toBe(2);
  expect(runReportSchema.parse(json(watched)).counts).toMatchObject({ done: 1, parked: 1 });
  worker.process.kill('SIGTERM');
  const drained = await worker.exit;
  expect(drained.code, drained.stderr).toBe(0);
  expect(drained.stderr).toContain('stopped');

  const status = await cli(['status', 'detached'], at);
  expect(status.code).toBe(2);
  expect(status.stdout).toContain('nightshift retry detached');
  writeFileSync(join(batch.dir, 'mended'), '');
  const noKey = await cli(['retry', 'detached', '--job', 'bad'], at);
  expect(noKey.code).toBe(64);
  const retried = await cli(['retry', 'detached'], at);
  expect(retried.code, retried.stderr).toBe(0);
  expect(retried.stderr).toContain('1 job runs again');
  const nothing = await cli(['retry', 'detached'], at);
  expect(nothing.code, nothing.stderr).toBe(0);
  expect(batch.sessions()).toHaveLength(3);
});

/** Brings no zod: the tests' own is not found from where the batch is. */
const moduleOf = (run: string): string =>
  `const options = { safeParse: (data) => ({ success: true, data }) };
export const check = { kind: 'check', name: 'own', version: '1', options, run: ${run} };
`;

test.each([
  ['calls process.exit(0)', 'exits', moduleOf('() => process.exit(0)')],
  ['never finishes loading', 'hangs', 'await new Promise(() => undefined); export const check = 1;'],
])('a module that %s is not taken for a night well done', async (_, name, module) => {
  const batch = aBatch(name, { slugs: ['one'] });
  writeFileSync(join(batch.dir, 'own.mjs'), module);
  writeFileSync(
    batch.file,
    readFileSync(batch.file, 'utf8').replace(/^checks:.*$/m, 'checks: [{ use: ./own.mjs }]'),
  );
  const night = await cli(['run', batch.file], at);
  expect(night.code, night.stderr).toBe(1);
  expect(night.stderr).toContain(
    'ended before its work was done, and not by itself: a module that a batch uses',
  );
  expect(batch.published()).toEqual([]);

  writeFileSync(join(batch.dir, 'own.mjs'), moduleOf('() => []'));
  const mended = await cli(['run', batch.file], at);
  expect(mended.code, mended.stderr).toBe(0);
  expect(batch.published()).toHaveLength(1);
  expect(batch.sessions()).toHaveLength(1);
});
