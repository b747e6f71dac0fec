// Effects that leave only with a person's yes: they wait, over a killed worker, without keeping others from their
// work, and land once after it, or never. What a person is shown before: a rehearsal with its agent, a saved plan.
import { join } from 'node:path';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/contract/result.js';
import { jobWorkflowId } from '../../src/identity/workflow-ids.js';
import { slugsOf, tempDir, writeBatch, type TestBatch } from '../support/batch.js';
import { cli, startCli, until } from '../support/cli.js';
import { runningBatch, withEngine } from '../support/engine.js';
import { startReceiver } from '../support/servers/receiver.js';

const root = tempDir('nightshift-approval-');
const state = join(root, 'state');

/** A batch with one lane, whose effects wait for approval. */
function asking(name: string, jobs: number, approval: string): TestBatch {
  const batch = writeBatch({ dir: join(root, name), name, work: name, slugs: slugsOf(jobs), concurrency: 1 });
  const text = readFileSync(batch.file, 'utf8').replace(
    'use: folder,',
    `use: folder, approval: ${approval},`,
  );
  writeFileSync(batch.file, text);
  return batch;
}

const run = ({ file, dir }: TestBatch, ...flags: string[]) =>
  startCli(['run', file, '--state', state, '--json', ...flags], { cwd: dir });
const nightshift = (...words: string[]) => cli([...words, '--state', state, '--json'], { cwd: root });
interface Waiting {
  readonly effectKey: string;
  readonly jobKey: string;
  readonly identity: { readonly slug: string };
  readonly preview: { readonly action: string; readonly head: readonly string[] };
}
const waiting = async (name: string): Promise<readonly Waiting[]> => {
  const { stdout, stderr } = await nightshift('approve', name);
  expect(stdout, stderr).toMatch(/^\{/);
  return (JSON.parse(stdout) as { approvals: Waiting[] }).approvals;
};

test('three wait in a batch of one lane, also over a killed worker; approved they land once, rejected never', async () => {
  const batch = asking('asks', 3, 'required');
  const first = run(batch, '--wait');
  await until('all three wait, one after the other', () => batch.sessions().length === 3);
  await until('all three are asked for', async () => (await waiting('asks')).length === 3);
  const [one, two, three] = await waiting('asks');
  expect(one?.preview).toMatchObject({ action: 'create' });
  expect(one?.preview.head[0]).toBe(`article ${one?.identity.slug}`);
  expect(batch.published()).toEqual([]);

  first.process.kill('SIGKILL');
  await first.exit;
  const approved = await nightshift(
    'approve',
    '--effect',
    one?.effectKey.slice(0, 12) ?? '',
    '--reason',
    'fine',
  );
  expect(approved.code, approved.stderr).toBe(0);
  const again = await nightshift('reject', '--effect', one?.effectKey ?? '');
  expect(again.code, 'it was decided already').toBe(2);
  expect(again.stdout).toMatch(/"kind": ?"already",\s*"state": ?"approved"/);

  const second = run(batch, '--wait');
  await until('what was approved while no worker lived lands', () => batch.published().length === 1);
  const no = ['reject', '--work', 'asks', '--job', two?.jobKey ?? '', '--reason', 'wrong price'];
  expect((await nightshift(...no)).code).toBe(0);
  await withEngine(state, async (client) =>
    client.workflow
      .getHandle(await runningBatch(client, 'asks'))
      .signal('approve', { job: three?.jobKey, by: 'web', reason: 'ok' }),
  );
  const exit = await second.exit;
  expect(exit.code, exit.stderr).toBe(2);
  const report = JSON.parse(exit.stdout) as RunReport;
  const held = report.jobs.find(({ state: jobState }) => jobState === 'held');
  expect(held?.error?.message).toMatch(/^post: rejected by .*: wrong price$/);
  expect(batch.published()).toHaveLength(2);
  expect(batch.sessions()).toHaveLength(3);
  const audit = await nightshift('ledger', 'audit', 'asks');
  expect(audit.stdout).toContain('wrong price');
}, 300_000);

test('a batch whose lanes are all taken by jobs of another one that wait does the rest, and returns', async () => {
  const owner = asking('owner', 2, 'required');
  const first = await run(owner).exit;
  expect(first.code, first.stderr).toBe(2);
  writeFileSync(
    join(owner.dir, 'more.yaml'),
    readFileSync(owner.file, 'utf8').replace('name: owner', 'name: more').replace('batch.csv', 'more.csv'),
  );
  const rows = slugsOf(4).map((slug) => `blog,news,${slug},About ${slug},1`);
  writeFileSync(join(owner.dir, 'more.csv'), ['site,category,slug,title,revision', ...rows].join('\n'));
  const more = { ...owner, file: join(owner.dir, 'more.yaml') };
  const second = await run(more).exit;
  expect(second.code, second.stderr).toBe(2);
  expect((JSON.parse(second.stdout) as RunReport).batch.result).toBe('waiting');
  expect(owner.sessions()).toHaveLength(4);
  const joining = run(more, '--wait');
  expect((await nightshift('approve', 'more', '--all')).code).toBe(0);
  const end = await joining.exit;
  expect(end.code, end.stderr).toBe(0);
  expect(owner.published()).toHaveLength(4);
  expect(owner.sessions()).toHaveLength(4);
}, 300_000);

test('a run that dead credentials stopped ends, though a job of it waits; mended, the next one joins that job', async () => {
  const batch = asking('stopped', 4, 'required');
  const agent = join(batch.dir, 'agent.sh');
  const good = readFileSync(agent, 'utf8');
  writeFileSync(agent, good.replace('sleep', '[ "$slug" = job-01 ] || [ -e mended ] || exit 78; sleep'));
  const first = await run(batch).exit;
  expect(first.code, first.stderr).toBe(78);
  expect((await waiting('stopped')).map(({ identity }) => identity.slug)).toEqual(['job-01']);
  writeFileSync(join(batch.dir, 'mended'), '');
  const second = await run(batch).exit;
  expect(second.code, second.stderr).toBe(2);
  expect((JSON.parse(second.stdout) as RunReport).batch.result).toBe('waiting');
  expect(await waiting('stopped')).toHaveLength(4);
  expect((await nightshift('approve', 'stopped', '--all')).code).toBe(0);
  const third = await run(batch, '--wait').exit;
  expect(third.code, third.stderr).toBe(0);
  expect(batch.published()).toHaveLength(4);
}, 300_000);

test('what a stopped run has left waiting is ended by cancel, and asks for nothing any more', async () => {
  const batch = asking('called-off', 3, 'required');
  const agent = join(batch.dir, 'agent.sh');
  const good = readFileSync(agent, 'utf8');
  writeFileSync(agent, good.replace('sleep', '[ "$slug" = job-01 ] || exit 78; sleep'));
  expect((await run(batch).exit).code).toBe(78);
  const [left] = await waiting('called-off');
  const cancelled = await cli(['cancel', 'called-off', '--state', state], { cwd: root });
  expect(cancelled.code, cancelled.stderr).toBe(0);
  expect(cancelled.stdout).toContain('called-off: cancelled; what is done stays done');
  expect(await waiting('called-off')).toEqual([]);
  const workflowId = jobWorkflowId({ work: 'called-off', jobKey: left?.jobKey ?? '' });
  const { status } = await withEngine(state, (client) => client.workflow.getHandle(workflowId).describe());
  expect(status.name).toBe('CANCELLED');
  const again = await cli(['cancel', 'called-off', '--state', state], { cwd: root });
  expect(again.stdout).toContain('called-off: not under way, nothing to cancel');
  expect(batch.published()).toEqual([]);
}, 300_000);

test('two approvals that differ in their amount alone look different; no secret is shown, nor is any of it in the engine', async () => {
  const receiver = await startReceiver();
  receiver.onRequest = () => void (receiver.status = 404); // nothing is there
  const batch = writeBatch({ dir: join(root, 'bills'), name: 'bills', work: 'bills', slugs: slugsOf(2) });
  const secret = 'planted-secret-of-the-shop';
  writeFileSync(
    batch.file,
    `name: bills
work: bills
identity: [customer]
jobs: [{ customer: anna, cents: 271828182 }, { customer: bob, cents: 314159265 }]
agent: { use: command, command: [sh, -c, "echo Thank you"] }
effects:
  - name: bill
    use: http
    target: shop
    approval: required
    with:
      url: "${receiver.url}/bills"
      headers: { authorization: "Bearer \${env:SHOP_TOKEN}" }
      body: { amount: "{{ cents }}" }
      lookup: { url: "${receiver.url}/bills/{{ effect.key }}", id: /id }
`,
  );
  const at = { cwd: batch.dir, env: { SHOP_TOKEN: secret } };
  const running = startCli(['run', batch.file, '--state', state, '--json', '--wait'], at);
  const list = (...flags: string[]) => cli(['approve', 'bills', '--state', state, ...flags], at);
  await until('both wait', async () => (await list()).stdout.split('waits for approval').length === 3);

  for (const format of [[], ['--json']]) {
    const { stdout } = await list(...format);
    expect(stdout).toContain('${env:SHOP_TOKEN}');
    expect(stdout).not.toContain(secret);
    expect(stdout).toContain('271828182');
    expect(stdout).toContain('314159265');
  }
  const shown = (await list()).stdout.split(/^bill of /m).slice(1);
  expect(shown.map((each) => /body\.amount +(\d+)/.exec(each)?.[1]).sort()).toEqual([
    '271828182',
    '314159265',
  ]);

  const jobs = (await waiting('bills')).map(({ jobKey }) => jobWorkflowId({ work: 'bills', jobKey }));
  await withEngine(state, async ({ workflow }) => {
    for (const job of jobs) {
      const history = await workflow.getHandle(job).fetchHistory();
      const told = JSON.stringify(history).replace(/"data":"([^"]*)"/g, (_, data: string) =>
        Buffer.from(data, 'base64').toString(),
      );
      expect(told).toContain('waits for approval');
      expect(told).not.toMatch(/271828182|314159265|SHOP_TOKEN|planted/);
    }
  });
  running.process.kill('SIGKILL');
  await running.exit;
  await receiver.stop();
}, 120_000);

test('what nobody answers in time is held, or rejected, or let go, as the batch says; silence is no denial', async () => {
  const held = asking('silent', 1, '{ timeout: 1s }');
  expect((await run(held).exit).code).toBe(2);
  expect(held.published()).toEqual([]);
  const [late] = await waiting('silent');
  expect((await nightshift('approve', '--effect', late?.effectKey ?? '')).code).toBe(0);
  expect((await run(held).exit).code).toBe(0);
  expect(held.published()).toHaveLength(1);
  expect(held.sessions()).toHaveLength(1);

  const letGo = asking('let-go', 1, '{ timeout: 1s, onTimeout: approve }');
  expect((await run(letGo).exit).code).toBe(0);
  expect(letGo.published()).toHaveLength(1);

  const denied = asking('denied', 1, '{ timeout: 1s, onTimeout: reject }');
  expect((await run(denied).exit).code).toBe(2);
  await sleep(500);
  expect(denied.published()).toEqual([]);
}, 300_000);

interface Told {
  readonly kind: string;
  readonly rule: string;
  readonly detail: { readonly headline: string; readonly next: readonly { readonly command: string }[] };
}

/** What the channel of a batch was sent. */
async function alertsOf({ file }: TestBatch) {
  const receiver = await startReceiver();
  appendFileSync(file, `alerts: [{ use: webhook, url: "${receiver.url}/alerts" }]\n`);
  const told = () => receiver.got.map(({ body }) => (JSON.parse(body) as { data: Told }).data);
  return { told, stop: () => receiver.stop() };
}

test('an alert says until when a yes is waited for and what then, and when the time ran out just that', async () => {
  const batch = asking('in-time', 2, '{ timeout: 8s, onTimeout: hold }');
  const alerts = await alertsOf(batch);
  expect((await run(batch).exit).code).toBe(2);
  const [asked, ...later] = alerts.told();
  expect(asked?.detail.headline).toMatch(
    /wait for approval until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+; what nobody has answered then is held/,
  );
  expect(later.map(({ kind, rule }) => [kind, rule])).toEqual([['reminder', 'unanswered']]);
  expect(later[0]?.detail.headline).toMatch(
    /^the time for approval ran out, and nobody had answered: 2 of 2 jobs/,
  );
  expect(later[0]?.detail.next[0]?.command).toMatch(/ approve in-time /);
  await alerts.stop();
}, 120_000);

test('fourteen noes of a person stop nothing, neither in the run that they were said to nor in the next, and are called no failure', async () => {
  const batch = asking('noes', 14, 'required');
  const alerts = await alertsOf(batch);
  expect((await run(batch).exit).code).toBe(2);
  expect((await nightshift('reject', 'noes', '--all', '--reason', 'not this week')).code).toBe(0);
  for (const which of ['the run that hears them', 'a run that begins with them']) {
    const { code, stdout, stderr } = await run(batch).exit;
    expect([code, (JSON.parse(stdout) as RunReport).batch.result], `${which}: ${stderr}`).toEqual([
      2,
      'incomplete',
    ]);
  }
  expect(alerts.told().map(({ kind, rule }) => [kind, rule])).toEqual([
    ['opened', 'approval'],
    ['recovered', 'approval'],
  ]);
  const report = await cli(['report', 'noes', '--state', state], { cwd: root });
  expect(report.stdout).toContain('A person said no');
  expect(report.stdout).not.toMatch(/The agent failed|Held for a look/);
  await alerts.stop();
  expect(batch.published()).toEqual([]);
}, 300_000);

test('with nothing left but approvals a run says so, alerts once and returns; a yes from the Web UI to a job is carried out by the next', async () => {
  const receiver = await startReceiver();
  const batch = asking('left', 3, 'required');
  appendFileSync(batch.file, `alerts: [{ use: webhook, url: "${receiver.url}/alerts" }]\n`);
  const first = await run(batch).exit;
  expect(first.code, first.stderr).toBe(2);
  const { batch: ended, counts, jobs } = JSON.parse(first.stdout) as RunReport;
  expect([ended.result, counts.done, jobs.map((job) => job.state)]).toEqual([
    'waiting',
    0,
    ['gated', 'gated', 'gated'],
  ]);
  const alerts = () =>
    receiver.got.map(
      ({ body }) => (JSON.parse(body) as { data: { detail: { headline: string } } }).data.detail,
    );
  expect(alerts().map(({ headline }) => headline)).toEqual(['3 effects wait for approval']);

  // As the Web UI and the `temporal` program send them: to the job itself, with and without an input.
  const [one, two, three] = jobs.map(({ key }) => jobWorkflowId({ work: 'left', jobKey: key }));
  await withEngine(state, async ({ workflow }) => {
    await workflow.getHandle(one ?? '').signal('approve');
    await workflow.getHandle(two ?? '').signal('approve', { by: 'ann', reason: 'looks right' });
    await workflow.getHandle(three ?? '').signal('reject', { by: 'bob', reason: 'wrong price' });
  });
  const second = await run(batch).exit;
  expect(second.code, second.stderr).toBe(2);
  const report = JSON.parse(second.stdout) as RunReport;
  expect(report.batch.result).toBe('incomplete');
  expect(report.jobs.map((job) => job.error?.message)).toEqual([
    undefined,
    undefined,
    'post: rejected by bob: wrong price',
  ]);
  expect(batch.published()).toEqual(['blog/news/job-01.md', 'blog/news/job-02.md']);
  expect(batch.sessions()).toHaveLength(3);
  expect((await nightshift('ledger', 'audit', 'left')).stdout).toContain('looks right');
  await receiver.stop();
}, 300_000);

const planOf = async ({ file, dir }: TestBatch, out: string, ...flags: string[]) => {
  const words = ['plan', file, '--look', '--out', join(dir, out), ...flags, '--state', state, '--json'];
  const planned = await cli(words, { cwd: dir });
  expect(planned.code, planned.stderr).toBe(2);
  return join(dir, out);
};

test('a plan says what waits for approval, and does not hold any more when that was taken out of the batch file', async () => {
  const batch = asking('gated', 3, '{ timeout: 12h, onTimeout: hold }');
  const words = ['plan', batch.file, '--look', '--out', join(batch.dir, 'p.json'), '--state', state];
  const { code, stdout, stderr } = await cli([...words, '--without', 'blog/news/job-02'], { cwd: batch.dir });
  expect(code, stderr).toBe(2);
  expect(stdout.match(/create +waits for approval for 12 h, then hold/g)).toHaveLength(2);
  expect(stdout).toMatch(/job-02 +post +left out/);
  expect(stdout).toMatch(
    /3 jobs, 2 to run\n +2 create .*\n +2 wait for approval .*\n +1 left out .*\n.*2 sessions/,
  );
  const plan = join(batch.dir, 'p.json');
  const saved = JSON.parse(readFileSync(plan, 'utf8')) as { v: number; jobs: { effects: object[] }[] };
  expect(saved.jobs[0]?.effects[0]).toMatchObject({ approval: { timeoutMs: 43_200_000, onTimeout: 'hold' } });

  const asked = readFileSync(batch.file, 'utf8');
  writeFileSync(batch.file, asked.replace(/approval: \{[^}]*\}, /, ''));
  const refused = await run(batch, '--plan', plan).exit;
  expect(refused.code, refused.stderr).toBe(2);
  expect(refused.stderr).toMatch(/job-01: post: by the plan it waits for approval, now it would leave/);
  expect(batch.sessions()).toEqual([]);

  writeFileSync(batch.file, asked);
  writeFileSync(plan, JSON.stringify({ ...saved, v: 1 }));
  const old = await run(batch, '--plan', plan).exit;
  expect(old.code, old.stderr).toBe(64);
  expect(old.stderr).toMatch(
    /was made by an older release, and does not say which effects wait for approval/,
  );
  expect(batch.sessions()).toEqual([]);
}, 120_000);

test('a run does what its plan shows: what was left out stays, and what changes after the start is held, with the reason', async () => {
  const dir = join(root, 'planned');
  // The third agent waits until somebody else has taken the place that the plan shows as free.
  const before = `[ "$slug" != job-03 ] || until [ -e public/blog/news/job-03.md ]; do sleep 0.05; done`;
  const batch = writeBatch({ dir, name: 'planned', work: 'planned', slugs: slugsOf(4), before });
  const plan = await planOf(batch, 'tonight.json', '--without', 'blog/news/job-02', 'blog/news/job-04:post');

  const running = run(batch, '--plan', plan);
  await until('the third agent runs', () => batch.sessions().includes('job-03 1'));
  mkdirSync(join(dir, 'public/blog/news'), { recursive: true });
  writeFileSync(join(dir, 'public/blog/news/job-03.md'), 'by hand');
  const { code, stdout, stderr } = await running.exit;
  expect(code, stderr).toBe(2);
  const { jobs, effects } = JSON.parse(stdout) as RunReport;
  expect(jobs.map((job) => job.state)).toEqual(['done', 'waiting', 'held', 'waiting']);
  expect(jobs[2]?.error?.message).toMatch(/^post: .*job-03\.md/);
  expect(effects).toMatchObject({ landed: 1, held: 1 });
  expect(batch.read('blog/news/job-03.md')).toBe('by hand');
  expect(batch.sessions().sort()).toEqual(['job-01 1', 'job-03 1']);

  // The world is not as the plan shows it: nothing is started, and what has changed is named.
  const again = await run(batch, '--plan', plan).exit;
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(/job-03.*the plan says create, now it would be (conflict|held)/);

  // Moved away, the same plan goes on; without a plan the rest is done.
  rmSync(join(dir, 'public/blog/news/job-03.md'));
  const whole = await run(batch).exit;
  expect(whole.code, whole.stderr).toBe(0);
  expect(batch.published()).toHaveLength(4);
  expect(batch.sessions()).toHaveLength(4);
}, 300_000);

test('a run bound by a plan holds an update where another one came between, and writes nothing', async () => {
  const dir = join(root, 'updated');
  const options = {
    dir,
    name: 'updated',
    work: 'updated',
    slugs: ['one'],
    title: () => 'New',
    revision: () => 2,
  };
  const batch = writeBatch({ ...options, title: () => 'Old', revision: () => 1 });
  expect((await run(batch).exit).code).toBe(0);
  const changed = `echo "an edit by hand" > public/blog/news/one.md`;
  writeBatch({ ...options, before: changed });
  const plan = await planOf(batch, 'update.json');
  expect(readFileSync(plan, 'utf8')).toContain('"action": "update"');
  const { code, stdout, stderr } = await run(batch, '--plan', plan).exit;
  expect(code, stderr).toBe(2);
  expect((JSON.parse(stdout) as RunReport).jobs[0]).toMatchObject({
    state: 'held',
    error: { class: 'conflict', message: expect.stringMatching(/one\.md.*changed/) as string },
  });
  expect(batch.read('blog/news/one.md')).toBe('an edit by hand\n');
}, 300_000);

interface Rehearsed {
  readonly jobs: readonly {
    readonly effects: readonly {
      readonly name: string;
      readonly action: string;
      readonly difference?: unknown;
    }[];
  }[];
  readonly rehearsal?: {
    readonly state: string;
    readonly report: RunReport;
    readonly jobs: readonly { readonly state: string; readonly file?: string }[];
  };
}
const rehearse = ({ file, dir }: TestBatch) =>
  startCli(['run', file, '--dry-run', '--with-agent', '--state', state, '--json'], { cwd: dir });
const rehearsed = async (batch: TestBatch): Promise<Rehearsed> => {
  const { code, stdout, stderr } = await rehearse(batch).exit;
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Rehearsed;
};

test('a rehearsal with its agent, killed in the middle and started again, pays each session once and sends nothing', async () => {
  const api = await startReceiver();
  api.onRequest = () => void (api.status = 404); // nothing is there
  const options = { dir: join(root, 'rehearsed'), name: 'rehearsed', work: 'rehearsed', slugs: slugsOf(3) };
  const batch = writeBatch({ ...options, concurrency: 1, seconds: 1 });
  const effect = `  - { name: call, use: http, target: api, with: { url: "${api.url}/posts", body: "x", lookup: { url: "${api.url}/posts/{{ effect.key }}", id: /id } } }`;
  writeFileSync(batch.file, readFileSync(batch.file, 'utf8').replace('limits:', `${effect}\nlimits:`));

  const first = rehearse(batch);
  await until('the second of three sessions runs', () => batch.sessions().length === 2, 180_000);
  first.process.kill('SIGKILL');
  await first.exit;
  const whole = await rehearsed(batch);
  expect(whole.rehearsal?.jobs.map((job) => job.state)).toEqual(['done', 'done', 'done']);
  expect(whole.rehearsal?.jobs.map(({ file = '' }) => readFileSync(file, 'utf8').split('\n')[0])).toEqual([
    'article job-01',
    'article job-02',
    'article job-03',
  ]);
  expect(whole.jobs[0]?.effects).toMatchObject([
    { name: 'post', action: 'create', difference: { kind: 'new', lines: 2 } },
    { name: 'call', action: 'create' },
  ]);
  expect(batch.sessions()).toEqual(['job-01 1', 'job-02 1', 'job-03 1']);

  // What a job is made from has changed: that job alone is paid for again.
  writeBatch({
    ...options,
    concurrency: 1,
    title: (slug) => (slug === 'job-02' ? 'Other' : `About ${slug}`),
  });
  writeFileSync(batch.file, readFileSync(batch.file, 'utf8').replace('limits:', `${effect}\nlimits:`));
  expect((await rehearsed(batch)).rehearsal?.report.sessions.started).toBe(1);
  expect(batch.sessions()).toEqual(['job-01 1', 'job-02 1', 'job-03 1', 'job-02 1']);

  expect(batch.published()).toEqual([]);
  expect([...new Set(api.got.map(({ method }) => method))]).toEqual(['GET']);
  await api.stop();

  const outward = readFileSync(batch.file, 'utf8').replace('timeout: 60s', 'timeout: 60s, outward: true');
  writeFileSync(batch.file, outward);
  const refused = await rehearse(batch).exit;
  expect(refused.code, 'an agent that acts outside by itself').toBe(64);
  expect(refused.stderr).toContain('agent.outward');
}, 400_000);
