// Eight worker processes and one service: what counts is the service's own log.
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openLane } from '../../src/activities/lanes/lane.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { rounds } from '../support/rounds.js';
import { hasPostgres, startPostgres } from '../support/servers/postgres.js';

const SENDER = fileURLToPath(new URL('fixtures/lane-sender.mjs', import.meta.url));
const WORKERS = 8;
const LIMIT = 10;
/** Of each worker; together they take as many seconds as the limit lets them. */
const REQUESTS = rounds(8, 40);

interface Service {
  readonly url: string;
  /** When each request came, by the steady clock of the service. */
  readonly log: number[];
  readonly refused: () => number;
  status: number;
}

/** Refuses what is more than ten in any second up to now. */
async function aService(): Promise<Service> {
  const log: number[] = [];
  let refused = 0;
  const service = { url: '', log, refused: () => refused, status: 200 };
  const server = createServer((request, response) => {
    if (request.url === '/warm') return void response.end();
    const now = performance.now();
    log.push(now);
    const tooMany = service.status === 200 && log.filter((at) => at > now - 1000).length > LIMIT;
    if (tooMany) refused++;
    response.writeHead(tooMany ? 429 : service.status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return service;
}

/** Starts them all, waits until all are loaded, and lets them go at once. */
async function letLoose(place: string, url: string, count: number, kind: string): Promise<void> {
  const children = Array.from({ length: WORKERS }, (_, at): ChildProcess => {
    const args = [SENDER, place, url, `worker-${at}`, String(count), kind];
    return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  });
  onTestFinished(() => children.forEach((child) => void child.kill('SIGKILL')));
  const ended = children.map(
    (child) => new Promise<number | null>((resolve) => child.once('close', resolve)),
  );
  await Promise.all(
    children.map((child, at) =>
      Promise.race([new Promise((resolve) => child.stdout?.once('data', resolve)), ended[at]]),
    ),
  );
  for (const child of children) child.stdin?.write('go');
  expect(await Promise.all(ended)).toEqual(Array.from({ length: WORKERS }, () => 0));
}

const mostInASecond = (log: readonly number[]): number =>
  Math.max(...log.map((from) => log.filter((at) => at >= from && at < from + 1000).length));

async function opened(place: string): Promise<Ledger> {
  const ledger = await openLedger(place.startsWith('postgres:') ? { url: place } : { path: place });
  onTestFinished(() => ledger.close());
  return ledger;
}

async function neverAbove(place: string): Promise<void> {
  const service = await aService();
  await letLoose(place, service.url, REQUESTS, 'requests');
  expect(service.log).toHaveLength(WORKERS * REQUESTS);
  expect(service.refused()).toBe(0);
  expect(mostInASecond(service.log)).toBeLessThanOrEqual(LIMIT);
}

async function oneProbe(place: string): Promise<void> {
  const service = await aService();
  const ledger = await opened(place);
  const lane = { id: 'service-1', label: 'service' };
  const user = { batchId: 'batch-1', limits: {}, priority: 'normal' } as const;
  for (let at = 0; at < 10; at++) {
    const error = new AdapterError('transient', 'HTTP 503', { sent: 'rejected' });
    await openLane(lane, { ...user, who: `job-${at}` }, ledger).report(error);
  }
  // Time passes until the next look is due.
  await ledger.changeLane(lane, (state, now) => ({
    state: { ...state, ...(state.gate && { gate: { ...state.gate, retryAt: now } }) },
    result: undefined,
  }));
  service.status = 503;
  await letLoose(place, service.url, 25, 'probe');
  expect(service.log).toHaveLength(1);
  expect((await ledger.laneNotes()).map(({ what }) => what)).toEqual(['opened']);
}

function aFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-lanes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'ledger.db');
}

describe('eight workers on one SQLite ledger', { timeout: 240_000 }, () => {
  test('send never more than the service allows in any second', () => neverAbove(aFile()));
  test('send one probe to a service that was down', () => oneProbe(aFile()));
});

describe.runIf(hasPostgres())('eight workers on one PostgreSQL ledger', { timeout: 240_000 }, () => {
  const onPostgres = (act: (place: string) => Promise<void>) => async (): Promise<void> => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    await act(postgres.url);
  };
  test('send never more than the service allows in any second', onPostgres(neverAbove));
  test('send one probe to a service that was down', onPostgres(oneProbe));
});
