import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LoopbackProcess {
  readonly port: number;
  /** Ends it. Repeatable. */
  readonly stop: () => Promise<void>;
}

interface Start {
  readonly name: string;
  readonly command: string;
  readonly args: (port: number) => readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

const START_TRIES = 5;
const START_TIMEOUT_MS = 60_000;
const LOOK_AGAIN_MS = 50;

/** Starts an HTTP server on a free port of loopback; resolves when it answers anything. Ends with this process. */
export async function startLoopbackProcess(start: Start): Promise<LoopbackProcess> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const running = run(start, port);
    try {
      await answers(port, running);
      return { port, stop: running.stop };
    } catch (error) {
      await running.stop();
      // Another process may have taken the port since it was free.
      if (tries === START_TRIES || !/in use|EADDRINUSE/i.test(running.said())) throw error;
    }
  }
}

interface Running {
  readonly ended: () => boolean;
  readonly said: () => string;
  readonly stop: () => Promise<void>;
}

function run({ name, command, args, cwd, env = {} }: Start, port: number): Running {
  const child = spawn(command, args(port), {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own: PHP's workers outlive their parent
  });
  let said = '';
  let failed = false;
  const hear = (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-10_000));
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.on('error', (error) => {
    failed = true;
    said += `${name}: ${error.message}`;
  });
  const atExit = () => killGroup(child);
  process.once('exit', atExit);
  const ended = () => failed || hasEnded(child);
  const stop = async () => {
    process.off('exit', atExit);
    if (ended()) return;
    const exit = new Promise((resolve) => child.once('exit', resolve));
    killGroup(child);
    await exit;
  };
  return { ended, said: () => said, stop };
}

/** It keeps nothing. */
function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL');
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function answers(port: number, { ended, said }: Running): Promise<void> {
  for (const giveUpAt = Date.now() + START_TIMEOUT_MS; Date.now() < giveUpAt;) {
    if (ended()) throw new Error(`it ended at once:\n${said()}`);
    try {
      await (await fetch(`http://127.0.0.1:${port}/`, { redirect: 'manual' })).arrayBuffer();
      return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await sleep(LOOK_AGAIN_MS);
    }
  }
  throw new Error(`no answer in ${START_TIMEOUT_MS} ms:\n${said()}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Installer {
  readonly installed: () => string | undefined;
  readonly install: () => Promise<string>;
}

const installerOf = async (name: string): Promise<Installer> =>
  (await import(new URL(`../../../scripts/test-servers/${name}.mjs`, import.meta.url).href)) as Installer;

/** Folder of a server that tests use where somebody has installed it. */
export const folderIfInstalled = async (name: string): Promise<string | undefined> =>
  (await installerOf(name)).installed();

/**
 * Folder of a server that `scripts/test-servers/` installs. Where it is missing it is installed if `CI` or
 * `NIGHTSHIFT_TEST_SERVERS_REQUIRED` is set; else that is said, and undefined returned, for `describe.runIf`.
 */
export async function folderOfServer(name: string): Promise<string | undefined> {
  const { installed, install } = await installerOf(name);
  const folder = installed();
  if (folder !== undefined) return folder;
  if (process.env.CI || process.env.NIGHTSHIFT_TEST_SERVERS_REQUIRED) return install();
  process.stderr.write(
    `${name} is not installed. Tests that need it are left out; install it with: node scripts/test-servers/${name}.mjs\n`,
  );
  return undefined;
}
