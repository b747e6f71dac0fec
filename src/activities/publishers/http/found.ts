import { createHash } from 'node:crypto';
import { AdapterError } from '../../../contract/errors.js';
import { canonicalJson } from '../../../identity/canonical-json.js';
import type { Json } from '../../../contract/json.js';
import { refusal } from '../../http/refusal.js';
import { jsonOf, placeOf, type HttpAnswer } from '../../http/request.js';
import type { EffectRequest, FoundEffect, Placed } from '../publisher.js';
import type { HttpOptions } from './options.js';
import { secretsOf } from './outgoing.js';
import { at, listOnTheWay, textAt } from './pointer.js';
import { saidBy, shownText } from './said.js';

type Lookup = NonNullable<HttpOptions['lookup']>;

const ID_DEFAULT = '/id';

/** What the answer of a look-up says. @throws AdapterError for an answer that is neither found nor absent */
export function foundBy(
  options: HttpOptions,
  lookup: Lookup,
  answer: HttpAnswer,
  { effectKey }: EffectRequest,
): FoundEffect {
  if (lookup.absent.includes(answer.status) && answer.status !== lookup.found) return { kind: 'absent' };
  if (answer.status !== lookup.found) throw unclear(options, lookup, answer);
  if (lookup.method === 'HEAD')
    return { kind: 'ours', placed: placedAt(options, answer, undefined, effectKey) };

  const document = jsonOf(answer);
  const pointer = lookup.id ?? ID_DEFAULT;
  if (textAt(pointer, document) === undefined) {
    // An empty list is an answer; a page that has no id may be anybody's.
    if (listOnTheWay(pointer, document)?.length === 0) return { kind: 'absent' };
    const message = `GET ${placeOf(lookup.url)} was answered ${answer.status}, but has no id at ${pointer || 'its root'}; set with.lookup.id`;
    throw new AdapterError('config', message, { sent: 'no' });
  }
  const holder = lookup.key === undefined ? effectKey : textAt(lookup.key, document);
  if (holder !== effectKey) {
    const why =
      holder === undefined ? `has no effect key at ${lookup.key}` : `belongs to ${shownText(holder)}`;
    return { kind: 'theirs', location: placeOf(lookup.url), why };
  }
  return { kind: 'ours', placed: placedAt(options, answer, lookup, effectKey) };
}

/** Statuses that say something of the service or of who asks, and nothing of what was asked for. */
const SAYS_NOTHING: ReadonlySet<number> = new Set([401, 407, 408, 425, 429]);

/** Whether there is something at all, whosever. A refusal of what was asked for is as good as "no". @throws AdapterError */
export function findsSomething(options: HttpOptions, lookup: Lookup, answer: HttpAnswer): boolean {
  const { status } = answer;
  if (status === lookup.found)
    return lookup.method === 'HEAD' || textAt(lookup.id ?? ID_DEFAULT, jsonOf(answer)) !== undefined;
  const isAnswer = lookup.absent.includes(status) || (status >= 200 && status < 300);
  const isRefusal = status >= 400 && status < 500 && !SAYS_NOTHING.has(status);
  if (isAnswer || isRefusal) return false;
  throw unclear(options, lookup, answer);
}

function unclear(options: HttpOptions, lookup: Lookup, answer: HttpAnswer): AdapterError {
  const request = { method: lookup.method, url: lookup.url } as const;
  const { status } = answer;
  if (status >= 200 && status < 300)
    return new AdapterError(
      'config',
      `${lookup.method} ${placeOf(lookup.url)} was answered ${status}, which is neither with.lookup.found nor with.lookup.absent`,
      { sent: 'no', code: String(status) },
    );
  return refusal(answer, request, saidBy(answer, secretsOf(options)));
}

function placedAt(
  options: HttpOptions,
  answer: HttpAnswer,
  lookup: Lookup | undefined,
  effectKey: string,
): Placed {
  const document = jsonOf(answer);
  const id = (lookup && textAt(lookup.id ?? ID_DEFAULT, document)) ?? effectKey;
  const revision = lookup?.revision === undefined ? undefined : Number(textAt(lookup.revision, document));
  const content = lookup?.content === undefined ? undefined : at(lookup.content, document);
  return {
    ...placed(options, answer, id),
    sha256: hashOf(content === undefined ? { effectKey, id } : (content as Json)),
    ...(revision !== undefined && Number.isInteger(revision) && { revision }),
  };
}

/** What a creation that was answered "done" says of what it made. @throws AdapterError `unknown` where a promised id is missing */
export function createdBy(options: HttpOptions, answer: HttpAnswer, key: string, body: Uint8Array): Placed {
  const said = textAt(options.id ?? ID_DEFAULT, jsonOf(answer));
  if (said === undefined && options.id !== undefined)
    throw new AdapterError(
      'unknown',
      `${options.method} ${placeOf(options.url)} was answered ${answer.status}, but has no id at ${options.id}`,
      { sent: 'maybe', code: String(answer.status) },
    );
  const id = said ?? answer.headers.get('location') ?? key;
  return { ...placed(options, answer, id), sha256: createHash('sha256').update(body).digest('hex') };
}

function placed({ url: base, link }: HttpOptions, answer: HttpAnswer, id: string): Omit<Placed, 'sha256'> {
  const place =
    (link === undefined ? undefined : textAt(link, jsonOf(answer))) ?? answer.headers.get('location');
  const url = place !== null && URL.canParse(place, base) ? new URL(place, base) : undefined;
  const isForPeople = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '';
  return { id: shownText(id), visible: true, ...(isForPeople && { url: url.href }) };
}

/** Texts as their bytes, all else in canonical form. */
const hashOf = (content: Json): string =>
  createHash('sha256')
    .update(typeof content === 'string' ? content : canonicalJson(content))
    .digest('hex');
