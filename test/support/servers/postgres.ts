/**
 * A PostgreSQL of a test's own: private data directory, free port on loopback, password sign-in, fsync on.
 * The server refuses to run as root; where a test does, the server runs as `nobody`.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

export interface PostgresServer {
  /** Connection string with user and password. */
  readonly url: string;
  readonly port: number;
  /** Folder with the server's programs, and those of its clients. */
  readonly bin: string;
  /** Rows of one statement, through a connection of its own. */
  rows<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Lines of its log, oldest first. */
  log(): string[];
  /** Ends it in order and removes its data. Repeatable. */
  stop(): Promise<void>;
  /** SIGKILL to the server and to every process of it, as in a power cut; the data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port, after `kill` or while it runs. */
  restart(): Promise<void>;
}

export interface PostgresOptions {
  /** Server settings, such as `{ max_connections: '300' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const USER = 'postgres'; // as in the image
const PASSWORD = 'p-ss/w%rd of a test';
const START_TRIES = 5;
const STOP_GRACE_MS = 20_000;

/**
 * True where PostgreSQL is installed. Where it is not, says so once and returns false, for `describe.runIf`.
 * @throws where the tests must not be left out: `CI` or `NIGHTSHIFT_TEST_SERVERS_REQUIRED` is set
 */
export function hasPostgres(): boolean {
  if (binaries() !== undefined) return true;
  const message =
    'PostgreSQL is not installed: no folder with initdb and postgres was found. Tests that need it are left out; ' +
    'install it with: apt-get install postgresql (Debian) or brew install postgresql (macOS)';
  if (process.env.CI || process.env.NIGHTSHIFT_TEST_SERVERS_REQUIRED) throw new Error(message);
  process.stderr.write(`${message}\n`);
  return false;
}

/** Starts a server with an empty database. The caller stops it, also when its test failed. */
export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<PostgresServer> {
  const bin = binaries();
  if (bin === undefined) throw new Error('PostgreSQL is not installed; ask hasPostgres() first');
  const owner = unprivilegedUser();
  const home = mkdtempSync(join(tmpdir(), 'nightshift-postgres-'));
  const data = join(home, 'data');
  if (owner) chownSync(home, owner.uid, owner.gid);
  try {
    await initialise(bin, home, data, owner);
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }

  let process_: ChildProcess | undefined;
  let log = '';
  const start = async (port: number) => {
    process_ = await startServer({ bin, home, data, port, settings, owner });
    process_.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')));
  };
  const stopProcess = async () => {
    if (process_ !== undefined) await endInOrder(process_);
    process_ = undefined;
  };
  const clean = () => {
    process_?.kill('SIGQUIT');
    rmSync(home, { recursive: true, force: true });
  };
  process.once('exit', clean);
  const port = await startOnFreePort(start).catch((error: unknown) => {
    clean();
    throw error;
  });
  const url = `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/postgres`;

  return {
    url,
    port,
    bin,
    rows: async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        return (await client.query<Row>(sql, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    log: () => log.split('\n').slice(0, -1),
    stop: async () => {
      await stopProcess();
      process.off('exit', clean);
      rmSync(home, { recursive: true, force: true });
    },
    kill: async () => {
      if (process_ !== undefined) await killAll(process_);
      process_ = undefined;
    },
    restart: async () => {
      await stopProcess();
      await start(port);
    },
  };
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

function unprivilegedUser(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** The folder with the server's programs: of PATH, else the newest of the places where packages put them. */
function binaries(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(delimiter);
  return [...onPath, ...versionsIn('/usr/lib/postgresql'), ...versionsIn('/opt/homebrew/opt')].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  );
}

const versionsIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^(postgresql@)?\d+$/.test(name))
        .sort((a, b) => Number(b.replace(/\D/g, '')) - Number(a.replace(/\D/g, '')))
        .map((name) => join(folder, name, 'bin'))
    : [];

async function initialise(bin: string, home: string, data: string, owner?: Owner): Promise<void> {
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  if (owner) chownSync(passwordFile, owner.uid, owner.gid);
  await run(
    join(bin, 'initdb'),
    // prettier-ignore
    ['-D', data, '-U', USER, '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--no-locale', '--no-sync'],
    { cwd: home, ...owner },
  );
}

async function startOnFreePort(start: (port: number) => Promise<void>): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    try {
      await start(port);
      return port;
    } catch (error) {
      // Another process may have taken it since it was free.
      if (tries >= START_TRIES || !/could not bind|could not create any TCP/.test(String(error))) throw error;
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface ServerStart {
  readonly bin: string;
  readonly home: string;
  readonly data: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly owner: Owner | undefined;
}

/** Resolves when the server takes connections. */
async function startServer({ bin, home, data, port, settings, owner }: ServerStart): Promise<ChildProcess> {
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    // Sockets have a length limit that a deep temporary folder breaks.
    unix_socket_directories: '',
    ...settings,
  };
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { cwd: home, stdio: ['ignore', 'ignore', 'pipe'], ...owner },
  );
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`postgres ended with ${code ?? 'a signal'}:\n${said}`)));
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-10_000);
      if (said.includes('ready to accept connections')) resolve();
    });
  });
  return child;
}

async function endInOrder(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGINT'); // "fast": open transactions are rolled back
  const timer = setTimeout(() => child.kill('SIGQUIT'), STOP_GRACE_MS);
  await ended;
  clearTimeout(timer);
}

async function killAll(child: ChildProcess): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const backends = await childrenOf(child.pid);
  child.kill('SIGKILL');
  for (const pid of backends) signal(pid, 'SIGKILL');
  await ended;
  // A server does not start while processes of the one before still hold its shared memory. Where nobody collects
  // dead orphans, as in some containers, they are listed for ever: hence a bound.
  for (let looks = 0; looks < 250 && backends.some((pid) => signal(pid, 0)); looks++)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function childrenOf(parent: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid = 0, ppid]) => (ppid === parent ? [pid] : []));
}

/** False where there is no such process any more. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
