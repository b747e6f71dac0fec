// The error table of the provider `antigravity`, line by line, and everything else that is pure in it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ErrorClass } from '../../src/contract/errors.js';
import { judge } from '../../src/activities/providers/antigravity/classify.js';
import { progressOf } from '../../src/activities/providers/antigravity/poll.js';
import { usageOfTokens } from '../../src/activities/providers/antigravity/usage.js';
import { textOf } from '../../src/activities/providers/antigravity/collect.js';
import { chooseFile, pathBelow } from '../../src/activities/providers/managed/manifest.js';
import { msToMidnight } from '../../src/activities/providers/managed/midnight.js';
import { kindOf, type JudgeOptions } from '../../src/activities/providers/managed/ruling.js';
import { verified } from '../../src/activities/providers/managed/download.js';
import { waitHintMs } from '../../src/activities/providers/managed/wait-hint.js';
import { bytesOf, makerFor, requestOf, sha256, thrown, aContext } from './managed-agents-fixture.js';
import { recorded, replaying, type Recorded } from './recorded-answers.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = new Date('2026-11-23T12:00:00Z');
const OPTIONS: JudgeOptions = {
  secrets: [],
  extraErrorCodes: { brand_new: 'throttled' },
  maxThrottleMs: 15 * MINUTE,
  now: NOW,
};

const word = (status: number, code: string, message = 'm', details?: unknown, headers = {}) =>
  Object.assign(new Error(message), {
    status,
    headers: new Headers(headers),
    body: JSON.stringify({ error: { code, message, details } }),
  });
const classic = (status: number, kind: string, message = 'm', details?: unknown) =>
  Object.assign(new Error(message), {
    status,
    headers: new Headers(),
    body: JSON.stringify({ error: { code: status, message, status: kind, details } }),
  });
const retryInfo = (retryDelay: string) => ({
  '@type': 'type.googleapis.com/google.rpc.RetryInfo',
  retryDelay,
});
const perDay = {
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel' }],
};
const cause = (code: string) =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
const named = (name: string, inner?: unknown) => Object.assign(new Error(name, { cause: inner }), { name });

/** Error; class and `sent` at the start; class of a read; wait. */
const TABLE: readonly [unknown, ErrorClass, string, ErrorClass, number?][] = [
  [word(400, 'invalid_request'), 'invalid', 'rejected', 'invalid'],
  [word(400, 'parameter_unknown'), 'invalid', 'rejected', 'invalid'],
  [classic(400, 'INVALID_ARGUMENT'), 'invalid', 'rejected', 'invalid'],
  [word(400, 'failed_precondition'), 'auth', 'rejected', 'auth'],
  [classic(400, 'FAILED_PRECONDITION'), 'auth', 'rejected', 'auth'],
  [word(401, 'authentication'), 'auth', 'rejected', 'auth'],
  [classic(401, 'UNAUTHENTICATED'), 'auth', 'rejected', 'auth'],
  [word(403, 'permission_denied'), 'auth', 'rejected', 'auth'],
  [word(402, 'payment_required'), 'exhausted', 'rejected', 'exhausted', HOUR],
  [word(404, 'not_found'), 'invalid', 'rejected', 'lost'],
  [word(404, 'model_not_found'), 'invalid', 'rejected', 'lost'],
  [word(409, 'already_exists'), 'unknown', 'maybe', 'transient'],
  [word(409, 'aborted'), 'unknown', 'maybe', 'transient'],
  [word(416, 'out_of_range'), 'invalid', 'rejected', 'invalid'],
  [word(501, 'unimplemented'), 'invalid', 'rejected', 'invalid'],
  [word(429, 'rate_limit_exceeded'), 'throttled', 'rejected', 'throttled'],
  [
    word(429, 'too_many_requests', 'm', undefined, { 'retry-after': '7' }),
    'throttled',
    'rejected',
    'throttled',
    7000,
  ],
  [word(429, 'x', 'm', undefined, { 'retry-after-ms': '70' }), 'throttled', 'rejected', 'throttled', 70],
  [classic(429, 'RESOURCE_EXHAUSTED', 'm', [retryInfo('7s')]), 'throttled', 'rejected', 'throttled', 7000],
  [classic(429, 'RESOURCE_EXHAUSTED', 'm', [retryInfo('0.5s')]), 'throttled', 'rejected', 'throttled', 500],
  [classic(429, 'RESOURCE_EXHAUSTED'), 'throttled', 'rejected', 'throttled'],
  [classic(429, 'RESOURCE_EXHAUSTED', 'm', [retryInfo('3600s')]), 'exhausted', 'rejected', 'exhausted', HOUR],
  [word(429, 'quota_exceeded'), 'exhausted', 'rejected', 'exhausted', 20 * HOUR],
  // The trap: it asks for another try after 22 seconds, and the day is over.
  [
    classic(429, 'RESOURCE_EXHAUSTED', 'm', [perDay, retryInfo('22s')]),
    'exhausted',
    'rejected',
    'exhausted',
    20 * HOUR,
  ],
  [
    classic(429, 'RESOURCE_EXHAUSTED', 'Your prepayment credits are depleted.'),
    'exhausted',
    'rejected',
    'exhausted',
    HOUR,
  ],
  [
    word(429, 'resource_exhausted', 'You exceeded the spend limit.'),
    'exhausted',
    'rejected',
    'exhausted',
    10 * MINUTE,
  ],
  [word(499, 'cancelled'), 'unknown', 'maybe', 'transient'],
  [word(408, ''), 'unknown', 'maybe', 'transient'],
  [word(500, 'api_error'), 'unknown', 'maybe', 'transient'],
  [classic(500, 'INTERNAL'), 'unknown', 'maybe', 'transient'],
  [word(503, 'service_unavailable'), 'unknown', 'maybe', 'transient'],
  [classic(503, 'UNAVAILABLE'), 'unknown', 'maybe', 'transient'],
  [word(504, 'deadline_exceeded'), 'unknown', 'maybe', 'transient'],
  [word(504, 'gateway_timeout'), 'unknown', 'maybe', 'transient'],
  [Object.assign(new Error('x'), { status: 502, body: '<html>Error 502' }), 'unknown', 'maybe', 'transient'],
  [word(429, 'brand_new'), 'throttled', 'rejected', 'throttled'],
  [word(418, 'teapot'), 'invalid', 'rejected', 'invalid'],
  [word(307, ''), 'config', 'rejected', 'config'],
  // The answer to a paid request may be lost whatever word a gateway finds for it.
  [word(503, 'rate_limit_exceeded'), 'unknown', 'maybe', 'throttled'],
  [named('APIConnectionError', cause('ECONNREFUSED')), 'transient', 'no', 'transient'],
  [named('APIConnectionError', cause('ENOTFOUND')), 'transient', 'no', 'transient'],
  [cause('EAI_AGAIN'), 'transient', 'no', 'transient'],
  [cause('UND_ERR_CONNECT_TIMEOUT'), 'transient', 'no', 'transient'],
  [cause('UND_ERR_SOCKET'), 'unknown', 'maybe', 'transient'],
  [named('APIConnectionTimeoutError'), 'unknown', 'maybe', 'transient'],
  [named('APIUserAbortError'), 'unknown', 'maybe', 'transient'],
  [new TypeError('terminated'), 'unknown', 'maybe', 'transient'],
  [new SyntaxError('Unexpected end of JSON input'), 'unknown', 'maybe', 'transient'],
  [new RangeError('a mistake of our own'), 'unknown', 'maybe', 'bug'],
  [undefined, 'unknown', 'maybe', 'bug'],
];

test.each(TABLE)('%s', (error, atStart, sent, atRead, waitMs) => {
  const start = judge(error, 'starting', kindOf('start'), OPTIONS);
  expect([start.errorClass, start.facts.sent]).toEqual([atStart, sent]);
  const read = judge(error, 'reading', kindOf('poll'), OPTIONS);
  expect(read.errorClass).toBe(atRead);
  if (waitMs !== undefined) {
    expect(start.facts.retryAfterMs).toBe(waitMs);
    expect(read.facts.retryAfterMs).toBe(waitMs);
  }
});

test('an empty balance is one that a person has to see to, a limit that comes back by itself is none', () => {
  const asks = (error: unknown) => judge(error, 'starting', kindOf('start'), OPTIONS).facts.needsPerson;
  expect(asks(word(402, 'payment_required'))).toBe(true);
  expect(asks(classic(429, 'RESOURCE_EXHAUSTED', 'Your prepayment credits are depleted.'))).toBe(true);
  expect(asks(word(429, 'resource_exhausted', 'You exceeded the spend limit.'))).toBeUndefined();
  expect(asks(word(429, 'quota_exceeded'))).toBeUndefined();
});

test('whatever is thrown gets a class, and nothing paid is taken for unsent without proof', () => {
  const odd = fc.anything({ withNullPrototype: true, withObjectString: true });
  const shaped = fc.record({
    status: fc.oneof(fc.integer({ min: 100, max: 700 }), odd),
    body: odd,
    headers: odd,
    message: odd,
  });
  fc.assert(
    fc.property(fc.oneof(odd, shaped), fc.constantFrom('start', 'poll', 'release'), (value, verb) => {
      const { errorClass, message, facts } = judge(value, 'a call', kindOf(verb), OPTIONS);
      expect(message.length).toBeLessThan(2000);
      // eslint-disable-next-line no-control-regex -- exactly what no message may hold
      expect(message).not.toMatch(/[\x00-\x1f\x7f]/);
      if (verb === 'start' && facts.sent !== 'rejected')
        expect([errorClass, facts.sent]).toEqual(['unknown', 'maybe']);
    }),
  );
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no');
      },
    },
  );
  expect(judge(hostile, 'a call', 'paid', OPTIONS)).toMatchObject({
    errorClass: 'unknown',
    facts: { sent: 'maybe' },
  });
  expect(judge(hostile, 'a call', 'read', OPTIONS).errorClass).toBe('bug');
});

test.each([
  ['queued', 'running'],
  ['in_progress', 'running'],
  ['hibernating', 'running'],
  ['', 'running'],
  ['completed', 'succeeded'],
  ['cancelled', 'lost'],
  ['incomplete', 'budget'],
  ['budget_exceeded', 'budget'],
  ['requires_action', 'invalid'],
  ['requires_continuation', 'running'],
  ['failed', 'rejected'],
])('status %s means %s', (status, means) => {
  const progress = progressOf({ status, errors: undefined }, 0, OPTIONS);
  expect(progress.kind === 'failed' ? progress.errorClass : progress.kind).toBe(means);
});

test.each([
  ['safety', 'rejected'],
  ['RECITATION', 'rejected'],
  ['language', 'rejected'],
  ['prohibited_content', 'rejected'],
  ['spii', 'rejected'],
  ['blocklist', 'rejected'],
  ['content_blocked', 'rejected'],
  ['image_safety', 'rejected'],
  ['quota_exceeded', 'exhausted'],
  ['rate_limit_exceeded', 'throttled'],
  ['permission_denied', 'auth'],
  ['api_error', 'transient'],
  ['invalid_request', 'rejected'],
  ['anything else', 'rejected'],
  ['brand_new', 'throttled'],
])('a run that failed with %s counts as %s', (code, errorClass) => {
  expect(progressOf({ status: 'failed', errors: [{ code, message: 'm' }] }, 0, OPTIONS)).toMatchObject({
    kind: 'failed',
    errorClass,
  });
});

test('midnight in California, also when its clocks are changed', () => {
  const zone = 'America/Los_Angeles';
  expect(msToMidnight(zone, new Date('2026-11-23T12:00:00Z'))).toBe(20 * HOUR);
  expect(msToMidnight(zone, new Date('2026-07-01T07:00:01Z'))).toBe(24 * HOUR - 1000);
  expect(msToMidnight(zone, new Date('2026-11-01T07:30:00Z'))).toBe(24.5 * HOUR); // an hour twice
  expect(msToMidnight(zone, new Date('2026-03-08T08:30:00Z'))).toBe(22.5 * HOUR); // an hour missing
});

test('the first hint counts, and one that can’t be read is none', () => {
  const headers = new Headers({ 'retry-after': '5' });
  expect(waitHintMs(headers, [retryInfo('9s')])).toBe(5000);
  expect(waitHintMs(new Headers(), [retryInfo('soon'), retryInfo('9s')])).toBe(9000);
  expect(waitHintMs(undefined, [null, 7, retryInfo('-1s')])).toBeUndefined();
});

test('tokens cost what the table of the day says, in whole micro-dollars', () => {
  const usage = {
    total_input_tokens: 1_000_000,
    total_cached_tokens: 600_000,
    total_output_tokens: 10_000,
    total_thought_tokens: 10_000,
    total_tool_use_tokens: 3,
  };
  const options = { model: 'gemini-3.8-flash', prices: undefined, reserve: 5 };
  const before = usageOfTokens(usage, new Date('2026-12-31T23:59:59Z'), options);
  expect(before).toEqual({
    inputTokens: 1_000_003,
    cachedTokens: 600_000,
    outputTokens: 20_000,
    costMicros: 300_003 + 45_000 + 75_000,
    costSource: 'price-table',
    currency: 'USD',
    model: 'gemini-3.8-flash',
    priceTable: { id: 'google-2026-10', date: '2026-11-23' },
  });
  const prices = { input: 1, output: 1, cached: 1, date: '2027-02-01' };
  expect(usageOfTokens(usage, NOW, { ...options, prices })).toMatchObject({
    costMicros: 1_020_003,
    priceTable: { id: 'batch-file', date: '2027-02-01' },
  });
  const after = usageOfTokens(usage, new Date('2027-01-01T00:00:00Z'), options);
  expect(after.costMicros).toBe(600_005 + 90_000 + 150_000);
  expect(usageOfTokens(usage, NOW, { ...options, model: 'gemini-9-ultra' })).toMatchObject({
    costMicros: 5_000_000,
    costSource: 'estimate',
  });
  const own = { input: 1, output: 2, cached: 0 };
  expect(usageOfTokens(usage, NOW, { ...options, model: 'x', prices: own }).costMicros).toBe(
    400_003 + 40_000,
  );
});

test.each([
  [
    { bytes: 3, sha256: 'AB'.repeat(32) },
    `files[0].sha256 ("${'AB'.repeat(30)}…") must be a hash of 64 lower-case hexadecimal digits`,
  ],
  [{ bytes: '3', sha256: 'ab'.repeat(32) }, 'files[0].bytes must be a number, not the text "3"'],
  [{ bytes: 3 }, 'files[0].sha256 is missing'],
])('a manifest with the entry %j can’t be read, and it is said why', (entry, why) => {
  const manifest = JSON.stringify({ files: [{ path: 'article.md', ...entry }] });
  expect(chooseFile(manifest, 'article.md', 'out')).toEqual({
    kind: 'unusable',
    why: `its manifest can’t be read: ${why}`,
  });
});

test('a manifest is believed only as far as it is whole and stays in its folder', async () => {
  const hash = 'a'.repeat(64);
  const manifest = (...files: unknown[]) => JSON.stringify({ files });
  const entry = (path: string, bytes = 3) => ({ path, bytes, sha256: hash });
  const choose = (text: string) => chooseFile(text, 'article.md', 'out').kind;
  expect(choose(manifest(entry('out/article.md')))).toBe('file');
  expect(choose(manifest(entry('other.html')))).toBe('file'); // the only one
  expect(chooseFile(manifest(entry('b.md'), entry('./article.md')), 'article.md', 'out')).toMatchObject({
    file: { path: 'article.md' },
  });
  for (const bad of [
    '',
    '[]',
    '{"files":[]}',
    '{"files":[{"path":"a"',
    manifest(entry('a'), entry('b')),
    manifest(entry('article.md', 0)),
    manifest(entry('out/../../etc/passwd')),
    manifest(entry('article.md'), entry('../x')),
  ]) {
    expect([bad, choose(bad)]).toEqual([bad, 'unusable']);
  }
  expect(pathBelow('/mnt/session/outputs/a/b.md', '/mnt/session/outputs')).toBe('a/b.md');
  fc.assert(
    fc.property(fc.string(), (path) => {
      const below = pathBelow(path, 'out');
      expect(below === undefined || !below.split('/').includes('..')).toBe(true);
    }),
  );

  const bytes = Buffer.from('abc');
  async function* chunks() {
    yield bytes.subarray(0, 1);
    yield bytes.subarray(1);
  }
  const file = { path: 'a', bytes: 3, sha256: sha256(bytes) };
  expect(await bytesOf(verified(chunks(), file))).toEqual(bytes);
  for (const wrong of [
    { ...file, bytes: 2 },
    { ...file, bytes: 4 },
    { ...file, sha256: hash },
  ]) {
    await expect(bytesOf(verified(chunks(), wrong))).rejects.toMatchObject({ errorClass: 'rejected' });
  }
});

/** The adapter against answers as the documentation shows them. */
const against = async (name: string) => {
  const answer = await recorded(name);
  const geminiUrl = await replaying(() => answer);
  const provider = await (await makerFor('antigravity', { geminiUrl, anthropicUrl: '' }))({ output: 'text' });
  const { context } = aContext({ now: () => Date.parse('2026-05-08T10:45:00Z'), advance: () => undefined });
  const handle = {
    v: 1,
    provider: 'antigravity',
    runKey: 'a'.repeat(32),
    attempt: 1,
    ids: { interaction: 'your-interaction-id', environment: 'your-environment-id' },
  } as const;
  return { answer, provider, context, handle };
};

test('a documented interaction is read: its end, its text and its tokens', async () => {
  const { provider, context, handle } = await against('gemini-interaction-completed');
  expect(await provider.poll(handle, context)).toEqual({ kind: 'succeeded' });
  const { content } = await provider.collect(handle, context);
  expect((await bytesOf(content)).toString()).toMatch(/^Serverless computing/);
  expect(await provider.usage(handle, context)).toEqual({
    inputTokens: 23_894,
    outputTokens: 857,
    cachedTokens: 0,
    costMicros: Math.ceil(23_894 * 0.75 + 857 * 3.75),
    costSource: 'price-table',
    currency: 'USD',
    model: 'gemini-3.8-flash',
    priceTable: { id: 'google-2026-10', date: '2026-11-23' },
  });
});

test.each([
  ['gemini-day-quota-429', 'exhausted'],
  ['gemini-exhausted-429', 'throttled'],
  ['gemini-quota-without-details-429', 'throttled'],
] as const)('%s is %s', async (name, errorClass) => {
  const { provider, context, handle } = await against(name);
  expect((await thrown(provider, 'poll', () => provider.poll(handle, context))).errorClass).toBe(errorClass);
  expect(
    (await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context))).facts.sent,
  ).toBe('rejected');
});

test('a file that is not there is a rejected output', async () => {
  const missing: Recorded = await recorded('gemini-file-missing-404');
  const geminiUrl = await replaying(() => missing);
  const provider = await (await makerFor('antigravity', { geminiUrl, anthropicUrl: '' }))();
  const { context } = aContext({ now: () => 0, advance: () => undefined });
  const handle = {
    v: 1,
    provider: 'antigravity',
    runKey: 'a'.repeat(32),
    attempt: 1,
    ids: { interaction: 'i', environment: 'e' },
  } as const;
  expect(await thrown(provider, 'collect', () => provider.collect(handle, context))).toMatchObject({
    errorClass: 'rejected',
  });
});

test('the text is that of the trailing messages, as the library has it', () => {
  const said = (text: string) => ({ type: 'model_output', content: [{ type: 'text', text }] });
  expect(
    textOf({
      output_text: undefined,
      steps: [said('a'), { type: 'thought', content: undefined }, said('b'), said('c')],
    }),
  ).toBe('bc');
  expect(textOf({ output_text: '', steps: [] })).toBe('');
});
