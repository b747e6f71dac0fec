import type { ChannelOf, Notice } from '../../contract/alerts.js';
import { noticeLines, noticeTitle } from '../notice-text.js';
import { NTFY_URL, channelName, type Channel } from './channel.js';
import { post } from './post.js';

/** The service turns longer messages into attachments. */
const BYTES_MAX = 3900;

const PRIORITY: Readonly<Record<Notice['kind'], number>> = { opened: 5, reminder: 4, recovered: 3, test: 3 };
const TAG: Readonly<Record<Notice['kind'], string>> = {
  opened: 'rotating_light',
  reminder: 'hourglass',
  recovered: 'white_check_mark',
  test: 'wrench',
};

/** Source: docs.ntfy.sh/publish, "Publish as JSON": sent to the server's root, the topic in the body. */
export function ntfyChannel(spec: ChannelOf<'ntfy'>): Channel {
  return {
    name: channelName(spec),
    send(notice, signal) {
      const body = {
        topic: spec.topic,
        title: noticeTitle(notice),
        message: cut(noticeLines(notice).join('\n')),
        priority: PRIORITY[notice.kind],
        tags: [TAG[notice.kind]],
      };
      const headers = {
        'content-type': 'application/json',
        ...(spec.token !== undefined && { authorization: `Bearer ${spec.token}` }),
      };
      return post(spec.url ?? NTFY_URL, JSON.stringify(body), headers, signal);
    },
  };
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= BYTES_MAX) return text;
  // A character that was cut in two is left out.
  return `${bytes
    .subarray(0, BYTES_MAX)
    .toString('utf8')
    .replace(/\ufffd+$/, '')}…`;
}
