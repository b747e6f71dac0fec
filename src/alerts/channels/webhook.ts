import { createHmac } from 'node:crypto';
import type { ChannelOf, Notice } from '../../contract/alerts.js';
import { noticeLines, noticeTitle } from '../notice-text.js';
import { channelName, type Channel, type ChannelContext } from './channel.js';
import { post } from './post.js';

/**
 * JSON by POST. Each try bears the same `webhook-id`, by which a receiver can tell twins.
 * Source: Standard Webhooks 1.0, github.com/standard-webhooks/standard-webhooks: headers, signed content, secrets.
 */
export function webhookChannel(spec: ChannelOf<'webhook'>, { now }: ChannelContext): Channel {
  return {
    name: channelName(spec),
    send(notice, signal) {
      const body = JSON.stringify(webhookBody(notice));
      const timestamp = String(Math.floor(now().getTime() / 1000));
      return post(
        spec.url,
        body,
        {
          'content-type': 'application/json',
          'webhook-id': notice.id,
          'webhook-timestamp': timestamp,
          'idempotency-key': notice.id,
          ...(spec.secret !== undefined && {
            'webhook-signature': signatureOf(spec.secret, `${notice.id}.${timestamp}.${body}`),
          }),
        },
        signal,
      );
    },
  };
}

/** What programs read: everything that is known, and the same text that people get. */
export const webhookBody = (notice: Notice) => ({
  type: `nightshift.alert.${notice.kind}`,
  timestamp: notice.lastSeen,
  data: { ...notice, title: noticeTitle(notice), text: noticeLines(notice).join('\n') },
});

/** `whsec_` is followed by the key in base64; any other text is the key itself. */
export function signatureOf(secret: string, content: string): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}
