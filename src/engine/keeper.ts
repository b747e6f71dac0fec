/**
 * The keeper: a small process of its own between the users of an embedded engine and its server. Started detached
 * by whoever needs the engine first, it belongs to none of them and outlives them all, but not for long.
 *  K1. One keeper per state directory: it holds `keeper.lock` for life.
 *  K2. `engine.json` names a server that was healthy; while that one is being started again, it stays. The starter
 *      has removed that of an earlier keeper.
 *  K3. When nobody has used the engine for the idle time, the keeper stops the server and ends. It holds the
 *      users' lock meanwhile, so that nobody begins to use what is about to stop.
 *  K4. When its folder is removed or replaced it ends and touches nothing there: another keeper may own the new one.
 *
 * Imports neither the SDK nor anything else heavy: it may run all night beside a machine's real work.
 */
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../contract/thrown.js';
import { engineFiles, readTextIfPresent } from './engine-files.js';
import { writeEngineRecord } from './engine-record.js';
import { readKeeperOrder } from './keeper-order.js';
import { EMBEDDED_NAMESPACE, probeNamespaceId } from './namespace-probe.js';
import { type ProcessLock, tryExclusiveLock } from './process-lock.js';
import { provision } from './provision.js';
import { boundLog, serverEnvironment, type ServerProcess, startServer } from './server-process.js';
import { watchUsers } from './user-watch.js';

/** Why a server is not served any longer. */
type End = { readonly kind: 'over' } | { readonly kind: 'failed'; readonly how: string };

const TICK_MS = 1_000;
/** Longer than a stopping keeper needs to end its server. */
const LOCK_TIMEOUT_MS = 20_000;
/** A start takes 0.2 s; a hundred processes starting at once on two cores stretch it. */
const HEALTHY_TIMEOUT_MS = 45_000;
const PROBE_TIMEOUT_MS = 2_000;
/** A server that lived this long was fine: its end begins a new count of failures. */
const FINE_AFTER_MS = 30_000;
/** 0.25 + 0.5 + 1 + 2 s lie between five starts. */
const FAILURES_MAX = 5;
const BACKOFF_MS = 250;
const LOG_TAIL_CHARS = 600;

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());
process.on('SIGHUP', () => undefined); // the terminal of our starter is not ours

const order = readKeeperOrder(process.argv[2]);
const files = engineFiles(order.stateDir);
if (await becomeKeeper()) {
  try {
    await keep();
  } catch (error) {
    rmSync(files.record, { force: true });
    writeFileSync(files.keeperError, messageOf(error), { mode: 0o600 });
    process.exitCode = 1;
  }
}
process.exit(); // gives up the locks, whatever may still be open

/** @returns undefined when another keeper stays (K1) */
async function becomeKeeper(): Promise<ProcessLock | undefined> {
  const deadline = Date.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    const lock = tryExclusiveLock(files.keeperLock);
    if (lock || Date.now() > deadline) return lock;
    await sleep(20);
  }
}

async function keep(): Promise<void> {
  const inode = inodeOf(files.keeperLock);
  const unused = watchUsers(files, order.idleMs);
  const isOver = (): boolean =>
    stopping.signal.aborted || inodeOf(files.keeperLock) !== inode || unused() !== undefined;

  let failures = 0;
  while (!isOver()) {
    const startedAt = performance.now();
    const server = await startServer(order.binary, files);
    const end = await serve(server, isOver);
    if (end.kind === 'over' && inodeOf(files.keeperLock) === inode) rmSync(files.record, { force: true }); // K4
    await server.stop();
    if (end.kind === 'over') return;

    failures = performance.now() - startedAt > FINE_AFTER_MS ? 1 : failures + 1;
    if (failures === FAILURES_MAX)
      throw new Error(`the server failed ${failures} times in a row: ${end.how}`);
    await sleep(BACKOFF_MS * 2 ** (failures - 1));
  }
}

/** Makes the engine known as soon as it is healthy, then watches over it. */
async function serve(server: ServerProcess, isOver: () => boolean): Promise<End> {
  const namespaceId = await untilHealthy(server);
  if (namespaceId === undefined) return failed(await hasEnded(server, 0));
  await provisionIfPossible(server, namespaceId);
  writeEngineRecord(files, {
    address: server.address,
    namespace: EMBEDDED_NAMESPACE,
    namespaceId,
    webUi: server.webUi,
    pid: process.pid,
    serverPid: server.pid,
    startedAt: new Date().toISOString(),
    version: order.version,
  });
  for (;;) {
    const how = await hasEnded(server, TICK_MS);
    if (how !== undefined) return failed(how);
    if (isOver()) return { kind: 'over' };
    boundLog(files);
  }
}

/** @returns the id of its namespace; undefined when it ended, or does not answer in time */
async function untilHealthy(server: ServerProcess): Promise<string | undefined> {
  const deadline = Date.now() + HEALTHY_TIMEOUT_MS;
  while (Date.now() < deadline && (await hasEnded(server, 20)) === undefined) {
    const namespaceId = await probeNamespaceId(server.address, PROBE_TIMEOUT_MS);
    if (namespaceId !== undefined) return namespaceId;
  }
  return undefined;
}

/** Without them the engine works, only its filters or its history fall short; the next start tries again. */
async function provisionIfPossible(server: ServerProcess, namespaceId: string): Promise<void> {
  try {
    const { address } = server;
    await provision(order.binary, files, { address, namespaceId, env: serverEnvironment(files) });
  } catch (error) {
    console.error('namespace settings were not applied:', error);
  }
}

/** @returns the way the server ended, or undefined when it still runs after `ms`; at once on SIGTERM */
async function hasEnded(server: ServerProcess, ms: number): Promise<string | undefined> {
  const waited = sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  return Promise.race([server.ended, waited]);
}

function failed(how: string | undefined): End {
  const reason =
    how === undefined ? `no healthy answer in ${HEALTHY_TIMEOUT_MS / 1_000} s` : `it ended with ${how}`;
  const log = readTextIfPresent(files.serverLog)?.trim().slice(-LOG_TAIL_CHARS);
  return { kind: 'failed', how: log ? `${reason}; its log ends: ${log}` : reason };
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
