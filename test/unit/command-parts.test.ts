/** Parts of the provider `command` that need no process. */
import { expect, test } from 'vitest';
import { fromPs, parseProcStat } from '../../src/activities/providers/command/machine.js';
import { lastLine, lastWords, plainLine } from '../../src/activities/providers/command/terminal-text.js';

test('the name of a program can’t forge what the system says of its process', () => {
  const rest = Array.from({ length: 30 }, (_, index) => String(index + 4)).join(' ');
  expect(parseProcStat(`7 (a) R 1) 2) S ${rest}`)).toEqual({ state: 'S', started: '22' });
});

test('systems without /proc are asked by ps, which names a process by its start as well', async () => {
  const [first, second] = [await fromPs(process.pid), await fromPs(process.pid)];
  expect(first?.started).toBe(second?.started);
  expect(first?.started).toMatch(/^\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}$/);
  expect(await fromPs(2 ** 22 - 1)).toBeUndefined();
});

test.each([
  ['\u001b[1;31mred\u001b[0m', 'red'],
  ['a\u0007b\u0000c', 'a b c'],
  ['safe\u202egpj.exe', 'safe gpj.exe'],
  ['  spaced \t out  ', 'spaced out'],
])('%j is shown as %j', (text, shown) => expect(plainLine(text)).toBe(shown));

test('a progress bar is its last state', () => expect(lastLine('10%\r50%\r99%\r\n')).toBe('99%'));
test('silence is no line', () => expect(lastLine('\n \u001b[0m\r\n')).toBeUndefined());
test('half a character at the cut is left out', () => expect(lastLine('\ufffd\nwords')).toBe('words'));
test('a note has at most 120 characters', () =>
  expect([...(lastLine('é'.repeat(300)) ?? '')]).toHaveLength(120));
test('of a stack the error is what is shown', () =>
  expect(lastWords('Error: no\n    at f (a.js:1:2)\n    at g (a.js:2:3)\n\nNode.js v20.20.2\n')).toBe(
    'Error: no',
  ));
