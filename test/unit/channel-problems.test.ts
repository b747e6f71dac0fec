// Channels that would reach nobody: named before the night, at their place in the batch file, and in the way of no run.
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { channelFindings } from '../../src/client/channel-problems.js';
import { createNightshift } from '../../src/client/nightshift.js';

const BATCH = `name: nightly
work: article
identity: [slug]
jobs: [{ slug: one }]
agent: { use: command, command: [sh] }
effects: [{ name: post, use: folder, target: ./public, with: { path: "{{ slug }}.md" } }]
alerts:
  - use: webhook
    url: "\${env:ALERT_URL}"
    secret: "\${env:ALERT_SECRET}"
  - { use: command, command: [./page.sh], also: true }
  - { use: command, command: [no-such-pager] }
  - { use: command, command: [sh, -c, "true"] }
deadMan: { url: "\${env:PING_URL}" }
`;

async function warningsWith(env: Record<string, string>, prepare: (dir: string) => void = () => undefined) {
  const dir = mkdtempSync(join(tmpdir(), 'nightshift-channels-'));
  const file = join(dir, 'batch.yaml');
  writeFileSync(file, BATCH);
  prepare(dir);
  const nightshift = createNightshift({ state: join(dir, 'state'), env: { PATH: '/usr/bin:/bin', ...env } });
  try {
    const batch = await nightshift.read(file); // a channel stops no batch
    const here = (text: string) => text.replaceAll(`${dir}/`, '');
    return {
      plan: (await nightshift.plan(batch)).warnings.map(here),
      run: (await nightshift.untold(batch)).warnings.map(here),
      doctor: (await channelFindings(batch, nightshift.config.env)).map(({ status, detail, fix }) => [
        status,
        here(detail),
        fix,
      ]),
    };
  } finally {
    await nightshift.close();
  }
}

const SET = '(set it where jobs run; an empty one counts as not set)';

test('plan, run and doctor name channel, variable or program, and the line; only doctor’s is no note', async () => {
  const { plan, run, doctor } = await warningsWith({ ALERT_SECRET: 'secret' });
  expect(plan).toEqual([
    `batch.yaml:9:10: alerts[0].url: the environment variable ALERT_URL is not set; the channel "webhook (from a variable)" reaches nobody ${SET}`,
    'batch.yaml:11:30: alerts[1].command: there is no program page.sh; the channel "command ./page.sh" reaches nobody (paths are relative to the batch file)',
    'batch.yaml:12:30: alerts[2].command: the program "no-such-pager" is not on PATH (/usr/bin:/bin); the channel "command no-such-pager" reaches nobody (name it by its path)',
    `batch.yaml:14:17: deadMan.url: the environment variable PING_URL is not set; the monitor hears nothing ${SET}`,
  ]);
  expect(run).toEqual(plan);
  expect(doctor.map(([status]) => status)).toEqual(['warn', 'warn', 'warn', 'warn']);
  expect(doctor[3]).toEqual([
    'warn',
    'batch.yaml:14:17: deadMan.url: the environment variable PING_URL is not set; the monitor hears nothing',
    'set it where jobs run; an empty one counts as not set',
  ]);
});

test('a program that may not be run is told apart; where all is there, nothing is said', async () => {
  const env = { ALERT_SECRET: 'secret', ALERT_URL: 'https://a.example', PING_URL: 'https://b.example' };
  const withPage = (mode: number) => (dir: string) => {
    writeFileSync(join(dir, 'page.sh'), '#!/bin/sh\n');
    chmodSync(join(dir, 'page.sh'), mode);
    writeFileSync(join(dir, 'batch.yaml'), BATCH.replace('no-such-pager', 'sh'));
  };
  const { plan } = await warningsWith(env, withPage(0o644));
  expect(plan).toEqual([expect.stringContaining('alerts[1].command: page.sh may not be run')]);
  expect(await warningsWith(env, withPage(0o755))).toEqual({ plan: [], run: [], doctor: [] });
});

test('where workers of other hosts send, what this one lacks says nothing', async () => {
  const { plan } = await warningsWith({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  expect(plan).toEqual([]);
});
