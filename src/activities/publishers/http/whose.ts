/**
 * Whose it is that a look-up has found. Nothing is taken for ours because it is there; it is ours by
 *
 *  W1. our key in the answer, at `lookup.key`;
 *  W2. our key in the URL, where the same URL with a key that nobody has finds nothing: many services pass over a
 *      parameter that they don't know, and answer with whatever they have;
 *  W3. the operator's word, `lookup.ownUrl`.
 */
import { Lru } from '../../../batch/lru.js';
import { AdapterError } from '../../../contract/errors.js';
import type { JsonObject } from '../../../contract/json.js';
import { placeOf } from '../../http/request.js';
import type { OptionFault } from '../publisher.js';
import type { HttpOptions } from './options.js';

type Lookup = NonNullable<HttpOptions['lookup']>;

/** No hash is ever that. */
const NOBODYS_KEY = '0'.repeat(32);
const PROVEN_MAX = 10_000;

/** @param options filled in for the effect; what they lack is not judged here */
export function lookupFault(options: JsonObject, effectKey: string): OptionFault | undefined {
  const { lookup } = options;
  if (typeof lookup !== 'object' || lookup === null || Array.isArray(lookup)) return undefined;
  const { url, key, ownUrl } = lookup;
  if (typeof url !== 'string' || key !== undefined || isYes(ownUrl) || url.includes(effectKey))
    return undefined;
  return {
    path: ['lookup'],
    message:
      'takes whatever it finds for ours: another job’s article, or somebody else’s, would count as landed',
    hint:
      'put {{ effect.key }} into lookup.url where the service finds it by that, or set lookup.key to where the answer has it; ' +
      'lookup.ownUrl: true where nobody else can put anything at that URL',
  };
}

/** As a template may have filled it in. */
const isYes = (value: unknown): boolean => value === true || value === 'true';

/** W1, W3. */
export const isTold = ({ key, ownUrl }: Lookup): boolean => key !== undefined || ownUrl;

/** The same look-up for a key that nobody has; undefined where its URL does not depend on the key. */
export const lookupOfNobody = (lookup: Lookup, effectKey: string): Lookup | undefined =>
  lookup.url.includes(effectKey)
    ? { ...lookup, url: lookup.url.replaceAll(effectKey, NOBODYS_KEY) }
    : undefined;

/** Look-ups of this process that have told a key from one that nobody has: method and URL. */
const proven = new Lru<true>(PROVEN_MAX);

/**
 * W2, asked once for each such URL: where it has no name of the job in it, once in a process.
 * @param finds whether a look-up finds something
 * @throws AdapterError `config`; whatever `finds` throws
 */
export async function assertTellsApart(
  lookup: Lookup,
  effectKey: string,
  finds: (lookup: Lookup) => Promise<boolean>,
): Promise<void> {
  if (isTold(lookup)) return;
  const nobody = lookupOfNobody(lookup, effectKey);
  if (nobody === undefined) return;
  const asked = `${nobody.method} ${nobody.url}`;
  if (proven.get(asked)) return;
  if (await finds(nobody)) throw new AdapterError('config', passesOver(nobody), { sent: 'no' });
  proven.set(asked, true);
}

export const FOUND_FOR_NOBODY = 'finds something for a key that nobody has';
export const TELL_APART =
  'give with.lookup.url the parameter that the service knows, or set with.lookup.key to where its answer has the key';

const passesOver = ({ method, url }: Lookup): string =>
  `${method} ${placeOf(url)} ${FOUND_FOR_NOBODY}, so what it finds may be anybody’s; ${TELL_APART}`;
