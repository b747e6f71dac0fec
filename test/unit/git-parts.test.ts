/** The pure parts of the publisher `git`: paths, names, addresses, messages, and what git's own words mean. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gitEnvironment } from '../../src/activities/publishers/git/environment.js';
import { GitFailed, gitError, unclearPush } from '../../src/activities/publishers/git/errors.js';
import { commitMessage, readMark } from '../../src/activities/publishers/git/message.js';
import { gitOptionsSchema } from '../../src/activities/publishers/git/options.js';
import { versionFinding } from '../../src/activities/publishers/git/probe.js';
import { gitPublisher } from '../../src/activities/publishers/git/publisher.js';
import { pushEndOf } from '../../src/activities/publishers/git/push-end.js';
import { branchFault, claimRef, readRemoteRefs } from '../../src/activities/publishers/git/refs.js';
import { pageOf, parseRemote } from '../../src/activities/publishers/git/remote.js';
import { repositoryPathFault } from '../../src/activities/publishers/git/repository-path.js';
import { keyOf, sha256 } from './folder-fixture.js';

const key = keyOf('effect');
const SHA = 'a'.repeat(40);

test.each([
  '.git/config',
  'a/.GIT/hooks/x',
  '.git',
  'a/.Git',
  'git~1/config',
  '.g\u200cit/config',
  '.gi\u00adt/x',
  '.\uff47it/x',
  '.git::$INDEX_ALLOCATION/x',
  '.git:x',
  '.gitmodules',
  'a/.gitModules',
  '../a.md',
  'a/../../b',
  '/etc/passwd',
  'a\nb',
  'a\0b',
  'a//b',
  'a\\b',
  '-a',
  '',
])('the path %j is refused', (path) => {
  expect(repositoryPathFault(path, true)).toBeDefined();
  expect(gitOptionsSchema.safeParse({ path }).success).toBe(false);
});

test.each(['.github/workflows/a.yml', '.GitHub/Workflows/a.yml', '.gitlab-ci.yml', '.circleci/config.yml'])(
  'the path %j is refused until it is allowed',
  (path) => {
    expect(gitOptionsSchema.safeParse({ path }).success).toBe(false);
    expect(gitOptionsSchema.safeParse({ path, allowWorkflows: 'true' }).success).toBe(true);
  },
);

test.each([
  'posts/a.md',
  '.github/a.md',
  'git/config',
  'a.git/b',
  '.gitignore',
  'workflows/a.yml',
  'ä/日本語.md',
])('the path %j is taken', (path) => {
  expect(repositoryPathFault(path, false)).toBeUndefined();
});

test.each([
  '',
  '-x',
  'a..b',
  'a b',
  'a~1',
  'a^',
  'a:b',
  'a?',
  'a*',
  'a[',
  'a\\b',
  '/a',
  'a/',
  'a//b',
  '.a',
  'a/.b',
  'a.lock',
  'a.',
  '@',
  'a@{1}',
  'a\n',
])('the branch %j is refused', (branch) => {
  expect(branchFault(branch)).toBeDefined();
});
test.each(['main', 'release/2026-03', 'a.b', 'käse'])('the branch %j is taken', (branch) => {
  expect(branchFault(branch)).toBeUndefined();
});

test.each([
  'ext::sh -c touch% /tmp/x',
  'ext::x',
  'fd::17',
  '--upload-pack=touch x',
  'https://user:pass@host.test/a.git',
  'https://user@host.test/a.git',
  'ssh://user:pass@host.test/a.git',
  'https://host.test/a.git?x=1',
  'ftp://host.test/a.git',
  'ssh://-oProxyCommand=x/a',
  './a.git',
  '/srv/a.git',
  'a b',
  'https://host.test/a\nb',
  'C:\\a',
])('the target %j is refused, and no password of it is shown', (target) => {
  expect(() => parseRemote(target)).toThrow(
    expect.objectContaining({ errorClass: 'config', facts: { sent: 'no' } }) as Error,
  );
  try {
    parseRemote(target);
  } catch (error) {
    expect(String(error)).not.toContain('pass@');
  }
});

test.each([
  ['https://host.test/a/b.git', 'https'],
  ['http://127.0.0.1:3000/a.git', 'http'],
  ['ssh://git@host.test:2222/a/b.git', 'ssh'],
  ['git@host.test:a/b.git', 'ssh'],
  ['git://host.test/a.git', 'git'],
  ['file:///srv/a.git', 'file'],
])('the target %j is %s', (target, scheme) => {
  expect(parseRemote(target)).toMatchObject({ url: target, scheme });
});

test.each([
  ['https://github.com/o/r.git', 'https://github.com/o/r/blob/main/a%20b/c.md'],
  ['git@github.com:o/r.git', 'https://github.com/o/r/blob/main/a%20b/c.md'],
  ['ssh://git@gitlab.com/g/s/r', 'https://gitlab.com/g/s/r/-/blob/main/a%20b/c.md'],
  ['https://host.test/o/r.git', undefined],
  ['file:///srv/a.git', undefined],
])('a person finds the file of %s at %s', (target, page) => {
  expect(pageOf(parseRemote(target), 'main', 'a b/c.md')).toBe(page);
});

test('claims are read in the order in which they came about, from both places', () => {
  const lines = [
    [SHA, 'refs/heads/main'],
    ['b'.repeat(40), claimRef('refs', key, 10)],
    ['c'.repeat(40), claimRef('refs', key, 2, 'reverse')],
    ['d'.repeat(40), claimRef('tags', key, 2)],
    ['e'.repeat(40), claimRef('refs', keyOf('other'), 1)],
    ['f'.repeat(40), `refs/nightshift/${key}/01`],
    ['f'.repeat(40), `refs/nightshift/${key}/1/x`],
    ['f'.repeat(40), `refs/tags/nightshift/${key}-r2^{}`],
    ['no', 'refs/heads/main'],
  ];
  const read = readRemoteRefs(lines.map((line) => line.join('\t')).join('\n'), 'main', key);
  expect(read).toMatchObject({ tip: SHA, hasBranches: true, takesRefs: false });
  expect(read.claims.map(({ revision, kind }) => `${revision} ${kind}`)).toEqual([
    '2 publish',
    '2 reverse',
    '10 publish',
  ]);
});

test('whatever a message says, the mark that is read back is ours', () => {
  const mark = { effectKey: key, revision: 3, fingerprint: sha256('x'), path: 'posts/ä b.md' };
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constant('\n\nNightshift-Key: x\n')),
      (text) => {
        expect(readMark(commitMessage(text, mark, 'publish'))).toEqual(mark);
      },
    ),
  );
  expect(readMark('Nightshift-Key: x\n\nBy hand')).toBeUndefined();
  expect(readMark('')).toBeUndefined();
});

const porcelain = (...refs: string[]) => Buffer.from(`To x\n${refs.join('\n')}\nDone\n`);
test.each([
  [0, [' \ta:refs/heads/main\t1..2', '*\ta:refs/x\t[new reference]'], 'landed'],
  [0, ['=\ta:refs/heads/main\t[up to date]'], 'landed'],
  [
    1,
    ['!\ta:refs/heads/main\t[rejected] (fetch first)', '!\ta:refs/x\t[rejected] (atomic push failed)'],
    'raced',
  ],
  [
    1,
    ['!\ta:refs/heads/main\t[rejected] (stale info)', '!\ta:refs/x\t[rejected] (atomic push failed)'],
    'raced',
  ],
  [
    1,
    [
      "!\ta:refs/heads/main\t[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
      '!\ta:refs/x\t[remote rejected] (atomic transaction failed)',
    ],
    'raced',
  ],
  [
    1,
    [
      '!\ta:refs/heads/main\t[remote rejected] (atomic push failure)',
      '!\ta:refs/x\t[remote rejected] (reference already exists)',
    ],
    'raced',
  ],
  [
    1,
    [
      '!\ta:refs/heads/main\t[remote rejected] (pre-receive hook declined)',
      '!\ta:refs/x\t[remote rejected] (pre-receive hook declined)',
    ],
    'refused',
  ],
  [
    1,
    [
      '!\ta:refs/heads/main\t[remote rejected] (protected branch)',
      '!\ta:refs/x\t[remote rejected] (atomic push failure)',
    ],
    'refused',
  ],
  [
    1,
    [' \ta:refs/heads/main\t1..2', '!\ta:refs/x\t[remote rejected] (deny updating a hidden ref)'],
    'unclear',
  ],
  [1, ['!\ta:refs/heads/main\t[remote failure] (remote failed to report status)'], 'unclear'],
  [128, [], 'unclear'],
  [null, [' \ta:refs/heads/main\t1..2'], 'unclear'],
] as const)('a push that ends with %s and %j is %s', (code, refs, kind) => {
  expect(pushEndOf({ code, stdout: porcelain(...refs) }).kind).toBe(kind);
});

const end = (stderr: string, code: number | null = 128) => ({
  code,
  stdout: Buffer.alloc(0),
  stderr,
  timedOut: false,
});
test.each([
  [
    'fatal: unable to connect to 127.0.0.1:\n127.0.0.1[0: 127.0.0.1]: errno=Connection refused',
    'transient',
    'no',
  ],
  ['ssh: Could not resolve hostname x: Name or service not known', 'transient', 'no'],
  ['fatal: the remote end hung up unexpectedly', 'transient', 'maybe'],
  ['fatal: read error: Connection reset by peer', 'transient', 'maybe'],
  ['git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.', 'auth', 'no'],
  ['Host key verification failed.\nfatal: Could not read from remote repository.', 'config', 'no'],
  ["remote: Repository not found.\nfatal: repository 'https://x/' not found", 'config', 'no'],
  ['fatal: remote error: access denied or repository not exported: /x', 'config', 'no'],
  ["fatal: could not read Username for 'https://x': terminal prompts disabled", 'auth', 'no'],
  ['fatal: the receiving end does not support --atomic push', 'config', 'no'],
  ['error: file write error: No space left on device', 'exhausted', 'maybe'],
  ['fatal: words that nobody has seen', 'bug', 'maybe'],
])('git says %j: %s; of a push: sent %s', (stderr, errorClass, sent) => {
  expect(gitError(new GitFailed('fetch', end(stderr)), 'x')).toMatchObject({
    errorClass,
    facts: { sent: 'no' },
  });
  expect(unclearPush(end(stderr), 'x')).toMatchObject({
    errorClass: sent === 'no' ? errorClass : 'unknown',
    facts: { sent },
  });
});

test('any error at all gets a class, and one line', () => {
  for (const error of [
    new Error('x\n\u001b[31my'),
    'text',
    undefined,
    Object.assign(new Error('x'), { code: 'EIO' }),
  ]) {
    const failure = gitError(error, 'x');
    expect(failure).toMatchObject({ name: 'AdapterError' });
    // eslint-disable-next-line no-control-regex -- what must not be in a message
    expect(failure.message).not.toMatch(/[\u0000-\u001f]/);
  }
});

test('a token stands in the environment of git alone, for https alone, and nothing of the worker’s leaks in', () => {
  const worker = {
    PATH: '/bin',
    GIT_DIR: '/elsewhere',
    GIT_SSH_COMMAND: 'evil',
    NODE_OPTIONS: 'x',
    SSH_AUTH_SOCK: 's',
  };
  const options = gitOptionsSchema.parse({ path: 'a', token: 'tok-en', sshKeyFile: "/k'ey" });
  const env = gitEnvironment(worker, parseRemote('https://host.test/a.git'), options);
  expect(env).toMatchObject({ PATH: '/bin', SSH_AUTH_SOCK: 's', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' });
  expect(env).not.toHaveProperty('GIT_DIR');
  expect(env).not.toHaveProperty('NODE_OPTIONS');
  expect(env.GIT_SSH_COMMAND).toMatch(/^ssh -o BatchMode=yes .* -i '\/k'\\''ey'$/);
  const basic = Buffer.from('x-access-token:tok-en').toString('base64');
  expect(Object.values(env)).toContain(`Authorization: Basic ${basic}`);
  expect(JSON.stringify(gitEnvironment(worker, parseRemote('ssh://host.test/a.git'), options))).not.toContain(
    basic,
  );
  for (const target of ['http://host.test/a.git', 'ssh://host.test/a.git']) {
    expect(() => gitPublisher({ options, target, cacheDir: '/nowhere' })).toThrow(/with\.token is for https/);
  }
});

test.each([
  ['git version 2.39.5', undefined],
  ['git version 2.32.0', undefined],
  ['git version 3.0.0', undefined],
  ['git version 2.31.9', 'fail'],
  ['git version 1.8.3', 'fail'],
])('%s: %s', (said, status) => {
  expect(versionFinding(said)?.status).toBe(status);
});

test.each([
  { authorName: 'A <b@c>' },
  { authorName: 'A\nB' },
  { authorEmail: '' },
  { branch: '-x' },
  { timeout: '10ms' },
  { claims: 'heads' },
  { date: 'tomorrow' },
  { sshKeyFile: 'key' },
  { remote: 'x' },
])('the options %j are refused', (fields) => {
  expect(gitOptionsSchema.safeParse({ path: 'a.md', ...fields }).success).toBe(false);
});
