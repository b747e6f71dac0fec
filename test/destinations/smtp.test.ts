/**
 * The publisher `smtp` against a real SMTP server. Mails are counted there, by envelope and headers.
 */
import { afterEach, expect, test } from 'vitest';
import { smtpOptionsSchema } from '../../src/activities/publishers/smtp/options.js';
import { smtpPublisher } from '../../src/activities/publishers/smtp/publisher.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import type { AdapterError } from '../../src/contract/errors.js';
import { LOST, land } from '../support/land.js';
import { startMailServer, type MailServer, type MailServerOptions } from '../support/servers/smtp.js';
import { bodyRequest, context, keyOf, ours } from '../unit/folder-fixture.js';

let server: MailServer;
afterEach(() => server?.stop());

const start = async (options: MailServerOptions = {}) => (server = await startMailServer(options));
const publisher = (fields: Record<string, unknown> = {}, target = 'reader@example.test'): Publisher =>
  smtpPublisher({
    options: smtpOptionsSchema.parse({
      host: '127.0.0.1',
      port: String(server.port),
      from: 'Night Desk <desk@example.test>',
      subject: 'Tonight',
      ...fields,
    }),
    target,
  });
const key = keyOf('effect');

async function failureOf(of: Publisher, what: Promise<unknown> | undefined): Promise<AdapterError> {
  try {
    await what;
  } catch (error) {
    return of.classify(error, 'create');
  }
  throw new Error('it did not fail');
}

test('one mail goes to one recipient, with a Message-ID of effect and revision', async () => {
  await start();
  const request = bodyRequest('Grüße 🚲\n.\n.. dots\nFrom here');
  const placed = ours(await publisher().create(request, context));
  expect(placed).toMatchObject({ sha256: request.sha256, revision: 1, visible: true });
  expect(server.count(key)).toBe(1);
  const [mail] = server.mails;
  expect(mail).toMatchObject({ from: 'desk@example.test', to: ['reader@example.test'] });
  expect(mail?.raw).toContain('From: Night Desk <desk@example.test>\r\nTo: reader@example.test\r\n');
  expect(mail?.raw).toContain(`Message-ID: ${placed.id}\r\n`);
  expect(mail?.raw).toContain('Auto-Submitted: auto-generated\r\n');
  expect(placed.id).toMatch(/^<[0-9a-f]{40}@example\.test>$/);
  expect(ours(await publisher().create(request, context)).id).toBe(placed.id);
  expect(ours(await publisher().create({ ...request, revision: 2 }, context)).id).not.toBe(placed.id);
});

test('it can’t be asked, and says so', async () => {
  await start();
  const to = publisher();
  expect(to.facts).toEqual({ name: 'smtp', class: 4, lookup: 'none', settleMs: 0 });
  expect('lookup' in to).toBe(false);
});

// --- Where the dialogue ends -----------------------------------------------------------------------

test.each([
  ['connect', 'cut', 'transient', 'no', 0],
  ['connect', 421, 'transient', 'no', 0],
  ['connect', 554, 'config', 'rejected', 0],
  ['mail', 'cut', 'transient', 'no', 0],
  ['mail', 451, 'transient', 'no', 0],
  ['mail', 553, 'config', 'rejected', 0],
  ['mail', 530, 'auth', 'rejected', 0],
  ['rcpt', 'cut', 'transient', 'no', 0],
  ['rcpt', 450, 'transient', 'no', 0],
  ['rcpt', 550, 'invalid', 'rejected', 0],
  ['data', 'cut', 'transient', 'no', 0],
  ['content', 'cut', 'unknown', 'maybe', 0],
  ['dot', 'cut', 'unknown', 'maybe', 1],
  ['dot', 451, 'transient', 'rejected', 0],
  ['dot', 552, 'invalid', 'rejected', 0],
] as const)('the server fails at %s (%s): %s, sent: %s', async (at, how, errorClass, sent, taken) => {
  await start();
  server.fail(at, how);
  const to = publisher();
  const body = bodyRequest('words '.repeat(50_000));
  expect(await failureOf(to, to.create(body, context))).toMatchObject({ errorClass, facts: { sent } });
  expect(server.count(key)).toBe(taken);
  expect(server.connections).toBe(1); // no second try of its own
  if (sent === 'maybe' || errorClass !== 'transient') return;
  ours(await to.create(body, context));
  expect(server.count(key)).toBe(1);
});

test.each([
  ['rcpt', 'transient', 'no'],
  ['dot', 'unknown', 'maybe'],
] as const)('a server that says nothing more at %s: %s, sent: %s', async (at, errorClass, sent) => {
  await start();
  server.fail(at, 'hang');
  const to = publisher({ timeout: '1s' });
  expect(await failureOf(to, to.create(bodyRequest('words'), context))).toMatchObject({
    errorClass,
    facts: { sent, code: 'ETIMEDOUT' },
  });
});

test.each([
  ['content', 0],
  ['dot', 1],
] as const)(
  'by the algorithm: cut at %s is held from then on, and nothing is ever sent again',
  async (at, taken) => {
    await start();
    server.fail(at, 'cut');
    const body = bodyRequest('words '.repeat(50_000));
    await expect(land(publisher(), body)).rejects.toMatchObject({
      errorClass: 'unknown',
      facts: { sent: 'maybe' },
    });
    for (let tries = 0; tries < 3; tries++) {
      expect(await land(publisher(), body, { row: LOST })).toMatchObject({ kind: 'held', sent: false });
    }
    expect(server.connections).toBe(1);
    expect(server.count(key)).toBe(taken);
  },
);

test.each(['connect', 'mail', 'rcpt', 'data'] as const)(
  'by the algorithm: cut at %s is tried again, and one mail is sent',
  async (at) => {
    await start();
    server.fail(at, 'cut');
    const body = bodyRequest('words');
    await expect(land(publisher(), body)).rejects.toMatchObject({
      errorClass: 'transient',
      facts: { sent: 'no' },
    });
    expect(await land(publisher(), body)).toMatchObject({ kind: 'landed', sent: true });
    expect(server.count(key)).toBe(1);
  },
);

test('a server that is not there, or has no name: not sent', async () => {
  await start();
  for (const fields of [{ port: 1 }, { host: 'no-such-host.invalid' }]) {
    const to = publisher(fields);
    expect(await failureOf(to, to.create(bodyRequest('words'), context))).toMatchObject({
      errorClass: 'transient',
      facts: { sent: 'no' },
    });
  }
});

test('a try that is told to stop before the content sends nothing; afterwards the answer counts', async () => {
  await start();
  const stopped = { ...context, signal: AbortSignal.abort() };
  const to = publisher();
  expect(await failureOf(to, to.create(bodyRequest('words'), stopped))).toMatchObject({
    facts: { sent: 'no' },
  });
  server.fail('rcpt', 'hang');
  const during = AbortSignal.timeout(200);
  expect(await failureOf(to, to.create(bodyRequest('words'), { ...context, signal: during }))).toMatchObject({
    errorClass: 'transient',
    facts: { sent: 'no' },
  });
  expect(server.mails).toEqual([]);
});

// --- Recipients and headers ------------------------------------------------------------------------

const HIJACKS = [
  'b@y.test\r\nBcc: evil@z.test',
  'b@y.test\nRCPT TO:<evil@z.test>',
  'g:evil@z.test;',
  'b@y.test, evil@z.test',
  'b@y.test;evil@z.test',
  'b@y.test evil@z.test',
  '<b@y.test> <evil@z.test>',
  'evil@z.test <b@y.test',
  'b@y.test <evil@z.test>',
  '"b@y.test" <evil@z.test>',
  'b@y.test\0evil@z.test',
  '@relay.test:evil@z.test',
  'b%z.test@',
  'b@y.test\u2028evil@z.test',
  '',
];
test.each(HIJACKS)('the recipient %j is refused, as option and as target', async (recipient) => {
  await start();
  expect(() => publisher({ to: recipient })).toThrow();
  const to = publisher({}, recipient);
  expect(await failureOf(to, to.create(bodyRequest('words'), context))).toMatchObject({
    errorClass: 'invalid',
    facts: { sent: 'no' },
  });
  expect(server.connections).toBe(0);
});

test('a recipient that is the artifact is refused', async () => {
  await start();
  const to = publisher({ to: 'evil@z.test' });
  expect(await failureOf(to, to.create(bodyRequest(' Evil@z.test\n'), context))).toMatchObject({
    errorClass: 'invalid',
    facts: { sent: 'no' },
  });
});

test('subject and headers stay one line each, whatever they hold', async () => {
  await start();
  const evil = 'Hello\r\nBcc: evil@z.test\r\n\r\nbody\u2028x';
  await publisher({ subject: evil, headers: { 'X-Site': evil }, replyTo: 'Ed <ed@example.test>' }).create(
    bodyRequest('words'),
    context,
  );
  const [mail] = server.mails;
  expect(mail?.to).toEqual(['reader@example.test']);
  const head = (mail?.raw.split('\r\n\r\n')[0] ?? '').replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  expect(head).toContain('Subject: Hello Bcc: evil@z.test body x');
  expect(head).toContain('X-Site: Hello Bcc: evil@z.test body x');
  expect(head).toContain('Reply-To: Ed <ed@example.test>');
  expect(head.filter((line) => /^bcc:/i.test(line))).toEqual([]);
});

test.each([
  'Bcc',
  'to',
  'X-Nightshift-Key',
  'Content-Type',
  'Message-ID',
  'X Y',
  'X:Y',
  'X\r\nY',
  'Resent-To',
  '',
])('the header %j can’t be set', async (name) => {
  await start();
  expect(() => publisher({ headers: { [name]: 'x' } })).toThrow();
});

test.each([
  ['user', undefined],
  ['pass', undefined],
  ['timeout', '1ms'],
  ['from', 'a@b.test, c@d.test'],
  ['host', 'mail.test\r\nx'],
  ['port', '0'],
  ['bcc', 'evil@z.test'],
])('the options are refused when %s is wrong', async (field, value) => {
  await start({});
  const whole = { user: 'u', pass: 'p' };
  expect(() => publisher({ ...whole, [field]: value })).toThrow();
});

// --- Formats ---------------------------------------------------------------------------------------

test('markdown becomes HTML without scripts; a body that is no text is refused', async () => {
  await start();
  await publisher({ format: 'markdown' }).create(
    bodyRequest('# Tonight\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))'),
    context,
  );
  const [mail] = server.mails;
  expect(mail?.raw).toContain('Content-Type: text/html; charset=utf-8');
  expect(mail?.raw).toMatch(/<h1[^]*>Tonight<\/h1>/);
  expect(mail?.raw).not.toContain('script');
  const to = publisher();
  const binary = bodyRequest('', { body: Buffer.from([0xff, 0xfe, 0]) });
  expect(await failureOf(to, to.create(binary, context))).toMatchObject({
    errorClass: 'invalid',
    facts: { sent: 'no' },
  });
});

test('two megabytes arrive', async () => {
  await start();
  await publisher().create(bodyRequest('0123456789'.repeat(200_000)), context);
  const [head = '', content = ''] = server.mails[0]?.raw.split('\r\n\r\n') ?? [];
  expect(head).toContain('Content-Transfer-Encoding: base64');
  const text = Buffer.from(content, 'base64').toString();
  expect(text === '0123456789'.repeat(200_000)).toBe(true);
});

// --- Signing in ------------------------------------------------------------------------------------

test('it signs in, and no secret stands in an error, even where the server repeats it', async () => {
  await start({ user: 'desk', pass: 'r1ght-pass' });
  ours(await publisher({ user: 'desk', pass: 'r1ght-pass' }).create(bodyRequest('words'), context));
  const wrong = publisher({ user: 'desk', pass: 'wr0ng-pass' });
  const failure = await failureOf(wrong, wrong.create(bodyRequest('words'), context));
  expect(failure).toMatchObject({ errorClass: 'auth', facts: { sent: 'rejected' } });
  const [finding] = (await wrong.probe?.(context)) ?? [];
  expect(finding?.status).toBe('fail');
  const shown = `${failure.message} ${failure.stack} ${JSON.stringify([failure, failure.cause, finding])}`;
  for (const form of ['wr0ng-pass', Buffer.from('\0desk\0wr0ng-pass').toString('base64')])
    expect(shown).not.toContain(form);
  const nobody = publisher();
  expect(await failureOf(nobody, nobody.create(bodyRequest('words'), context))).toMatchObject({
    errorClass: 'auth',
    facts: { sent: 'rejected' },
  });
  expect(server.mails).toHaveLength(1);
});

test('a server whose certificate nobody vouches for gets nothing', async () => {
  await start({ startTls: true });
  const to = publisher({ requireTLS: 'true' });
  expect(await failureOf(to, to.create(bodyRequest('words'), context))).toMatchObject({
    errorClass: 'config',
    facts: { sent: 'no' },
  });
  await server.stop();
  await start({});
  const plain = publisher({ requireTLS: true });
  expect(await failureOf(plain, plain.create(bodyRequest('words'), context))).toMatchObject({
    errorClass: 'config',
    facts: { sent: 'rejected' },
  });
  expect(server.mails).toEqual([]);
});

test('a probe signs in and sends nothing', async () => {
  await start({ user: 'desk', pass: 'r1ght-pass' });
  const findings = await publisher({ user: 'desk', pass: 'r1ght-pass' }).probe?.(context);
  expect(findings?.map(({ status }) => status)).toEqual(['ok', 'warn']);
  expect(server.mails).toEqual([]);
  expect(await publisher({ port: 1 }).probe?.(context)).toMatchObject([{ status: 'fail' }]);
});
