import { z } from 'zod';
import { AdapterError, asMaybeSent, type ErrorClass, type ErrorFacts } from '../../../contract/errors.js';
import { refusal } from '../../http/refusal.js';
import { jsonOf, placeOf, type HttpAnswer, type HttpRequest } from '../../http/request.js';
import { saidBy } from '../http/said.js';

interface Meaning {
  readonly errorClass: ErrorClass;
  readonly sent: NonNullable<ErrorFacts['sent']>;
  readonly fix?: string;
}

const rejected = (errorClass: ErrorClass, fix?: string): Meaning => ({
  errorClass,
  sent: 'rejected',
  ...(fix !== undefined && { fix }),
});

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
  { method, url }: Pick<HttpRequest, 'method' | 'url'>,
  secrets: readonly string[],
): AdapterError {
  const { type, code } = errorSchema.safeParse(jsonOf(answer)).data?.error ?? {};
  const said = saidBy(answer, secrets);
  const meaning = [code, type, String(answer.status)].map(meaningOf).find((one) => one !== undefined);
  const plain = refusal(answer, { method, url }, said);
  if (!meaning) return plain;
  const word = code ?? type;
  const shown = [
    `${method} ${placeOf(url)} was answered ${answer.status}${word === undefined ? '' : ` ${word}`}`,
    said === '' ? '' : `: ${said}`,
    meaning.fix === undefined ? '' : `; ${meaning.fix}`,
  ].join('');
  return new AdapterError(meaning.errorClass, shown, {
    ...plain.facts,
    sent: meaning.sent,
    code: `${answer.status}${word === undefined ? '' : ` ${word}`}`,
  });
}

const meaningOf = (word: string | undefined): Meaning | undefined =>
  word !== undefined && Object.hasOwn(STRIPE_ERRORS, word) ? STRIPE_ERRORS[word] : undefined;

/** Where an earlier step has left something there already: not a clean refusal any more. */
export const afterFirstStep = (error: unknown): unknown =>
  error instanceof AdapterError ? asMaybeSent(error) : error;
