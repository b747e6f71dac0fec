import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import { cloneHome, type CloneHome } from './clone.js';
import { gitEnvironment } from './environment.js';
import { GitFailed, RefMoved, isBrokenClone } from './errors.js';
import { readMark, type Mark } from './message.js';
import type { GitOptions } from './options.js';
import { branchRef, readRemoteRefs, wantedRefs, type RemoteRefs } from './refs.js';
import type { Remote } from './remote.js';
import { runGit, type GitCall, type GitEnd } from './run-git.js';

/** Calls on our own clone take no longer, however large the repository is. */
const LOCAL_TIMEOUT_MS = 120_000;

/** What stands at a path of a commit. */
export interface TreeEntry {
  readonly mode: string;
  readonly type: string;
  readonly sha: string;
}

/** Takes a file away where `blob` is undefined. */
export interface Change {
  readonly path: string;
  readonly blob: string | undefined;
  /** That of an ordinary file where left out. */
  readonly mode?: string;
}

export interface CommitWish {
  readonly parent: string | undefined;
  readonly changes: readonly Change[];
  readonly message: string;
  readonly date: Date;
}

export interface PushWish {
  readonly commit: string;
  readonly branch: string;
  /** What the branch must be; undefined where it must not exist. */
  readonly tip: string | undefined;
  readonly claim: string;
}

/** A remote repository and our clone of it. Every method is one call of git or a few local ones; nothing is repeated. */
export interface Repository {
  /** Asks the remote itself; the clone is not looked at. */
  remoteRefs(effectKey: string, signal: AbortSignal): Promise<RemoteRefs>;
  /** Runs work on the clone, one at a time. A clone that turns out damaged is removed. */
  inClone<T>(signal: AbortSignal, work: (clone: OpenClone) => Promise<T>): Promise<T>;
  run(call: Pick<GitCall, 'args' | 'gitDir' | 'signal'>): Promise<GitEnd>;
}

export interface OpenClone {
  /** Fetches a commit where it is not there yet. @throws RefMoved where it is not what the ref is now */
  fetch(ref: string, sha: string): Promise<void>;
  entryAt(commit: string, path: string): Promise<TreeEntry | undefined>;
  /** SHA-256 of a blob's bytes. */
  hashOf(blob: string): Promise<string>;
  markOf(commit: string): Promise<Mark | undefined>;
  /** The last commit that changed a path, as far as our part of the history goes. */
  lastCommitOf(path: string, tip: string): Promise<string | undefined>;
  addBlob(body: Uint8Array): Promise<string>;
  commit(wish: CommitWish): Promise<string>;
  push(wish: PushWish): Promise<GitEnd>;
  /** Creates a ref of ours that says nothing, to see whether the remote takes such refs. The same commit everywhere. */
  pushProbe(ref: string): Promise<GitEnd>;
  /** Signs in and asks what the server can do, as a push would; sends nothing. */
  rehearsePush(commit: string, ref: string): Promise<GitEnd>;
}

export function openRepository(remote: Remote, options: GitOptions, cacheDir: string): Repository {
  const env = gitEnvironment(process.env, remote, options);
  const timeoutMs = durationMs(options.timeout);
  const home = cloneHome(cacheDir, remote.hash);
  const run: Repository['run'] = (call) => runGit({ env, timeoutMs, ...call });

  return {
    run,
    async remoteRefs(effectKey, signal) {
      const args = ['ls-remote', '--quiet', '--end-of-options', remote.url, ...wantedRefs(effectKey)];
      const { stdout } = succeeded('ls-remote', await run({ args, signal }));
      return readRemoteRefs(stdout.toString('utf8'), options.branch, effectKey);
    },
    inClone: (signal, work) =>
      home.inTurn(async () => {
        if (signal.aborted)
          throw new AdapterError('transient', 'stopped before anything was sent', { sent: 'no' });
        try {
          await home.open(async () => {
            const args = ['init', '--quiet', '--bare', '--template=', '--end-of-options', home.dir];
            succeeded('init', await run({ args }));
          });
          return await work(openClone({ home, remote, options, env, timeoutMs, signal }));
        } catch (error) {
          if (!isBrokenClone(error)) throw error;
          await home.remove();
          throw new AdapterError(
            'transient',
            'our clone in the cache folder was damaged or deleted; it is made anew at the next try [use=git]',
            { sent: 'no' },
            { cause: error },
          );
        }
      }),
  };
}

interface CloneParts {
  readonly home: CloneHome;
  readonly remote: Remote;
  readonly options: GitOptions;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

function openClone({ home, remote, options, env, timeoutMs, signal }: CloneParts): OpenClone {
  const gitDir = home.dir;
  const local = async (args: readonly string[], more: Partial<GitCall> = {}): Promise<GitEnd> =>
    runGit({ args, env, gitDir, timeoutMs: LOCAL_TIMEOUT_MS, signal, ...more });
  const must = async (args: readonly string[], more?: Partial<GitCall>): Promise<Buffer> =>
    succeeded(args[0] ?? '', await local(args, more)).stdout;
  const line = async (args: readonly string[], more?: Partial<GitCall>): Promise<string> =>
    (await must(args, more)).toString('utf8').trim();
  const commitTo = async (
    { parent, changes, message, date }: CommitWish,
    { name, email }: Author,
  ): Promise<string> => {
    const seconds = `@${Math.floor(date.getTime() / 1000)} +0000`;
    const own = {
      ...env,
      GIT_INDEX_FILE: `${gitDir}/nightshift-index-${randomBytes(8).toString('hex')}`,
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_AUTHOR_DATE: seconds,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
      GIT_COMMITTER_DATE: seconds,
    };
    await must(parent === undefined ? ['read-tree', '--empty'] : ['read-tree', parent], { env: own });
    await must(['update-index', '-z', '--index-info'], { env: own, input: changes.map(indexLine).join('') });
    const tree = await line(['write-tree'], { env: own });
    const parents = parent === undefined ? [] : ['-p', parent];
    const made = await line(['commit-tree', tree, ...parents, '-F', '-'], { env: own, input: message });
    await rm(own.GIT_INDEX_FILE, { force: true });
    return made;
  };
  const has = async (sha: string) => (await local(['cat-file', '-e', `${sha}^{commit}`])).code === 0;

  return {
    async fetch(ref, sha) {
      if (await has(sha)) return;
      const isBranch = ref === branchRef(options.branch);
      const kept = isBranch ? 'refs/kept/branch' : `refs/kept/${sha}`;
      // The branch's history is wanted from our first look on, a claim's commit alone.
      const known = isBranch && (await local(['rev-parse', '--quiet', '--verify', kept])).code === 0;
      const depth = known ? [] : ['--depth=1'];
      // Always packs, which appear whole or not at all: a killed unpacking leaves commits without their trees.
      const args = [
        '-c',
        'fetch.unpackLimit=1',
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-write-fetch-head',
        ...depth,
      ];
      const end = await local([...args, '--end-of-options', remote.url, `+${ref}:${kept}`], {
        timeoutMs,
      });
      if (end.code === 0 ? await has(sha) : false) return;
      if (end.code === 0 || /couldn't find remote ref/i.test(end.stderr)) {
        throw new RefMoved(ref);
      }
      throw new GitFailed('fetch', end);
    },
    async entryAt(commit, path) {
      const text = await must(['ls-tree', '-z', '--full-tree', commit, '--', path]).then(String);
      const [, mode, type, sha] = /^([0-7]+) ([a-z]+) ([0-9a-f]+)\t/.exec(text) ?? [];
      return mode === undefined || type === undefined || sha === undefined ? undefined : { mode, type, sha };
    },
    hashOf: async (blob) =>
      createHash('sha256')
        .update(await must(['cat-file', 'blob', blob]))
        .digest('hex'),
    async markOf(commit) {
      const text = (await must(['cat-file', 'commit', commit])).toString('utf8');
      return readMark(text.slice(text.indexOf('\n\n') + 2));
    },
    lastCommitOf: async (path, tip) =>
      (await line(['log', '-1', '--format=%H', '--end-of-options', tip, '--', path])) || undefined,
    addBlob: (body) => line(['hash-object', '-w', '--stdin'], { input: body }),
    commit: (wish) => commitTo(wish, { name: options.authorName, email: options.authorEmail }),
    push: ({ commit, branch, tip, claim }) =>
      // Without the signal: a push that is stopped half-way would only leave its outcome unclear.
      runGit({
        args: [
          ...['push', '--porcelain', '--atomic', '--no-verify', '--no-follow-tags'],
          `--force-with-lease=${branchRef(branch)}:${tip ?? ''}`,
          `--force-with-lease=${claim}:`,
          ...['--end-of-options', remote.url, `${commit}:${branchRef(branch)}`, `${commit}:${claim}`],
        ],
        env,
        gitDir,
        timeoutMs,
      }),
    async pushProbe(ref) {
      const commit = await commitTo(
        { parent: undefined, changes: [], message: PROBE_MESSAGE, date: new Date(0) },
        PROBE_AUTHOR,
      );
      return local(
        ['push', '--porcelain', '--no-verify', '--end-of-options', remote.url, `${commit}:${ref}`],
        {
          timeoutMs,
        },
      );
    },
    rehearsePush: (commit, ref) =>
      local(
        [
          'push',
          '--dry-run',
          '--porcelain',
          '--atomic',
          '--no-verify',
          '--end-of-options',
          remote.url,
          `${commit}:${ref}`,
        ],
        {
          timeoutMs,
        },
      ),
  };
}

interface Author {
  readonly name: string;
  readonly email: string;
}

const PROBE_AUTHOR: Author = { name: 'nightshift', email: 'nightshift@localhost' };
const PROBE_MESSAGE = 'This repository takes claims of nightshift under refs/nightshift\n';

const ABSENT = '0'.repeat(40);

const indexLine = ({ path, blob, mode = '100644' }: Change): string =>
  blob === undefined ? `0 ${ABSENT}\t${path}\0` : `${mode} ${blob}\t${path}\0`;

export function succeeded(doing: string, end: GitEnd): GitEnd {
  if (end.code === 0) return end;
  throw new GitFailed(doing, end);
}
