// Text as people see it: what is cut, what is made harmless, how amounts and times read.
import { expect, test } from 'vitest';
import { cutTo, padTo, widthOf } from '../../src/report/columns.js';
import { money, moneyOfMicros, spentText } from '../../src/policy/money.js';
import { duration, localTime, plural } from '../../src/report/format.js';
import { bold, rendered, wrapped } from '../../src/report/line.js';
import { safeJson, safeLines, safeText } from '../../src/report/safe-text.js';
import { tableLines } from '../../src/report/table.js';

const HOSTILE = 'a\x1b[31mred\x1b]0;title\x07\x1b[2J b\r\nc\x9b2Jd\u202ee\u0000f';

test('nothing that a terminal obeys gets through, and line breaks become spaces', () => {
  const safe = safeText(HOSTILE);
  expect(safe).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(safe).toMatch(/^ared.* b c.*d.?ef$/u);
  expect(safeLines('one\x1b[1m\ntwo\u0007')).toEqual(['one', 'two']);
});

test('a line is made harmless wherever its pieces come from', () => {
  expect(rendered([bold(HOSTILE), HOSTILE])).not.toMatch(/\p{Cc}/u);
});

test('JSON keeps its meaning and has no character that a terminal obeys', () => {
  const document = { text: HOSTILE, wide: '日本語', emoji: '👩‍💻' };
  const json = safeJson(document);
  expect(json.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(JSON.parse(json)).toEqual(document);
  expect(json).toContain('日本語');
});

test('wide characters count two columns, marks none', () => {
  expect(widthOf('abc')).toBe(3);
  expect(widthOf('日本')).toBe(4);
  expect(widthOf('e\u0301')).toBe(1);
  expect(widthOf('✅')).toBe(2);
});

test.each([1, 2, 3, 7, 10, 40])('a text cut to %i columns is never wider', (columns) => {
  for (const text of ['plain text that is long', '日本語のとても長い名前', 'mixed 日本 text', '👩‍💻👩‍💻👩‍💻']) {
    expect(widthOf(cutTo(text, columns))).toBeLessThanOrEqual(columns);
    expect(widthOf(padTo(cutTo(text, columns), columns))).toBe(columns);
  }
});

test('a painted line is cut by what is seen, not by its escape sequences', () => {
  const paint = (_: string, text: string) => `\x1b[1m${text}\x1b[0m`;
  expect(rendered([bold('abcdef'), 'ghi'], paint, 4)).toBe('\x1b[1mabc…\x1b[0m');
});

test('parts go on as many lines as the columns ask for', () => {
  const lines = wrapped(['12 done', '3 running', '1 parked'], ', ', 20).map((line) => rendered(line));
  expect(lines).toEqual(['12 done, 3 running', '1 parked']);
});

test('a table cuts its widest cells, never the last, and leaves out empty columns', () => {
  const rows = [
    ['a long title that goes on and on and on', '', 'https://example.com/a/very/long/address'],
    ['short', '', ''],
  ];
  const lines = tableLines(['job', 'nothing', 'url'], rows, 60).map((line) => rendered(line));
  expect(lines[0]).not.toContain('nothing');
  expect(lines[1]).toContain('…');
  expect(lines[1]).toContain('https://example.com/a/very/long/address');
  expect(lines[2]).toBe('short');
});

test('money has its currency, and small amounts keep digits that say something', () => {
  expect(money(0, 'USD')).toBe('0.00 USD');
  expect(money(12.345, 'EUR')).toBe('12.35 EUR');
  expect(money(0.0012, 'USD')).toBe('0.0012 USD');
  expect(money(0.000001, 'USD')).toBe('0.000001 USD');
  expect(moneyOfMicros(4200, 'USD')).toBe('0.0042 USD');
});

test('what was spent names the sessions that told no cost, and is unknown where there are no others', () => {
  const spent = (total: number, unknown: number) => spentText({ total, currency: 'USD', unknown });
  expect(spent(0.42, 0)).toBe('0.42 USD');
  expect(spent(0.42, 3)).toBe('0.42 USD, and 3 sessions told no cost');
  expect(spent(0, 1)).toBe('unknown: 1 session told no cost');
});

test('durations and counts read as people say them', () => {
  expect([0, 999, 61_000, 3_600_000, 90_000_000].map(duration)).toEqual([
    '0 s',
    '0 s',
    '1 min 1 s',
    '1 h',
    '1 d 1 h',
  ]);
  expect([plural(1, 'job'), plural(2, 'job'), plural(0, 'job')]).toEqual(['1 job', '2 jobs', '0 jobs']);
});

test('a time names its zone; what is no time stays as it is', () => {
  expect(localTime('2026-11-23T03:04:05.678Z', 'UTC')).toBe('2026-11-23 03:04:05 UTC');
  expect(localTime('2026-07-01T22:30:00Z', 'Europe/Berlin')).toMatch(/^2026-07-02 00:30:00 (GMT\+2|CEST)$/);
  expect(localTime('soon')).toBe('soon');
});
