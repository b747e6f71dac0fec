import { AdapterError } from '../../../contract/errors.js';
import { refusal } from '../../http/refusal.js';
import { placeOf, type HttpAnswer } from '../../http/request.js';
import { saidBy } from './said.js';
import { secretsOf } from './outgoing.js';
import type { HttpOptions } from './options.js';

export const isDone = ({ success }: Pick<HttpOptions, 'success'>, status: number): boolean =>
  success ? success.includes(status) : status >= 200 && status < 300;

/**
 * What an answer to a creation means that does not say "done".
 * @param sentBefore an earlier try may have used the same key
 */
export function refusedCreation(options: HttpOptions, answer: HttpAnswer, sentBefore: boolean): AdapterError {
  const { status } = answer;
  const { method, url, inFlightStatus, comparesBody, webhook } = options;
  const place = `${method} ${placeOf(url)}`;
  const said = saidBy(answer, secretsOf(options));
  const quoted = said === '' ? '' : `: ${said}`;
  const code = String(status);
  if (status >= 200 && status < 300)
    return new AdapterError('unknown', `${place} was answered ${status}, which is not among with.success`, {
      sent: 'maybe',
      code,
    });
  // RFC 9110, 15.4: so answers, too, what has just done as it was asked, and shows the result elsewhere.
  if (status === 302 || status === 303)
    return new AdapterError(
      'unknown',
      `${place} was answered ${status}, a redirect: whether it was carried out can’t be told from that; ` +
        `where it means "done", add ${status} to with.success`,
      { sent: 'maybe', code },
    );
  if (status === inFlightStatus) {
    const fallback = refusal(answer, options, said);
    const message = `${place} was answered ${status}: a request with this key is still running, or it is there already${quoted}`;
    return new AdapterError('transient', message, { ...fallback.facts, sent: 'maybe' });
  }
  if (status === 422 && comparesBody && sentBefore)
    return new AdapterError(
      'conflict',
      `${place} was answered 422: its key was used before with another body${quoted}; ` +
        'compare what is there with what would be sent, and raise the revision of the job to send it',
      { sent: 'maybe', code },
    );
  if (status === 410 && webhook)
    return new AdapterError('config', `${place} was answered 410: the receiver wants no more webhooks`, {
      sent: 'rejected',
      code,
    });
  return refusal(answer, options, said);
}
