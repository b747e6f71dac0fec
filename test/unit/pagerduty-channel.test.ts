// Alerts as incidents: a real ledger, and a server that takes what PagerDuty takes. What counts is which incidents are open.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openChannel } from '../../src/alerts/channels/open-channel.js';
import { createNightshift } from '../../src/client/nightshift.js';
import type { AlertRule, ChannelSpec, Notice } from '../../src/contract/alerts.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { startPagerDuty, type PagerDuty } from '../support/servers/pagerduty.js';
import { startReceiver, type Receiver } from '../support/servers/receiver.js';
import { alertDesk, cause } from './alert-desk.js';
import { temporaryFolder } from './ledger-fixture.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const KEY = 'R0utingKeyPlanted1234567890abcde';
const PAGER = { use: 'pagerduty', routingKey: '${env:PD_KEY}', url: '${env:PD_URL}' } as const;
const BACKUP = { use: 'slack', url: '${env:BACKUP}' } as const;

let pagerDuty: PagerDuty;
let backup: Receiver;
let now: number;
let ledger: Ledger;
let folder: string;
let env: Record<string, string>;

beforeEach(async () => {
  folder = temporaryFolder();
  now = Date.parse('2026-11-24T02:00:00Z');
  const [service, receiver] = await Promise.all([startPagerDuty(), startReceiver()]);
  const opened = await openLedger({ path: join(folder, 'ledger.db'), now: () => new Date(now) });
  [pagerDuty, backup, ledger] = [service, receiver, opened];
  env = { KEY: 'planted-secret-7f3a', PD_KEY: KEY, PD_URL: service.url, BACKUP: receiver.url };
  onTestFinished(async () => {
    await opened.close();
    await Promise.all([service.stop(), receiver.stop()]);
  });
});

const desk = (...alerts: readonly ChannelSpec[]) =>
  alertDesk(alerts, { folder, ledger, env, now: () => new Date(now) });

/** One that waits a while for more of the kind before it tells. */
const gathering = (...alerts: readonly ChannelSpec[]) =>
  alertDesk(alerts, { folder, ledger, env, now: () => new Date(now), gatherMs: MINUTE });

const states = () => pagerDuty.incidents.map(({ state, events }) => `${state} ${events.length}`);

/** @param ms what passes between the minutes in which messages are sent */
async function pass(ms: number, send: () => Promise<number>): Promise<void> {
  for (const end = now + ms; now < end; now += MINUTE) await send();
}

test('forty jobs of one cause are one incident; a reminder goes to the same one, and its end resolves it', async () => {
  const { note, send } = await desk(PAGER);
  for (let times = 0; times < 5; times++) {
    now += 1000;
    await note(cause(40));
    await send();
  }
  expect(states()).toEqual(['open 1']);
  expect(pagerDuty.incidents[0]?.events[0]).toMatchObject({
    event_action: 'trigger',
    dedup_key: cause().fingerprint,
    client: 'nightshift',
    payload: {
      summary: 'nightshift: nightly needs you: claude refuses the credentials',
      source: 'nightly',
      component: 'claude',
      class: 'auth',
      severity: 'critical',
      custom_details: { jobs: 40, of: 100, error_class: 'auth' },
    },
  });
  const text = pagerDuty.incidents[0]?.events[0]?.payload?.custom_details?.['text'];
  expect(text).toContain('40 of 100 jobs in nightly');
  expect(text).toContain('nightshift retry nightly');

  now += 4.1 * HOUR;
  await ledger.queueReminders();
  await send();
  expect(states()).toEqual(['open 2']);

  now += MINUTE;
  await note();
  await send();
  expect(states()).toEqual(['resolved 3']);
  now += MINUTE;
  await note(cause(40));
  await send();
  expect(states()).toEqual(['resolved 3', 'open 1']);
  expect(pagerDuty.answers).toEqual([202, 202, 202, 202]);
});

test.each([429, 500] as const)('what is answered %d is told later, once', async (status) => {
  const { note, send } = await desk(PAGER);
  pagerDuty.refusesWith = status;
  await note(cause());
  await pass(20 * MINUTE, send);
  expect(pagerDuty.answers.length).toBeGreaterThan(2);
  const [waiting] = await ledger.alertMessages({ states: ['pending'] });
  expect(waiting?.answers[0]?.said).toContain(`answered HTTP ${status}`);
  pagerDuty.refusesWith = undefined;
  await pass(HOUR, send);
  expect(states()).toEqual(['open 1']);
});

test('a key that is none is said in words, without the key', async () => {
  env['PD_KEY'] = 'an-api-key-of-another-kind';
  const { note, send } = await desk(PAGER);
  await note(cause());
  await send();
  const [message] = await ledger.alertMessages();
  expect(message?.answers).toEqual([
    {
      channel: 'pagerduty (from a variable)',
      took: false,
      said: expect.stringMatching(
        /^127\.0\.0\.1:\d+ answered HTTP 400: .*routingKey must be the key/,
      ) as string,
    },
  ]);
});

test('where it takes nothing another channel is told, and the end goes there', async () => {
  const { note, send } = await desk(PAGER, BACKUP);
  pagerDuty.refusesWith = 500;
  await note(cause());
  await send();
  expect(backup.got).toHaveLength(1);
  pagerDuty.refusesWith = undefined;
  now += MINUTE;
  await note();
  await send();
  expect(backup.got).toHaveLength(2);
  expect(pagerDuty.answers).toEqual([500]);
});

test('an incident whose end it did not take is resolved later: no other channel is told in its place', async () => {
  const { note, send } = await desk(PAGER, BACKUP);
  await note(cause());
  await send();
  pagerDuty.refusesWith = 429;
  now += MINUTE;
  await note();
  await pass(30 * MINUTE, send);
  expect(states()).toEqual(['open 1']);
  pagerDuty.refusesWith = undefined;
  await pass(30 * MINUTE, send);
  expect(states()).toEqual(['resolved 2']);
  expect(backup.got).toEqual([]);
});

test('an incident that a reminder opened is resolved though the channel that heard the beginning takes the end at once', async () => {
  const { note, send } = await desk(BACKUP, PAGER);
  await note(cause());
  await send();
  env['BACKUP'] = 'http://127.0.0.1:1';
  now += 4.1 * HOUR;
  await ledger.queueReminders();
  await send();
  expect(states()).toEqual(['open 1']);

  env['BACKUP'] = backup.url;
  pagerDuty.refusesWith = 429;
  now += MINUTE;
  await note();
  await pass(30 * MINUTE, send);
  expect(states()).toEqual(['open 1']);
  pagerDuty.refusesWith = undefined;
  await pass(30 * MINUTE, send);
  expect(states()).toEqual(['resolved 2']);
  expect(backup.got, 'the beginning, and the end once').toHaveLength(2);
});

test.each(['note', 'withdraw'] as const)(
  'an incident is resolved though the file has other channels by now (%s)',
  async (end) => {
    const before = await desk({ ...BACKUP, also: false }, { ...PAGER, also: true });
    await before.note(cause());
    await before.send();
    expect(states()).toEqual(['open 1']);
    now += MINUTE;
    const after = await desk({ ...BACKUP, also: true });
    await after[end]();
    await after.send();
    expect(states()).toEqual(['resolved 2']);
    expect(backup.got, 'the end is for those who heard the beginning').toHaveLength(end === 'note' ? 2 : 1);
  },
);

test.each([
  ['PagerDuty alone', [PAGER], 0],
  ['another channel that was told in its place', [PAGER, BACKUP], 1],
])('an incident is resolved whose opening was never answered, by %s', async (_, channels, others) => {
  const { note, send } = await desk(...channels);
  pagerDuty.losesAnswers = true;
  await note(cause());
  await send();
  expect(states()).toEqual(['open 1']);
  expect(backup.got).toHaveLength(others);
  [pagerDuty.losesAnswers, pagerDuty.refusesWith] = [false, 500];
  now += MINUTE;
  await send();
  await note();
  pagerDuty.refusesWith = undefined;
  await pass(HOUR, send);
  expect(states()).toEqual(['resolved 2']);
  expect(backup.got).toHaveLength(2 * others);
});

test.each(['note', 'withdraw'] as const)(
  'an incident is resolved though others were told since, by the same route of a newer file (%s)',
  async (end) => {
    const before = await desk(PAGER);
    await before.note(cause());
    await before.send();
    const after = await desk(BACKUP);
    now += 4.1 * HOUR;
    await after.note(cause());
    await after.send();
    expect([states(), backup.got.length]).toEqual([['open 1'], 1]);
    now += MINUTE;
    await after[end]();
    await after.send();
    expect(states()).toEqual(['resolved 2']);
    expect(backup.got).toHaveLength(end === 'note' ? 2 : 1);
  },
);

test('an incident is resolved after however many reminders', async () => {
  const also = { ...BACKUP, also: true } as const;
  const { note, send } = await desk(BACKUP, PAGER, also, also, also, also);
  env['BACKUP'] = 'http://127.0.0.1:1';
  await note(cause());
  await send();
  expect(states()).toEqual(['open 1']);
  env['BACKUP'] = backup.url;
  for (let day = 1; day <= 25; day++) {
    now += 25 * HOUR;
    await ledger.queueReminders();
    await send();
  }
  now += MINUTE;
  await note();
  await send();
  expect(states()).toEqual(['resolved 2']);
});

test('an incident is resolved though the clock of who finds its end is behind', async () => {
  const { note, send } = await desk(BACKUP, PAGER);
  env['BACKUP'] = 'http://127.0.0.1:1';
  await note(cause());
  await send();
  expect(states()).toEqual(['open 1']);
  env['BACKUP'] = backup.url;
  now -= 3000;
  await note();
  await send();
  expect(states()).toEqual(['resolved 2']);
});

test('an incident is resolved though no worker runs from Friday to Monday', async () => {
  const { note, send } = await desk(PAGER);
  await note(cause());
  await send();
  pagerDuty.refusesWith = 500;
  await note();
  await send();
  pagerDuty.refusesWith = undefined;
  now += 72 * HOUR;
  await send();
  expect(states()).toEqual(['resolved 2']);
});

test('a cause that is there again stays open, though its end has not been told yet', async () => {
  const { note, send } = await desk(PAGER);
  await note(cause());
  await send();
  pagerDuty.refusesWith = 500;
  now += MINUTE;
  await note();
  await send();
  now += MINUTE;
  await note(cause());
  pagerDuty.refusesWith = undefined;
  await pass(HOUR, send);
  expect(states()).toEqual(['open 2']);
  expect(pagerDuty.dropped).toEqual([]);
  await note();
  await pass(HOUR, send);
  expect(states()).toEqual(['resolved 3']);
});

describe.each([
  ['is looked at meanwhile', true],
  ['has its turn later', false],
])('an end that it did not take, and that %s', (_, isTried) => {
  test.each(['note', 'withdraw'] as const)(
    'is told though the cause was there again, too short to be told (%s)',
    async (end) => {
      const { note, withdraw, send } = await gathering(PAGER);
      await note(cause());
      now += MINUTE;
      await send();
      expect(states()).toEqual(['open 1']);
      pagerDuty.refusesWith = 500;
      await note();
      await send();
      now += HOUR;
      await note(cause());
      if (isTried) await send();
      now += 1000;
      await (end === 'note' ? note() : withdraw());
      pagerDuty.refusesWith = undefined;
      await pass(HOUR, send);
      expect(states()).toEqual(['resolved 2']);
      expect(await ledger.alertMessages({ states: ['pending'] })).toEqual([]);
    },
  );
});

test('an end that is told to nobody resolves the incident all the same, and says nothing elsewhere', async () => {
  const { note, withdraw, send } = await desk(PAGER, { ...BACKUP, also: true });
  await note(cause());
  await send();
  expect(backup.got).toHaveLength(1);
  now += MINUTE;
  await withdraw();
  await pass(HOUR, send);
  expect(states()).toEqual(['resolved 2']);
  expect(backup.got).toHaveLength(1);
  expect(await ledger.alertMessages({ states: ['pending', 'failed'] })).toEqual([]);
});

test('an end that is told to nobody is told no later either, when the cause was there again too short to be told', async () => {
  const { note, withdraw, send } = await gathering(BACKUP);
  await note(cause());
  await pass(2 * MINUTE, send);
  await withdraw();
  await pass(HOUR, send);
  await note(cause());
  now += 1000;
  await note();
  await pass(HOUR, send);
  expect(backup.got).toHaveLength(1);
});

test('where another channel has taken it, an end that is told to nobody goes nowhere', async () => {
  const { note, withdraw, send } = await desk(BACKUP, PAGER);
  await note(cause());
  await send();
  now += MINUTE;
  await withdraw();
  await pass(HOUR, send);
  expect(backup.got).toHaveLength(1);
  expect(pagerDuty.answers).toEqual([]);
  expect((await ledger.alertMessages()).map(({ kind, state }) => `${kind} ${state}`).sort()).toEqual([
    'opened sent',
    'withdrawn dropped',
  ]);
});

describe('a process that died when it had told the beginning leaves no incident behind that nobody resolves', () => {
  test('though the cause is gone before another takes it over', async () => {
    const { note, send } = await desk(PAGER);
    await note(cause());
    const dying = await ledger.takeMessage(2 * MINUTE); // it may have been sent
    expect(dying?.kind).toBe('opened');
    now += MINUTE;
    await note();
    await send();
    expect(pagerDuty.answers, 'the end waits for the beginning').toEqual([]);
    now += 2 * MINUTE;
    await send();
    expect(states()).toEqual(['resolved 2']);
  });

  test('though the next one begins later, and finds the cause gone before it sends anything', async () => {
    const { note, send } = await desk(PAGER);
    await note(cause());
    await ledger.takeMessage(2 * MINUTE);
    now += HOUR;
    await note();
    await send();
    expect(states()).toEqual(['resolved 2']);
  });
});

test('nor does a beginning that failed when its cause was gone: the end waits until it is told', async () => {
  const { note, send } = await desk(PAGER);
  await note(cause());
  const sending = await ledger.takeMessage(2 * MINUTE);
  now += 1000;
  await note();
  await ledger.settleMessage(sending?.id ?? '', { kind: 'again', answers: [], delayMs: MINUTE });
  await send();
  expect(pagerDuty.answers).toEqual([]);
  now += MINUTE;
  await send();
  expect(states()).toEqual(['resolved 2']);
});

test('the routing key is in the event’s own field, and nowhere else', async () => {
  const { note, send } = await desk(PAGER);
  await note(cause(1, `401: ${KEY} is wrong`));
  await send();
  now += MINUTE;
  await note();
  await send();
  const { events = [] } = pagerDuty.incidents[0] ?? {};
  expect(events.map(({ routing_key: key }) => key)).toEqual([KEY, KEY]);
  for (const { routing_key: _, ...rest } of events) expect(JSON.stringify(rest)).not.toContain(KEY);
  expect(JSON.stringify(events[0]?.payload)).toContain('401: *** is wrong');
  expect(JSON.stringify(await ledger.alertMessages())).not.toContain(KEY);
});

const notice = (rule: Notice['rule'], batch = 'nightly'): Notice => ({
  id: 'ns-1',
  kind: 'opened',
  rule,
  batch,
  subject: '',
  errorClass: undefined,
  firstSeen: '2026-11-24T02:00:00.000Z',
  lastSeen: '2026-11-24T02:00:00.000Z',
  fingerprint: 'f'.repeat(32),
  detail: { headline: 'one', jobs: 0, of: 1, examples: [], next: [] },
});
const sendOne = (told: Notice) =>
  openChannel(PAGER, { baseDir: folder, env, now: () => new Date(now) }).send(
    told,
    new AbortController().signal,
  );

test('a summary that would be too long is cut, and by whole characters', async () => {
  expect(await sendOne(notice('auth', '😀'.repeat(1100)))).toEqual({ took: true, said: 'HTTP 202' });
  const summary = pagerDuty.incidents[0]?.events[0]?.payload?.summary ?? '';
  expect([...summary]).toHaveLength(1024);
  expect(summary).toMatch(/^nightshift: (😀)+…$/u);
});

test.each([
  ['auth', 'critical'],
  ['standstill', 'critical'],
  ['deadline', 'error'],
  ['failing', 'warning'],
  ['parked', 'error'],
  ['missed', 'error'],
] as const satisfies readonly (readonly [AlertRule, string])[])('%s is %s', async (rule, severity) => {
  await sendOne(notice(rule));
  expect(pagerDuty.incidents[0]?.events[0]?.payload?.severity).toBe(severity);
});

test('a test of the channels opens an incident of its own each time', async () => {
  const file = join(folder, 'batch.yaml');
  writeFileSync(
    file,
    `name: nightly
work: article
jobs: [{ slug: one }]
agent: { use: command, command: ["true"] }
effects: [{ name: post, use: folder, target: ./public, with: { path: a.md } }]
alerts: [{ use: pagerduty, routingKey: "\${env:PD_KEY}", url: "${pagerDuty.url}" }]
`,
  );
  const nightshift = createNightshift({ state: folder, env });
  onTestFinished(() => nightshift.close());
  const { host } = new URL(pagerDuty.url);
  for (let times = 0; times < 2; times++) {
    expect(await nightshift.testAlerts(file)).toEqual([
      { channel: `pagerduty ${host}`, took: true, said: 'HTTP 202' },
    ]);
  }
  expect(states()).toEqual(['open 1', 'open 1']);
  expect(pagerDuty.incidents[0]?.events[0]?.payload?.severity).toBe('info');
});
