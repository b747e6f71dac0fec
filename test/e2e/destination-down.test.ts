// A destination that fails on writes while its look-ups still answer. What counts is what it was sent.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { RunReport } from '../../src/contract/result.js';
import { openEngine, type Engine } from '../../src/engine/index.js';
import { cli, until, type RunningCli } from '../support/cli.js';
import { pass, startImpatientWorker } from '../support/lanes.js';
import { slugsOf, tempDir, twice, writeBatch, type TestBatch } from '../support/batch.js';

// One state directory, so one engine and one worker, for all; each test has a name and a kind of work of its own.
const root = tempDir('nightshift-down-');
const state = join(root, 'state');
const JOBS = slugsOf(8);
/** Of each job, by the batch file: an outage lasts for longer than they would. */
const TRIES = 3;
const MINUTE_MS = 60_000;

let engine: Engine;
let worker: RunningCli;
beforeAll(async () => {
  engine = await openEngine({ stateDir: state });
  worker = await startImpatientWorker(state, { cwd: root });
});
afterAll(() => {
  worker.process.kill('SIGKILL');
  engine.release();
});

interface Blog {
  readonly url: string;
  /** Keys of what is there. */
  readonly posts: readonly string[];
  /** Slug of each write, in the order of their coming, whatever became of it. */
  readonly writes: readonly string[];
  /** Method of each request, since it had enough if it ever had. */
  readonly calls: readonly string[];
  down: boolean;
  /** It takes one write less, and says when the next ones may come. */
  hasEnough: boolean;
}

/** @param poisoned slug of a post that it can't take, whatever else it takes */
async function aBlog(poisoned = ''): Promise<Blog> {
  const posts: string[] = [];
  const writes: string[] = [];
  const calls: string[] = [];
  const blog = { url: '', posts, writes, calls, down: false, hasEnough: false };
  const answer = (response: ServerResponse, status: number, body: object, headers: object = {}): void =>
    void response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    calls.push(request.method ?? '');
    if (request.method === 'GET') {
      const key = request.url?.split('/').at(-1) ?? '';
      return answer(response, posts.includes(key) ? 200 : 404, { id: key, key });
    }
    const { key, slug } = JSON.parse(await textOf(request)) as { key: string; slug: string };
    writes.push(slug);
    if (blog.hasEnough) {
      blog.hasEnough = false;
      calls.length = 0;
      return answer(response, 429, { message: 'enough' }, { 'retry-after': '3600' });
    }
    if (blog.down || slug === poisoned) return answer(response, 503, { message: 'no database' });
    posts.push(key);
    answer(response, 201, { id: key });
  }
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  blog.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return blog;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function aBatch(
  name: string,
  { url }: Blog,
  { slugs = JOBS, limits = {} }: { readonly slugs?: readonly string[]; readonly limits?: object } = {},
): TestBatch {
  const batch = writeBatch({
    dir: join(root, name),
    name,
    work: name,
    slugs,
    concurrency: slugs.length,
  });
  const effects = `effects:
  - name: post
    use: http
    target: "${url}/posts"
    with:
      url: "${url}/posts"
      body: { key: "{{ effect.key }}", slug: "{{ slug }}", text: "{{ artifact }}" }
      lookup: { url: "${url}/posts/{{ effect.key }}", key: /key }
      settle: 1s
    limits: ${JSON.stringify(limits)}
limits: { concurrency: ${slugs.length} }
stopLoss: []
retry: { classes: { unknown: { wait: 100ms, waitAtMost: 1s, tries: ${TRIES} } } }
`;
  writeFileSync(batch.file, readFileSync(batch.file, 'utf8').replace(/effects:[^]*$/, effects));
  return batch;
}

const call = ({ dir }: TestBatch, ...args: string[]) => cli([...args, '--state', state], { cwd: dir });

async function begin(batch: TestBatch): Promise<void> {
  const { code, stderr } = await call(batch, 'run', batch.file, '--detach');
  expect(code, stderr).toBe(0);
}

/** The rest of the night; each look at it is a minute later than the one before. */
async function toItsEnd(batch: TestBatch, name: string) {
  const watch = call(batch, 'watch', name, '--json');
  let isOver = false;
  void watch.finally(() => (isOver = true));
  await until('the batch is over', async () => {
    await pass(state, MINUTE_MS);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return isOver;
  });
  const exit = await watch;
  return { exit, report: JSON.parse(exit.stdout) as RunReport };
}

async function isClosed(batch: TestBatch, { url }: Blog): Promise<boolean> {
  const { stdout } = await call(batch, 'lanes', '--json');
  const { lanes } = JSON.parse(stdout) as { lanes: { label: string; state: string }[] };
  return lanes.some((lane) => lane.label.includes(new URL(url).host) && lane.state === 'closed');
}

test('down for longer than all tries would last: jobs wait, nothing is parked, and each post is there once', async () => {
  const blog = await aBlog();
  const batch = aBatch('down', blog);
  blog.down = true;
  await begin(batch);
  await until('its lane is closed', () => isClosed(batch, blog));
  await until('every job has its artifact', () => batch.sessions().length === JOBS.length);
  const before = blog.writes.length;
  await pass(state, MINUTE_MS);
  await until('a probe has failed', () => blog.writes.length > before);
  blog.down = false;

  const { exit, report } = await toItsEnd(batch, 'down');
  expect(exit.code, exit.stderr).toBe(0);
  expect(report.counts).toMatchObject({ done: JOBS.length, parked: 0, held: 0 });
  expect([blog.posts.length, twice(blog.posts)]).toEqual([JOBS.length, []]);
  expect(await isClosed(batch, blog)).toBe(false);
});

test('one post that it never takes is parked after its own tries, also when it was down for all before', async () => {
  const [poisoned = ''] = JOBS;
  const blog = await aBlog(poisoned);
  const batch = aBatch('poisoned', blog);
  blog.down = true;
  await begin(batch);
  await until('its lane is closed', () => isClosed(batch, blog));
  blog.down = false;

  const { exit, report } = await toItsEnd(batch, 'poisoned');
  expect(exit.code, exit.stderr).toBe(2);
  expect(report.counts).toMatchObject({ done: JOBS.length - 1, parked: 1, held: 0 });
  expect([blog.posts.length, twice(blog.posts)]).toEqual([JOBS.length - 1, []]);
  expect(blog.writes.filter((slug) => slug === poisoned).length).toBeGreaterThanOrEqual(TRIES);
  expect(await isClosed(batch, blog)).toBe(false);
});

test('within a declared limit: nobody sends any more once one of twenty jobs was told to come back in an hour', async () => {
  const blog = await aBlog();
  const batch = aBatch('enough', blog, { slugs: slugsOf(20), limits: { requestsPerMinute: 180 } });
  await begin(batch);
  await until('some have landed', () => blog.posts.length >= 2);
  blog.hasEnough = true;
  await until('one was told', () => !blog.hasEnough);
  const landed = blog.posts.length;
  await new Promise((resolve) => setTimeout(resolve, 9000)); // as far ahead as slots are given out
  expect(blog.calls.length, blog.calls.join()).toBeLessThanOrEqual(2); // were on their way
  expect(blog.posts.length).toBeLessThanOrEqual(landed + 2);
  expect(await isClosed(batch, blog)).toBe(true);
  await call(batch, 'cancel', 'enough');
});

test('jobs of a site that is down let those of other sites go first, and land when it is back', async () => {
  const [dead, alive] = [await aBlog(), await aBlog()];
  dead.down = true;
  const batch = aBatch('two-sites', alive);
  const jobs = JOBS.map((slug, at) => ({ slug, blog: at < 5 ? dead.url : alive.url }));
  const text = readFileSync(batch.file, 'utf8')
    .replace('jobs: ./batch.csv', `identity: [slug]\njobs: ${JSON.stringify(jobs)}`)
    .replace(/^effects:[^]*?limits: [^\n]*/m, (effects) =>
      effects
        .replaceAll(alive.url, '{{ blog }}')
        .replace('use: http', 'use: http\n    hosts: [127.0.0.1]')
        .replace(/concurrency: \d+/, 'concurrency: 2'),
    )
    .replace(`tries: ${TRIES}`, 'tries: 50');
  writeFileSync(batch.file, text);
  await begin(batch);
  await until('the other site has all of its posts', () => alive.posts.length === 3);
  expect(dead.posts).toEqual([]);
  dead.down = false;
  const { exit } = await toItsEnd(batch, 'two-sites');
  expect(exit.code, exit.stderr).toBe(0);
  expect(dead.posts).toHaveLength(5);
  expect(twice([...dead.posts, ...alive.posts])).toEqual([]);
  expect(twice(batch.sessions())).toEqual([]);
});
