import { AdapterError } from '../../../contract/errors.js';
import { placeOf, sendHttp } from '../../http/request.js';
import type { ProbeFinding, PublisherContext } from '../publisher.js';
import { factsOf } from './facts.js';
import { findsSomething } from './found.js';
import type { HttpOptions } from './options.js';
import { inspection } from './outgoing.js';
import { FOUND_FOR_NOBODY, isTold, lookupOfNobody, TELL_APART } from './whose.js';

/**
 * Asks what a night would ask, and sends nothing: the look-up where there is one, else HEAD. The look-up is asked for a
 * key that nobody has, where its URL has one: it has to find nothing.
 */
export async function probeHttp(
  options: HttpOptions,
  context: PublisherContext,
  effectKey: string | undefined,
): Promise<ProbeFinding[]> {
  return [await reach(options, context, effectKey), classFinding(options)];
}

async function reach(
  options: HttpOptions,
  context: PublisherContext,
  effectKey: string | undefined,
): Promise<ProbeFinding> {
  const { lookup } = options;
  const nobody = lookup && effectKey !== undefined ? lookupOfNobody(lookup, effectKey) : undefined;
  const asked = nobody ?? lookup ?? { url: options.url, method: 'HEAD' as const };
  const place = `${asked.method} ${placeOf(asked.url)}`;
  try {
    const answer = await sendHttp(inspection(options, asked, context));
    const { status } = answer;
    const detail = `${place} was answered ${status}`;
    if (status === 401 || status === 403)
      return { status: 'fail', detail, fix: 'check the credentials in with.headers' };
    if (status >= 300 && status < 400)
      return { status: 'fail', detail: `${detail}, a redirect`, fix: 'name the final URL in the batch file' };
    if (status >= 500) return { status: 'warn', detail, fix: 'the service has trouble; look again later' };
    if (lookup && status !== lookup.found && !lookup.absent.includes(status))
      return {
        status: 'fail',
        detail,
        fix: 'set with.lookup.found and with.lookup.absent to what the service answers',
      };
    if (nobody && !isTold(nobody) && findsSomething(options, nobody, answer))
      return {
        status: 'fail',
        detail: `${detail}, and ${FOUND_FOR_NOBODY}: what it finds may be anybody’s`,
        fix: TELL_APART,
      };
    return { status: 'ok', detail };
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return { status: 'fail', detail: error.message, fix: 'check the URL and the network' };
  }
}

function classFinding(options: HttpOptions): ProbeFinding {
  const { class: is, lookup } = factsOf(options);
  if (is !== 4) return { status: 'ok', detail: `class ${is}, look-up: ${lookup}` };
  return {
    status: 'warn',
    detail:
      'class 4: the service can’t be asked, and is not known to honour keys; a lost answer is held for a person',
    fix: 'set with.lookup, or with.keyWindow where the service documents one',
  };
}
