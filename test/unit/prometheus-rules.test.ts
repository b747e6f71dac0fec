// The alert rules for Prometheus, judged by its own promtool: their form, and what they fire on in nights told minute by minute.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createProgram } from '../../src/cli/program.js';
import { ERROR_CLASSES } from '../../src/contract/errors.js';
import { RETRY_RULES } from '../../src/policy/retry.js';

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert?: string;
      readonly expr: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly annotations?: { readonly summary: string; readonly description: string };
    }[];
  }[];
}

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const RULES = at('docs/prometheus/nightshift.rules.yml');
const NIGHTS = at('test/prometheus/nightshift.rules.test.yml');
const { groups } = parse(readFileSync(RULES, 'utf8')) as Rules;
const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);

const promtool = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
};

/** @throws where its tests must not be left out */
function hasPromtool(): boolean {
  if (promtool('--version').status === 0) return true;
  const message = 'promtool is not on PATH; it comes with Prometheus, such as: apt-get install prometheus';
  if (process.env['CI']) throw new Error(message);
  process.stderr.write(`${message}. Tests that need it are left out\n`);
  return false;
}

describe.runIf(hasPromtool())('promtool', () => {
  test('takes the rules', () => {
    const { status, said } = promtool('check', 'rules', RULES);
    expect(status, said).toBe(0);
    expect(said).toContain(`${alerts.length + 1} rules found`);
  });

  test('sees each alert fire on its trouble, and on nothing else', () => {
    const { status, said } = promtool('test', 'rules', NIGHTS);
    expect(status, said).toBe(0);
  });
});

test('there is a night for each alert', () => {
  const nights = readFileSync(NIGHTS, 'utf8');
  const fired = [...nights.matchAll(/alertname="(\w+)"/g)].map(([, name]) => name);
  expect(new Set(fired)).toEqual(new Set(alerts.map(({ alert }) => alert)));
});

test('each alert says how bad it is, what is the matter, and which command comes next', () => {
  const verbs = createProgram('0', () => undefined).commands.map((command) => command.name());
  for (const { alert, expr, labels, annotations } of alerts) {
    expect(['critical', 'warning'], alert).toContain(labels?.['severity']);
    expect(annotations?.summary, alert).toMatch(/nightshift/);
    const next = [...(annotations?.description ?? '').matchAll(/`nightshift ([a-z-]+)[^`]*`/g)];
    expect(next.length, alert).toBeGreaterThan(0);
    for (const [shown, verb] of next) expect(verbs, shown).toContain(verb);
    // Other workers may answer the same Prometheus.
    if (alert !== 'NightshiftJobsParked') expect(expr, alert).toContain('job="nightshift"');
  }
});

test('every class that is tried again is among the outcomes of which nothing comes', () => {
  const { expr = '' } = alerts.find(({ alert }) => alert === 'NightshiftNothingComes') ?? {};
  const [outcomes = ''] = [...expr.matchAll(/outcome=~"([^"]+)"/g)].map(([, listed]) => listed ?? '');
  const again = ERROR_CLASSES.filter((name) => RETRY_RULES[name].agent === 'again');
  expect(outcomes.split('|').sort()).toEqual(['wait', ...again].sort());
});
