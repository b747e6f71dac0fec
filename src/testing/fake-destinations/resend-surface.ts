import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../../contract/json.js';
import type { FakeAnswer, FakeRequest, Plan, Surface } from './exchange.js';
import { isJsonObject } from './form.js';
import { settingsOf } from './settings.js';
import type { Store } from './store.js';

const PATH = /^\/(emails|domains)(?:\/([^/]+))?(?:\/(cancel))?$/;
const SCHEDULED = 'scheduled';

/**
 * Resend's mails. Keys are kept for 24 hours and compared with the payload; three errors speak of them.
 * A key `re_send_…` may only send, as one with the permission "Sending access".
 * Source: Resend docs, "Idempotency keys", "Errors", "List sent emails", 2026-11.
 */
export function resendSurface(store: Store): Surface {
  return {
    name: 'resend',
    owns: (path) => PATH.test(path),
    failure: (status) =>
      status === 429
        ? failed(429, 'rate_limit_exceeded', 'Too many requests.')
        : failed(status, 'application_error', 'An unexpected error occurred.'),
    leftovers: () => ({}),
    plan(request, isInFlight) {
      const [, collection, id, verb] = PATH.exec(request.path) ?? [];
      const denied = denial(request);
      if (denied) return answered(denied, 'refused');
      if (request.method === 'GET' && collection === 'domains') return answered(domains(store), 'read');
      if (request.method === 'GET' && id !== undefined) return answered(mail(store, id), 'read');
      if (request.method === 'GET') return answered(list(store, request), 'read');
      if (request.method === 'POST' && verb === 'cancel' && id !== undefined) return cancellation(store, id);
      if (request.method === 'POST' && collection === 'emails' && id === undefined)
        return sending(store, request, isInFlight);
      return answered(
        failed(405, 'method_not_allowed', 'Method is not allowed for the requested path.'),
        'refused',
      );
    },
  };
}

const answered = (answer: FakeAnswer, outcome: string): Plan => ({ kind: 'answer', answer, outcome });

function denial({ headers, method }: FakeRequest): FakeAnswer | undefined {
  const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1];
  if (token === undefined)
    return failed(401, 'missing_api_key', 'Missing API key in the authorization header.');
  if (!token.startsWith('re_')) return failed(403, 'invalid_api_key', 'API key is invalid.');
  if (token.startsWith('re_send_') && method !== 'POST')
    return failed(401, 'restricted_api_key', 'This API key is restricted to only send emails.');
  return undefined;
}

function sending(store: Store, request: FakeRequest, isInFlight: (key: string) => boolean): Plan {
  const key = request.headers['idempotency-key'];
  if (key !== undefined && (key.length < 1 || key.length > 256))
    return answered(
      failed(400, 'invalid_idempotency_key', 'The key must be between 1-256 chars.'),
      'refused',
    );
  const fingerprint = createHash('sha256').update(request.body).digest('hex');
  if (key !== undefined) {
    if (isInFlight(key))
      return answered(
        failed(
          409,
          'concurrent_idempotent_requests',
          'Same idempotency key used while original request is still in progress.',
        ),
        'in flight',
      );
    const known = store.remembered('resend', key, settingsOf(store).resend.windowMs);
    if (known && known.fingerprint !== fingerprint)
      return answered(
        failed(
          409,
          'invalid_idempotent_request',
          'Same idempotency key used with a different request payload.',
        ),
        'other body',
      );
    if (known) return answered({ status: 200, body: known.answer }, 'replayed');
  }
  const invalid = fault(store, request.fields);
  if (invalid) return answered(invalid, 'refused');
  return {
    kind: 'execute',
    ...(key !== undefined && { inFlight: key }),
    execute: () => send(store, request),
    // What is remembered is the mail that was sent; a failure leaves the key free.
    remember: (done) => {
      if (key !== undefined && done.status === 200)
        store.remember('resend', key, fingerprint, done.body as JsonObject);
    },
  };
}

const ADDRESS = /^(?:[^<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/;
const TAG = /^[\w-]{1,256}$/;

function fault(store: Store, { from, to, subject, html, text, tags }: JsonObject): FakeAnswer | undefined {
  const missing = Object.entries({ from, to, subject }).find(
    ([, value]) => value === undefined || value === '',
  );
  if (missing) return failed(422, 'missing_required_field', `Missing \`${missing[0]}\` field.`);
  if (html === undefined && text === undefined)
    return failed(422, 'missing_required_field', 'Missing `html` or `text` field.');
  if (typeof from !== 'string' || !ADDRESS.test(from))
    return failed(422, 'invalid_from_address', 'Invalid `from` field.');
  const domain = /@([^\s<>@]+?)>?$/.exec(from)?.[1] ?? '';
  if (!settingsOf(store).resend.domains.includes(domain))
    return failed(403, 'validation_error', `The ${domain} domain is not verified.`);
  const recipients = texts(to);
  if (recipients.length === 0 || recipients.length > 50 || !recipients.every((one) => ADDRESS.test(one)))
    return failed(422, 'validation_error', 'Invalid `to` field.');
  const bad = (Array.isArray(tags) ? tags : []).some(
    (tag) =>
      !isJsonObject(tag) ||
      ![tag['name'], tag['value']].every((part) => typeof part === 'string' && TAG.test(part)),
  );
  if (bad)
    return failed(
      400,
      'validation_error',
      'Tags should only contain ASCII letters, numbers, underscores, or dashes.',
    );
  return undefined;
}

function send(store: Store, { fields, effectKey }: FakeRequest): FakeAnswer {
  const id = uuid(store);
  const scheduled = typeof fields['scheduled_at'] === 'string';
  const doc: JsonObject = {
    object: 'email',
    id,
    message_id: `<${id}@mail.fake.invalid>`,
    from: fields['from'] ?? '',
    to: texts(fields['to']),
    cc: orNull(fields['cc']),
    bcc: orNull(fields['bcc']),
    reply_to: orNull(fields['reply_to']),
    subject: fields['subject'] ?? '',
    html: fields['html'] ?? null,
    text: fields['text'] ?? null,
    tags: fields['tags'] ?? [],
    created_at: new Date(store.nowMs()).toISOString(),
    scheduled_at: fields['scheduled_at'] ?? null,
    last_event: scheduled ? SCHEDULED : 'delivered',
  };
  store.put('emails', id, effectKey, doc);
  store.effect(effectKey || id, id);
  return { status: 200, body: { id } };
}

function uuid(store: Store): string {
  const hex = createHash('sha256')
    .update(`${store.seed}\0mail\0${store.next('mail')}`)
    .digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

function list(store: Store, { query }: FakeRequest): FakeAnswer {
  const limit = Number(query.get('limit') ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    return failed(422, 'validation_error', 'The `limit` must be between 1 and 100.');
  const retention = settingsOf(store).resend.listRetentionMs ?? Infinity;
  const mails = store.list('emails').filter(({ atMs }) => atMs + retention > store.nowMs());
  const after = query.get('after');
  const from = after === null ? 0 : mails.findIndex(({ id }) => id === after) + 1;
  if (after !== null && from === 0) return failed(404, 'not_found', 'Email not found');
  const page = mails.slice(from, from + limit);
  return {
    status: 200,
    body: {
      object: 'list',
      has_more: from + limit < mails.length,
      data: page.map(({ doc }) => listItem(doc)),
    },
  };
}

/** Items of the list have neither content nor tags. */
const listItem = ({
  html: _html,
  text: _text,
  tags: _tags,
  object: _object,
  ...item
}: JsonObject): JsonObject => item;

function mail(store: Store, id: string): FakeAnswer {
  const found = store.get('emails', id);
  return found ? { status: 200, body: found.doc } : failed(404, 'not_found', 'Email not found');
}

const domains = (store: Store): FakeAnswer => ({
  status: 200,
  body: {
    object: 'list',
    has_more: false,
    data: settingsOf(store).resend.domains.map((name, index) => ({
      id: `d${index}`,
      name,
      status: 'verified',
    })),
  },
});

function cancellation(store: Store, id: string): Plan {
  const found = store.get('emails', id);
  if (!found) return answered(failed(404, 'not_found', 'Email not found'), 'refused');
  if (found.doc['last_event'] !== SCHEDULED)
    return answered(failed(422, 'validation_error', 'This email can not be canceled.'), 'refused');
  return {
    kind: 'execute',
    execute: () => {
      store.put('emails', id, found.effectKey, { ...found.doc, last_event: 'canceled' });
      return { status: 200, body: { object: 'email', id } };
    },
  };
}

const texts = (value: Json | undefined): string[] =>
  (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]).map((one) =>
    typeof one === 'string' ? one : JSON.stringify(one),
  );

const orNull = (value: Json | undefined): Json =>
  value === undefined || value === null ? null : texts(value);

const failed = (statusCode: number, name: string, message: string): FakeAnswer => ({
  status: statusCode,
  body: { statusCode, name, message },
});
