// How long a service asks to wait, in whatever form.
import { describe, expect, test } from 'vitest';
import { judge as judgeAntigravity } from '../../src/activities/providers/antigravity/classify.js';
import { judge as judgeClaude } from '../../src/activities/providers/claude/classify.js';
import { limitResetMs, retryAfterMs } from '../../src/activities/http/retry-after.js';
import { refusal } from '../../src/activities/http/refusal.js';

const NOW = new Date('2026-11-23T02:00:00Z');
const epoch = (seconds: number): string => String(NOW.getTime() / 1000 + seconds);

test.each([
  [{ 'retry-after': '30' }, 30_000],
  [{ 'retry-after-ms': '1500', 'retry-after': '30' }, 1500],
  [{ 'retry-after': 'Mon, 23 Nov 2026 02:01:00 GMT' }, 60_000],
  [{ 'retry-after': 'Mon, 23 Nov 2026 01:00:00 GMT' }, 0],
  [{ 'retry-after': 'soon' }, undefined],
  [{ 'x-ratelimit-reset': '30' }, undefined],
])('%j asks to wait for %s ms', (headers, ms) => {
  expect(retryAfterMs(new Headers(headers), NOW)).toBe(ms);
});

test('a date is compared with the clock of the service that named it, whatever this host’s says', () => {
  const hour = { date: 'Mon, 23 Nov 2026 05:00:00 GMT', 'retry-after': 'Mon, 23 Nov 2026 05:01:00 GMT' };
  expect(retryAfterMs(new Headers(hour), NOW)).toBe(60_000);
  const limit = { date: hour.date, 'anthropic-ratelimit-requests-reset': '2026-11-23T05:00:20Z' };
  expect(limitResetMs(new Headers(limit), NOW)).toBe(20_000);
});

describe('reset headers', () => {
  test.each([
    ['seconds from now', { 'ratelimit-reset': '12' }, 12_000],
    ['seconds since 1970', { 'x-ratelimit-reset': epoch(3600) }, 3_600_000],
    ['milliseconds since 1970', { 'x-ratelimit-reset': String(NOW.getTime() + 90_000) }, 90_000],
    ['a time', { 'anthropic-ratelimit-requests-reset': '2026-11-23T02:00:40Z' }, 40_000],
    [
      'the latest of limits that have nothing left',
      {
        'anthropic-ratelimit-requests-remaining': '49',
        'anthropic-ratelimit-requests-reset': '2026-11-23T04:00:00Z',
        'anthropic-ratelimit-input-tokens-remaining': '0',
        'anthropic-ratelimit-input-tokens-reset': '2026-11-23T02:00:30Z',
        'anthropic-ratelimit-output-tokens-remaining': '0',
        'anthropic-ratelimit-output-tokens-reset': '2026-11-23T02:00:50Z',
      },
      50_000,
    ],
    [
      'nothing, where there is some left',
      { 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '30' },
      undefined,
    ],
    ['nothing, where it is past', { 'x-ratelimit-reset': epoch(-5) }, undefined],
    ['nothing, where it can’t be read', { 'x-ratelimit-reset': 'soon' }, undefined],
    ['nothing, of another name', { 'x-reset': '30', 'x-ratelimit-reset-tokens': '1s' }, undefined],
  ])('say %s', (_what, headers, ms) => {
    expect(limitResetMs(new Headers(headers), NOW)).toBe(ms);
  });

  const at = { method: 'GET', url: 'https://api.example/posts' } as const;
  const answered = (status: number, headers: Record<string, string>) =>
    refusal({ status, headers: new Headers(headers), body: '' }, at);

  test('count for a 429 without another hint, and for nothing else', () => {
    expect(answered(429, { 'ratelimit-reset': '12' }).facts.retryAfterMs).toBe(12_000);
    expect(answered(429, { 'ratelimit-reset': '12', 'retry-after': '3' }).facts.retryAfterMs).toBe(3000);
    expect(answered(429, { 'ratelimit-reset': '7200' }).errorClass).toBe('exhausted');
    expect(answered(503, { 'ratelimit-reset': '12' }).facts.retryAfterMs).toBeUndefined();
  });

  test.each([
    ['antigravity', judgeAntigravity, { error: { code: 'rate_limit_exceeded', message: 'slow down' } }],
    ['claude', judgeClaude, { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } }],
  ])('are read of %s, too', (_which, judge, body) => {
    const options = { secrets: [], extraErrorCodes: {}, maxThrottleMs: 900_000, now: NOW };
    const error = (status: number) => ({
      status,
      headers: new Headers({ 'x-ratelimit-reset': epoch(40) }),
      body,
      error: body,
      message: JSON.stringify(body),
    });
    expect(judge(error(429), 'GET', 'read', options)).toMatchObject({
      errorClass: 'throttled',
      facts: { retryAfterMs: 40_000 },
    });
  });
});
