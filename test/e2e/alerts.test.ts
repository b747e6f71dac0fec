// The built command line, its engine, an agent service that fails, and those who are told: what counts is what they got.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import type { RunReport } from '../../src/contract/result.js';
import { startAgentServer } from '../../src/testing/index.js';
import { slugsOf, tempDir, writeBatch, type TestBatch } from '../support/batch.js';
import { cli, startCli, until } from '../support/cli.js';
import { startPagerDuty } from '../support/servers/pagerduty.js';
import { startReceiver, type Receiver } from '../support/servers/receiver.js';

const KEY = 'AIza-planted-secret-41';
const JOBS = 40;

// One state directory, so one engine, for both; each has a name and a kind of work of its own.
const root = tempDir('nightshift-alerts-');
const state = join(root, 'state');
const ROUTING_KEY = 'R0utingKeyPlanted1234567890abcde';
const env = { GEMINI_API_KEY: KEY, WHSEC: 'whsec_c2VjcmV0', ROUTING_KEY };
const call = (...args: string[]) => cli([...args, '--state', state], { cwd: root, env });

interface Lanes {
  readonly lanes: readonly { readonly id: string; readonly state: string }[];
}

interface Told {
  readonly type: string;
  readonly data: { readonly id: string; readonly rule: string; readonly detail: { readonly jobs: number } };
}

test('a person hears once of what they must do, once that it is over, and of nothing else', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const pagerDuty = await startPagerDuty();
  onTestFinished(() => pagerDuty.stop());
  const incidents = () =>
    pagerDuty.incidents.map(
      ({ state: how, events }) => `${events[0]?.payload?.class} ${how} ${events.length}`,
    );
  const refusing = await startAgentServer({ seed: 5, speed: 1500, faults: [{ do: 'auth' }] });
  const batch = aBatch('nightly', refusing.geminiUrl, receiver.url);
  const pager = `{ use: pagerduty, routingKey: "\${env:ROUTING_KEY}", url: "${pagerDuty.url}", also: true }`;
  writeFileSync(batch.file, readFileSync(batch.file, 'utf8').replace('alerts: [', `alerts: [${pager}, `));
  const { file } = batch;
  const alerts = () => told(receiver).map(({ type, data }) => `${type.split('.').at(-1)} ${data.rule}`);

  // Thirty sessions come to nothing, and each job does it at its second try: nobody is told.
  const rough = writeBatch({
    dir: join(root, 'rough'),
    name: 'rough',
    work: 'rough',
    slugs: slugsOf(30),
    concurrency: 30,
    before: '[ "$NIGHTSHIFT_ATTEMPT" = 1 ] && exit 1',
  });
  appendFileSync(rough.file, `alerts: [{ use: webhook, url: "${receiver.url}/alerts" }]\n`);
  const recovered = await call('run', rough.file);
  expect(recovered.code, recovered.stderr).toBe(0);
  expect(rough.sessions()).toHaveLength(60);
  expect(receiver.got).toEqual([]);

  // Forty jobs, and the service refuses the key: it is asked once, for nothing that costs, and no job begins.
  const first = await call('run', file);
  expect(first.code, first.stderr).toBe(78);
  expect(first.stderr).toMatch(/no job was begun: agent antigravity: .* answered 401/);
  expect(refusing.requests().map(({ method }) => method)).toEqual(['GET']);
  const stands = JSON.parse((await call('status', 'nightly', '--json')).stdout) as Pick<RunReport, 'counts'>;
  expect(stands.counts).toMatchObject({ done: 0, parked: 0, held: 0 });
  await refusing.close();
  expect(alerts()).toEqual(['opened config']);
  expect(told(receiver)[0]?.data.detail.jobs).toBe(JOBS);
  expect(incidents()).toEqual(['config open 1']);
  expect(pagerDuty.incidents[0]?.events[0]?.payload?.custom_details).toMatchObject({ jobs: JOBS });
  expect((await call('alert', 'list')).stdout).toContain(`nightshift retry nightly --state ${state}`);

  // The key is right again.
  const mended = await startAgentServer({
    seed: 5,
    speed: 1500,
    port: Number(new URL(refusing.url).port),
  });
  onTestFinished(() => mended.close());
  const second = await call('run', file);
  expect(second.code, second.stderr).toBe(0);
  expect(batch.published()).toHaveLength(JOBS);
  expect(alerts()).toEqual(['opened config', 'recovered config']);
  expect(incidents()).toEqual(['config resolved 2']);
  expect((await call('alert', 'list')).stdout).toContain('no alert is open');

  // The monitor heard of each run, in order, and which end belongs to which start.
  const pings = receiver.got.filter(({ url }) => url.startsWith('/ping'));
  expect(pings.map(({ url }) => url.split('?')[0])).toEqual([
    '/ping/start',
    '/ping/fail',
    '/ping/start',
    '/ping',
  ]);
  const rids = pings.map(({ url }) => new URL(url, receiver.url).searchParams.get('rid'));
  expect(rids[0]).toBe(rids[1]);
  expect(rids[2]).toBe(rids[3]);
  expect(rids[0]).not.toBe(rids[2]);

  // From outside, without a worker: the night happened; and then one that did not is told once.
  const fine = await call('doctor', '--nightly');
  expect(fine.code, fine.stdout).toBe(0);
  const missed = ['doctor', '--nightly', '--within', '1ms', 'nightly'];
  expect((await call(...missed)).code).toBe(2);
  expect((await call(...missed)).code).toBe(2);
  expect(alerts().slice(2)).toEqual(['opened missed']);
  expect((await call('doctor', '--nightly', 'nightly')).code).toBe(0);
  expect(alerts().slice(2)).toEqual(['opened missed', 'recovered missed']);
  expect(incidents().slice(1)).toEqual(['missed resolved 2']);

  // Killed when the message had arrived and was not yet written down: told again, under the same id.
  const dying = startCli([...missed, '--state', state], { cwd: root, env });
  receiver.onRequest = () => void dying.process.kill('SIGKILL');
  expect((await dying.exit).signal).toBe('SIGKILL');
  receiver.onRequest = () => undefined;
  const ledger = new BetterSqlite3(join(state, 'ledger.db'));
  ledger.prepare('update alert_messages set lease_until = null').run(); // as time does
  ledger.close();
  expect((await call(...missed)).code).toBe(2);
  expect((await call(...missed)).code).toBe(2);
  const again = told(receiver).slice(4);
  expect(again.map(({ data }) => data.rule)).toEqual(['missed', 'missed']);
  expect(again[0]?.data.id).toBe(again[1]?.data.id);

  // However often it was found, it is one incident.
  expect(incidents().slice(2)).toEqual([expect.stringMatching(/^missed open [12]$/)]);
  expect(pagerDuty.answers.filter((status) => status !== 202)).toEqual([]);

  // Never a secret.
  expect(JSON.stringify(receiver.got)).not.toContain(KEY);
  for (const { events } of pagerDuty.incidents)
    for (const { routing_key: _, ...rest } of events)
      expect(JSON.stringify(rest)).not.toMatch(new RegExp(`${KEY}|${ROUTING_KEY}`));

  receiver.status = 500;
  const test = await call('alert', 'test', file);
  expect(test.code).toBe(78);
  expect(test.stdout).toContain('HTTP 500');
}, 240_000);

test('an account without credits: a person hears of it while the night waits, and that it is over when it was paid', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const empty = await startAgentServer({
    seed: 6,
    speed: 1500,
    faults: [{ do: 'spend-cap', with: { form: '402' } }],
  });
  const batch = aBatch('credits', empty.geminiUrl, receiver.url);
  const { file } = batch;
  const alerts = () => told(receiver).map(({ type, data }) => `${type.split('.').at(-1)} ${data.rule}`);

  const night = startCli(['run', file, '--state', state], { cwd: root, env });
  onTestFinished(() => void night.process.kill('SIGKILL'));
  await until('somebody is told', () => alerts().length > 0);
  expect(alerts()).toEqual(['opened quota']);
  const said = 'the balance or a spend limit is used up, and does not come back by itself';
  expect((await call('status', 'credits')).stdout).toContain(`antigravity: ${said}`);
  const report = (await call('report', 'credits')).stdout;
  expect(report).toContain('A balance or a spend limit is used up');
  expect(report).not.toContain('nothing needs a decision');
  await empty.close();

  const paid = await startAgentServer({ seed: 6, speed: 1500, port: Number(new URL(empty.url).port) });
  onTestFinished(() => paid.close());
  const { lanes } = JSON.parse((await call('lanes', '--json')).stdout) as Lanes;
  const lane = lanes.find(({ state: how }) => how === 'closed');
  expect((await call('lanes', '--reset', lane?.id ?? '')).code).toBe(0);
  const { code, stderr } = await night.exit;
  expect(code, stderr).toBe(0);
  expect(batch.published()).toHaveLength(JOBS);
  expect(alerts()).toEqual(['opened quota', 'recovered quota']);
}, 120_000);

function aBatch(name: string, geminiUrl: string, receiverUrl: string): TestBatch {
  const batch = writeBatch({ dir: join(root, name), slugs: slugsOf(JOBS) });
  writeFileSync(
    batch.file,
    `name: ${name}
work: ${name}
jobs: ./batch.csv
agent:
  use: antigravity
  prompt: Write about {{ title }}.
  with: { baseUrl: "${geminiUrl}", pollInterval: 100ms }
effects:
  - { name: post, use: folder, target: "./public/{{ site }}", with: { path: "{{ category }}/{{ slug }}.md" } }
limits: { concurrency: ${JOBS} }
alerts: [{ use: webhook, url: "${receiverUrl}/alerts", secret: "\${env:WHSEC}" }]
deadMan: { url: "${receiverUrl}/ping" }
`,
  );
  return batch;
}

const told = (receiver: Receiver): Told[] =>
  receiver.got.filter(({ url }) => url === '/alerts').map(({ body }) => JSON.parse(body) as Told);
