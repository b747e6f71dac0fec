// Alerts on their way: a real ledger, real servers at the other end. What counts is what those have got.
import { createHmac } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { seeAlerts } from '../../src/client/alerts.js';
import { createNightshift } from '../../src/client/nightshift.js';
import type { AlertNight, ChannelSpec } from '../../src/contract/alerts.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import type { AlertCause } from '../../src/policy/alerts.js';
import { undeliveredOf, whyUndelivered } from '../../src/policy/undelivered.js';
import { localTime } from '../../src/report/format.js';
import { startReceiver, type Receiver } from '../support/servers/receiver.js';
import { startMailServer } from '../support/servers/smtp.js';
import { alertDesk, cause } from './alert-desk.js';
import { temporaryFolder } from './ledger-fixture.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SECRET = 'planted-secret-7f3a';

let receiver: Receiver;
let now: number;
let ledger: Ledger;
let folder: string;

beforeEach(async () => {
  folder = temporaryFolder();
  now = Date.parse('2026-11-24T02:00:00Z');
  receiver = await startReceiver();
  ledger = await openLedger({ path: join(folder, 'ledger.db'), now: () => new Date(now) });
  const [opened, server] = [ledger, receiver];
  onTestFinished(async () => {
    await opened.close();
    await server.stop();
  });
});

const desk = (alerts: readonly ChannelSpec[]) =>
  alertDesk(alerts, {
    folder,
    ledger,
    env: { KEY: SECRET, HOOK: receiver.url, WHSEC: 'whsec_c2VjcmV0' },
    now: () => new Date(now),
  });

interface Body {
  readonly type: string;
  readonly data: { readonly id: string; readonly title: string; readonly text: string };
}
const bodies = () => receiver.got.map(({ body }) => JSON.parse(body) as Body);
const types = () => bodies().map(({ type }) => type.replace('nightshift.alert.', ''));
const WEBHOOK = { use: 'webhook', url: '${env:HOOK}/hook' } as const;

test('a cause that is found time and again is one message, and its end is one more', async () => {
  const { note, send } = await desk([WEBHOOK]);
  for (let times = 0; times < 5; times++) {
    await note(cause());
    await send();
  }
  expect(types()).toEqual(['opened']);
  expect(bodies()[0]?.data.text).toContain('40 of 100 jobs in nightly');
  expect(bodies()[0]?.data.text).toContain('nightshift retry nightly');
  await note();
  await note();
  await send();
  expect(types()).toEqual(['opened', 'recovered']);
  await note(cause());
  await send();
  expect(types()).toEqual(['opened', 'recovered', 'opened']);
  expect(new Set(bodies().map(({ data }) => data.id)).size).toBe(3);
});

test('a night that brings what is told at once tells an open alert again, once; which nights are in it is in no message', async () => {
  const { note, send } = await desk([WEBHOOK]);
  const asked = (...nights: AlertNight[]): AlertCause => {
    const { detail, ...rest } = cause();
    return { ...rest, rule: 'approval', errorClass: undefined, detail: { ...detail, nights } };
  };
  const first = { batchId: 'batch:nightly:1', atOnce: 'approval' } as const;
  const second = { batchId: 'batch:nightly:2' } as const;
  for (const nights of [[first], [second, first], [{ ...second, atOnce: 'approval' } as const, first]])
    for (let times = 0; times < 2; times++) {
      await note(asked(...nights));
      await send();
    }
  expect(types()).toEqual(['opened', 'reminder']);
  expect(JSON.stringify(bodies())).not.toContain('batch:nightly');
});

test('two causes of one fingerprint in one look are one alert and one message, with the jobs of both', async () => {
  const { note, send } = await desk([WEBHOOK]);
  for (let times = 0; times < 2; times++) {
    await note(cause(4), cause(36));
    await send();
  }
  expect(types()).toEqual(['opened']);
  expect(bodies()[0]?.data.text).toContain('40 of 100 jobs in nightly');
});

test('a warning is one message: neither repeated nor taken back, and no alert that is open', async () => {
  const { note, send } = await desk([WEBHOOK]);
  const warning = {
    ...cause(0),
    fingerprint: 'f'.repeat(32),
    rule: 'spending',
    errorClass: undefined,
  } as const;
  await note(warning);
  await send();
  for (let hours = 0; hours < 48; hours++) {
    now += HOUR;
    await note(...(hours < 24 ? [warning] : []));
    await ledger.queueReminders();
    await send();
  }
  await note(warning);
  await send();
  expect(types()).toEqual(['opened']);
  expect(bodies()[0]?.data.title).toMatch(/^nightshift: nightly warns: /);
  expect(await ledger.alerts({ open: true })).toEqual([]);
});

test('an open alert is told again after four hours, not before', async () => {
  const { note, send } = await desk([WEBHOOK]);
  await note(cause());
  await send();
  now += 3.9 * HOUR;
  await ledger.queueReminders();
  await send();
  expect(types()).toEqual(['opened']);
  now += 0.2 * HOUR;
  await ledger.queueReminders();
  await ledger.queueReminders();
  await send();
  expect(types()).toEqual(['opened', 'reminder']);
});

test('what a look has come to is told again by that look alone; nights, which no look finds, as they were found last', async () => {
  const { note, send } = await desk([WEBHOOK]);
  const night = { ...cause(), fingerprint: 'e'.repeat(32), rule: 'missed' } as const;
  await note(cause(), night);
  await send();
  now += 5 * HOUR;
  await ledger.queueReminders(new Set(['batch:nightly:1']));
  expect((await ledger.alertMessages({ states: ['pending'] })).map((message) => message.fingerprint)).toEqual(
    [night.fingerprint],
  );
});

test('a message that nobody took is known as such, also when it was given up, until the way is open again', async () => {
  receiver.status = 404;
  const { note, send } = await desk([WEBHOOK]);
  const unheard = async () =>
    undeliveredOf(await ledger.alertMessages(), new Date(now)).map((message) => [
      message.state,
      whyUndelivered(message),
    ]);
  await note(cause());
  expect(await unheard(), 'not tried yet').toEqual([]);
  await send();
  expect(await unheard()).toEqual([
    ['pending', expect.stringMatching(/^one try so far; webhook \(from a variable\): .*404/)],
  ]);
  now += 25 * HOUR;
  await send();
  expect(await unheard()).toEqual([
    ['failed', expect.stringMatching(/^given up after 2 tries; webhook .*404/)],
  ]);
  receiver.status = 204;
  now += HOUR;
  await note();
  await note(cause());
  await send();
  expect(await unheard()).toEqual([]);
});

test('a webhook that is down for an hour gets the message once, later', async () => {
  receiver.status = 503;
  const { note, send } = await desk([WEBHOOK]);
  await note(cause());
  const end = now + HOUR;
  while (now < end) {
    await send();
    now += MINUTE;
  }
  const refused = receiver.got.length;
  expect(refused).toBeGreaterThan(3);
  const [waiting] = await ledger.alertMessages({ states: ['pending'] });
  expect(waiting?.answers).toEqual([
    {
      channel: 'webhook (from a variable)',
      took: false,
      said: expect.stringContaining('HTTP 503') as string,
    },
  ]);
  receiver.status = 204;
  now += 15 * MINUTE;
  await send();
  await send();
  expect(receiver.got).toHaveLength(refused + 1);
  expect(new Set(bodies().map(({ data }) => data.id)).size).toBe(1);
  expect(await ledger.alertMessages({ states: ['pending'] })).toEqual([]);
});

test('a message is given up after a day, and that can be seen', async () => {
  receiver.status = 500;
  const { note, send } = await desk([WEBHOOK]);
  await note(cause());
  await send();
  now += 25 * HOUR;
  await send();
  expect(await ledger.alertMessages({ states: ['failed'] })).toHaveLength(1);
});

test('a channel that fails is made up for by the next one, and one marked "also" is told in any case', async () => {
  const backup = await startReceiver();
  const always = await startReceiver();
  onTestFinished(async () => {
    await backup.stop();
    await always.stop();
  });
  receiver.status = 500;
  const { note, send } = await desk([
    WEBHOOK,
    { use: 'slack', url: `${backup.url}/services/T0/B0/x` },
    { use: 'ntfy', url: always.url, topic: 'ops', token: 'tk_1', also: true },
  ]);
  await note(cause());
  await send();
  expect([receiver, backup, always].map(({ got }) => got.length)).toEqual([1, 1, 1]);
  const { alerts } = await seeAlerts({ ledger: async () => ledger });
  expect(alerts.map(({ told }) => told.map((channel) => channel.split(' ')[0]).sort())).toEqual([
    ['ntfy', 'slack'],
  ]);
  const slack = JSON.parse(backup.got[0]?.body ?? '') as { text: string };
  expect(slack.text).toContain('blog / &lt;b&gt;one&lt;/b&gt;');
  expect(always.got[0]?.headers.authorization).toBe('Bearer tk_1');
  expect(JSON.parse(always.got[0]?.body ?? '')).toMatchObject({ topic: 'ops', priority: 5 });
  receiver.status = 200;
  now += HOUR;
  expect(await send()).toBe(0);
});

test('the end is told to the channel that took the beginning, also where another comes first and one has the same host', async () => {
  const [first, backup] = ['/first', '/backup'];
  const paths = () =>
    receiver.got.map(({ url, body }) => `${url} ${(JSON.parse(body) as Body).type.split('.').at(-1)}`);
  const { note, send } = await desk([
    { use: 'webhook', url: `\${env:HOOK}${first}` },
    { use: 'webhook', url: `\${env:HOOK}${backup}` },
  ]);
  receiver.onRequest = ({ url }) => void (receiver.status = url === first ? 503 : 200);
  await note(cause());
  await send();
  receiver.onRequest = () => void (receiver.status = 200);
  await note();
  await send();
  expect(paths()).toEqual(['/first opened', '/backup opened', '/backup recovered']);

  // Where that one fails by then, another is told.
  now += HOUR;
  receiver.onRequest = ({ url }) => void (receiver.status = url === first ? 503 : 200);
  await note(cause());
  await send();
  receiver.onRequest = ({ url }) => void (receiver.status = url === backup ? 503 : 200);
  await note();
  await send();
  expect(paths().slice(3)).toEqual([
    '/first opened',
    '/backup opened',
    '/backup recovered',
    '/first recovered',
  ]);
});

test('who never heard of it is not told that it is over', async () => {
  const always = await startReceiver();
  onTestFinished(() => always.stop());
  always.status = 500;
  const { note, send } = await desk([WEBHOOK, { use: 'ntfy', url: always.url, topic: 'ops', also: true }]);
  await note(cause());
  await send();
  now += 25 * HOUR;
  await send(); // given up
  always.status = 200;
  const before = always.got.length;
  await note();
  await send();
  expect(types().at(-1)).toBe('recovered');
  expect(always.got).toHaveLength(before);
});

test('a webhook is signed as Standard Webhooks are', async () => {
  const { note, send } = await desk([{ ...WEBHOOK, secret: '${env:WHSEC}' }]);
  await note(cause());
  await send();
  const [request] = receiver.got;
  if (request === undefined) throw new Error('nothing was sent');
  const { headers, body } = request;
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const expected = createHmac('sha256', Buffer.from('c2VjcmV0', 'base64')).update(signed).digest('base64');
  expect(headers['webhook-signature']).toBe(`v1,${expected}`);
  expect(headers['webhook-timestamp']).toBe(String(now / 1000));
});

test('a mail has the same Message-ID at every try, and a mailbox that saw it twice can tell', async () => {
  const mail = await startMailServer();
  onTestFinished(() => mail.stop());
  const { note, send } = await desk([
    {
      use: 'email',
      host: '127.0.0.1',
      port: mail.port,
      from: 'Night <night@example.com>',
      to: 'ops@example.com',
    },
  ]);
  mail.fail('dot', 'cut'); // taken, and not answered
  await note(cause());
  await send();
  now += MINUTE;
  await send();
  const ids = mail.mails.map(({ raw }) => /^Message-ID: (.*)$/im.exec(raw)?.[1]);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
  expect(mail.mails[1]?.raw).toContain('Subject: nightshift: nightly needs you');
});

test('a program gets the message as JSON, without a shell and with nothing of our environment', async () => {
  const program = join(folder, 'tell.sh');
  writeFileSync(program, `#!/bin/sh\nenv > "$OUT.env"\ncat > "$OUT"\necho "$1" >> "$OUT.arg"\n`);
  chmodSync(program, 0o700);
  const out = join(folder, 'told');
  const { note, send } = await desk([
    { use: 'command', command: [program, '$(touch hacked) `id`'], env: { OUT: out } },
  ]);
  process.env['NOT_FOR_PROGRAMS'] = 'x';
  await note(cause());
  await send();
  delete process.env['NOT_FOR_PROGRAMS'];
  expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({ type: 'nightshift.alert.opened' });
  expect(readFileSync(`${out}.arg`, 'utf8')).toBe('$(touch hacked) `id`\n');
  expect(readFileSync(`${out}.env`, 'utf8')).not.toContain('NOT_FOR_PROGRAMS');
  expect(readFileSync(`${out}.env`, 'utf8')).not.toContain(SECRET);
});

test('a program that is not there is told by its name, in words', async () => {
  const { note, send } = await desk([{ use: 'command', command: ['./no-such-pager'] }]);
  await note(cause());
  await send();
  const [message] = await ledger.alertMessages();
  expect(message?.answers.map(({ said }) => said)).toEqual(['./no-such-pager: no such file']);
});

test('a planted secret is in no message and not in the ledger, nor are escape sequences', async () => {
  const { note, send } = await desk([WEBHOOK]);
  await note(cause(1, `401: key ${SECRET} \u001b[31mis wrong`));
  await send();
  expect(receiver.got).toHaveLength(1);
  expect(JSON.stringify(receiver.got)).not.toContain(SECRET);
  expect(bodies()[0]?.data.text).toContain('401: key *** is wrong');
  const [message] = await ledger.alertMessages();
  expect(JSON.stringify(message)).not.toContain(SECRET);
});

test('what a message says of times is said by the clock on the wall', async () => {
  const { note, send } = await desk([WEBHOOK]);
  const at = '2026-11-24T01:33:16.014Z';
  const told = cause(1, `nobody has approved it by ${at}`);
  await note({ ...told, detail: { ...told.detail, headline: `the quota is used up until ${at}` } });
  await send();
  const { title, text } = bodies()[0]?.data ?? { title: '', text: '' };
  expect(title).toContain(`until ${localTime(at)}`);
  expect(text).toContain(`approved it by ${localTime(at)}`);
  expect(title + text).not.toContain(at);
});

test('a cause that is gone before anybody heard of it is not told at all', async () => {
  receiver.status = 500;
  const { note, send } = await desk([WEBHOOK]);
  await note(cause());
  await send();
  await note();
  receiver.status = 200;
  now += HOUR;
  await send();
  expect(receiver.got).toHaveLength(1);
  expect(await ledger.alertMessages()).toMatchObject([{ state: 'dropped' }]);
});

test('two workers send one message once', async () => {
  const { note, send } = await desk([WEBHOOK]);
  await note(cause());
  await Promise.all([send(), send(), send()]);
  expect(receiver.got).toHaveLength(1);
});

test('a test of the channels reaches the monitor without counting as the end of a night', async () => {
  const file = join(folder, 'batch.yaml');
  writeFileSync(
    file,
    `name: nightly
work: article
jobs: [{ slug: one }]
agent: { use: command, command: ["true"] }
effects: [{ name: post, use: folder, target: ./public, with: { path: a.md } }]
deadMan: { url: "${receiver.url}/night/" }
`,
  );
  const nightshift = createNightshift({ state: folder, env: {} });
  onTestFinished(() => nightshift.close());
  expect(await nightshift.testAlerts(file)).toEqual([{ channel: 'dead-man', took: true, said: 'HTTP 200' }]);
  expect(receiver.got.map(({ url }) => url.split('?')[0])).toEqual(['/night/log']);
});
