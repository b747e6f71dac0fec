import { DAY_MS } from '../contract/units.js';
import type { AlertMessage } from '../ledger/alert-rows.js';

/** A weekend, and the Monday after it. */
const LATELY_MS = 3 * DAY_MS;

/**
 * Messages that have reached nobody, newest first: tried and not taken yet, or given up in the last days. One after
 * which another went out by the same way is no matter any more, for that way is open again.
 * @param messages of all states, newest first
 */
export function undeliveredOf(messages: readonly AlertMessage[], now: Date): readonly AlertMessage[] {
  const since = new Date(now.getTime() - LATELY_MS).toISOString();
  return messages.filter((message) => {
    const lost =
      message.state === 'failed'
        ? (message.endedAt ?? '') > since
        : message.state === 'pending' && message.tries > 0;
    return lost && !messages.some((other) => other.state === 'sent' && isAfter(other, message));
  });
}

const isAfter = (other: AlertMessage, { batchName, route, endedAt, createdAt }: AlertMessage): boolean =>
  other.batchName === batchName && other.route === route && (other.endedAt ?? '') > (endedAt ?? createdAt);

/** `slack: HTTP 404; email: connection refused`; what each channel said at the last try. */
export const whyUndelivered = ({ answers, tries, state }: AlertMessage): string => {
  const said = answers.map(({ channel, said: words }) => `${channel}: ${words}`).join('; ');
  const times = tries === 1 ? 'one try' : `${tries} tries`;
  const how = state === 'failed' ? `given up after ${times}` : `${times} so far`;
  return said === '' ? `${how}; no channel could be asked` : `${how}; ${said}`;
};
