import type { AlertMessage } from '../ledger/alert-rows.js';

/** Whether it says that a cause is over. */
export const isEnd = ({ kind }: Pick<AlertMessage, 'kind'>): boolean =>
  kind === 'recovered' || kind === 'withdrawn';

/**
 * What was told of a cause, or is about to be, and of no end since by that route. An end that was dropped was told to
 * nobody: a later one has to do for it too.
 * @param messages of one cause, in the order in which they were written
 */
export function heardOf<M extends Pick<AlertMessage, 'kind' | 'route' | 'state'>>(
  messages: readonly M[],
): M[] {
  let heard: M[] = [];
  for (const message of messages) {
    if (!isEnd(message)) {
      if (message.state === 'sent' || message.state === 'pending') heard.push(message);
    } else if (message.state !== 'dropped') heard = heard.filter(({ route }) => route !== message.route);
  }
  return heard;
}
