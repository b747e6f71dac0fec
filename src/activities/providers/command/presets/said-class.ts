import type { ErrorClass } from '../../../../contract/errors.js';
import { messageText } from '../terminal-text.js';
import type { EndedRun, Failure } from './preset.js';
import { waitTextMs } from './wait-text.js';

/** First match wins: the words of money come before those of rates, which vendors mix. */
const WORDS: readonly (readonly [RegExp, ErrorClass])[] = [
  [
    /credit balance|credits are depleted|insufficient.quota|payment required|billing|exceeded your current quota/i,
    'exhausted',
  ],
  [/usage limit|hit your (\w+ )?limit|quota|spend(ing)? (limit|cap)/i, 'exhausted'],
  [/rate.?limit|too many requests|\b429\b|resource.?exhausted/i, 'throttled'],
  [
    /not logged in|\/login|log ?in\b|sign ?in\b|invalid (api|x-api).key|api.key not valid|authenticat|unauthorized|unauthenticated|\b401\b|\b403\b|forbidden|permission.denied|missing environment variable|api.?key/i,
    'auth',
  ],
  [
    /unable to respond to this request|usage policy|safety|content.?policy|prohibited|invalid_prompt/i,
    'rejected',
  ],
  [/budget|max_budget/i, 'budget'],
  [/model.*(not found|does not exist|not supported)|not found.*model/i, 'invalid'],
  [
    /unable to connect|can.?t connect|econn|enotfound|eai_again|etimedout|fetch failed|network|connection|timed? ?out|stream (disconnected|closed)|overloaded|unavailable|high demand|\b5\d\d\b/i,
    'transient',
  ],
];

/** How HTTP statuses of the service behind a CLI count; others are judged by what was said. */
const STATUSES: Readonly<Record<number, ErrorClass>> = {
  400: 'invalid',
  401: 'auth',
  402: 'exhausted',
  403: 'auth',
  404: 'invalid',
  408: 'transient',
  409: 'transient',
  413: 'invalid',
  422: 'invalid',
  429: 'throttled',
};

const classOfStatus = (status: number): ErrorClass | undefined =>
  STATUSES[status] ?? (status >= 500 ? 'transient' : undefined);

/** The class that a message gives away; undefined where it says nothing known. */
export const classOfWords = (text: string): ErrorClass | undefined =>
  WORDS.find(([pattern]) => pattern.test(text))?.[1];

/** A person is asked to log in: nobody is there to do it. */
export const asksForLogin = (text: string): boolean =>
  /not authenticated|not logged in|log ?in to|sign ?in to|please (run )?.{0,10}log ?in|authorization code|(visit|open|go to).{0,60}https?:\/\/\S*(auth|login|oauth|device)|waiting for (authentication|login)/i.test(
    text,
  );

/**
 * What a CLI's own words lead to. A wait longer than `maxThrottleMs` is an exhausted quota, whatever it is called.
 * @param status of the service behind it, where the CLI passes it on
 */
export function failure(
  program: string,
  words: string,
  { maxThrottleMs, now }: Pick<EndedRun, 'maxThrottleMs' | 'now'>,
  {
    status,
    otherwise = 'rejected',
  }: { readonly status?: number | undefined; readonly otherwise?: ErrorClass } = {},
): Failure {
  const said = classOfWords(words);
  // Both vendors answer 400 or 403 when money ran out, and 429 both for a minute and for a month.
  const byStatus = status === undefined ? undefined : classOfStatus(status);
  const limited = byStatus === undefined || byStatus === 'throttled' || status === 400 || status === 403;
  const found = limited && said === 'exhausted' ? said : (byStatus ?? said ?? otherwise);
  const retryAfterMs =
    found === 'throttled' || found === 'exhausted' || found === 'transient'
      ? waitTextMs(words, now)
      : undefined;
  return {
    kind: 'failed',
    errorClass: byWait(found, retryAfterMs, maxThrottleMs),
    message: `${program}: ${messageText(words)}`,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function byWait(found: ErrorClass, waitMs: number | undefined, maxThrottleMs: number): ErrorClass {
  if (waitMs === undefined || (found !== 'throttled' && found !== 'exhausted')) return found;
  return classOfLimit(waitMs, { maxThrottleMs });
}

/** Of a limit that asks for a wait. */
export const classOfLimit = (
  waitMs: number,
  { maxThrottleMs }: Pick<EndedRun, 'maxThrottleMs'>,
): 'exhausted' | 'throttled' => (waitMs > maxThrottleMs ? 'exhausted' : 'throttled');
