import type { FakeAnswer } from './exchange.js';

/** An answer other than 200, thrown where the reason is found. */
export class StripeRefusal extends Error {
  override readonly name = 'StripeRefusal';
  constructor(readonly answer: FakeAnswer) {
    super('refused');
  }
}

export const stripeError = (
  status: number,
  type: 'invalid_request_error' | 'idempotency_error' | 'api_error',
  message: string,
  code?: string,
): FakeAnswer => ({ status, body: { error: { type, message, ...(code !== undefined && { code }) } } });

export const refused = (message: string, code?: string, status = 400): StripeRefusal =>
  new StripeRefusal(stripeError(status, 'invalid_request_error', message, code));
