/** The pure parts of the publisher `smtp`: addresses, names of headers, and what a broken dialogue means. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { smtpError } from '../../src/activities/publishers/smtp/errors.js';
import {
  headerNameFault,
  messageIdOf,
  parseMailbox,
  recipientOf,
} from '../../src/activities/publishers/smtp/message.js';
import { smtpOptionsSchema } from '../../src/activities/publishers/smtp/options.js';
import { SmtpFailed, type Stage } from '../../src/activities/publishers/smtp/session.js';
import { keyOf } from './folder-fixture.js';

const options = smtpOptionsSchema.parse({
  host: 'mail.test',
  from: 'a@example.test',
  subject: 'x',
  user: 'u',
  pass: 'pass-w0rd',
});
const failed = (stage: Stage, fields: Record<string, unknown> = {}, message = 'words') =>
  new SmtpFailed(stage, Object.assign(new Error(message), fields));

test.each([
  ['connect', { code: 'ESOCKET', originalCode: 'ECONNREFUSED' }, 'transient', 'no'],
  ['connect', { code: 'EDNS' }, 'transient', 'no'],
  ['connect', { code: 'ETLS' }, 'config', 'no'],
  ['connect', { code: 'ESOCKET', originalCode: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'config', 'no'],
  ['connect', { code: 'ECONNECTION', responseCode: 421 }, 'transient', 'no'],
  ['connect', { code: 'EPROTOCOL', responseCode: 554 }, 'config', 'rejected'],
  ['sign-in', { code: 'EAUTH', responseCode: 535 }, 'auth', 'rejected'],
  ['sign-in', { code: 'EAUTH', responseCode: 454 }, 'transient', 'no'],
  ['sign-in', { code: 'EAUTH' }, 'auth', 'no'],
  ['envelope', { code: 'EENVELOPE', responseCode: 550, command: 'RCPT TO' }, 'invalid', 'rejected'],
  ['envelope', { code: 'EENVELOPE', responseCode: 550, command: 'MAIL FROM' }, 'config', 'rejected'],
  ['envelope', { code: 'EENVELOPE', responseCode: 450, command: 'RCPT TO' }, 'transient', 'no'],
  ['envelope', { code: 'EMESSAGE' }, 'invalid', 'no'],
  ['envelope', { code: 'ECONNECTION' }, 'transient', 'no'],
  ['content', { code: 'EMESSAGE', responseCode: 554 }, 'invalid', 'rejected'],
  ['content', { code: 'EMESSAGE', responseCode: 451 }, 'transient', 'rejected'],
  ['content', { code: 'ECONNECTION' }, 'unknown', 'maybe'],
  ['content', { code: 'ECONNECTION', responseCode: 421 }, 'unknown', 'maybe'],
  ['content', { code: 'ETIMEDOUT' }, 'unknown', 'maybe'],
  ['content', {}, 'unknown', 'maybe'],
] as const)('at %s, %j is %s, sent: %s', (stage, fields, errorClass, sent) => {
  expect(smtpError(failed(stage, fields), 'x', options)).toMatchObject({ errorClass, facts: { sent } });
});

test('a password that a server repeats is taken out, in each of its forms', () => {
  const forms = [
    'pass-w0rd',
    Buffer.from('pass-w0rd').toString('base64'),
    Buffer.from('\0u\0pass-w0rd').toString('base64'),
  ];
  const { message } = smtpError(
    failed('sign-in', { code: 'EAUTH', responseCode: 535 }, `535 ${forms.join(' ')}\r\n\u001b[31m`),
    'x',
    options,
  );
  for (const form of forms) expect(message).not.toContain(form.replace(/=+$/, ''));
  // eslint-disable-next-line no-control-regex -- what must not be in a message
  expect(message).not.toMatch(/[\u0000-\u001f]/);
});

test('whatever stands in a recipient, one address gets it, or nobody', () => {
  const part = fc.constantFrom(
    'a@b.test',
    'evil@z.test',
    ',',
    ';',
    ':',
    '<',
    '>',
    '"',
    '(',
    ')',
    '\\',
    '\r\n',
    '\n',
    '\0',
    ' ',
    '\u2028',
    '@',
    '.',
    'Bcc:',
    'x',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const text = parts.join('');
      let recipient;
      try {
        recipient = recipientOf({}, text, Buffer.from('words'));
      } catch {
        return;
      }
      const { name, address } = parseMailbox(recipient);
      expect(address).toMatch(/^[^\s<>,;:"()\\@]+@[A-Za-z0-9.-]+$/);
      // eslint-disable-next-line no-control-regex -- what must not be in a name
      expect(name).not.toMatch(/[<>@,;:"()\\\u0000-\u001f\u2028]/);
    }),
    { numRuns: 2_000 },
  );
});

test('target and option name the recipient; the option counts', () => {
  const body = Buffer.from('words');
  expect(recipientOf({}, 'mailto:a@b.test', body)).toBe('a@b.test');
  expect(recipientOf({}, 'Ann <a@b.test>', body)).toBe('Ann <a@b.test>');
  expect(recipientOf({ to: 'c@d.test' }, 'newsletter', body)).toBe('c@d.test');
  expect(() => recipientOf({}, 'newsletter', body)).toThrow(/the target is not one mail address/);
});

test('the Message-ID follows effect and revision, nothing else', () => {
  const id = messageIdOf(keyOf('e'), 1, 'Ann <a@b.test>');
  expect(id).toMatch(/^<[0-9a-f]{40}@b\.test>$/);
  expect(messageIdOf(keyOf('e'), 1, 'other@b.test')).toBe(id);
  expect(messageIdOf(keyOf('e'), 2, 'a@b.test')).not.toBe(id);
  expect(messageIdOf(keyOf('f'), 1, 'a@b.test')).not.toBe(id);
});

test.each([
  ['X-Site', true],
  ['List-Unsubscribe', true],
  ['Bcc', false],
  ['CC', false],
  ['content-type', false],
  ['x-nightshift-key', false],
  ['A B', false],
  ['A:', false],
  ['', false],
  ['-a', false],
])('the header %j may be set: %s', (name, may) => {
  expect(headerNameFault(name) === undefined).toBe(may);
});
