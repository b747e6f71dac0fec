import type { ChannelOf } from '../../contract/alerts.js';
import { noticeLines, noticeTitle } from '../notice-text.js';
import { channelName, type Channel } from './channel.js';
import { post } from './post.js';

/** Longer texts are cut by Slack in the middle. */
const TEXT_MAX = 3500;

/** An incoming webhook. It knows no keys: a try whose answer was lost may show twice. */
export function slackChannel(spec: ChannelOf<'slack'>): Channel {
  return {
    name: channelName(spec),
    send(notice, signal) {
      const text = noticeLines(notice).join('\n').slice(0, TEXT_MAX);
      // In a code block nothing is a mention or a link, whatever a job is called.
      const shown = escaped(text).replaceAll('`', 'ˋ');
      const body = { text: `*${escaped(noticeTitle(notice))}*\n\`\`\`\n${shown}\n\`\`\`` };
      return post(spec.url, JSON.stringify(body), { 'content-type': 'application/json' }, signal);
    },
  };
}

/** Source: docs.slack.dev, formatting message text: these three characters, and no others. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
