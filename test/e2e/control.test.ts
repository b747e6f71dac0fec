// A night is steered while it runs: paused, resumed, widened, cancelled, retried, stopped by trouble. By the command
// line, and by plain Temporal messages as the Web UI sends them. Counted at the destination and by the agents' own log.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ControlState, Progress } from '../../src/contract/messages.js';
import type { RunReport } from '../../src/contract/result.js';
import { locateBinary } from '../../src/engine/index.js';
import { jobKey } from '../../src/identity/keys.js';
import { cli, runJson, startCli, until, type Exit } from '../support/cli.js';
import { engineAddress, runningBatch, withEngine } from '../support/engine.js';
import { isAlive } from '../support/processes.js';
import { slugsOf, tempDir, twice, writeBatch, type BatchOptions, type TestBatch } from '../support/batch.js';
import { startReceiver } from '../support/servers/receiver.js';

const GATED_FOLDER = fileURLToPath(new URL('./fixtures/gated-folder.ts', import.meta.url));

// One state directory, so one engine, for all; each test has a name and a kind of work of its own.
const root = tempDir('nightshift-control-');
const state = join(root, 'state');

/** Text of an agent that goes on when it is let. */
const HELD = 'while [ ! -e go ]; do sleep 0.1; done';
const letGo = ({ dir }: TestBatch) => writeFileSync(join(dir, 'go'), '');

/** An agent that also logs its process and its end. */
function night(name: string, options: BatchOptions & { readonly agent?: string }): TestBatch & Night {
  const { before = '', seconds = 1, agent } = options;
  const logged = `echo $$ >> pids.log; ${before}\nsleep ${seconds}; echo "$slug" >> ended.log`;
  const batch = writeBatch({
    ...options,
    name,
    work: name,
    dir: join(root, name),
    before: logged,
    seconds: 0,
  });
  if (agent !== undefined)
    edit(batch, 'agent: { use: command, command: [sh, agent.sh], timeout: 60s }', agent);
  const lines = (file: string) =>
    existsSync(join(batch.dir, file)) ? readFileSync(join(batch.dir, file), 'utf8').trim().split('\n') : [];
  return {
    ...batch,
    name,
    at: { cwd: batch.dir, state },
    ended: () => lines('ended.log'),
    pids: () => lines('pids.log').map(Number),
    key: (slug) => jobKey({ site: 'blog', category: 'news', slug }),
  };
}

interface Night {
  readonly name: string;
  readonly at: { readonly cwd: string; readonly state: string };
  ended(): string[];
  pids(): number[];
  key(slug: string): string;
}

const edit = ({ file }: TestBatch, from: string, to: string) => {
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
};

const run = ({ file, at }: TestBatch & Night, ...flags: string[]) =>
  startCli(['run', file, '--state', state, '--json', ...flags], at);
const verb = ({ name, at }: Night, word: string, ...flags: string[]) =>
  cli([word, name, '--state', state, '--json', ...flags], at);
const reportOf = ({ stdout, stderr }: Exit) => {
  expect(stdout, stderr).toMatch(/^\{/);
  return JSON.parse(stdout) as RunReport;
};

/** Who has asked for its end, as the audit has it. */
const cancelsOf = async (batch: Night) => {
  const { stdout, stderr } = await cli(['ledger', 'audit', batch.name, '--state', state, '--json'], batch.at);
  const { requests } = JSON.parse(stdout || '{}') as { requests?: { what: string; reason?: string }[] };
  if (requests === undefined) throw new Error(stderr);
  return requests.filter(({ what }) => what === 'cancel');
};

const onBatch = <T>({ name }: Night, use: (handle: WorkflowHandle) => Promise<T>): Promise<T> =>
  withEngine(state, async (client) => use(client.workflow.getHandle(await runningBatch(client, name))));

const progressOf = (batch: Night) =>
  onBatch(batch, (handle) => handle.query<Progress>('progress').catch(() => undefined));

const quietTime = (ms = 1500) => new Promise((resolve) => setTimeout(resolve, ms));

describe('pause', () => {
  test('after its answer no session starts and nothing is published; sessions under way finish and wait for resume', async () => {
    const batch = night('pause-update', { slugs: slugsOf(5), concurrency: 2, seconds: 0, before: HELD });
    const running = run(batch);
    await until('two sessions run', () => batch.sessions().length === 2);

    const answer = await onBatch(batch, (handle) =>
      handle.executeUpdate<ControlState, [unknown]>('pause', {
        args: [{ by: 'test', reason: 'blog moves' }],
      }),
    );
    expect(answer).toEqual({ state: 'pausing', level: 'finish', inFlight: 2, concurrency: 2 });
    letGo(batch);
    await until('both sessions have ended', () => batch.ended().length === 2);
    await quietTime();
    expect(batch.sessions()).toHaveLength(2);
    expect(batch.published()).toEqual([]);

    const resumed = await onBatch(batch, (handle) =>
      handle.executeUpdate<ControlState, [unknown]>('resume', { args: [{ by: 'test' }] }),
    );
    expect(resumed.state).toBe('running');
    const exit = await running.exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(reportOf(exit).sessions).toEqual({ started: 5, attached: 0, wasted: 0 });
    expect(batch.sessions()).toHaveLength(5);
    expect(batch.published()).toHaveLength(5);
  });

  test('a bare signal from the Web UI, with whatever was typed into its field, pauses and resumes as well', async () => {
    const batch = night('pause-signal', { slugs: slugsOf(4), concurrency: 1, seconds: 0.5 });
    const running = run(batch);
    await until('a session runs', () => batch.sessions().length === 1);

    await onBatch(batch, (handle) => handle.signal('pause', 'the blog moves'));
    const joined = await run(batch, '--no-wait').exit;
    expect(joined.code, joined.stderr).toBe(75);
    expect(reportOf(joined).batch.result).toBe('paused');
    const sessions = batch.sessions().length;
    await until('its session has ended', () => batch.ended().length === sessions);
    await quietTime(1000);
    expect(batch.sessions()).toHaveLength(sessions);
    expect(batch.published().length).toBeLessThan(sessions);

    await onBatch(batch, (handle) => handle.signal('resume'));
    const exit = await running.exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(batch.sessions()).toHaveLength(4);
    expect(batch.published()).toHaveLength(4);
  });

  test('it outlives a killed worker: the next start says paused, and starts and publishes nothing before resume', async () => {
    const batch = night('pause-killed', { slugs: slugsOf(4), concurrency: 2, seconds: 0, before: HELD });
    const first = run(batch);
    await until('two sessions run', () => batch.sessions().length === 2);
    const pause = await verb(batch, 'pause', '--reason', 'night off');
    expect(pause.code, pause.stderr).toBe(0);
    first.process.kill('SIGKILL');
    await first.exit;

    const look = await run(batch, '--no-wait').exit;
    expect(look.code, look.stderr).toBe(75);
    const second = run(batch);
    letGo(batch);
    await until('both sessions have ended', () => batch.ended().length === 2);
    await quietTime(2500);
    expect(batch.sessions()).toHaveLength(2);
    expect(batch.published()).toEqual([]);
    expect((await verb(batch, 'status')).code).toBe(75);

    const resume = await verb(batch, 'resume');
    expect(resume.code, resume.stderr).toBe(0);
    const exit = await second.exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(batch.sessions()).toHaveLength(4);
    expect(batch.published()).toHaveLength(4);
  });

  test('a paused batch that somebody terminates is not stuck: the next start carries its jobs to the end', async () => {
    const batch = night('pause-terminated', { slugs: slugsOf(3), concurrency: 3, seconds: 0, before: HELD });
    const first = run(batch);
    await until('all sessions run', () => batch.sessions().length === 3);
    expect((await verb(batch, 'pause')).code).toBe(0);
    letGo(batch);
    await until('all sessions have ended', () => batch.ended().length === 3);
    await quietTime(1000);
    await onBatch(batch, (handle) => handle.terminate('test'));
    await first.exit;

    const exit = await run(batch).exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(batch.sessions()).toHaveLength(3);
    expect(batch.published()).toHaveLength(3);
  });
});

describe('cancel', () => {
  test('agents that ran are gone, the batch is Canceled, nothing is half-published, and a new start finishes the work', async () => {
    const batch = night('cancel', {
      slugs: slugsOf(5),
      concurrency: 2,
      seconds: 0.5,
      before: 'case $slug in job-0[34]) [ -e quick ] || sleep 60;; esac',
    });
    const running = run(batch);
    await until('two are published and two more run', () => batch.sessions().length === 4);
    const handle = await onBatch(batch, async ({ workflowId }) => workflowId);

    const cancel = await verb(batch, 'cancel', '--reason', 'wrong list');
    expect(cancel.code, cancel.stderr).toBe(0);
    expect(batch.pids().filter(isAlive)).toEqual([]);
    const described = await withEngine(state, (client) => client.workflow.getHandle(handle).describe());
    expect(described.status.name).toBe('CANCELLED');
    const exit = await running.exit;
    expect(exit.code, exit.stderr).toBe(2);
    expect(reportOf(exit).counts).toMatchObject({ done: 2, cancelled: 2, parked: 0, held: 0 });
    const status = await cli(['status', 'cancel', '--state', state], batch.at);
    expect(status.stdout).toContain('cancel: cancelled (wrong list)');
    expect(await cancelsOf(batch), 'its run and the command both know of it').toMatchObject([
      { outcome: 'answered', by: expect.stringContaining('@') as string, reason: 'wrong list' },
    ]);
    expect(batch.published()).toHaveLength(2);
    const files = readdirSync(join(batch.dir, 'public'), { recursive: true, withFileTypes: true });
    const strays = files.filter((entry) => entry.isFile() && /\.(tmp|part)/.test(entry.name));
    expect(strays).toEqual([]);

    writeFileSync(join(batch.dir, 'quick'), '');
    const rest = await run(batch).exit;
    expect(rest.code, rest.stderr).toBe(0);
    expect(batch.published()).toHaveLength(5);
    for (const path of batch.published()) expect(batch.read(path)).toMatch(/^article job-\d\d\ntitle About/);
    // Five, and the two that were cancelled; their numbers are never given again.
    expect(batch.sessions()).toHaveLength(7);
    expect(twice(batch.sessions())).toEqual([]);
  });

  const byProgram = async (workflowId: string) => {
    const { path } = await locateBinary();
    const words = ['workflow', 'cancel', '--workflow-id', workflowId, '--address', engineAddress(state)];
    await promisify(execFile)(path, words);
  };
  const byCall = (workflowId: string) =>
    withEngine(state, ({ workflowService }) =>
      workflowService.requestCancelWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId },
        identity: 'ann@desk',
        reason: 'wrong list',
      }),
    );

  test.each([
    ['program', byProgram, /^temporal-cli:.+@/, undefined],
    ['call', byCall, /^ann@desk$/, 'wrong list'],
  ] as const)('that the engine alone is told of, by a %s, is in the audit: who, and why', async (...told) => {
    const [way, ask, by, reason] = told;
    const batch = night(`cancel-by-${way}`, { slugs: [way], seconds: 0, before: HELD });
    const running = run(batch);
    await until('it runs', () => batch.sessions().length === 1);
    await ask(await onBatch(batch, async (handle) => handle.workflowId));
    const exit = await running.exit;
    expect(exit.code, exit.stderr).toBe(2);
    expect(reportOf(exit).counts).toMatchObject({ done: 0, cancelled: 1 });
    expect(batch.pids().filter(isAlive)).toEqual([]);
    const asked = await cancelsOf(batch);
    expect(asked).toMatchObject([{ outcome: 'answered', by: expect.stringMatching(by) as string }]);
    expect(asked[0]?.reason).toBe(reason);
  });

  test('an agent that ignores TERM is killed', async () => {
    const batch = night('stubborn', {
      slugs: ['one'],
      before: "trap '' TERM",
      seconds: 60,
      agent: 'agent: { use: command, command: [sh, agent.sh], timeout: 60s, with: { killGrace: 500ms } }',
    });
    const running = run(batch);
    await until('it runs', () => batch.pids().length === 1);
    const cancel = await verb(batch, 'cancel');
    expect(cancel.code, cancel.stderr).toBe(0);
    expect((await running.exit).code).toBe(2);
    expect(batch.pids().filter(isAlive)).toEqual([]);
    expect(batch.published()).toEqual([]);
  });
});

describe('cancel beyond one batch', () => {
  test('ends all batches of a work that are under way, says so of each, and leaves the others', async () => {
    const [one, two, other] = ['cancel-one', 'cancel-two', 'cancel-other'].map((name) =>
      night(name, { slugs: [name], before: HELD, seconds: 0 }),
    ) as [TestBatch & Night, TestBatch & Night, TestBatch & Night];
    for (const batch of [one, two]) edit(batch, `work: ${batch.name}`, 'work: cancelled-work');
    const running = [one, two, other].map((batch) => run(batch));
    const sessions = () => [one, two, other].flatMap((batch) => batch.sessions()).length;
    await until('all run', () => sessions() === 3);

    const cancel = await cli(['cancel', '--work', 'cancelled-work', '--state', state], other.at);
    expect(cancel.code, cancel.stderr).toBe(0);
    expect(cancel.stdout).toContain('cancel-one: cancelled');
    expect(cancel.stdout).toContain('cancel-two: cancelled');
    expect(cancel.stdout).toContain('work cancelled-work: 2 batches cancelled; what is done stays done');
    expect(cancel.stdout).toMatch(/later, too: .*nightshift pause --work cancelled-work/);
    expect([one, two].flatMap((batch) => batch.pids()).filter(isAlive)).toEqual([]);
    expect([...one.published(), ...two.published()]).toEqual([]);

    letGo(other);
    const codes = (await Promise.all(running.map(({ exit }) => exit))).map(({ code }) => code);
    expect(codes).toEqual([2, 2, 0]);
    expect(other.published()).toHaveLength(1);
    for (const batch of [one, two]) {
      letGo(batch);
      expect((await run(batch).exit).code).toBe(0);
      expect(batch.published()).toHaveLength(1);
    }
  });

  test('of what no batch ever had is refused, with the name that was probably meant', async () => {
    const flags = ['--state', state];
    const slip = await cli(['cancel', '--work', 'cancelled-wrok', ...flags], { cwd: root });
    expect(slip.code).toBe(64);
    expect(slip.stderr).toContain('did you mean "cancelled-work"?');
    const none = await cli(['cancel', '--work', 'cancelled-work', ...flags], { cwd: root });
    expect(none.code, none.stderr).toBe(0);
    expect(none.stdout).toContain('work cancelled-work: no batch of it is under way, nothing to cancel');
  });
});

describe('concurrency beyond one batch', () => {
  test('is that of each batch of a work from now on, and of no other', async () => {
    const [one, two, other] = ['wide-one', 'wide-two', 'wide-other'].map((name) =>
      night(name, { slugs: slugsOf(3, name), concurrency: 1, seconds: 0, before: HELD }),
    ) as [TestBatch & Night, TestBatch & Night, TestBatch & Night];
    for (const batch of [one, two]) edit(batch, `work: ${batch.name}`, 'work: widened-work');
    const running = [one, two, other].map((batch) => run(batch));
    const sessions = () => [one, two, other].map((batch) => batch.sessions().length);
    await until('each has begun one job', () => sessions().every((count) => count === 1));

    const words = ['concurrency', '3', '--work', 'widened-work', '--state', state];
    const widened = await cli(words, other.at);
    expect(widened.code, widened.stderr).toBe(0);
    expect(widened.stdout).toContain('wide-one: 3 at once');
    expect(widened.stdout).toContain('wide-two: 3 at once');
    await until('three of each of the two run', () => one.sessions().length + two.sessions().length === 6);
    expect(sessions()).toEqual([3, 3, 1]);
    for (const batch of [one, two, other]) letGo(batch);
    for (const { exit } of running) expect((await exit).code).toBe(0);
  });
});

describe('a running batch', () => {
  test('is widened by setConcurrency, which refuses nonsense', async () => {
    const batch = night('wider', { slugs: slugsOf(5), concurrency: 1, seconds: 0, before: HELD });
    const running = run(batch);
    await until('one session runs', () => batch.sessions().length === 1);
    await onBatch(batch, async (handle) => {
      for (const nonsense of [0, 501, 1.5, 'many']) {
        await expect(handle.executeUpdate('setConcurrency', { args: [nonsense] })).rejects.toThrow();
      }
      const answer = await handle.executeUpdate<ControlState, [unknown]>('setConcurrency', { args: [4] });
      expect(answer).toMatchObject({ state: 'running', concurrency: 4 });
    });
    await until('four run at once', () => batch.sessions().length === 4);
    expect(batch.ended()).toEqual([]);
    letGo(batch);
    const exit = await running.exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(batch.sessions()).toHaveLength(5);
  });

  test('runs a parked job again by retryJob, and ends completed', async () => {
    const batch = night('retry-running', {
      slugs: ['bad', 'slow'],
      seconds: 0,
      concurrency: 2,
      before: `[ "$slug" = bad ] && { [ -e fixed ] || exit 65; exec echo mended; }; ${HELD}`,
    });
    const running = run(batch);
    await until('both sessions ran', () => batch.sessions().length === 2);
    await until('it is parked', async () => (await progressOf(batch))?.parked === 1);
    writeFileSync(join(batch.dir, 'fixed'), '');
    const retry = (keys: string[]) =>
      onBatch(batch, (handle) =>
        handle.executeUpdate<string[], [unknown]>('retryJob', { args: [{ by: 'test', keys }] }),
      );
    expect(await retry([batch.key('slow')]), 'a job under way is left alone').toEqual([]);
    expect(await retry([batch.key('bad')])).toEqual([batch.key('bad')]);
    letGo(batch);
    const exit = await running.exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(batch.sessions()).toEqual(expect.arrayContaining(['bad 1', 'bad 2', 'slow 1']));
    expect(batch.sessions()).toHaveLength(3);
    expect(batch.published()).toHaveLength(2);
    const { stdout } = await cli(['ledger', 'audit', batch.name, '--state', state, '--json'], batch.at);
    const { requests } = JSON.parse(stdout) as { requests: { what: string; by: string; reason?: string }[] };
    expect(requests.filter(({ what }) => what === 'retry')).toEqual([
      expect.objectContaining({ by: 'test', reason: 'jobs again: 0' }),
      expect.objectContaining({ by: 'test', reason: 'jobs again: 1' }),
    ]);
  });

  test('that has ended: retry of one key runs that job alone', async () => {
    const batch = night('retry-one', {
      slugs: ['bad-a', 'bad-b', 'good'],
      seconds: 0,
      before: '[ "$slug" != good ] && [ ! -e fixed ] && exit 65',
    });
    expect((await run(batch).exit).code).toBe(2);
    writeFileSync(join(batch.dir, 'fixed'), '');
    const retried = await verb(batch, 'retry', '--job', batch.key('bad-b'));
    expect(retried.code, retried.stderr).toBe(2);
    expect(reportOf(retried).counts).toMatchObject({ done: 1, parked: 1 });
    expect(batch.sessions()).toHaveLength(4);
    expect(batch.sessions().at(-1)).toBe('bad-b 2');
    expect(batch.published()).toEqual(['blog/news/bad-b.md', 'blog/news/good.md']);
  });
});

describe('retry by stages', () => {
  test('takes what a list showed, then the rest; the service never gets more than its lane allows', async () => {
    const service = await startReceiver();
    onTestFinished(() => service.stop());
    const [perSecond, atOnce] = [5, 4];
    const times: number[] = [];
    service.onRequest = () => void times.push(performance.now());
    const batch = night('stages', {
      slugs: slugsOf(24),
      seconds: 0,
      concurrency: atOnce,
      sessionsMax: 1,
      before: '[ -e fixed ] || case "$slug" in job-0[1-4]) exit 65;; *) exit 124;; esac',
    });
    edit(
      batch,
      'use: folder, target: "./public/{{ site }}", with: { path: "{{ category }}/{{ slug }}.md" }',
      `use: http, target: api, limits: { requestsPerMinute: ${60 * perSecond} }, ` +
        `with: { url: "${service.url}/", body: "{{ slug }}", keyWindow: 24h }`,
    );
    edit(batch, `limits: { concurrency: ${atOnce} }`, `limits: { concurrency: ${atOnce} }\nstopLoss: []`);
    expect(reportOf(await run(batch).exit).counts).toMatchObject({ parked: 24 });
    writeFileSync(join(batch.dir, 'fixed'), '');

    const few = ['--error', 'timeout', '--first', '2'];
    const list = JSON.parse((await verb(batch, 'retry', ...few, '--list')).stdout) as {
      readonly jobs: readonly { readonly identity: { readonly slug: string } }[];
    };
    expect(list.jobs.map(({ identity }) => identity.slug)).toEqual(['job-05', 'job-06']);
    const first = await verb(batch, 'retry', ...few);
    expect(first.code, first.stderr).toBe(2);
    expect(reportOf(first).counts).toMatchObject({ done: 2, parked: 22 });
    expect(service.got.map(({ body }) => body).sort()).toEqual(['job-05', 'job-06']);

    const rest = await verb(batch, 'retry', '--all', '--rate', '20/s');
    expect(rest.code, rest.stderr).toBe(0);
    expect(service.got.map(({ body }) => body).sort(), 'each once').toEqual(slugsOf(24));
    expect(batch.sessions()).toHaveLength(2 * 24);
    // However late a busy machine sends them: no more than are at work at once can come together.
    const early = times.flatMap((from, at) =>
      times.slice(at).filter((to, later) => later - atOnce > ((to - from) / 1000) * perSecond),
    );
    expect(early).toEqual([]);
  });
});

describe('a discarded job', () => {
  test('lets its batch complete, is run by no other, and comes back by retry --job', async () => {
    const bad = '[ "$slug" = bad ] && { [ -e fixed ] || exit 65; exec echo mended; }';
    const batch = night('discard', {
      slugs: ['bad', 'slow'],
      seconds: 0,
      concurrency: 2,
      before: `${bad}; ${HELD}`,
    });
    const running = run(batch);
    await until('both sessions ran', () => batch.sessions().length === 2);
    await until('it is parked', async () => (await progressOf(batch))?.parked === 1);
    const discard = (slug: string, ...flags: string[]) =>
      verb(batch, 'discard', '--job', batch.key(slug), ...flags);
    expect((await discard('bad')).code, 'without a reason').toBe(64);
    const slow = await discard('slow', '--reason', 'no');
    expect(slow.code).toBe(2);
    expect(slow.stdout).toContain('under way');
    const done = await discard('bad', '--reason', 'the product is gone');
    expect(done.code, done.stderr).toBe(0);
    letGo(batch);
    const exit = await running.exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(reportOf(exit)).toMatchObject({
      batch: { result: 'completed' },
      counts: { done: 1, parked: 0, discarded: 1 },
    });

    const status = await cli(['status', batch.name, '--state', state], batch.at);
    expect(status.stdout).toMatch(/1 discarded[^]*discarded by .*: the product is gone/);
    const again = await run(batch).exit;
    expect(again.code, again.stderr).toBe(0);
    expect(reportOf(again).batch.result).toBe('already-completed');
    const other = night('discard-too', { slugs: ['bad'], seconds: 0 });
    edit(other, 'work: discard-too', 'work: discard');
    const first = await run(other).exit;
    expect(first.code, first.stderr).toBe(0);
    expect(reportOf(first).counts).toMatchObject({ jobs: 1, discarded: 1 });
    expect(other.sessions()).toEqual([]);

    writeFileSync(join(batch.dir, 'fixed'), '');
    const back = await verb(batch, 'retry', '--job', batch.key('bad'));
    expect(back.code, back.stderr).toBe(0);
    expect(reportOf(back)).toMatchObject({ batch: { result: 'completed' }, counts: { done: 1, adopted: 1 } });
    expect(batch.sessions().toSorted()).toEqual(['bad 1', 'bad 2', 'slow 1']);
    expect(batch.published()).toHaveLength(2);
  });
});

describe('trouble', () => {
  test('an agent program that is not there: refused before anything starts, with 78', async () => {
    const batch = night('no-agent', {
      slugs: slugsOf(3),
      agent: 'agent: { use: command, command: [no-such-agent], timeout: 60s }',
    });
    const exit = await run(batch).exit;
    expect(exit.code, exit.stderr).toBe(78);
    expect(exit.stderr).toContain('no-such-agent');
    expect(exit.stderr).toContain('nothing was started');
    expect((await verb(batch, 'status')).code, 'no batch was opened').toBe(64);
  });

  test('an agent that finds its configuration wrong stops admission with 78; put right, the rest goes on, nothing parked', async () => {
    const batch = night('agent-config', {
      slugs: slugsOf(4),
      concurrency: 1,
      seconds: 0,
      before: '[ "$slug" = job-02 ] && [ ! -e fixed ] && { echo "API_KEY is missing" >&2; exit 78; }',
    });
    const { exit, report } = await runJson(batch.file, batch.at);
    expect(exit.code, exit.stderr).toBe(78);
    expect(report.counts).toMatchObject({ jobs: 4, done: 1, parked: 0, held: 0 });
    expect(report.jobs.find(({ state }) => state === 'gated')?.error).toMatchObject({ class: 'config' });
    expect(batch.sessions()).toEqual(['job-01 1', 'job-02 1']);

    writeFileSync(join(batch.dir, 'fixed'), '');
    const again = await runJson(batch.file, batch.at);
    expect(again.exit.code, again.exit.stderr).toBe(0);
    expect(again.report.counts).toMatchObject({ done: 3, adopted: 1, parked: 0 });
    expect(batch.sessions()).toEqual(['job-01 1', 'job-02 1', 'job-02 2', 'job-03 1', 'job-04 1']);
  });

  test('a destination that refuses our key stops admission with 78; put right, no session is paid again', async () => {
    const batch = night('publisher-config', { slugs: slugsOf(4), concurrency: 1, seconds: 0 });
    edit(batch, 'use: folder', `use: ${GATED_FOLDER}`);
    const refused = join(batch.dir, 'refused');
    writeFileSync(refused, '');
    const { exit, report } = await runJson(batch.file, batch.at);
    expect(exit.code, exit.stderr).toBe(78);
    expect(report.counts).toMatchObject({ done: 0, parked: 0, held: 0 });
    expect(batch.sessions()).toEqual(['job-01 1']);
    expect(batch.published()).toEqual([]);

    rmSync(refused);
    const again = await runJson(batch.file, batch.at);
    expect(again.exit.code, again.exit.stderr).toBe(0);
    expect(again.report.counts).toMatchObject({ done: 4, parked: 0 });
    expect(batch.sessions()).toEqual(slugsOf(4).map((slug) => `${slug} 1`));
    expect(batch.published()).toHaveLength(4);
  });

  test('what fails its checks is parked after its budget, and never published', async () => {
    const batch = night('checks', {
      slugs: ['good', 'poor'],
      seconds: 0,
      sessionsMax: 2,
      checks: '[{ notContains: poor }]',
    });
    const { exit, report } = await runJson(batch.file, batch.at);
    expect(exit.code, exit.stderr).toBe(2);
    const poor = report.jobs.find(({ identity }) => identity['slug'] === 'poor');
    expect(poor).toMatchObject({ state: 'parked', error: { class: 'rejected' } });
    expect(batch.sessions().filter((line) => line.startsWith('poor'))).toEqual(['poor 1', 'poor 2']);
    expect(batch.published()).toEqual(['blog/news/good.md']);
    expect(report.sessions).toEqual({ started: 3, attached: 0, wasted: 2 });
  });

  test('an agent that runs past its timeout is stopped, even one that ignores TERM; its job is parked', async () => {
    const batch = night('late', {
      slugs: ['one'],
      sessionsMax: 1,
      before: "trap '' TERM",
      seconds: 60,
      agent: 'agent: { use: command, command: [sh, agent.sh], timeout: 1s, with: { killGrace: 500ms } }',
    });
    const { exit, report } = await runJson(batch.file, batch.at);
    expect(exit.code, exit.stderr).toBe(2);
    expect(report.jobs[0]).toMatchObject({ state: 'parked', error: { class: 'timeout' } });
    expect(batch.pids().filter(isAlive)).toEqual([]);
    expect(batch.published()).toEqual([]);
  });
});
