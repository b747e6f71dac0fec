import type { EffectRequest, Placed, PublisherContext } from '../publisher.js';
import { resendApi, type ListedMail } from './api.js';
import { addressOf } from './mailbox.js';
import { placedIn } from './message.js';
import type { ResendOptions } from './options.js';

const PAGE = 100;
/** 5,000 mails: at two requests a second, half a minute. */
const PAGES_MAX = 50;

/**
 * Looks for a mail of ours. By id where one is known; else through the list of sent mails, newest first: its items
 * have no tags, so each that could be ours is opened. Before anything was sent, only the newest page is read, which
 * finds what another ledger sent not long ago.
 * @param knownId of the mail that this try has just sent
 */
export async function scan(
  options: ResendOptions,
  { effectKey, sentBefore, receipt }: EffectRequest,
  context: PublisherContext,
  knownId: string | undefined,
): Promise<Placed | undefined> {
  const api = resendApi(options, context);
  const open = async (id: string): Promise<Placed | undefined> => {
    const mail = await api.mail(id);
    return mail && placedIn(options, mail, effectKey);
  };
  const id = knownId ?? receipt?.id;
  const known = id === undefined || !isMailId(id) ? undefined : await open(id);
  if (known) return known;

  let after: string | undefined;
  for (let pages = 0; pages < (sentBefore ? PAGES_MAX : 1); pages++) {
    const page = await api.page(PAGE, after);
    for (const listed of page.data) {
      const placed = isLike(listed, options) ? await open(listed.id) : undefined;
      if (placed) return placed;
    }
    after = page.data.at(-1)?.id;
    if (!page.has_more || after === undefined) return undefined;
  }
  return undefined;
}

/** Receipts of effects that were assumed to be sent have an id of ours. */
const isMailId = (id: string): boolean => /^[\w-]+$/.test(id);

const isLike = ({ subject, to }: ListedMail, options: ResendOptions): boolean =>
  subject === options.subject && sameSet(to ?? [], options.to);

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const ofB = new Set(b.map(addressOf));
  return new Set(a.map(addressOf)).size === ofB.size && a.every((one) => ofB.has(addressOf(one)));
}
