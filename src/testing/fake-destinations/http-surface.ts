import { createHash } from 'node:crypto';
import type { FakeAnswer, FakeRequest, Plan, Surface } from './exchange.js';
import type { JsonObject } from '../../contract/json.js';
import { settingsOf, type HttpSettings } from './settings.js';
import type { Store, Stored } from './store.js';

const PATH = /^\/http\/([\w-]+)(?:\/(by-key\/)?([^/]+))?$/;

/**
 * A service like many: `POST /http/<collection>` creates, `GET /http/<collection>/<id>` and
 * `GET /http/<collection>/by-key/<effect key>` look, `GET /http/<collection>` lists all, or with `?slug=…` those whose
 * body has that slug, `DELETE` takes away. Names may be taken twice. Its keys follow
 * draft-ietf-httpapi-idempotency-key-header-07: 400 missing, 422 other body, 409 in flight, else the first answer.
 */
export function httpSurface(store: Store): Surface {
  return {
    name: 'http',
    owns: (path) => PATH.test(path),
    failure: (status) => problem(status, status === 429 ? 'Too many requests' : 'Internal error'),
    leftovers: () => ({}),
    plan(request, isInFlight) {
      const [, collection = '', byKey, id] = PATH.exec(request.path) ?? [];
      if (request.method === 'GET' || request.method === 'HEAD') {
        const slug = request.query.get('slug');
        const answer =
          id === undefined ? listed(store, collection, slug) : looked(store, collection, byKey, id);
        return { kind: 'answer', answer, outcome: 'read' };
      }
      if (request.method === 'DELETE' && id !== undefined) return removal(store, collection, id);
      if (request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH')
        return creation(store, collection, request, isInFlight);
      return { kind: 'answer', answer: problem(405, 'Method not allowed'), outcome: 'refused' };
    },
  };
}

function creation(
  store: Store,
  collection: string,
  request: FakeRequest,
  isInFlight: (key: string) => boolean,
): Plan {
  const settings = settingsOf(store).http;
  const { scope, key, refusal } = keyOf(request, collection, settings);
  if (refusal) return { kind: 'answer', answer: refusal, outcome: 'refused' };
  if (key === undefined) return { kind: 'execute', execute: () => create(store, collection, request) };

  const fingerprint = createHash('sha256')
    .update(`${request.method} ${request.path}\n${request.body}`)
    .digest('hex');
  if (isInFlight(scope)) {
    const answer = problem(409, 'A request is outstanding for this Idempotency-Key');
    return { kind: 'answer', answer, outcome: 'in flight' };
  }
  const known = store.remembered('http', scope, settings.windowMs);
  if (known && settings.comparesBody && known.fingerprint !== fingerprint)
    return { kind: 'answer', answer: problem(422, 'Idempotency-Key is already used'), outcome: 'other body' };
  if (known) {
    const { status, body } = known.answer as { status: number; body: JsonObject };
    const headers: Record<string, string> = settings.marksReplays ? { 'idempotent-replayed': 'true' } : {};
    return { kind: 'answer', answer: { status, headers, body }, outcome: 'replayed' };
  }
  return {
    kind: 'execute',
    inFlight: scope,
    execute: () => create(store, collection, request),
    remember: (done, told) => {
      if (told.status >= 500 && !settings.replaysErrors) {
        // Whatever happened, the key is free again; one that was carried out is known by its own answer.
        if (done.status < 500)
          store.remember('http', scope, fingerprint, { status: done.status, body: done.body });
        return;
      }
      store.remember('http', scope, fingerprint, { status: told.status, body: told.body });
    },
  };
}

function keyOf(
  { headers }: FakeRequest,
  collection: string,
  { ignoresKey, requireKey, quotedOnly }: HttpSettings,
): { readonly scope: string; readonly key: string | undefined; readonly refusal?: FakeAnswer } {
  const sent = headers['idempotency-key'];
  if (ignoresKey) return { scope: '', key: undefined };
  if (sent === undefined)
    return requireKey
      ? { scope: '', key: undefined, refusal: problem(400, 'Idempotency-Key is missing') }
      : { scope: '', key: undefined };
  const quoted = /^"([^"]*)"$/.exec(sent)?.[1];
  if (quotedOnly && quoted === undefined)
    return {
      scope: '',
      key: undefined,
      refusal: problem(400, 'Idempotency-Key is no structured-field text'),
    };
  const key = quoted ?? sent;
  return { scope: `${collection}:${key}`, key };
}

function create(store: Store, collection: string, request: FakeRequest): FakeAnswer {
  const id = `obj_${String(store.next('http')).padStart(6, '0')}`;
  const url = `/http/${collection}/${id}`;
  const hash = createHash('sha256').update(request.body).digest('hex');
  const { slug = null } = request.fields;
  const doc = { id, url, key: request.effectKey, slug, sha256: hash, content: request.body };
  store.put(`http:${collection}`, id, request.effectKey, doc);
  store.effect(request.effectKey || id, id);
  return { status: 201, headers: { location: url }, body: { id, url } };
}

function looked(store: Store, collection: string, byKey: string | undefined, id: string): FakeAnswer {
  const found =
    byKey === undefined
      ? store.get(`http:${collection}`, id)
      : store.list(`http:${collection}`).findLast(({ effectKey }) => effectKey === id);
  return found && isSeen(store, found) ? { status: 200, body: found.doc } : problem(404, 'Not found');
}

const isSeen = (store: Store, { atMs }: Stored): boolean =>
  atMs + settingsOf(store).http.lagMs <= store.nowMs();

const listed = (store: Store, collection: string, slug: string | null): FakeAnswer => ({
  status: 200,
  body: {
    data: store
      .list(`http:${collection}`)
      .filter((one) => isSeen(store, one))
      .map(({ doc }) => doc)
      .filter((doc) => slug === null || doc['slug'] === slug),
  },
});

function removal(store: Store, collection: string, id: string): Plan {
  if (!store.get(`http:${collection}`, id))
    return { kind: 'answer', answer: problem(404, 'Not found'), outcome: 'refused' };
  return {
    kind: 'execute',
    execute: () => {
      store.remove(`http:${collection}`, id);
      return { status: 204, body: null };
    },
  };
}

/** RFC 9457. */
const problem = (status: number, title: string): FakeAnswer => ({
  status,
  headers: { 'content-type': 'application/problem+json' },
  body: { type: 'about:blank', title, status },
});
