// The error table of the provider `claude`, line by line, and everything else that is pure in it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ErrorClass } from '../../src/contract/errors.js';
import { judge } from '../../src/activities/providers/claude/classify.js';
import type { Session, SessionEvent } from '../../src/activities/providers/claude/replies.js';
import { failedBy, progressAtEnd, turnOf } from '../../src/activities/providers/claude/stop-reason.js';
import { usageOf } from '../../src/activities/providers/claude/usage.js';
import { kindOf, type JudgeOptions } from '../../src/activities/providers/managed/ruling.js';
import { aContext, idIn, makerFor, requestOf, thrown } from './managed-agents-fixture.js';
import { recorded, replaying } from './recorded-answers.js';

const MINUTE = 60_000;
const OPTIONS: JudgeOptions = {
  secrets: [],
  extraErrorCodes: { brand_new: 'throttled' },
  maxThrottleMs: 15 * MINUTE,
  now: new Date('2026-02-28T23:00:00Z'),
};

const answer = (status: number, type: string, errorCode?: string, message = 'm', headers = {}) =>
  Object.assign(new Error(message), {
    status,
    headers: new Headers(headers),
    error: {
      type: 'error',
      error: { type, message, ...(errorCode !== undefined && { details: { error_code: errorCode } }) },
      request_id: 'req_1',
    },
  });
const cause = (code: string) =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
const named = (name: string, inner?: unknown) => Object.assign(new Error(name, { cause: inner }), { name });
const invalid = (message: string) => answer(400, 'invalid_request_error', undefined, message);

/** Error; class and `sent` of a prompt; class of a read; wait. */
const TABLE: readonly [unknown, ErrorClass, string, ErrorClass, number?][] = [
  [answer(400, 'invalid_request_error'), 'invalid', 'rejected', 'invalid'],
  [invalid('the budget of this session is reached; raise it'), 'budget', 'rejected', 'budget'],
  [invalid('model_not_budgetable: this model has no budget'), 'invalid', 'rejected', 'invalid'],
  [answer(400, 'invalid_request_error', 'organization_on_hold'), 'auth', 'rejected', 'auth'],
  [answer(400, 'invalid_request_error', 'environment_archived'), 'auth', 'rejected', 'auth'],
  [answer(400, 'invalid_request_error', 'cmek_key_disabled'), 'auth', 'rejected', 'auth'],
  [answer(401, 'authentication_error'), 'auth', 'rejected', 'auth'],
  [answer(403, 'permission_error'), 'auth', 'rejected', 'auth'],
  [answer(402, 'billing_error'), 'exhausted', 'rejected', 'exhausted'],
  [answer(404, 'not_found_error'), 'invalid', 'rejected', 'lost'],
  [answer(408, 'timeout_error'), 'unknown', 'maybe', 'transient'],
  [answer(409, 'conflict_error'), 'unknown', 'maybe', 'transient'],
  [answer(413, 'request_too_large'), 'invalid', 'rejected', 'invalid'],
  [answer(422, 'invalid_request_error'), 'invalid', 'rejected', 'invalid'],
  [answer(431, 'invalid_request_error'), 'invalid', 'rejected', 'invalid'],
  [answer(429, 'rate_limit_error'), 'throttled', 'rejected', 'throttled'],
  [
    answer(429, 'rate_limit_error', undefined, 'm', { 'retry-after': '30' }),
    'throttled',
    'rejected',
    'throttled',
    30_000,
  ],
  [
    answer(429, 'rate_limit_error', undefined, 'm', { 'retry-after': '7200' }),
    'exhausted',
    'rejected',
    'exhausted',
    7_200_000,
  ],
  [answer(429, 'rate_limit_error', 'contract_spend_limit_reached'), 'exhausted', 'rejected', 'exhausted'],
  [answer(429, 'rate_limit_error', 'enforced_spend_limit_reached'), 'exhausted', 'rejected', 'exhausted'],
  [
    answer(429, 'rate_limit_error', 'ramp_limit_exceeded', 'm', { 'retry-after': '1200' }),
    'exhausted',
    'rejected',
    'exhausted',
  ],
  [
    answer(429, 'rate_limit_error', 'ramp_limit_exceeded', 'm', { 'retry-after': '5' }),
    'throttled',
    'rejected',
    'throttled',
    5000,
  ],
  [answer(429, 'rate_limit_error', 'brand_new'), 'throttled', 'rejected', 'throttled'],
  [
    invalid('Your credit balance is too low to access the Anthropic API.'),
    'exhausted',
    'rejected',
    'exhausted',
  ],
  [answer(499, 'client_closed'), 'unknown', 'maybe', 'transient'],
  [answer(500, 'api_error'), 'unknown', 'maybe', 'transient'],
  [answer(503, 'api_error', 'cmek_key_unreachable'), 'unknown', 'maybe', 'transient'],
  [answer(504, 'timeout_error'), 'unknown', 'maybe', 'transient'],
  [answer(529, 'overloaded_error'), 'unknown', 'maybe', 'transient'],
  [Object.assign(new Error('x'), { status: 502, error: '<html>' }), 'unknown', 'maybe', 'transient'],
  [answer(307, ''), 'config', 'rejected', 'config'],
  [named('APIConnectionError', cause('ECONNREFUSED')), 'transient', 'no', 'transient'],
  [cause('ENOTFOUND'), 'transient', 'no', 'transient'],
  [cause('UND_ERR_SOCKET'), 'unknown', 'maybe', 'transient'],
  [named('APIConnectionTimeoutError'), 'unknown', 'maybe', 'transient'],
  [new TypeError('terminated'), 'unknown', 'maybe', 'transient'],
  [new SyntaxError('Unexpected end of JSON input'), 'unknown', 'maybe', 'transient'],
  [new RangeError('a mistake of our own'), 'unknown', 'maybe', 'bug'],
  [null, 'unknown', 'maybe', 'bug'],
];

test.each(TABLE)('%s', (error, atStart, sent, atRead, waitMs) => {
  const start = judge(error, 'sending', kindOf('start'), OPTIONS);
  expect([start.errorClass, start.facts.sent]).toEqual([atStart, sent]);
  const read = judge(error, 'reading', kindOf('poll'), OPTIONS);
  expect(read.errorClass).toBe(atRead);
  if (waitMs !== undefined)
    expect([start.facts.retryAfterMs, read.facts.retryAfterMs]).toEqual([waitMs, waitMs]);
});

test('whatever is thrown gets a class, and no prompt is taken for unsent without proof', () => {
  const odd = fc.anything({ withNullPrototype: true, withObjectString: true });
  const shaped = fc.record({
    status: fc.oneof(fc.integer({ min: 100, max: 700 }), odd),
    error: odd,
    headers: odd,
  });
  fc.assert(
    fc.property(fc.oneof(odd, shaped), fc.constantFrom('start', 'poll', 'release'), (value, verb) => {
      const { errorClass, message, facts } = judge(value, 'a call', kindOf(verb), OPTIONS);
      expect(message.length).toBeLessThan(2000);
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
});

const NO_EVENT: SessionEvent = {
  id: undefined,
  type: undefined,
  processed_at: undefined,
  content: undefined,
  stop_reason: undefined,
  stop_details: undefined,
  error: undefined,
};
const event = (type: string, more: Partial<SessionEvent> = {}): SessionEvent => ({
  ...NO_EVENT,
  type,
  processed_at: '2026-03-15T10:00:00Z',
  ...more,
});
const MESSAGE = event('user.message');
const IDLE = event('session.status_idle', { stop_reason: { type: 'end_turn' } });

const STOP = event('user.interrupt');

test('a turn is judged by its events, the newest first', () => {
  expect(turnOf([])).toEqual({ kind: 'none' });
  expect(turnOf([IDLE])).toEqual({ kind: 'none' });
  expect(turnOf([{ ...MESSAGE, processed_at: null }])).toEqual({ kind: 'running' });
  expect(turnOf([MESSAGE, IDLE])).toEqual({ kind: 'running' }); // that is the end of an earlier turn
  expect(turnOf([IDLE, { ...MESSAGE, processed_at: null }])).toEqual({ kind: 'running' });
  expect(turnOf([IDLE, MESSAGE])).toEqual({ kind: 'ended', idle: IDLE });
  const again = { ...IDLE, id: 'sevt_9' };
  expect(turnOf([IDLE, STOP, STOP, MESSAGE])).toEqual({ kind: 'interrupted' });
  expect(turnOf([STOP, MESSAGE]), 'its idle is not listed yet').toEqual({ kind: 'interrupted' });
  expect(turnOf([again, STOP, IDLE, MESSAGE]), 'it had ended').toEqual({ kind: 'ended', idle: IDLE });
  expect(turnOf([IDLE, MESSAGE, STOP]), 'an earlier turn was').toEqual({ kind: 'ended', idle: IDLE });
});

test.each([
  ['end_turn', 'succeeded'],
  ['budget_reached', 'budget'],
  ['refusal', 'rejected'],
  ['requires_action', 'requires_action'],
  ['retries_exhausted', 'retries_exhausted'],
  ['meditating', 'running'],
])('stop reason %s means %s', (type, means) => {
  const progress = progressAtEnd(event('session.status_idle', { stop_reason: { type } }), OPTIONS);
  const word =
    typeof progress === 'string'
      ? progress
      : progress.kind === 'failed'
        ? progress.errorClass
        : progress.kind;
  expect(word).toBe(means);
});

test.each([
  ['billing_error', 'exhausted'],
  ['model_rate_limited_error', 'throttled'],
  ['model_overloaded_error', 'transient'],
  ['model_request_failed_error', 'transient'],
  ['mcp_connection_failed_error', 'rejected'],
  ['repository_clone_error', 'rejected'],
  ['tool_use_limit_reached_error', 'rejected'],
  ['unknown_error', 'rejected'],
  ['brand_new', 'throttled'],
] as const)('a session that gave up with %s counts as %s', (type, errorClass) => {
  const error = event('session.error', {
    error: { type, message: 'm', retry_status: { type: 'exhausted' } },
  });
  expect(failedBy(error, 'it gave up', OPTIONS)).toMatchObject({
    errorClass,
    message: `it gave up: ${type}: m`,
  });
});

const aSession = (usage: Session['usage'], model = 'claude-opus-5-5'): Session => ({
  id: 's',
  status: 'idle',
  archived_at: null,
  created_at: '2026-11-23T00:00:00Z',
  metadata: {},
  agent: { model: { id: model } },
  usage,
});
const NO_USAGE = {
  input_tokens: undefined,
  output_tokens: undefined,
  cache_read_input_tokens: undefined,
  cache_creation_input_tokens: undefined,
  cache_creation: undefined,
  active_seconds: undefined,
  list_cost: undefined,
};
const PRICES = { prices: undefined, reserve: 5, budget: undefined };

test('cents of the service are believed; without them tokens and hours are reckoned; without both nothing was used', () => {
  const list_cost = { amount: '2500', currency: 'USD' as const };
  expect(usageOf(aSession({ ...NO_USAGE, list_cost }), PRICES)).toMatchObject({
    costMicros: 25_000_000,
    costSource: 'provider',
  });
  expect(usageOf(aSession(NO_USAGE), PRICES)).toBeUndefined();
  const tokens = {
    ...NO_USAGE,
    input_tokens: 1_000_000,
    output_tokens: 100_000,
    cache_read_input_tokens: 500_000,
    cache_creation: { ephemeral_5m_input_tokens: 40, ephemeral_1h_input_tokens: 0 },
    active_seconds: 1800,
  };
  expect(usageOf(aSession(tokens), PRICES)).toEqual({
    inputTokens: 1_500_040,
    outputTokens: 100_000,
    cachedTokens: 500_000,
    costMicros: 4_000_000 + 2_000_000 + 200_000 + 200 + 40_000,
    costSource: 'price-table',
    currency: 'USD',
    model: 'claude-opus-5-5',
    priceTable: { id: 'anthropic-2026-11-opus', date: '2026-11-23' },
  });
  expect(usageOf(aSession(tokens, 'someone-elses-model'), { ...PRICES, budget: 3 })).toMatchObject({
    costMicros: 3_000_000,
    costSource: 'estimate',
  });
  const own = { input: 1, output: 1, cached: 1, cacheWrite: 1 };
  expect(
    usageOf(aSession({ ...tokens, active_seconds: 0 }, 'x'), { ...PRICES, prices: own })?.costMicros,
  ).toBe(1_600_040);
});

const IDS = { agent: 'agent_011CZkYpogX7uDKUyvBTophP', environment: 'env_011CZkZ9X2dpNyB7HsEFoRfW' };
const NEVER = aContext({ now: () => Date.parse('2026-03-15T10:00:00Z'), advance: () => undefined }).context;

test('a documented session is read, its cost is taken, and it is found by its place only if it is ours', async () => {
  const [one, list, sent] = await Promise.all(
    ['anthropic-session', 'anthropic-session-list', 'anthropic-events-send'].map(recorded),
  );
  if (!one || !list || !sent) throw new Error('no fixtures');
  const empty = { ...list, body: { data: [], next_page: null } };
  const calls: string[] = [];
  const anthropicUrl = await replaying((method, path) => {
    const { pathname } = new URL(path, 'http://localhost');
    calls.push(`${method} ${pathname}`);
    if (method === 'GET' && pathname.endsWith('/events')) return empty;
    if (method === 'POST' && pathname.endsWith('/events')) return sent;
    return method === 'GET' && pathname === '/v1/sessions' ? list : one;
  });
  const provider = await (await makerFor('claude', { geminiUrl: '', anthropicUrl }, IDS))();
  expect(await provider.find(requestOf(), undefined, NEVER)).toEqual({ kind: 'none' });
  const handle = await provider.start(requestOf(), undefined, NEVER);
  expect(handle).toMatchObject({
    phase: 'started',
    ids: { session: 'sesn_011CZkZAtmR3yMPDzynEDxu7', kickoff: 'sevt_011CZkZGOp0iBcp4kaQSihUmy' },
  });
  expect(await provider.usage(handle, NEVER)).toMatchObject({
    costMicros: 25_000_000,
    costSource: 'provider',
  });
  expect(calls.filter((call) => call.startsWith('POST'))).toEqual([
    'POST /v1/sessions',
    `POST /v1/sessions/${idIn(handle, 'session')}/events`,
  ]);
});

test('the usage of an earlier version of the documentation is read too', async () => {
  const answered = await recorded('anthropic-session-usage');
  const anthropicUrl = await replaying(() => answered);
  const provider = await (
    await makerFor('claude', { geminiUrl: '', anthropicUrl }, IDS)
  )({ prices: { input: 1, output: 1, cached: 1 } });
  const handle = {
    v: 1,
    provider: 'claude',
    runKey: 'a'.repeat(32),
    attempt: 1,
    ids: { session: 'sesn_01' },
  } as const;
  expect(await provider.usage(handle, NEVER)).toMatchObject({
    inputTokens: 27_000,
    outputTokens: 3_200,
    cachedTokens: 20_000,
    costMicros: 30_200,
  });
});

test.each([
  ['anthropic-usage-limit-400', 'exhausted', 60 * MINUTE],
  ['anthropic-spend-limit-429', 'exhausted', undefined],
] as const)('%s is %s', async (name, errorClass, waitMs) => {
  const answered = await recorded(name);
  const anthropicUrl = await replaying(() => answered);
  const provider = await (await makerFor('claude', { geminiUrl: '', anthropicUrl }, IDS))();
  const error = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, NEVER));
  expect(error).toMatchObject({ errorClass, facts: { sent: 'rejected' } });
  const same = Object.assign(new Error('x'), {
    status: answered.status,
    error: answered.body,
    headers: new Headers(),
  });
  const wait = judge(same, 'sending', 'paid', OPTIONS).facts.retryAfterMs;
  expect(wait).toBe(waitMs ?? Date.parse('2026-09-01T00:00:00Z') - OPTIONS.now.getTime());
});
