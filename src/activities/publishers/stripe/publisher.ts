import { durationMs } from '../../../contract/batch-file.js';
import { classified } from '../http/said.js';
import { safeWindowMs } from '../http/window-key.js';
import { definePublisher, type BodyRequest, type Publisher, type PublisherContext } from '../publisher.js';
import { stripeApi } from './api.js';
import { billed } from './billed.js';
import { fillDraft, issue, makeDraft, type Draft } from './draft.js';
import { afterFirstStep } from './errors.js';
import { placedAs } from './invoice.js';
import { findInvoice } from './lookup.js';
import { expectedTotal } from './money.js';
import { stripeOptionsSchema, type StripeOptions } from './options.js';
import { probeStripe } from './probe.js';
import { discardDraft, takeBack } from './undo.js';

/**
 * An invoice at Stripe. Class 2 with a hidden draft: every step has a key of its own, and the draft is found by its
 * metadata in the customer's list.
 *
 *  S1. Nothing is sent whose total is above the limit, or in another currency.
 *  S2. A draft is issued only after it was read back with customer, currency and total as the job wants them.
 *  S3. A stored error is left behind under another key only where the list shows that nothing is there.
 *  S4. What was issued is never changed: a higher revision of it is held for a person.
 */
export const stripe = definePublisher<StripeOptions>({
  name: 'stripe',
  version: '1',
  handling: ['apiKey', 'maxAmount', 'lookBack', 'url', 'keyWindow', 'timeout'],
  neverArtifact: ['customer', 'currency', 'lines', 'maxAmount', 'collection'],
  options: stripeOptionsSchema,
  preview: billed,
  create: ({ options }) => stripePublisher(options),
});

export function stripePublisher(options: StripeOptions): Publisher {
  const draftOf = (request: BodyRequest, context: PublisherContext): Draft => ({
    options,
    api: stripeApi(options, context),
    request,
  });

  return {
    facts: {
      name: 'stripe',
      class: 2,
      lookup: 'exact',
      settleMs: 0, // a late one has the same key
      keyWindowMs: safeWindowMs(durationMs(options.keyWindow), durationMs(options.timeout)),
      unpublish: 'reverse',
    },

    async lookup(request, context) {
      expectedTotal(options); // S1: an amount that may not be billed is not worth looking for
      return findInvoice(options, stripeApi(options, context), request, context);
    },

    async create(request, context) {
      expectedTotal(options); // S1
      const draft = draftOf(request, context);
      const found = async () => {
        const standing = await findInvoice(options, draft.api, request, context);
        return standing.kind === 'ours' ? draft.api.invoice(standing.placed.id) : undefined;
      };
      const made = await makeDraft(draft, found);
      return { kind: 'ours', placed: placedAs(await laterStep(() => fillDraft(draft, made.id))) };
    },

    async reveal(placed, request, context) {
      expectedTotal(options); // S1
      const draft = draftOf(request, context);
      return laterStep(async () => {
        const filled = await fillDraft(draft, placed.id); // S2; lines may be missing after a crash
        return placedAs(filled.status === 'draft' ? await issue(draft, placed.id) : filled);
      });
    },

    discard: (placed, request, context) => discardDraft(stripeApi(options, context), placed, request),
    unpublish: (request, receipt, context) => takeBack(stripeApi(options, context), request, receipt),
    probe: (context) => probeStripe(options, context),
    classify: (error, during) => classified(error, during, 'stripe'),
  };
}

async function laterStep<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw afterFirstStep(error);
  }
}
