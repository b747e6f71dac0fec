// What nobody could be told by way of the ledger: that the ledger itself can't be written.
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { sendDue } from '../../src/alerts/courier.js';
import { hostTurn } from '../../src/alerts/host-turn.js';
import { UnwritableAlarm, type Unwritable } from '../../src/alerts/unwritable.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import type { ChannelSpec } from '../../src/contract/alerts.js';
import type { ArtifactStore } from '../../src/contract/artifact.js';
import type { BatchRow, Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { startPagerDuty } from '../support/servers/pagerduty.js';
import { startReceiver, type Receiver } from '../support/servers/receiver.js';
import { filled, hasSmallDisks, smallDisk } from '../support/small-disk.js';
import { openBatch, temporaryFolder } from './ledger-fixture.js';
import { aDefinition } from './definition-fixture.js';

const MINUTE = 60_000;
const FULL: Unwritable = {
  what: 'ledger',
  why: 'less than 1 MiB is free in /state',
  errorClass: 'transient',
};
const { signal } = new AbortController();
let folder: string;
let receiver: Receiver;
let nowMs: number;
let trouble: Unwritable | undefined;
let ledger: Ledger;
/** How often it still can't be written though nobody sees why. */
let failures: number;
let env: Record<string, string>;
const artifacts = () => folderArtifactStore({ root: join(folder, 'artifacts') });

beforeEach(async () => {
  folder = temporaryFolder();
  nowMs = Date.parse('2026-11-23T02:10:00Z');
  trouble = undefined;
  failures = 0;
  env = {};
  const [server, opened] = await Promise.all([
    startReceiver(),
    openLedger({ path: join(folder, 'ledger.db'), now: () => new Date(nowMs) }),
  ]);
  [receiver, ledger] = [server, opened];
  onTestFinished(async () => {
    await opened.close();
    await server.stop();
  });
});

/** Of batches under way; the second has nobody to tell. */
async function someBatches(channels?: readonly ChannelSpec[]): Promise<readonly BatchRow[]> {
  for (const name of ['nightly', 'quiet']) {
    const alerts = name === 'quiet' ? [] : (channels ?? [{ use: 'webhook', url: receiver.url }]);
    const definition = await storedDefinition(aDefinition(folder, { name, alerts }), artifacts());
    const manifest = JSON.stringify({ definition, jobs: definition, count: 1 });
    await openBatch(ledger, ['one'], { id: `batch:${name}:1`, name, runId: `run-${name}`, manifest });
    await ledger.setBatchState(`batch:${name}:1`, 'running', 'batch');
  }
  return ledger.batches(10);
}

/** As of a worker. @param host the folder that the workers of one host share; each has its own unless given */
const alarm = (host = temporaryFolder(), from: ArtifactStore = artifacts()) =>
  new UnwritableAlarm({
    artifacts: from,
    env,
    host,
    ledger: {
      noteToldAlert: (told) =>
        failures-- > 0 ? Promise.reject(new Error('disk I/O error')) : ledger.noteToldAlert(told),
    },
    now: () => new Date(nowMs),
    stateDir: '/state',
    unwritable: async () => trouble,
    turn: hostTurn(host),
  });

/** A look every ten seconds, as a worker takes it. */
async function pass(ms: number, ...alarms: UnwritableAlarm[]): Promise<void> {
  for (const end = nowMs + ms; nowMs < end; nowMs += 10_000) {
    for (const one of alarms) await one.look(signal).catch(() => undefined); // as the watchman goes on
    await send();
  }
}

const send = () => sendDue({ ledger, artifacts: artifacts(), env, now: () => new Date(nowMs) }, signal);

interface Told {
  readonly id: string;
  readonly type: string;
  readonly data: {
    readonly batch: string;
    readonly fingerprint: string;
    readonly rule: string;
    readonly detail: { headline: string };
  };
}
const told = () => receiver.got.map(({ body }) => JSON.parse(body) as Told);

test('a disk that stays full is told once, and once that it is over', async () => {
  const one = alarm();
  one.saw(await someBatches());
  trouble = FULL;
  await pass(4 * MINUTE, one);
  expect(told()).toEqual([]);
  await pass(30 * MINUTE, one);
  expect(receiver.got.map(({ body }) => body)).toEqual([
    expect.stringContaining(
      'nothing can be written down, so nothing goes on: less than 1 MiB is free in /state',
    ),
  ]);
  trouble = undefined;
  await pass(MINUTE, one);
  expect(receiver.got).toHaveLength(2);
  expect(receiver.got[1]?.body).toContain('recovered');
});

test('what passes within minutes is told to nobody', async () => {
  const one = alarm();
  one.saw(await someBatches());
  for (let times = 0; times < 5; times++) {
    trouble = FULL;
    await pass(4 * MINUTE, one);
    trouble = undefined;
    await pass(MINUTE, one);
  }
  expect(receiver.got).toEqual([]);
});

test('a channel that does not take it is asked again', async () => {
  const one = alarm();
  one.saw(await someBatches());
  receiver.status = 500;
  trouble = FULL;
  await pass(6 * MINUTE, one);
  receiver.status = 200;
  const failed = receiver.got.length;
  expect(failed).toBeGreaterThan(1);
  await pass(6 * MINUTE, one);
  expect(receiver.got).toHaveLength(failed + 1);
});

test('its end is told when the ledger takes it, to the channel that keeps it open until that one takes it', async () => {
  const pagerDuty = await startPagerDuty();
  onTestFinished(() => pagerDuty.stop());
  env = { KEY: 'R0utingKeyPlanted1234567890abcde', PD: pagerDuty.url, BACKUP: receiver.url };
  const pager = { use: 'pagerduty', routingKey: '${env:KEY}', url: '${env:PD}' } as const;
  const backup = { use: 'slack', url: '${env:BACKUP}' } as const;
  const one = alarm();
  one.saw(await someBatches([backup, pager]));
  receiver.status = 500; // so that the second is told
  trouble = FULL;
  await pass(6 * MINUTE, one);
  const states = () => pagerDuty.incidents.map(({ state, events }) => `${state} ${events.length}`);
  expect(states()).toEqual(['open 1']);

  [receiver.status, pagerDuty.refusesWith] = [200, 500];
  const before = receiver.got.length;
  [trouble, failures] = [undefined, 3];
  await pass(30 * MINUTE, one);
  expect(states()).toEqual(['open 1']);
  one.close(); // another process has the rest in its ledger
  pagerDuty.refusesWith = undefined;
  await pass(30 * MINUTE);
  expect(states()).toEqual(['resolved 2']);
  expect(receiver.got, 'who never heard of it is not told that it is over').toHaveLength(before);
  const [kept] = await ledger.alerts();
  expect(kept).toMatchObject({ state: 'resolved', subject: 'ledger', firstSeen: '2026-11-23T02:10:00.000Z' });
});

test('its end is told to everybody whom either of two hosts has reached, once', async () => {
  const pagerDuty = await startPagerDuty();
  onTestFinished(() => pagerDuty.stop());
  env = { KEY: 'R0utingKeyPlanted1234567890abcde', PD: pagerDuty.url, BACKUP: receiver.url };
  const pager = { use: 'pagerduty', routingKey: '${env:KEY}', url: '${env:PD}' } as const;
  const backup = { use: 'slack', url: '${env:BACKUP}' } as const;
  const hosts = [alarm(), alarm(), alarm()] as const;
  const batches = await someBatches([backup, pager]);
  for (const each of hosts) each.saw(batches);
  trouble = FULL;
  await pass(6 * MINUTE, hosts[0]);
  expect(receiver.got).toHaveLength(1);
  receiver.status = 500;
  await pass(6 * MINUTE, hosts[1]);
  receiver.status = 200;
  const states = () => pagerDuty.incidents.map(({ state, events }) => `${state} ${events.length}`);
  expect(states()).toEqual(['open 1']);
  await pass(6 * MINUTE, hosts[2]);
  const before = receiver.got.length;
  trouble = undefined;
  await pass(10 * MINUTE, ...hosts);
  expect(states()).toEqual(['resolved 2']);
  expect(receiver.got).toHaveLength(before + 1);
  expect(await ledger.alerts()).toMatchObject([
    { state: 'resolved', subject: 'ledger', firstSeen: '2026-11-23T02:10:00.000Z' },
  ]);
});

test('the disk of one host says nothing of that of another', async () => {
  const [one, other] = [alarm('here'), alarm('there')];
  const batches = await someBatches();
  for (const each of [one, other]) each.saw(batches);
  trouble = { what: 'artifacts', why: 'less than 1 MiB is free', errorClass: 'transient' };
  await pass(6 * MINUTE, one, other);
  expect(new Set(told().map(({ data }) => data.fingerprint)).size).toBe(2);
});

test('messages of workers on two hosts are twins to whoever gets them', async () => {
  const both = [alarm(), alarm()];
  const batches = await someBatches();
  for (const one of both) one.saw(batches);
  trouble = FULL;
  await pass(10 * MINUTE, ...both);
  const ids = receiver.got.map(({ headers }) => headers['webhook-id']);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
  trouble = undefined;
  await pass(MINUTE, ...both);
  expect(receiver.got, 'its end is told once').toHaveLength(3);
});

describe('of the workers of one host', () => {
  /** That have seen the same batches. */
  async function threeWorkers(host = temporaryFolder()): Promise<UnwritableAlarm[]> {
    const batches = await someBatches();
    const workers = [alarm(host), alarm(host), alarm(host)];
    for (const one of workers) one.saw(batches);
    return workers;
  }
  const kinds = () => told().map(({ type }) => type);

  test('one that can’t read whom to tell leaves it to another', async () => {
    const host = temporaryFolder();
    const workers = [alarm(host, folderArtifactStore({ root: temporaryFolder() })), alarm(host)];
    const batches = await someBatches();
    for (const one of workers) one.saw(batches);
    trouble = FULL;
    await pass(10 * MINUTE, ...workers);
    expect(kinds()).toHaveLength(1);
  });

  test('one tells it, and that it is over; and again when it comes back', async () => {
    const workers = await threeWorkers();
    for (let times = 1; times <= 2; times++) {
      trouble = FULL;
      await pass(6 * MINUTE, ...workers);
      expect(kinds()).toHaveLength(2 * times - 1);
      trouble = undefined;
      await pass(6 * MINUTE, ...workers);
      expect(kinds()).toHaveLength(2 * times);
    }
  });

  test('one that sees later that it is over does not tell it anew', async () => {
    const [first, ...others] = await threeWorkers();
    trouble = FULL;
    if (first) await pass(6 * MINUTE, first, ...others);
    trouble = undefined;
    await first?.look(signal);
    await send();
    trouble = FULL; // as their last write has met it
    for (const one of others) await one.look(signal);
    expect(kinds()).toHaveLength(2);
  });

  test('another tells it where the one reaches nobody', async () => {
    const workers = await threeWorkers();
    receiver.status = 500;
    trouble = FULL;
    await pass(5 * MINUTE + 10_000, ...workers);
    expect(receiver.got, 'each has tried').toHaveLength(workers.length);
    receiver.status = 200;
    await pass(6 * MINUTE, ...workers);
    expect(receiver.got).toHaveLength(workers.length + 1);
  });

  test('another tells it when the one has gone', async () => {
    const [first, ...others] = await threeWorkers();
    trouble = FULL;
    if (first) await pass(6 * MINUTE, first, ...others);
    expect(receiver.got).toHaveLength(1);
    first?.close();
    await pass(6 * MINUTE, ...others);
    expect(receiver.got).toHaveLength(2);
    trouble = undefined;
    await pass(6 * MINUTE, ...others);
    expect(receiver.got).toHaveLength(3);
  });

  test('each tells it where they can’t ask each other', async () => {
    const workers = await threeWorkers(join(temporaryFolder(), 'not', 'there'));
    trouble = FULL;
    await pass(6 * MINUTE, ...workers);
    expect(receiver.got).toHaveLength(workers.length);
  });

  test.skipIf(!hasSmallDisks())('one tells it where the disk that they share is the full one', async () => {
    const host = smallDisk(1);
    const workers = await threeWorkers(host);
    filled(host);
    trouble = FULL;
    await pass(6 * MINUTE, ...workers);
    expect(receiver.got).toHaveLength(1);
  });
});

test('artifacts that can’t be stored are told by themselves, to batches that have met it', async () => {
  const one = alarm();
  const batches = await someBatches();
  one.saw(batches);
  const why = "the artifact can't be stored [root=/state/artifacts]: EDQUOT";
  trouble = { what: 'artifacts', why, errorClass: 'transient', seenAt: '2000-01-01T00:00:00.000Z' };
  await pass(6 * MINUTE, one);
  expect(receiver.got, 'seen before they had begun').toEqual([]);
  trouble = { ...trouble, seenAt: new Date(Date.now() + MINUTE).toISOString() };
  await pass(6 * MINUTE, one);
  expect(told()).toMatchObject([
    {
      data: {
        subject: 'artifacts',
        detail: { headline: `what sessions make can’t be stored, so their jobs wait: ${why}` },
      },
    },
  ]);
});
