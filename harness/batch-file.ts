import { ERROR_CLASSES } from '../src/contract/errors.js';
import { RETRY_RULES } from '../src/policy/retry.js';
import { IDENTITY, WORK, jobsOf, minutesMs } from './night.js';
import type { Places } from './tally.js';

/**
 * Each night of a block has an account of its own: what one meets there, as on another evening, is no news to the others.
 * The next block, at other services, has the same again: to look at the environment takes a second where it has
 * thousands of variables.
 */
export const accountAt = (seat: number): string => `HARNESS_KEY_${seat}`;

/** What the service allows; without it the product learns from the first refusal, in minutes of the clock on the wall. */
const REQUESTS_PER_MINUTE = 60;

/** The batch file of one night: what anybody could write, with every duration divided by the speed. */
export function batchFileOf(
  night: number,
  { service, destination, speed, block }: Places,
): Record<string, unknown> {
  const minutes = (count: number): string => `${Math.max(1, Math.round(minutesMs(count, speed)))}ms`;
  const waits = ERROR_CLASSES.filter((name) => RETRY_RULES[name].baseMs > 0).map((name) => {
    const { baseMs, capMs } = RETRY_RULES[name];
    return [name, { wait: minutes(baseMs / 60_000), waitAtMost: minutes(capMs / 60_000) }] as const;
  });
  const key = `\${env:${accountAt(block.indexOf(night))}}`;
  const posts = `${destination.url}/nightshift/${night}/posts`;
  return {
    name: `night-${night}`,
    work: WORK,
    identity: IDENTITY,
    jobs: jobsOf(night),
    agent: {
      use: 'antigravity',
      prompt: 'Write an article about {{ slug }} for {{ site }}.',
      timeout: minutes(30),
      limits: { requestsPerMinute: REQUESTS_PER_MINUTE * speed },
      with: {
        apiKey: key,
        baseUrl: `${service.url}/nightshift/${night}/gemini`,
        pollInterval: minutes(2),
        cancelWait: minutes(2),
        maxThrottle: minutes(15),
        unknownStartWait: minutes(10),
        freshIdGrace: minutes(5),
        keepRecords: true,
      },
    },
    checks: [{ minWords: 300 }],
    effects: [
      {
        name: 'post',
        use: 'http',
        target: `blog-${night}`,
        with: {
          url: `${posts}?slug={{ slug }}&key={{ effect.key }}`,
          lookup: { url: `${posts}?key={{ effect.key }}`, found: 200, id: '/id' },
          headers: { 'x-account': key },
          settle: minutes(1),
          timeout: minutes(10),
        },
      },
    ],
    limits: { concurrency: 6 },
    retry: { patience: minutes(12 * 60), classes: Object.fromEntries(waits) },
  };
}
