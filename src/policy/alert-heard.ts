import type { AlertMessage, AlertMessageKind, ChannelAnswer } from '../ledger/alert-rows.js';

/** What says that a cause is over. */
export const ENDS = ['recovered', 'withdrawn'] as const satisfies readonly AlertMessageKind[];

export const isEnd = ({ kind }: Pick<AlertMessage, 'kind'>): boolean => ENDS.some((end) => end === kind);

/**
 * What was told of a cause, or is about to be, and of no end since by that route. An end that was dropped was told to
 * nobody: a later one has to do for it too. Where there was none, it ended untold, which the next time changes nothing about.
 * @param messages of one cause, in the order in which they were written
 */
export function heardOf<M extends Pick<AlertMessage, 'kind' | 'messageId' | 'route' | 'state' | 'answers'>>(
  messages: readonly M[],
): M[] {
  let heard: M[] = [];
  let opening: string | undefined;
  const owed = new Set<string>();
  for (const message of messages) {
    const { kind, messageId, route, state } = message;
    if (isEnd(message)) {
      if (state === 'dropped') owed.add(route);
      else {
        heard = heard.filter((before) => before.route !== route);
        owed.delete(route);
      }
      continue;
    }
    if (kind === 'opened' && messageId !== opening) {
      heard = heard.filter((before) => owed.has(before.route));
      opening = messageId;
    }
    if (state === 'sent' || state === 'pending' || message.answers.some(isHeard)) heard.push(message);
  }
  return heard;
}

/** Whether that channel is to hear of the end. */
export const isHeard = ({ took, mayBeOpen }: ChannelAnswer): boolean => took || mayBeOpen === true;
