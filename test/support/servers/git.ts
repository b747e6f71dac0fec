/** Bare repositories behind a `git daemon` on loopback that takes pushes; read and written by git itself. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

export interface GitServer {
  readonly port: number;
  /** An empty bare repository, or one with a first commit of these files on `main`. */
  repository(name: string, files?: Readonly<Record<string, string>>): BareRepository;
  readonly isRunning: boolean;
  /** What the daemon was asked for so far: `upload-pack` by who reads, `receive-pack` by who pushes. */
  services(): string[];
  /** SIGKILL to the daemon and every process of it. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Ends the daemon and removes its repositories. Repeatable. */
  stop(): Promise<void>;
}

export interface BareRepository {
  /** Folder of the bare repository. */
  readonly dir: string;
  readonly name: string;
  /** `git://…` */
  readonly url: string;
  /** `file://…` */
  readonly fileUrl: string;
  /** Runs git on the bare repository. */
  git(...args: string[]): string;
  /** Commits of a branch whose trailers name the effect, newest first. */
  commitsOf(effectKey: string, branch?: string): string[];
  /** Text of a file on a branch; undefined where there is none. */
  read(path: string, branch?: string): string | undefined;
  refs(): string[];
  /** A commit of somebody else, pushed from a clone of their own. `undefined` takes a file away. */
  commit(files: Readonly<Record<string, string | undefined>>, branch?: string): void;
}

const START_TRIES = 5;
const LOOKS_MAX = 400;

const PERSON = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'A Person',
  GIT_AUTHOR_EMAIL: 'person@example.test',
  GIT_COMMITTER_NAME: 'A Person',
  GIT_COMMITTER_EMAIL: 'person@example.test',
};

const run = (args: readonly string[], cwd: string): string =>
  execFileSync('git', args, {
    cwd,
    env: PERSON,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });

export async function startGitServer(): Promise<GitServer> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'nightshift-git-')));
  let daemon: ChildProcess | undefined;
  const end = async () => {
    if (daemon?.pid === undefined) return;
    const ended = new Promise<void>((resolve) => daemon?.once('exit', () => resolve()));
    process.kill(-daemon.pid, 'SIGKILL');
    await ended;
    daemon = undefined;
  };
  const asked = join(base, 'services.log');
  const hook = join(base, 'note-service');
  writeFileSync(asked, '');
  writeFileSync(hook, `#!/bin/sh\necho "$1" >> '${asked}'\n`, { mode: 0o755 });
  const start = async (port: number) => {
    daemon = await startDaemon(base, port, hook);
  };
  const clean = () => {
    if (daemon?.pid !== undefined) process.kill(-daemon.pid, 'SIGKILL');
    rmSync(base, { recursive: true, force: true });
  };
  process.once('exit', clean);
  const port = await onFreePort(start);

  return {
    port,
    repository: (name, files) => bareRepository(base, name, port, files),
    get isRunning() {
      return daemon !== undefined;
    },
    services: () => readFileSync(asked, 'utf8').split('\n').slice(0, -1),
    kill: end,
    restart: async () => {
      await end();
      await start(port);
    },
    stop: async () => {
      await end();
      process.off('exit', clean);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function bareRepository(
  base: string,
  name: string,
  port: number,
  files: Readonly<Record<string, string>> = {},
): BareRepository {
  const dir = join(base, `${name}.git`);
  run(['init', '--quiet', '--bare', '--initial-branch=main', dir], base);
  const git = (...args: string[]) => run(args, dir);
  const repository: BareRepository = {
    dir,
    name,
    url: `git://127.0.0.1:${port}/${name}.git`,
    fileUrl: pathToFileURL(dir).href,
    git,
    commitsOf: (effectKey, branch = 'main') =>
      git(
        'log',
        '--format=%H %(trailers:key=Nightshift-Key,valueonly,separator=%x2C)',
        `refs/heads/${branch}`,
      )
        .split('\n')
        .flatMap((line) => {
          const [sha = '', key = ''] = line.split(' ');
          return key === effectKey ? [sha] : [];
        }),
    read: (path, branch = 'main') => {
      const listed = git('ls-tree', '-r', '--name-only', '-z', `refs/heads/${branch}`).split('\0');
      return listed.includes(path) ? git('show', `refs/heads/${branch}:${path}`) : undefined;
    },
    refs: () =>
      git('for-each-ref', '--format=%(refname)')
        .split('\n')
        .filter((line) => line !== ''),
    commit: (changes, branch = 'main') => commitAsPerson(base, dir, changes, branch),
  };
  if (Object.keys(files).length > 0) repository.commit(files);
  return repository;
}

function commitAsPerson(
  base: string,
  dir: string,
  changes: Readonly<Record<string, string | undefined>>,
  branch: string,
): void {
  const work = mkdtempSync(join(base, 'work-'));
  try {
    run(['clone', '--quiet', dir, work], base);
    const isNew = !run(['branch', '-r'], work).includes(`origin/${branch}`);
    run(['checkout', '--quiet', ...(isNew ? ['--orphan'] : []), branch], work);
    for (const [path, text] of Object.entries(changes)) {
      mkdirSync(dirname(join(work, path)), { recursive: true });
      if (text === undefined) rmSync(join(work, path));
      else writeFileSync(join(work, path), text);
    }
    run(['add', '--all'], work);
    run(['commit', '--quiet', '--message=By hand'], work);
    run(['push', '--quiet', 'origin', `HEAD:refs/heads/${branch}`], work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function onFreePort(start: (port: number) => Promise<void>): Promise<number> {
  for (let tries = 1; ; tries++) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    try {
      await start(port);
      return port;
    } catch (error) {
      // Another process may have taken it since it was free.
      if (tries >= START_TRIES) throw error;
    }
  }
}

/** Resolves when the daemon takes connections. */
async function startDaemon(base: string, port: number, hook: string): Promise<ChildProcess> {
  const child = spawn(
    'git',
    // prettier-ignore
    ['daemon', '--reuseaddr', `--base-path=${base}`, '--export-all', '--enable=receive-pack', '--listen=127.0.0.1',
     `--port=${port}`, '--max-connections=200', `--access-hook=${hook}`],
    { env: PERSON, stdio: 'ignore', detached: true },
  );
  let ended = false;
  child.once('exit', () => (ended = true));
  for (let looks = 0; looks < LOOKS_MAX && !ended; looks++) {
    if (await isOpen(port)) return child;
    await sleep(25);
  }
  throw new Error(`git daemon does not answer on port ${port}`);
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
