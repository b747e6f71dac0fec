import { smtpOptionsSchema } from '../../activities/publishers/smtp/options.js';
import { parseMailbox } from '../../activities/publishers/smtp/message.js';
import { SmtpFailed, dialogue } from '../../activities/publishers/smtp/session.js';
import { codeOf } from '../../activities/http/request.js';
import type { ChannelOf, Notice } from '../../contract/alerts.js';
import { noticeLines, noticeTitle } from '../notice-text.js';
import {
  CHANNEL_TIMEOUT_MS,
  channelName,
  failed,
  took,
  type Channel,
  type ChannelContext,
} from './channel.js';

/**
 * One mail to one recipient. Its Message-ID is made from the message, so mailboxes that look can tell twins, and all
 * mails of one cause are one thread.
 */
export function emailChannel(spec: ChannelOf<'email'>, { now }: ChannelContext): Channel {
  return {
    name: channelName(spec),
    async send(notice, signal) {
      const { host, port, secure, user, pass, from, to } = spec;
      const options = smtpOptionsSchema.safeParse({
        host,
        from,
        to,
        subject: noticeTitle(notice),
        timeout: CHANNEL_TIMEOUT_MS / 1000,
        ...(port !== undefined && { port }),
        ...(secure !== undefined && { secure }),
        ...(user !== undefined && { user }),
        ...(pass !== undefined && { pass }),
      });
      if (!options.success) {
        const fields = options.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
        return failed(`the channel can’t be used: ${fields.join('; ')}`);
      }
      try {
        await dialogue(options.data, await mailOf(notice, from, to, now()), signal);
        return took('the mail server took it');
      } catch (error) {
        // Servers repeat what they were given: of their words only the stage and the code are kept.
        const stage = error instanceof SmtpFailed ? error.stage : 'connect';
        const code = codeOf(error);
        return failed(`${host}: failed at ${stage}${code === undefined ? '' : ` (${code})`}`);
      }
    },
  };
}

async function mailOf(notice: Notice, from: string, to: string, date: Date) {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const domain = parseMailbox(from).address.split('@')[1] ?? 'localhost';
  const thread = `<${notice.fingerprint}.alert@${domain}>`;
  const messageId = `<${notice.id}@${domain}>`;
  const mail = new MailComposer({
    from: parseMailbox(from),
    to: parseMailbox(to),
    subject: noticeTitle(notice),
    messageId,
    references: [thread],
    date,
    text: noticeLines(notice).join('\n'),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Nightshift-Alert': notice.id },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const envelope = { from: parseMailbox(from).address, to: parseMailbox(to).address };
  return { messageId, envelope, raw: await mail.compile().build() };
}
