import { durationMs } from '../../../contract/batch-file.js';
import { classified } from '../http/said.js';
import { safeWindowMs, windowKey } from '../http/window-key.js';
import {
  definePublisher,
  type EffectRequest,
  type FoundEffect,
  type Publisher,
  type PublisherContext,
} from '../publisher.js';
import { resendApi } from './api.js';
import { contentOf, payloadOf, placedAs } from './message.js';
import { resendOptionsSchema, type ResendOptions } from './options.js';
import { probeResend } from './probe.js';
import { scan } from './scan.js';

/**
 * A mail by Resend. Class 2: its key is remembered for a day, and compared with the payload.
 *
 *  R1. Recipients come from the options alone, each exactly one mailbox.
 *  R2. Within the window a lost answer is settled by the same request under the same key, which sends nothing twice.
 *  R3. After it, only a mail that is found settles it: the list of sent mails proves no absence.
 *
 * A mail can't be changed or taken back: a higher revision of one that was sent is held.
 */
export const resend = definePublisher<ResendOptions>({
  name: 'resend',
  version: '1',
  handling: ['apiKey', 'scan', 'url', 'keyWindow', 'timeout'],
  neverArtifact: ['from', 'to', 'cc', 'bcc', 'replyTo'],
  options: resendOptionsSchema,
  create: ({ options }) => resendPublisher(options),
});

export function resendPublisher(options: ResendOptions): Publisher {
  let sentId: string | undefined;

  async function lookup(request: EffectRequest, context: PublisherContext): Promise<FoundEffect> {
    const placed = await scan(options, request, context, sentId);
    return placed ? { kind: 'ours', placed } : { kind: 'absent' };
  }

  return {
    facts: {
      name: 'resend',
      class: 2,
      lookup: options.scan ? 'scan' : 'none',
      settleMs: 0, // a late one has the same key
      keyWindowMs: safeWindowMs(durationMs(options.keyWindow), durationMs(options.timeout)),
    },
    ...(options.scan && { lookup }),

    async create(request, context) {
      const content = await contentOf(options, request, context);
      const payload = payloadOf(options, request, content);
      sentId = await resendApi(options, context).send(
        payload,
        windowKey(request.effectKey, request.revision),
      );
      return { kind: 'ours', placed: placedAs(options, sentId, request, content) };
    },

    probe: (context) => probeResend(options, context),
    classify: (error, during) => classified(error, during, 'resend'),
  };
}
