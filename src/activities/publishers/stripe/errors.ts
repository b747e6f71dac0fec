import { z } from 'zod';
import { AdapterError, asMaybeSent } from '../../../contract/errors.js';
import { jsonOf, type HttpAnswer, type HttpRequest } from '../../http/request.js';
import { refusalByWord, rejected, type Meaning } from '../http/meanings.js';

/**
 * What Stripe's errors mean, by code, else by type, else by status.
 * Source: Stripe API reference, "Errors", "Error codes", "Idempotent requests", 2026-11.
 */
export const STRIPE_ERRORS: Readonly<Record<string, Meaning>> = {
  idempotency_key_in_use: { errorClass: 'transient', sent: 'maybe' },
  idempotency_error: {
    errorClass: 'conflict',
    sent: 'maybe',
    fix: 'this effect was begun with other amounts or texts; look at the customer’s invoices, and raise the revision of the job',
  },
  lock_timeout: rejected('transient'),
  rate_limit: rejected('throttled'),
  resource_missing: rejected(
    'invalid',
    'check with.customer, and that key and customer are both of test or of live mode',
  ),
  invoice_not_editable: rejected('conflict', 'somebody else has issued or changed it; look at it at Stripe'),
  api_key_expired: rejected('auth', 'make a new key'),
  platform_api_key_expired: rejected('auth', 'make a new key'),
  secret_key_required: rejected('auth', 'use a secret or restricted key'),
  testmode_charges_only: rejected('config', 'the account is not activated for live mode'),
  card_error: rejected('invalid'),
  401: rejected('auth', 'check with.apiKey'),
  402: rejected('invalid'),
  403: rejected('auth', 'give the restricted key the permissions: Customers read, Invoices write'),
  424: { errorClass: 'transient', sent: 'maybe' },
};

const errorSchema = z.object({
  error: z.object({ type: z.string().max(64).optional(), code: z.string().max(64).optional() }),
});

/** What an answer other than 200 means. The facts' `code` is status and code. */
export function stripeRefusal(
  answer: HttpAnswer,
  request: Pick<HttpRequest, 'method' | 'url'>,
  secrets: readonly string[],
): AdapterError {
  const { type, code } = errorSchema.safeParse(jsonOf(answer)).data?.error ?? {};
  return refusalByWord(STRIPE_ERRORS, [code, type, String(answer.status)], {
    answer,
    request,
    secrets,
    word: code ?? type,
  });
}

/** Where an earlier step has left something there already: not a clean refusal any more. */
export const afterFirstStep = (error: unknown): unknown =>
  error instanceof AdapterError ? asMaybeSent(error) : error;
