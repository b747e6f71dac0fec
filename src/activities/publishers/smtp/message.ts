import { createHash } from 'node:crypto';
import { AdapterError } from '../../../contract/errors.js';
import { textOf } from '../html/text-of.js';
import { toHtmlInThread } from '../html/to-html-in-thread.js';
import type { BodyRequest, PublisherContext } from '../publisher.js';
import { isMailbox } from '../resend/mailbox.js';
import type { SmtpOptions } from './options.js';

/** A mail, ready to be sent to one address. */
export interface Mail {
  readonly messageId: string;
  readonly envelope: { readonly from: string; readonly to: string };
  readonly raw: Buffer;
}

/** Headers that name recipients or senders, or that are ours or the library's to write. */
const RESERVED =
  /^(to|cc|bcc|from|sender|reply-to|return-path|return-receipt-to|disposition-notification-to|subject|date|message-id|mime-version|received|dkim-signature|content-.*|resent-.*|arc-.*|x-nightshift-.*)$/i;

/** What is wrong with the name of a header; undefined when nothing is. */
export function headerNameFault(name: string): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,75}$/.test(name)) return 'may hold letters, digits and "-" only';
  return RESERVED.test(name) ? 'is not for options to set' : undefined;
}

/** The one recipient: `with.to`, else the target. @throws AdapterError `invalid` */
export function recipientOf({ to }: Pick<SmtpOptions, 'to'>, target: string, body: Uint8Array): string {
  const recipient = to ?? target.replace(/^mailto:/i, '');
  const refuse = (why: string) =>
    new AdapterError('invalid', `${why} [use=smtp]; nothing was sent`, { sent: 'no' });
  if (!isMailbox(recipient)) {
    throw refuse(
      `${to === undefined ? 'the target' : 'with.to'} is not one mail address; each recipient is an effect of its own`,
    );
  }
  // The artifact was written by an agent; it must not say who gets it.
  const artifact = Buffer.from(body).toString('utf8').trim();
  if (artifact.toLowerCase() === recipient.toLowerCase())
    throw refuse('the recipient is taken from the artifact');
  return recipient;
}

/** The same for the same effect and revision, so that a receiver that looks can tell twins. */
export function messageIdOf(effectKey: string, revision: number, from: string): string {
  const hash = createHash('sha256').update(`${effectKey}:${revision}`).digest('hex').slice(0, 40);
  return `<${hash}@${parseMailbox(from).address.split('@')[1] ?? 'localhost'}>`;
}

/** Name and address of a mailbox that `mailboxSchema` accepted. */
export function parseMailbox(mailbox: string): { readonly name: string; readonly address: string } {
  const [, name, address] = /^([^<]*\S) <([^<>]*)>$/.exec(mailbox) ?? [];
  return { name: name ?? '', address: address ?? mailbox };
}

/**
 * Builds the mail.
 * @param recipient as `recipientOf` gave it
 * @throws AdapterError `invalid` where the artifact is no text, or can't be made into HTML
 */
export async function buildMail(
  options: SmtpOptions,
  recipient: string,
  request: BodyRequest,
  { signal, now }: Pick<PublisherContext, 'signal' | 'now'>,
): Promise<Mail> {
  const { from, replyTo, subject, headers } = options;
  const { effectKey, revision } = request;
  const messageId = messageIdOf(effectKey, revision, from);
  const content = await contentOf(options, request.body, signal);
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const mail = new MailComposer({
    from: parseMailbox(from),
    to: parseMailbox(recipient),
    ...(replyTo !== undefined && { replyTo: parseMailbox(replyTo) }),
    subject: oneLine(subject),
    messageId,
    date: now(),
    ...content,
    headers: {
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, oneLine(value)])),
      'Auto-Submitted': 'auto-generated',
      'X-Nightshift-Key': effectKey,
      'X-Nightshift-Revision': String(revision),
    },
    // Texts come from agents: no path or URL in them is ever opened.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const envelope = { from: parseMailbox(from).address, to: parseMailbox(recipient).address };
  return { messageId, envelope, raw: await mail.compile().build() };
}

async function contentOf(
  { format, sanitise, linkHosts, imageHosts }: SmtpOptions,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<{ text: string } | { html: string }> {
  const artifact = textOf(body);
  if (format === 'text') return { text: artifact };
  return { html: await toHtmlInThread(artifact, { format, sanitise, linkHosts, imageHosts }, signal) };
}

/** A header value on one line: what would begin another header becomes a space. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').trim();
