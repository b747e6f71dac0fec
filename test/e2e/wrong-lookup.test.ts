// A look-up that was set up wrongly says "not there" of what the service has just acknowledged. Counted at the service.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { cli, runJson, startCli, until } from '../support/cli.js';
import { tempDir, writeBatch, type TestBatch } from '../support/batch.js';

const posts: string[] = [];
/** Since the last post. */
let lookups = 0;
/** Look-ups get no answer for now. */
let silent = false;
let url: string;

const service = createServer((request, response) => {
  if (request.method === 'POST') {
    lookups = 0;
    posts.push(String(request.headers['idempotency-key']));
    response.writeHead(201, { 'content-type': 'application/json' }).end(`{"id":"p-${posts.length}"}`);
    return;
  }
  lookups++;
  if (silent && posts.length > 0) return;
  const { searchParams } = new URL(request.url ?? '/', url);
  const key = searchParams.get('key');
  if (key !== null && posts.includes(`${key}-r1`)) {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"p-1"}');
  } else response.writeHead(404).end();
});

const root = tempDir('nightshift-lookup-');
const state = `${root}/state`;

beforeAll(async () => {
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
});
afterAll(() => {
  service.closeAllConnections();
  service.close();
});
beforeEach(() => {
  posts.length = 0;
  lookups = 0;
  silent = false;
});

/** Its look-up asks by a parameter that the service does not know. */
function aBatch(name: string): TestBatch {
  const batch = writeBatch({ dir: `${root}/${name}`, name, work: name, slugs: ['one'] });
  const effects = `effects:
  - name: post
    use: http
    target: api
    with: { url: "${url}/posts", body: { slug: "{{ slug }}" }, settle: 100ms, lookup: { url: "${url}/posts?ref={{ effect.key }}" } }
retry: { classes: { unknown: { tries: 2, wait: 100ms, waitAtMost: 200ms } } }
`;
  const text = readFileSync(batch.file, 'utf8').replace(/effects:[^]*$/, effects);
  writeFileSync(batch.file, text);
  return batch;
}

const questionsOf = async ({ dir }: TestBatch, name: string) => {
  const { stdout } = await cli(['approve', name, '--state', state, '--json'], { cwd: dir });
  return (JSON.parse(stdout) as { questions: { effectKey: string; message: string }[] }).questions;
};

test('is held for a person, over runs and retries, and never sent again; the answer finishes the job', async () => {
  const batch = aBatch('held');
  const first = await runJson(batch.file, { cwd: batch.dir, state });
  expect(first.exit.code).toBe(2);
  expect(first.report.counts.held).toBe(1);
  const options = { cwd: batch.dir };
  const key = first.report.jobs[0]?.key ?? '';
  expect((await cli(['retry', 'held', '--job', key, '--state', state], options)).code).toBe(2);
  await runJson(batch.file, { cwd: batch.dir, state });
  expect(posts).toHaveLength(1);

  const [question] = await questionsOf(batch, 'held');
  expect(question?.message).toMatch(/said at .* that it is there as p-1, but its look-up does not find it/);
  const answer = ['approve', '--effect', question?.effectKey ?? '', '--landed', '--id', 'p-1'];
  expect((await cli([...answer, '--reason', 'seen', '--state', state], options)).code).toBe(0);
  const last = await runJson(batch.file, { cwd: batch.dir, state });
  expect(last.exit.code, last.exit.stderr).toBe(0);
  expect(posts).toHaveLength(1);
}, 240_000);

test('is still known after a SIGKILL between the answer and the look-up', async () => {
  const batch = aBatch('killed');
  silent = true;
  const run = startCli(['run', batch.file, '--state', state], { cwd: batch.dir });
  await until('it was acknowledged, and is being looked up', () => posts.length === 1 && lookups >= 1);
  run.process.kill('SIGKILL');
  await run.exit;
  silent = false;

  const again = await runJson(batch.file, { cwd: batch.dir, state });
  expect(again.report.counts.held).toBe(1);
  expect(posts).toHaveLength(1);
}, 180_000);
