import { createHash } from 'node:crypto';
import { canonicalJson } from '../../identity/canonical-json.js';
import type { JsonObject } from '../../contract/json.js';
import type { FakeAnswer, FakeRequest, Plan, Surface } from './exchange.js';
import { settingsOf } from './settings.js';
import type { Store } from './store.js';
import { draftsByKey, stripeRoute } from './stripe-objects.js';
import { StripeRefusal, stripeError } from './stripe-errors.js';

const KEY_MAX = 255;

/**
 * Stripe's API v1 as far as invoices go: customers, invoices, invoice items. The first status and body of a key are
 * told again for 24 hours, 500s included; other parameters are an error; what fails validation is not stored.
 * Source: Stripe API reference, "Idempotent requests", "Errors", "Invoices", 2026-11.
 */
export function stripeSurface(store: Store): Surface {
  return {
    name: 'stripe',
    owns: (path) => path.startsWith('/v1/'),
    failure: (status) =>
      status === 429
        ? stripeError(429, 'invalid_request_error', 'Too many requests.', 'rate_limit')
        : stripeError(status, 'api_error', 'An unknown error occurred'),
    leftovers: () => draftsByKey(store),
    plan(request, isInFlight) {
      const denied = denial(request);
      if (denied) return { kind: 'answer', answer: denied, outcome: 'refused' };
      const route = stripeRoute(store, request);
      if (!route) {
        const answer = stripeError(
          404,
          'invalid_request_error',
          `Unrecognized request URL (${request.method}: ${request.path}).`,
        );
        return { kind: 'answer', answer, outcome: 'refused' };
      }
      if (request.method === 'GET') return { kind: 'answer', answer: attempt(route), outcome: 'read' };
      if (request.method === 'DELETE') return { kind: 'execute', execute: () => attempt(route) };
      return post(store, request, route, isInFlight);
    },
  };
}

function denial({ headers }: FakeRequest): FakeAnswer | undefined {
  const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1];
  if (token === undefined)
    return stripeError(401, 'invalid_request_error', 'You did not provide an API key.');
  if (!/^[sr]k_(test|live)_/.test(token))
    return stripeError(401, 'invalid_request_error', `Invalid API Key provided: ${token.slice(0, 4)}****`);
  return undefined;
}

function post(
  store: Store,
  request: FakeRequest,
  route: () => JsonObject,
  isInFlight: (key: string) => boolean,
): Plan {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return { kind: 'execute', execute: () => attempt(route) };
  if (key.length > KEY_MAX)
    return answered(
      stripeError(400, 'idempotency_error', `Idempotency keys are at most ${KEY_MAX} characters long.`),
      'refused',
    );
  const fingerprint = createHash('sha256')
    .update(`${request.method} ${request.path}\n${canonicalJson(request.fields)}`)
    .digest('hex');
  if (isInFlight(key)) {
    const message =
      'There is currently another in-progress request using this Idempotent Key (that probably means you submitted ' +
      'twice, and the other request is still going through). Please try again later.';
    return answered(
      stripeError(409, 'invalid_request_error', message, 'idempotency_key_in_use'),
      'in flight',
    );
  }
  const known = store.remembered('stripe', key, settingsOf(store).stripe.windowMs);
  if (known && known.fingerprint !== fingerprint) {
    const message =
      'Keys for idempotent requests can only be used with the same parameters they were first used with. Try using ' +
      `a key other than '${key}' if you meant to execute a different request.`;
    return answered(stripeError(400, 'idempotency_error', message), 'other body');
  }
  if (known) {
    const { status, body } = known.answer as { status: number; body: JsonObject };
    return answered({ status, headers: { 'idempotent-replayed': 'true' }, body }, 'replayed');
  }
  return {
    kind: 'execute',
    inFlight: key,
    execute: () => attempt(route),
    remember: (_, told) => {
      // Nothing had begun: validation, or a limit.
      if (told.status >= 400 && told.status < 500) return;
      store.remember('stripe', key, fingerprint, { status: told.status, body: told.body });
    },
  };
}

const answered = (answer: FakeAnswer, outcome: string): Plan => ({ kind: 'answer', answer, outcome });

function attempt(route: () => JsonObject): FakeAnswer {
  try {
    return { status: 200, body: route() };
  } catch (error) {
    if (error instanceof StripeRefusal) return error.answer;
    throw error;
  }
}
