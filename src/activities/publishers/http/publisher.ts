import { durationMs } from '../../../contract/batch-file.js';
import { sendHttp, type HttpAnswer } from '../../http/request.js';
import {
  definePublisher,
  type BodyRequest,
  type EffectRequest,
  type FoundEffect,
  type Publisher,
  type PublisherContext,
} from '../publisher.js';
import { factsOf } from './facts.js';
import { createdBy, findsSomething, foundBy } from './found.js';
import { httpOptionsSchema, type HttpOptions } from './options.js';
import { creation, inspection, outgoing } from './outgoing.js';
import { probeHttp } from './probe.js';
import { classified } from './said.js';
import { isDone, refusedCreation } from './verdict.js';
import { assertTellsApart, lookupFault } from './whose.js';
import { sendUnderKey, windowKey } from './window-key.js';

/**
 * One request to a service of any kind.
 *
 *  H1. A key goes with every request: the same for every try, another for each revision.
 *  H2. The class is what the options declare, never more: `facts.ts`.
 *  H3. An answer that says neither "done" nor "refused" is unclear; nothing is concluded from it.
 *  H4. A look-up says "absent" only by a status that was declared for it, or by an empty list.
 *  H5. What it finds is ours only where something says so: `whose.ts`.
 */
export const http = definePublisher<HttpOptions>({
  name: 'http',
  version: '1',
  handling: [
    'headers',
    'idempotencyHeader',
    'keyWindow',
    'quoteKey',
    'comparesBody',
    'inFlightStatus',
    'success',
    'id',
    'link',
    'lookup',
    'settle',
    'timeout',
    'webhook',
  ],
  options: httpOptionsSchema,
  fault: lookupFault,
  create: ({ options, effectKey }) => httpPublisher(options, effectKey),
});

/** @param probeKey key of some effect that the options are filled in for, for `probe` */
export function httpPublisher(options: HttpOptions, probeKey?: string): Publisher {
  const facts = factsOf(options);
  const { lookup } = options;

  async function look(request: EffectRequest, context: PublisherContext): Promise<FoundEffect> {
    if (!lookup) return { kind: 'absent' };
    const ask = (at: typeof lookup) => sendHttp(inspection(options, at, context));
    const found = foundBy(options, lookup, await ask(lookup), request);
    if (found.kind === 'ours')
      await assertTellsApart(lookup, request.effectKey, async (nobody) =>
        findsSomething(options, nobody, await ask(nobody)),
      ); // H5
    return found;
  }

  async function create(request: BodyRequest, context: PublisherContext): Promise<FoundEffect> {
    const key = windowKey(request.effectKey, request.revision);
    const outcome = await sendUnderKey({
      key,
      send: (used) => sendHttp(creation(options, request, used, context)),
      isStoredError: (answer) => lookup !== undefined && isStoredError(answer, request),
      find: async () => {
        await context.sleep(durationMs(options.settle));
        const found = await look(request, context);
        return found.kind === 'absent' ? undefined : found;
      },
    });
    if ('found' in outcome) return outcome.found;
    const { answer } = outcome;
    if (!isDone(options, answer.status)) throw refusedCreation(options, answer, request.sentBefore);
    return { kind: 'ours', placed: createdBy(options, answer, key, outgoing(options, request).body) };
  }

  return {
    facts,
    ...(lookup && { lookup: look }),
    create,
    probe: (context) => probeHttp(options, context, probeKey),
    classify: (error, during) => classified(error, during, 'http'),
  };
}

/**
 * A 5xx that the service says it repeats, or a 500 under a key that was used before. Not a gateway's 502 to 504, behind
 * which the request may still be running.
 */
const isStoredError = ({ status, headers }: HttpAnswer, { sentBefore }: BodyRequest): boolean =>
  (status === 500 && sentBefore) || (status >= 500 && headers.get('idempotent-replayed') === 'true');
