// The page for whoever is woken: it knows every alert, and what it says to type is there to be typed.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { ALERT_RULES } from '../../src/policy/alert-rules.js';

const page = (name: string) => readFileSync(new URL(`../../docs/guides/${name}.md`, import.meta.url), 'utf8');
const codeIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
/** What the first cells of tables name. */
const namedFirst = (name: string): Set<string> =>
  new Set(
    page(name)
      .split('\n')
      .flatMap((line) => (line.startsWith('| ') ? codeIn(line.split(' | ')[0] ?? '') : [])),
  );

test('each alert has a line on the page for whoever is woken by it, and one on the page of alerts', () => {
  expect([...namedFirst('on-call')].sort()).toEqual([...ALERT_RULES].sort());
  expect([...namedFirst('alerts')]).toEqual(expect.arrayContaining([...ALERT_RULES]));
});

test('what the page says to type is a command with these flags', () => {
  const program = createProgram('0', () => undefined);
  const named = (parent: Command, word = '') => parent.commands.find((command) => command.name() === word);
  const text = page('on-call').replaceAll('\n', ' ');
  const inBlocks = [...page('on-call').matchAll(/^ {4}(nightshift [^#\n]+)/gm)].map(([, line = '']) => line);
  const typed = [...inBlocks, ...codeIn(text)]
    .map((code) =>
      code
        .trim()
        .replace(/^nightshift /, '')
        .split(/\s+/),
    )
    .filter(([verb]) => named(program, verb) !== undefined);
  expect(typed.length).toBeGreaterThan(40);
  for (const [verb, second, ...rest] of typed) {
    const command = named(program, verb) ?? program;
    const below = named(command, second);
    const words = second === undefined ? [] : [second, ...rest];
    const line = `${verb} ${words.join(' ')}`;
    if (command.commands.length > 0) expect(below, line).toBeDefined();
    const known = [program, command, below].flatMap((each) => each?.options.map(({ long }) => long) ?? []);
    for (const flag of words.filter((word) => word.startsWith('--'))) expect(known, line).toContain(flag);
  }
});
