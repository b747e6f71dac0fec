// What is asked before the first job of a run, of services that refuse, are away, or are slow: real servers that count.
import { lookup } from 'node:dns/promises';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, onTestFinished, test } from 'vitest';
import { agentRefuses, destinationsRefuse, PlacesAhead } from '../../src/activities/ask-ahead.js';
import type { Deps } from '../../src/activities/deps.js';
import { agentLane, effectLane } from '../../src/activities/lanes/lane-of.js';
import { mustBeAbleTo } from '../../src/activities/must-be-able-to.js';
import { effectsOf } from '../../src/batch/effects.js';
import { readBatch, type Batch } from '../../src/batch/read-batch.js';
import { AdapterError } from '../../src/contract/errors.js';
import { lookContext } from '../../src/client/look-context.js';
import type { KnownJob } from '../../src/ledger/ledger.js';
import { startReceiver } from '../support/servers/receiver.js';
import { tempDir } from '../support/batch.js';
import { aLedger } from './ledger-fixture.js';

const KEY = 'sk-planted-secret-41';
const ENV = { TOKEN: KEY, ANTHROPIC_API_KEY: KEY, GEMINI_API_KEY: KEY };

async function batchFor({
  agent = '{ use: command, command: [sh] }',
  url = 'http://127.0.0.1:1',
  jobs = '[{ slug: one }, { slug: two }]',
  target = 'shop',
}): Promise<Batch> {
  const file = join(tempDir('nightshift-ahead-'), 'batch.yaml');
  writeFileSync(
    file,
    `name: nightly
work: article
identity: [slug]
jobs: ${jobs}
agent: ${agent}
effects:
  - name: post
    use: http
    target: "${target}"
    with:
      url: "${url}/posts"
      headers: { authorization: "Bearer \${env:TOKEN}" }
      body: "{{ slug }}"
      lookup: { url: "${url}/posts/{{ effect.key }}" }
`,
  );
  return readBatch(file);
}

const on = (answerMs = 60_000) => ({ env: ENV, stateDir: tempDir(), context: lookContext(), answerMs });

async function destinations(
  batch: Batch,
  known?: Pick<KnownJob, 'effects'>,
  answerMs?: number,
): Promise<string[]> {
  const places = new PlacesAhead();
  for (const job of batch.jobs) places.add(job, effectsOf(batch.definition, job), known);
  const found = await destinationsRefuse(batch.definition, places, on(answerMs));
  return found.map(({ errorClass, message }) => `${errorClass}: ${message}`);
}

async function aServer(handler: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([401, 403])('a destination that answers %d refuses: asked once, and only asked', async (status) => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  receiver.status = status;
  const found = await destinations(await batchFor({ url: receiver.url }));
  expect(found).toEqual([expect.stringMatching(/^auth: effect "post" \(http shop\): .*40[13]/)]);
  expect(receiver.got.map(({ method }) => method)).toEqual(['GET']);
  expect(found.join()).not.toContain(KEY);
});

test('each place is asked once, however many jobs it has, and none for what has landed', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  receiver.status = 404;
  const jobs = '[{ slug: one, site: a }, { slug: two, site: b }, { slug: three, site: a }]';
  const batch = await batchFor({ url: receiver.url, jobs, target: '{{ site }}' });
  expect(await destinations(batch)).toEqual([]);
  expect(receiver.got).toHaveLength(2);

  const landed = batch.jobs.flatMap((job) => effectsOf(batch.definition, job));
  const effects = new Map(landed.map(({ key }) => [key, { state: 'landed' as const, revision: 1 }]));
  expect(await destinations(batch, { effects })).toEqual([]);
  expect(receiver.got).toHaveLength(2);
});

test('one that is down, has trouble or is slow refuses nobody', async () => {
  expect(await destinations(await batchFor({ url: 'http://127.0.0.1:1' }))).toEqual([]);
  const busy = await aServer((_request, response) => {
    response.statusCode = 503;
    response.end();
  });
  expect(await destinations(await batchFor({ url: busy }))).toEqual([]);
  const silent = await aServer(() => undefined);
  expect(await destinations(await batchFor({ url: silent }), undefined, 200)).toEqual([]);
});

test('a host that does not exist refuses', async () => {
  const answer = await lookup('nobody.invalid').catch(({ code }: NodeJS.ErrnoException) => code);
  const found = await destinations(await batchFor({ url: 'http://nobody.invalid' }));
  // Where no name service can be asked, nothing is known of the host.
  const refusal: unknown = expect.stringMatching(/^config: effect "post".*ENOTFOUND/);
  expect(found).toEqual(answer === 'ENOTFOUND' ? [refusal] : []);
});

test.each([
  ['claude', '{ use: claude, prompt: Hi, with: { agent: a, environment: e, baseUrl: "URL" } }'],
  ['antigravity', '{ use: antigravity, prompt: Hi, with: { baseUrl: "URL" } }'],
])('%s: a key that is refused is known before a session is begun', async (name, agent) => {
  const asked: string[] = [];
  let status = 401;
  const url = await aServer(({ method }, response) => {
    asked.push(method ?? '');
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { type: 'authentication_error', message: `no ${KEY}` } }));
  });
  const refusal = async () => {
    const { definition } = await batchFor({ agent: agent.replace('URL', url) });
    const found = await agentRefuses(definition, on());
    return found && `${found.errorClass}: ${found.message}`;
  };
  const found = await refusal();
  expect(found).toMatch(new RegExp(`^auth: agent ${name}: listing \\w+ was answered 401`));
  expect(found).not.toContain(KEY);
  expect(asked).toEqual(['GET']);
  status = 503;
  expect(await refusal()).toBeUndefined();
  expect(asked).toEqual(['GET', 'GET']);
});

test('an agent without a service has none to ask', async () => {
  expect(await agentRefuses((await batchFor({})).definition, on())).toBeUndefined();
});

test('whoever is closed to us is asked for nothing before its time, not even whether it would let us in', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  receiver.status = 401;
  const { url } = receiver;
  const agent = `{ use: antigravity, prompt: Hi, with: { baseUrl: "${url}" } }`;
  const batch = await batchFor({ agent, url });
  const { definition } = batch;
  const effects = batch.jobs.flatMap((job) => effectsOf(definition, job));
  const places = new PlacesAhead();
  for (const job of batch.jobs) places.add(job, effectsOf(definition, job), undefined);
  const { ledger } = await aLedger();
  const deps = { ...on(), ledger, worker: 'w', now: () => new Date() } as unknown as Deps;
  const look = () =>
    new MockActivityEnvironment().run(() =>
      mustBeAbleTo(definition, { effects, places, left: 'sessions' }, deps),
    );
  await expect(look()).rejects.toThrow('no job was begun');
  const asked = receiver.got.length;
  expect(asked).toBe(2);

  const [effect] = effects;
  if (effect === undefined) throw new Error('the batch has no effects');
  const user = { key: 'a job', batchId: 'batch' };
  const spent = new AdapterError('exhausted', 'used up', { sent: 'rejected', retryAfterMs: 7_200_000 });
  for (const lane of [agentLane(definition, user, deps), effectLane(definition, effect, user, deps)])
    await lane?.report(spent);
  await look();
  expect(receiver.got).toHaveLength(asked);
});
