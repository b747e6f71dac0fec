/** Parts of the publisher `ghost` that need no site: options, tokens, marks, and what answers mean. */
import { expect, test } from 'vitest';
import { effectOf, madeFromTag, markOf } from '../../src/activities/publishers/ghost/mark.js';
import { ghostOptionsSchema } from '../../src/activities/publishers/ghost/options.js';
import { probeGhost } from '../../src/activities/publishers/ghost/probe.js';
import { ghost, ghostPublisher } from '../../src/activities/publishers/ghost/publisher.js';
import { ghostRefusal, isGone } from '../../src/activities/publishers/ghost/refusal.js';
import { wasTouched } from '../../src/activities/publishers/ghost/standing.js';
import { adminToken } from '../../src/activities/publishers/ghost/token.js';
import { AdapterError } from '../../src/contract/errors.js';
import { bodyRequest, keyOf, sha256 } from './folder-fixture.js';

const KEY = `${'a1'.repeat(12)}:${'b2'.repeat(32)}`;
const GIVEN = { url: 'https://blog.example.com', key: KEY, title: 'Title', slug: 'slug' };

test('options: defaults, and what templates make of them', () => {
  expect(ghostOptionsSchema.parse(GIVEN)).toMatchObject({
    format: 'markdown',
    sanitise: true,
    tags: [],
    status: 'published',
    timeout: '60s',
    settle: '1s',
  });
  expect(ghostOptionsSchema.parse({ ...GIVEN, sanitise: 'false', tags: 'One, Two words' })).toMatchObject({
    sanitise: false,
    tags: ['One', 'Two words'],
  });
  expect(ghostPublisher({ options: ghostOptionsSchema.parse({ ...GIVEN, settle: '5s' }) }).facts).toEqual({
    name: 'ghost',
    class: 3,
    lookup: 'exact',
    raceMs: 1000,
    settleMs: 5000,
    unpublish: 'hide',
  });
});

test.each([
  { url: 'blog.example.com' },
  { url: 'ftp://blog.example.com' },
  { url: 'https://me:pw@blog.example.com' },
  { url: 'https://blog.example.com/?a=b' },
  { key: 'b2'.repeat(13) },
  { key: `${KEY} ` },
  { sanitise: 'no' },
  { status: 'scheduled' },
  { timeout: 'soon' },
  { newsletter: 'weekly' },
])('options %j are refused', (fields) => {
  const parsed = ghost.options.safeParse({ ...GIVEN, ...fields });
  expect(parsed.success).toBe(false);
  expect(JSON.stringify(parsed.error)).not.toContain('b2b2b2');
});

test('a token is signed with the secret, names the key, and lives for five minutes', () => {
  const token = adminToken(KEY, new Date('2026-11-23T00:00:00.900Z'));
  const [head = '', claims = '', signature] = token.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown;
  expect(read(head)).toEqual({ alg: 'HS256', typ: 'JWT', kid: 'a1'.repeat(12) });
  expect(read(claims)).toEqual({ iat: 1795392000, exp: 1795392300, aud: '/admin/' });
  // Made by another implementation of HMAC, over the same two parts.
  expect(signature).toBe('oyDmNZ5kErR_7X07HAs74Bo1c0htgsFqu3vvlOW3YqQ');
});

test('a mark can be read back, also beside older ones and those of others', () => {
  const tag = (request: ReturnType<typeof bodyRequest>, second: number) => ({
    id: '1'.repeat(24),
    slug: 's',
    ...madeFromTag(request),
    created_at: `2026-11-23T00:00:0${second}.000Z`,
  });
  const request = bodyRequest('text', { revision: 2, fingerprint: sha256('p2') });
  const other = bodyRequest('text', { effectKey: keyOf('other'), revision: 9 });
  const tags = [tag(bodyRequest('text'), 1), tag(other, 2), tag(request, 3)];
  expect(markOf({ tags }, request.effectKey)).toMatchObject({
    revision: 2,
    fingerprint: sha256('p2'),
    storedAt: '2026-11-23T00:00:03.000Z',
  });
  expect(markOf({ tags: [] }, request.effectKey)).toBeUndefined();
  expect(effectOf({ tags })).toBeUndefined();
  const { name, slug } = madeFromTag({ ...request, revision: 4_000_000_000 });
  expect(name.length).toBeLessThanOrEqual(191);
  expect(slug).toMatch(/^hash-ns-[0-9a-f]{32}$/);
});

test('without a hash, a save after our last one counts as somebody’s', () => {
  const at = (second: number) => `2026-11-23T00:00:${String(second).padStart(2, '0')}.000Z`;
  const request = bodyRequest('text');
  const post = (updated: number, published: number | null) => ({
    id: '1'.repeat(24),
    slug: 'slug',
    title: 'Title',
    url: '',
    status: published === null ? 'draft' : 'published',
    created_at: at(0),
    updated_at: at(updated),
    published_at: published === null ? null : at(published),
    tags: [{ id: '2'.repeat(24), slug: 's', ...madeFromTag(request), created_at: at(0) }],
  });
  expect(wasTouched(post(1, null), request.effectKey)).toBe(false);
  expect(wasTouched(post(20, 20), request.effectKey)).toBe(false);
  expect(wasTouched(post(20, null), request.effectKey)).toBe(true);
  expect(wasTouched(post(40, 20), request.effectKey)).toBe(true);
});

const answer = (status: number, body: string, headers: Record<string, string> = {}) => ({
  status,
  headers: new Headers(headers),
  body,
});
const said = (status: number, type: string, code?: string) =>
  answer(
    status,
    JSON.stringify({ errors: [{ type, message: 'said', context: 'more', code: code ?? null }] }),
  );

test.each([
  ['PUT', said(409, 'UpdateCollisionError', 'UPDATE_COLLISION'), 'transient', 'rejected'],
  ['POST', said(422, 'ValidationError'), 'invalid', 'rejected'],
  ['POST', said(400, 'BadRequestError', 'INVALID_JWT'), 'auth', 'rejected'],
  ['POST', said(401, 'UnauthorizedError', 'INVALID_JWT'), 'auth', 'rejected'],
  ['POST', said(403, 'NoPermissionError'), 'auth', 'rejected'],
  ['POST', said(403, 'HostLimitError'), 'exhausted', 'rejected'],
  ['POST', said(429, 'TooManyRequestsError'), 'throttled', 'rejected'],
  ['POST', said(413, 'RequestEntityTooLargeError'), 'invalid', 'rejected'],
  ['POST', said(503, 'MaintenanceError'), 'transient', 'rejected'],
  ['POST', said(501, 'NotImplementedError'), 'config', 'rejected'],
  ['GET', said(406, 'RequestNotAcceptableError'), 'config', 'rejected'],
  ['GET', said(404, 'NotFoundError'), 'config', 'rejected'],
  ['POST', said(500, 'InternalServerError'), 'unknown', 'maybe'],
  ['GET', said(500, 'InternalServerError'), 'transient', 'maybe'],
  ['POST', answer(502, '<html>bad gateway</html>'), 'unknown', 'maybe'],
  ['POST', answer(503, ''), 'unknown', 'maybe'],
] as const)('%s answered %o is %s, sent: %s', (method, answered, errorClass, sent) => {
  const error = ghostRefusal(answered, {
    method,
    url: 'https://blog.example.com/ghost/api/admin/posts/?a=b',
  });
  expect(error).toMatchObject({ errorClass, facts: { sent, code: String(answered.status) } });
});

test('an answer of Ghost is quoted in one line, cut, without what can’t be seen', () => {
  const body = JSON.stringify({
    errors: [{ type: 'ValidationError', message: `a\u0007\n\u202eb${'x'.repeat(999)}` }],
  });
  const { message } = ghostRefusal(answer(422, body), { method: 'POST', url: 'https://blog.example.com/' });
  expect(message).toContain('a bx');
  expect(message.length).toBeLessThan(400);
});

test('only Ghost itself can say that something is gone', () => {
  expect(isGone(said(404, 'NotFoundError'))).toBe(true);
  expect(isGone(answer(404, '<html>404</html>'))).toBe(false);
  expect(isGone(said(403, 'NotFoundError'))).toBe(false);
});

test('any error at all gets a class', () => {
  const publisher = ghostPublisher({ options: ghostOptionsSchema.parse(GIVEN) });
  for (const error of [new Error('x'), 'text', undefined])
    expect(publisher.classify(error, 'create')).toMatchObject({ name: 'AdapterError', errorClass: 'bug' });
  const ours = new AdapterError('auth', 'x');
  expect(publisher.classify(ours, 'create')).toBe(ours);
});

test.each([
  ['https://blog.example.com', '5.130', ['ok', 'ok']],
  ['http://blog.example.com', '5.130', ['warn', 'ok', 'ok']],
  ['http://127.0.0.1:2368', '5.130', ['ok', 'ok']],
  ['https://blog.example.com', '6.2', ['warn', 'ok']],
  ['https://blog.example.com', '4.48', ['fail', 'ok']],
])('a probe of %s with version %s finds %j', async (url, version, statuses) => {
  const api = { version: async () => version, list: async () => [], rolesOfKey: async () => undefined };
  expect((await probeGhost({ url }, api)).map(({ status }) => status)).toEqual(statuses);
});
