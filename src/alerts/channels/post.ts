import { sendHttp } from '../../activities/http/request.js';
import { AdapterError } from '../../contract/errors.js';
import type { ChannelAnswer } from '../../ledger/alert-rows.js';
import { CHANNEL_TIMEOUT_MS, failed, hostOf, took } from './channel.js';

/**
 * Sends one request. Of the answer only its status is told: bodies and URLs of webhooks hold secrets too often.
 * @param meanings what a status means there, where that helps whoever reads it
 * @param unanswered what else is known of one that left and got no answer
 */
export async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  meanings: Readonly<Record<number, string>> = {},
  unanswered: Pick<ChannelAnswer, 'mayBeOpen'> = {},
): Promise<Omit<ChannelAnswer, 'channel'>> {
  try {
    const { status } = await sendHttp({
      method: 'POST',
      url,
      headers,
      body,
      timeoutMs: CHANNEL_TIMEOUT_MS,
      signal,
    });
    if (status >= 200 && status < 300) return took(`HTTP ${status}`);
    const meaning = meanings[status];
    return failed(`${hostOf(url)} answered HTTP ${status}${meaning === undefined ? '' : `: ${meaning}`}`);
  } catch (error) {
    const { sent, code } = error instanceof AdapterError ? error.facts : {};
    const reason = code ?? (sent === 'maybe' ? 'no answer in time' : 'the URL can’t be used');
    return { ...failed(`${hostOf(url)}: ${reason}`), ...(sent === 'maybe' && unanswered) };
  }
}
