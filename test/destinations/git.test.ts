/**
 * The publisher `git` against a real `git daemon`. What landed is counted in the bare repository by git itself, by the
 * trailers of the commits on the branch.
 */
import { spawn } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { gitOptionsSchema } from '../../src/activities/publishers/git/options.js';
import { gitPublisher } from '../../src/activities/publishers/git/publisher.js';
import type { BodyRequest, Publisher, PublisherContext } from '../../src/activities/publishers/publisher.js';
import { AdapterError } from '../../src/contract/errors.js';
import { jitterOf } from '../../src/policy/jitter.js';
import { land, receiptIn } from '../support/land.js';
import { SEED } from '../support/rounds.js';
import { startCuttingProxy, type CuttingProxy } from '../support/servers/cutting-proxy.js';
import { startGitServer, type BareRepository, type GitServer } from '../support/servers/git.js';
import { hasGitHttp, startGitHttp } from '../support/servers/git-http.js';
import { aFolder, bodyRequest, keyOf, ours, receiptOf, sha256 } from '../unit/folder-fixture.js';

const WRITER = fileURLToPath(new URL('publish-once.mjs', import.meta.url));

let server: GitServer;
let proxy: CuttingProxy;
let repository: BareRepository;
let cacheDir: string;
let number = 0;

beforeAll(async () => {
  server = await startGitServer();
  proxy = await startCuttingProxy(server.port);
});
afterAll(async () => {
  await proxy?.close();
  await server?.stop();
});
beforeEach(async () => {
  if (!server.isRunning) await server.restart(); // a test that kills it may have failed
  repository = server.repository(`r${++number}`, { 'README.md': '# Here\n' });
  cacheDir = aFolder();
});
afterEach(() => {
  expect(repository.git('fsck', '--strict', '--no-dangling')).toBe('');
});

const { signal } = new AbortController();
setMaxListeners(200, signal); // shared by all effects of these tests
const context: PublisherContext = {
  signal,
  now: () => new Date(),
  sleep: async (ms) => sleep(ms),
};

const publisher = (
  fields: Record<string, unknown> = {},
  target = repository.url,
  cache = cacheDir,
): Publisher =>
  gitPublisher({
    options: gitOptionsSchema.parse({ path: 'posts/a.md', ...fields }),
    target,
    cacheDir: cache,
  });
const PROBE = 'refs/nightshift/probe';
const throughProxy = () => `git://127.0.0.1:${proxy.port}/${repository.name}.git`;
const key = keyOf('effect');
const second = (text: string, fields: Partial<BodyRequest> = {}) =>
  bodyRequest(text, { revision: 2, fingerprint: sha256('payload 2'), ...fields });
const tip = () => repository.git('rev-parse', 'refs/heads/main').trim();

/** One effect at another path: from then on, the only push of an effect is its own. */
const warm = (cache = aFolder()) =>
  publisher({ path: 'first.md' }, repository.url, cache).create(
    bodyRequest('first', { effectKey: keyOf('first') }),
    context,
  );

/** A process of its own, on the same cache folder. */
const anotherWorker = (target: string, effectKey: string, path: string) => {
  const request = { ...bodyRequest('', { effectKey }), body: undefined };
  const wish = { adapter: 'git', options: { path }, target, cacheDir, request, text: 'from the child' };
  return spawn(process.execPath, [WRITER, JSON.stringify(wish)], { stdio: ['ignore', 'pipe', 'inherit'] });
};

async function failureOf(of: Publisher, what: Promise<unknown> | undefined): Promise<AdapterError> {
  try {
    await what;
  } catch (error) {
    return of.classify(error, 'create');
  }
  throw new Error('it did not fail');
}

test.each(['git', 'file'] as const)(
  'over %s://: commit and claim land together, and are found',
  async (over) => {
    const to = publisher({}, over === 'git' ? repository.url : repository.fileUrl);
    const request = bodyRequest('# Wörter 🚲\n');
    expect(await to.lookup?.(request, context)).toEqual({ kind: 'absent' });
    expect(repository.refs()).toEqual(['refs/heads/main']);
    const placed = ours(await to.create(request, context));
    expect(placed).toEqual({
      id: `${tip()}:posts/a.md`,
      sha256: request.sha256,
      revision: 1,
      fingerprint: request.fingerprint,
      visible: true,
    });
    expect(ours(await to.lookup?.(request, context))).toEqual(placed);
    expect(repository.read('posts/a.md')).toBe('# Wörter 🚲\n');
    expect(repository.read('README.md')).toBe('# Here\n');
    expect(repository.refs()).toEqual(['refs/heads/main', `refs/nightshift/${key}/1`, PROBE]);
    expect(repository.commitsOf(key)).toEqual([tip()]);
    expect(
      repository.git('log', '-1', '--format=%s%n%an <%ae>%n%(trailers:unfold)').trim().split('\n'),
    ).toEqual([
      'Add posts/a.md',
      'nightshift <nightshift@localhost>',
      `Nightshift-Key: ${key}`,
      'Nightshift-Revision: 1',
      `Nightshift-Fingerprint: ${request.fingerprint}`,
      'Nightshift-Path: posts/a.md',
    ]);
  },
);

test('publishing again changes nothing, also from a host that has no clone', async () => {
  await publisher().create(bodyRequest('first'), context);
  const before = tip();
  expect(
    ours(await publisher({}, repository.url, aFolder()).create(bodyRequest('second'), context)).sha256,
  ).toBe(sha256('first'));
  expect(tip()).toBe(before);
});

test('twenty who publish one effect at once make one commit', async () => {
  const ends = await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      publisher({}, repository.url, aFolder()).create(bodyRequest(`text ${at}`), context),
    ),
  );
  expect(repository.commitsOf(key)).toHaveLength(1);
  expect(new Set(ends.map((end) => ours(end).id))).toEqual(new Set([`${tip()}:posts/a.md`]));
});

test('eight effects at once from eight clones all land, one commit each', async () => {
  const keys = Array.from({ length: 8 }, (_, at) => keyOf(`effect ${at}`));
  await Promise.all(
    keys.map((effectKey, at) =>
      publisher({ path: `posts/${at}.md` }, repository.url, aFolder()).create(
        bodyRequest(`text ${at}`, { effectKey }),
        context,
      ),
    ),
  );
  expect(keys.map((effectKey) => repository.commitsOf(effectKey).length)).toEqual(Array(8).fill(1));
  expect(keys.map((_, at) => repository.read(`posts/${at}.md`))).toEqual(keys.map((_, at) => `text ${at}`));
});

test('effects of one worker share one clone', async () => {
  await Promise.all(
    Array.from({ length: 6 }, (_, at) =>
      publisher({ path: `posts/${at}.md` }).create(
        bodyRequest(`text ${at}`, { effectKey: keyOf(`effect ${at}`) }),
        context,
      ),
    ),
  );
  expect(readdirSync(cacheDir).filter((name) => name.endsWith('.git'))).toHaveLength(1);
  expect(repository.git('rev-list', '--count', 'main').trim()).toBe('7');
});

test('a branch that a person moved meanwhile keeps their commit, and gets ours on top', async () => {
  const to = publisher();
  await to.lookup?.(bodyRequest('words'), context); // our clone knows the old tip
  repository.commit({ 'posts/b.md': 'by hand' });
  ours(await to.create(bodyRequest('words'), context));
  expect(repository.read('posts/b.md')).toBe('by hand');
  expect(repository.read('posts/a.md')).toBe('words');
  expect(repository.git('rev-list', '--count', 'main').trim()).toBe('3');
});

test('a commit that is made again on the same parent is the same commit', async () => {
  const refusing = join(repository.dir, 'hooks', 'update');
  mkdirSync(join(repository.dir, 'hooks'), { recursive: true });
  writeFileSync(refusing, '#!/bin/sh\ntest "$1" = refs/nightshift/probe\n');
  chmodSync(refusing, 0o755);
  const to = publisher({ claims: 'refs' });
  for (const now of ['2026-03-01T01:00:00Z', '2026-03-01T05:00:00Z']) {
    const failure = await failureOf(
      to,
      to.create(bodyRequest('words'), { ...context, now: () => new Date(now) }),
    );
    expect(failure).toMatchObject({ errorClass: 'invalid', facts: { sent: 'rejected' } });
  }
  expect(repository.refs()).toEqual(['refs/heads/main', PROBE]);
  rmSync(refusing);
  ours(await to.create(bodyRequest('words'), { ...context, now: () => new Date('2026-03-02T01:00:00Z') }));
  const seconds = Date.parse('2026-03-01T01:00:00Z') / 1000;
  expect(repository.git('log', '-1', '--format=%at %ct').trim()).toBe(`${seconds} ${seconds}`);
});

// --- Lost answers ----------------------------------------------------------------------------------

test('a lost answer of a push that landed is settled by the claim', async () => {
  await warm();
  const to = publisher({}, throughProxy());
  const lost = proxy.loseAnswer('unpack ok');
  const placed = ours(await to.create(bodyRequest('words'), context));
  await lost;
  expect(placed).toMatchObject({ revision: 1, sha256: sha256('words') });
  expect(repository.commitsOf(key)).toHaveLength(1);
});

test('a daemon that dies after it committed: unknown, then found by ls-remote', async () => {
  await warm();
  const to = publisher({}, throughProxy());
  const lost = proxy.loseAnswer('unpack ok', () => server.kill());
  expect(await failureOf(to, to.create(bodyRequest('words'), context))).toMatchObject({
    errorClass: 'unknown',
    facts: { sent: 'maybe' },
  });
  await lost;
  expect(await failureOf(to, to.lookup?.(bodyRequest('words'), context))).toMatchObject({
    errorClass: 'transient',
    facts: { sent: 'no' },
  });
  await server.restart();
  ours(await to.lookup?.(bodyRequest('words'), context));
  ours(await to.create(bodyRequest('other words'), context));
  expect(repository.commitsOf(key)).toHaveLength(1);
});

test('a worker killed between push and answer: the next one finds the commit and uses the clone', async () => {
  await warm();
  const held = proxy.loseAnswer('unpack ok', 'hold');
  const child = anotherWorker(throughProxy(), key, 'posts/a.md');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await held;
  child.kill('SIGKILL');
  await ended;
  const placed = ours(await publisher().lookup?.(bodyRequest('words'), context));
  expect(placed.sha256).toBe(sha256('from the child'));
  ours(await publisher().create(bodyRequest('words'), context));
  expect(repository.commitsOf(key)).toHaveLength(1);
  const clones = readdirSync(cacheDir).filter((name) => name.endsWith(`.${process.pid}.git`));
  expect(clones).toHaveLength(1);
});

test('workers killed at any moment, again and again: one commit for each effect in the end', async () => {
  const keys = Array.from({ length: 4 }, (_, at) => keyOf(`killed ${at}`));
  process.stderr.write(`kill times from seed ${SEED}\n`);
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      keys.map(async (effectKey, at) => {
        const child = anotherWorker(repository.url, effectKey, `posts/${at}.md`);
        const ended = new Promise((resolve) => child.once('exit', resolve));
        await new Promise<void>((resolve) => createInterface(child.stdout).once('line', () => resolve()));
        await sleep(5 + jitterOf(`${SEED}:${round}:${at}`) * 100);
        child.kill('SIGKILL');
        await ended;
      }),
    );
  }
  for (const [at, effectKey] of keys.entries()) {
    ours(
      await publisher({ path: `posts/${at}.md` }).create(
        bodyRequest('from the child', { effectKey }),
        context,
      ),
    );
    expect(repository.commitsOf(effectKey)).toHaveLength(1);
  }
});

test('whatever is deleted from the cache folder at any time, effects land', async () => {
  const to = publisher();
  await to.create(bodyRequest('one', { effectKey: keyOf('one') }), context);
  const [clone = ''] = readdirSync(cacheDir).filter((name) => name.endsWith('.git'));
  for (const [at, part] of ['objects/pack', 'HEAD', 'refs', 'objects', ''].entries()) {
    rmSync(join(cacheDir, clone, part), { recursive: true, force: true });
    const other = publisher({ path: `posts/${at}.md` });
    const request = bodyRequest('words', { effectKey: keyOf(part) });
    const first = await other
      .create(request, context)
      .catch((error: unknown) => other.classify(error, 'create'));
    if (first instanceof AdapterError)
      expect(first).toMatchObject({ errorClass: 'transient', facts: { sent: 'no' } });
    ours(await other.create(request, context));
    expect(repository.commitsOf(request.effectKey)).toHaveLength(1);
  }
});

test('clones that nobody has used for a week go, whosever they were; younger ones of others stay', async () => {
  await warm(cacheDir);
  const [mine = ''] = readdirSync(cacheDir).filter((name) => name.endsWith('.git'));
  const [hash = ''] = mine.split('.');
  rmSync(join(cacheDir, mine), { recursive: true });
  const [old, young] = [`${hash}.0123456789ab.1.git`, `${hash}.0123456789ab.2.git`];
  for (const name of [old, young]) mkdirSync(join(cacheDir, name));
  const weekAgo = new Date(Date.now() - 8 * 24 * 3600 * 1000);
  utimesSync(join(cacheDir, old), weekAgo, weekAgo);
  await publisher().create(bodyRequest('words'), context);
  expect(readdirSync(cacheDir).filter((name) => name.endsWith('.git'))).toEqual([young, mine].sort());
});

test('a server that does not answer ends in time, and nothing is taken for sent', async () => {
  const to = publisher({ timeout: '1s' }, throughProxy());
  void proxy.loseAnswer('refs/heads/main', 'hold');
  expect(await failureOf(to, to.create(bodyRequest('words'), context))).toMatchObject({
    errorClass: 'transient',
    facts: { sent: 'no' },
  });
});

// --- Somebody else’s -------------------------------------------------------------------------------

test('a file of somebody else at the path is theirs and stays', async () => {
  repository.commit({ 'posts/a.md': 'by hand' });
  const before = tip();
  for (const found of [
    await publisher().lookup?.(bodyRequest('words'), context),
    await publisher().create(bodyRequest('words'), context),
  ]) {
    expect(found).toMatchObject({
      kind: 'theirs',
      why: expect.stringContaining('did not put there') as string,
    });
  }
  expect(tip()).toBe(before);
});

test.each([
  ['posts/a.md/deep.md', 'a file stands where a folder should be'],
  ['posts', 'a folder has this name'],
])('the path %s, which files of others make impossible, is theirs', async (path, why) => {
  repository.commit({ 'posts/a.md': 'by hand' });
  expect(await publisher({ path }).create(bodyRequest('words'), context)).toMatchObject({
    kind: 'theirs',
    why,
  });
});

test('two effects that want one path do not share it', async () => {
  await publisher().create(bodyRequest('words'), context);
  const found = await publisher().create(bodyRequest('words', { effectKey: keyOf('other') }), context);
  expect(found).toMatchObject({
    kind: 'theirs',
    why: expect.stringContaining(`another effect (${key})`) as string,
    owner: key,
  });
  expect(repository.read('posts/a.md')).toBe('words');
});

test('a claim of our name on somebody else’s commit is theirs', async () => {
  repository.git('update-ref', `refs/nightshift/${key}/1`, 'refs/heads/main');
  expect(await publisher().create(bodyRequest('words'), context)).toMatchObject({
    kind: 'theirs',
    why: expect.stringContaining('not of this effect') as string,
  });
});

test('a commit whose claim was deleted is still ours, and is not made twice', async () => {
  await publisher().create(bodyRequest('words'), context);
  repository.git('update-ref', '-d', `refs/nightshift/${key}/1`);
  expect(ours(await publisher().lookup?.(bodyRequest('words'), context)).sha256).toBe(sha256('words'));
  ours(await publisher().create(bodyRequest('words'), context));
  expect(repository.commitsOf(key)).toHaveLength(1);
});

test('a person changes, removes or replaces the file: drift, removed, theirs; nothing is sent', async () => {
  const request = bodyRequest('words');
  const receipt = receiptOf(ours(await publisher().create(request, context)), request);
  repository.commit({ 'posts/a.md': 'edited' });
  const drifted = ours(await publisher().lookup?.(request, context));
  expect(drifted).toMatchObject({ sha256: sha256('edited'), revision: 1 });
  expect(await publisher().update?.(second('two'), receipt, context)).toMatchObject({
    kind: 'theirs',
    why: 'changed since it was published',
  });
  await expect(publisher().unpublish?.(request, receipt, context)).rejects.toMatchObject({
    errorClass: 'conflict',
  });
  repository.commit({ 'posts/a.md': undefined });
  expect(await publisher().lookup?.(request, context)).toMatchObject({ kind: 'removed' });
  expect(await publisher().create(request, context)).toMatchObject({ kind: 'removed' });
  expect(await publisher().update?.(second('two'), receipt, context)).toMatchObject({ kind: 'removed' });
  expect(repository.commitsOf(key)).toHaveLength(1);
});

test('a branch that was forced back keeps the claim, and the effect counts as removed', async () => {
  const before = tip();
  await publisher().create(bodyRequest('words'), context);
  repository.git('update-ref', 'refs/heads/main', before);
  expect(await publisher().create(bodyRequest('words'), context)).toMatchObject({ kind: 'removed' });
  expect(tip()).toBe(before);
});

// --- Updates and undoing ---------------------------------------------------------------------------

test('a higher revision is one more commit, made once, and an older one comes too late', async () => {
  const one = bodyRequest('one');
  const before = receiptOf(ours(await publisher().create(one, context)), one);
  const updates = await Promise.all(
    Array.from({ length: 6 }, async () =>
      publisher({}, repository.url, aFolder()).update?.(second('two'), before, context),
    ),
  );
  expect(new Set(updates.map((end) => ours(end).id)).size).toBe(1);
  expect(repository.commitsOf(key)).toHaveLength(2);
  expect(repository.read('posts/a.md')).toBe('two');
  const updated = ours(await publisher().lookup?.(second('two'), context));
  expect(updated).toMatchObject({ revision: 2, fingerprint: sha256('payload 2'), sha256: sha256('two') });
  const third = second('three', { revision: 3 });
  ours(await publisher().update?.(third, receiptOf(updated, second('two')), context));
  expect(await publisher().update?.(second('two'), before, context)).toMatchObject({ kind: 'theirs' });
  expect(repository.read('posts/a.md')).toBe('three');
});

test('a path that changes with the revision moves the file in one commit; a taken one leaves it', async () => {
  const one = bodyRequest('one');
  const before = receiptOf(ours(await publisher().create(one, context)), one);
  repository.commit({ 'posts/taken.md': 'by hand' });
  expect(await publisher({ path: 'posts/taken.md' }).update?.(second('two'), before, context)).toMatchObject({
    kind: 'theirs',
  });
  const moved = ours(await publisher({ path: 'new/b.md' }).update?.(second('two'), before, context));
  expect(moved.id).toBe(`${tip()}:new/b.md`);
  expect(repository.read('posts/a.md')).toBeUndefined();
  expect(repository.read('new/b.md')).toBe('two');
  expect(repository.read('posts/taken.md')).toBe('by hand');
});

test('undoing is a commit with its own claim, made once; a higher revision can land again', async () => {
  const one = bodyRequest('one');
  const to = publisher();
  expect(to.facts.unpublish).toBe('reverse');
  const receipt = receiptOf(ours(await to.create(one, context)), one);
  await Promise.all(
    Array.from({ length: 5 }, async () =>
      publisher({}, repository.url, aFolder()).unpublish?.(one, receipt, context),
    ),
  );
  await to.unpublish?.(one, receipt, context);
  expect(repository.read('posts/a.md')).toBeUndefined();
  expect(repository.commitsOf(key)).toHaveLength(2);
  expect(repository.refs()).toContain(`refs/nightshift/${key}/1-reverse`);
  expect(await to.lookup?.(one, context)).toMatchObject({ kind: 'removed' });
  expect(await to.create(one, context)).toMatchObject({ kind: 'removed' });
  expect(await to.lookup?.(second('two'), context)).toEqual({ kind: 'absent' });
  ours(await to.create(second('two'), context));
  expect(repository.read('posts/a.md')).toBe('two');
});

test('by the algorithm, with no ledger behind it: landed, adopted, updated, and held once somebody edits', async () => {
  const one = await land(publisher(), bodyRequest('one'));
  expect(one).toMatchObject({ kind: 'landed', sent: true });
  expect(await land(publisher(), bodyRequest('one'))).toMatchObject({ kind: 'adopted', sent: false });
  const two = await land(publisher(), second('two'), { row: { receipt: receiptIn(one) } });
  expect(two).toMatchObject({ kind: 'landed', receipt: { revision: 2, sha256: sha256('two') } });
  repository.commit({ 'posts/a.md': 'edited' });
  const three = second('three', { revision: 3 });
  expect(await land(publisher(), three, { row: { receipt: receiptIn(two) } })).toMatchObject({
    kind: 'held',
  });
  expect(repository.commitsOf(key)).toHaveLength(2);
  expect(repository.read('posts/a.md')).toBe('edited');
});

// --- Hosts -----------------------------------------------------------------------------------------

test('a host that refuses refs/nightshift gets tags, and one that refuses these too is named', async () => {
  repository.git('config', 'receive.hideRefs', 'refs/nightshift');
  ours(await publisher().create(bodyRequest('words'), context));
  ours(await publisher().create(bodyRequest('words'), context));
  expect(repository.refs()).toEqual(['refs/heads/main', `refs/tags/nightshift/${key}-r1`]);
  expect(repository.commitsOf(key)).toHaveLength(1);
  ours(await publisher({}, repository.url, aFolder()).lookup?.(bodyRequest('words'), context));
  const fixed = publisher({ claims: 'refs', path: 'posts/b.md' });
  const other = bodyRequest('words', { effectKey: keyOf('other') });
  expect(await failureOf(fixed, fixed.create(other, context))).toMatchObject({
    errorClass: 'config',
    facts: { sent: 'no' },
  });
  expect(repository.commitsOf(other.effectKey)).toHaveLength(0);
});

test('a host that hides our refs only after it took some loses no effect and makes none twice', async () => {
  await warm();
  repository.git('config', 'receive.hideRefs', 'refs/nightshift');
  ours(await publisher().create(bodyRequest('words'), context));
  ours(await publisher({}, repository.url, aFolder()).create(bodyRequest('words'), context));
  expect(repository.commitsOf(key)).toHaveLength(1);
});

test('a server without atomic pushes gets nothing', async () => {
  repository.git('config', 'receive.advertiseAtomic', 'false');
  const to = publisher();
  expect(await failureOf(to, to.create(bodyRequest('words'), context))).toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('atomic') as string,
  });
  expect(await to.probe?.(context)).toContainEqual(expect.objectContaining({ status: 'fail' }));
  expect(repository.refs()).toEqual(['refs/heads/main', PROBE]);
});

test('an empty repository gets its first branch; a wrong branch of another one is named', async () => {
  const wrong = publisher({ branch: 'mian' });
  expect(await failureOf(wrong, wrong.create(bodyRequest('words'), context))).toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('no branch "mian"') as string,
  });
  repository = server.repository(`r${++number}`);
  expect(await publisher().probe?.(context)).toMatchObject([{ status: 'warn' }]);
  await Promise.all(
    Array.from({ length: 5 }, async () =>
      publisher({}, repository.url, aFolder()).create(bodyRequest('words'), context),
    ),
  );
  expect(repository.commitsOf(key)).toHaveLength(1);
});

test.each([
  ['nowhere', 'config', 'no'],
  ['closed', 'transient', 'no'],
])('a repository that is %s: %s, not sent', async (what, errorClass, sent) => {
  const target =
    what === 'nowhere' ? `git://127.0.0.1:${server.port}/none.git` : 'git://127.0.0.1:1/none.git';
  const to = publisher({}, target);
  expect(await failureOf(to, to.create(bodyRequest('words'), context))).toMatchObject({
    errorClass,
    facts: { sent },
  });
  expect(await to.probe?.(context)).toMatchObject([{ status: 'fail' }]);
});

test.runIf(hasGitHttp())(
  'over http: the token signs in, follows no redirect, and stands in no error',
  async () => {
    const user = 'x-access-token';
    const token = 'tok-3n-of-a-test';
    const http = await startGitHttp(repository, { user, token });
    const elsewhere = await startGitHttp(repository, { user, token, redirectTo: new URL(http.url).origin });
    try {
      const to = publisher({ token }, http.url);
      expect((await to.probe?.(context))?.map(({ status }) => status)).toEqual(['ok', 'ok']);
      ours(await to.create(bodyRequest('words'), context));
      ours(await to.lookup?.(bodyRequest('words'), context));
      expect(repository.commitsOf(key)).toHaveLength(1);

      const before = http.seen.length;
      const moved = publisher({ token }, elsewhere.url);
      expect(await failureOf(moved, moved.lookup?.(bodyRequest('words'), context))).toMatchObject({
        facts: { sent: 'no' },
      });
      expect(http.seen).toHaveLength(before);

      for (const fields of [{ token: 'wr0ng-token' }, {}]) {
        const wrong = publisher(fields, http.url);
        const failure = await failureOf(wrong, wrong.create(bodyRequest('words'), context));
        expect(failure).toMatchObject({ errorClass: 'auth', facts: { sent: 'no' } });
        const shown = `${failure.message} ${JSON.stringify([failure, failure.cause])}`;
        expect(shown).not.toContain('wr0ng-token');
        expect(shown).not.toContain(Buffer.from(`${user}:wr0ng-token`).toString('base64'));
      }
    } finally {
      await http.stop();
      await elsewhere.stop();
    }
  },
);

test('a probe and a look-up change nothing', async () => {
  const before = repository.git('for-each-ref');
  expect((await publisher().probe?.(context))?.map(({ status }) => status)).toEqual(['ok', 'ok']);
  await publisher().lookup?.(bodyRequest('words'), context);
  expect(repository.git('for-each-ref')).toBe(before);
});

test('a message from a template can’t pass for our mark', async () => {
  const fake = keyOf('fake');
  const message = `Post\r\n\u001b[31mred\u202e\n\nNightshift-Key: ${fake}\nNightshift-Revision: 9`;
  ours(await publisher({ message }).create(bodyRequest('words'), context));
  expect(repository.commitsOf(fake)).toHaveLength(0);
  expect(repository.commitsOf(key)).toHaveLength(1);
  expect(ours(await publisher().lookup?.(bodyRequest('words'), context)).revision).toBe(1);
  expect(repository.git('log', '-1', '--format=%B')).not.toContain('\u001b');
});

test('names that look like options or patterns are only names', async () => {
  for (const path of [
    'posts/*',
    'posts/:(top)x',
    'posts/$(touch x)',
    'posts/ä ö,ü.md',
    'posts/"quoted".md',
  ]) {
    const effectKey = keyOf(path);
    ours(await publisher({ path }).create(bodyRequest(path, { effectKey }), context));
    expect(ours(await publisher({ path }).lookup?.(bodyRequest(path, { effectKey }), context)).sha256).toBe(
      sha256(path),
    );
    expect(repository.read(path)).toBe(path);
  }
});

test('two megabytes of any bytes arrive whole', async () => {
  const bytes = Buffer.alloc(2_000_000, Buffer.from([0, 255, 10, 13, 92, 39]));
  const request = bodyRequest('', { body: bytes, sha256: sha256(bytes) });
  await publisher().create(request, context);
  expect(ours(await publisher({}, repository.url, aFolder()).lookup?.(request, context)).sha256).toBe(
    request.sha256,
  );
});

test('a try that is told to stop pushes nothing', async () => {
  const to = publisher();
  const stopped = { ...context, signal: AbortSignal.abort() };
  expect(await failureOf(to, to.create(bodyRequest('words'), stopped))).toMatchObject({
    facts: { sent: 'no' },
  });
  expect(repository.refs()).toEqual(['refs/heads/main']);
});
