/**
 * One `temporal server start-dev` on the durable database of a state directory.
 *  S1. At most one server runs on a database: before a start, one left over from a killed keeper is ended.
 *  S2. The server ends with the process that started it, also when that one is SIGKILLed.
 *  S3. No foreign process is ever ended: a recorded pid counts only if that process's command line names our
 *      database.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, copyFileSync, openSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import { type EngineFiles, readTextIfPresent } from './engine-files.js';
import { choosePorts, type Ports } from './ports.js';

export interface ServerProcess {
  readonly pid: number;
  readonly address: string;
  readonly webUi: string;
  /** Resolves with the way it ended, for example `code 1`; never rejects. */
  readonly ended: Promise<string>;
  /** SIGTERM, five seconds later SIGKILL. Resolves when the server is gone. */
  stop(): Promise<void>;
}

/**
 * Runs the server and waits for either end: the server's, or that of the pipe on descriptor 3, which closes when
 * the keeper is gone (S2). `$1` is the pid file, the rest the server's command. The inner shell records its pid
 * before it becomes the server, so no server ever runs unrecorded (S1).
 */
const WRAPPER = `
pid_file=$1; shift
exec 3<&0
/bin/sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$pid_file" "$@" </dev/null 3<&- &
server=$!
(
  read -r _ <&3
  kill -TERM "$server"
  for second in 1 2 3 4 5; do
    kill -0 "$server" || exit 0
    sleep 1
  done
  kill -KILL "$server"
) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$server"
code=$?
kill "$watcher"
exit "$code"
`;

/** The wrapper's five seconds and some for a busy machine. */
const STOP_TIMEOUT_MS = 8_000;
const SIGNAL_TIMEOUT_MS = 5_000;
const PID_TIMEOUT_MS = 20_000;
const LOG_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Starts the server; whether it is healthy, only asking it tells.
 * @throws when it does not start at all, or an earlier one cannot be ended (S1)
 */
export async function startServer(binary: string, files: EngineFiles): Promise<ServerProcess> {
  await endLeftOverServer(files);
  const ports = await choosePorts(files); // now, for that server had the ports that users know
  boundLog(files);
  const log = openSync(files.serverLog, 'a', 0o600);
  const command = [binary, ...serverArguments(files, ports)];
  const wrapper = spawn('/bin/sh', ['-c', WRAPPER, 'nightshift-engine', files.serverPid, ...command], {
    stdio: ['pipe', log, log],
    env: serverEnvironment(files),
    cwd: files.dir,
  });
  closeSync(log);
  const lifeline = wrapper.stdin as Writable; // a pipe, see stdio
  lifeline.on('error', () => undefined); // its reader may be gone first
  const ended = endOf(wrapper);
  // Whatever ended the wrapper: the closed pipe makes its watcher end a server that is still there.
  void ended.then(() => lifeline.destroy());
  const pid = await recordedPid(files, ended);

  return {
    pid,
    address: `127.0.0.1:${ports.frontend}`,
    webUi: `http://127.0.0.1:${ports.webUi}`,
    ended,
    async stop() {
      lifeline.destroy();
      await Promise.race([ended, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
      await endServer(pid, files); // the wrapper and its watcher may have been killed
    },
  };
}

/** Settings of the user's own Temporal, environment or file under HOME, must not reach our server and its tools. */
export function serverEnvironment(files: EngineFiles): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: files.dir };
}

/** Keeps the log below two times its limit: the older half is kept aside, the oldest dropped. */
export function boundLog(files: EngineFiles): void {
  if ((statSync(files.serverLog, { throwIfNoEntry: false })?.size ?? 0) < LOG_BYTES_MAX) return;
  copyFileSync(files.serverLog, `${files.serverLog}.1`);
  truncateSync(files.serverLog); // the server appends, so it goes on at the new end
}

function serverArguments(files: EngineFiles, ports: Ports): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1'],
    ...['--port', String(ports.frontend), '--ui-port', String(ports.webUi), '--ui-disable-news-fetch'],
    ...['--db-filename', files.database],
    ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
    ...['--log-level', 'error'],
    ...SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
  ];
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `code ${code}` : signal));
  });
}

/** S1. The recorded pid of an earlier start, if any, comes from a keeper that was killed together with its wrapper. */
async function endLeftOverServer(files: EngineFiles): Promise<void> {
  const pid = readPid(files);
  if (pid !== undefined) await endServer(pid, files);
  rmSync(files.serverPid, { force: true });
}

async function endServer(pid: number, files: EngineFiles): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isOurServer(pid, files)) return;
    sendSignal(pid, signal);
    const deadline = Date.now() + SIGNAL_TIMEOUT_MS;
    while (isOurServer(pid, files) && Date.now() < deadline) await sleep(50);
  }
  if (isOurServer(pid, files)) throw new Error(`an earlier server, process ${pid}, does not end on SIGKILL`);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it ended since we looked
  }
}

/** The pid that the wrapper's inner shell writes, within milliseconds of its start. */
async function recordedPid(files: EngineFiles, ended: Promise<string>): Promise<number> {
  let end: string | undefined;
  void ended.then((how) => (end = how));
  const deadline = Date.now() + PID_TIMEOUT_MS;
  for (;;) {
    const pid = readPid(files);
    if (pid !== undefined) return pid;
    if (end !== undefined || Date.now() > deadline)
      throw new Error(`the server did not start: ${end ?? 'no process'}`);
    await sleep(10);
  }
}

function readPid(files: EngineFiles): number | undefined {
  const text = readTextIfPresent(files.serverPid) ?? '';
  return /^\d+\n$/.test(text) ? Number(text) : undefined; // without the newline it is half-written
}

/** S3. Also false for a zombie, which has no command line any more. */
function isOurServer(pid: number, files: EngineFiles): boolean {
  const command = commandLine(pid);
  return command.includes('start-dev') && command.includes(files.database);
}

function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8'); // slim images have no ps
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return ''; // no such process
  }
}
