import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { draw } from '../../harness/draw.js';
import { RATES, callFault, isCalm, namesOf, nightFaults, spellMinutes } from '../../harness/faults.js';
import { gate } from '../../harness/report.js';
import { RowBook } from '../../harness/row-book.js';
import { nightshiftNight } from '../../harness/nightshift-night.js';
import {
  byWorld,
  rowOf,
  figuresOf,
  upperBound95,
  type NightEnd,
  type NightRow,
  type Places,
} from '../../harness/tally.js';
import type { Nightshift } from '../../src/index.js';
import { JOBS } from '../../harness/faults.js';
import { NIGHT_HOURS, slugOf, type World } from '../../harness/night.js';

const CALM = Array.from({ length: 100 }, (_, index) => index + 1).find((night) => {
  const { jobs, deadCredential, twoStarts, ...rest } = nightFaults('seed', night);
  return !deadCredential && !twoStarts && Object.keys(rest).length === 0 && jobs.every((job) => !job.session);
});

const counts = {
  ledger: { runs: [], totals: { sessions: 0, runs: 0, paidTurns: 0, cents: 0, open: 0 } },
  whileLimited: {},
  ignoredWaits: {},
  struck: {},
};
const post = (job: number, id: number, whole = true) => ({
  id,
  slug: slugOf(job),
  key: `k${id}`,
  bytes: 1,
  whole,
  at: 10,
});
const ended = (over: Partial<NightEnd> = {}): NightEnd => ({
  world: 'nightshift',
  night: CALM ?? 0,
  begun: 0,
  endedAt: 100,
  minutes: 10,
  speed: 60,
  failed: false,
  errors: [],
  states: Object.fromEntries(Array.from({ length: JOBS }, (_, job) => [slugOf(job), 'done'])),
  ...over,
});
const all = Array.from({ length: JOBS }, (_, job) => post(job, job + 1));
const row = (end: NightEnd, posts: ReturnType<typeof post>[]) =>
  rowOf('seed', end, { posts: { [`nightshift/${CALM}`]: posts }, struck: {} }, counts);

it('draws the same number for the same question, and another for another', () => {
  expect(draw('s', 'night 1', 'killed')).toBe(draw('s', 'night 1', 'killed'));
  const others = [draw('t', 'night 1', 'killed'), draw('s', 'night 2', 'killed'), draw('s', 'night 1', 'x')];
  expect(new Set([draw('s', 'night 1', 'killed'), draw('s', 'night 1', 'killed', 2), ...others]).size).toBe(
    5,
  );
});

it('strikes about as often as the rates say', () => {
  const nights = Array.from({ length: 5_000 }, (_, night) => nightFaults('rates', night));
  const killed = nights.filter((night) => night.killed !== undefined).length / nights.length;
  expect(Math.abs(killed - RATES.killed)).toBeLessThan(0.005);
  const calls = Array.from({ length: 20_000 }, (_, nth) => callFault('rates', 1, 0, 'publish', nth));
  const struck = calls.filter((fault) => fault !== 'none').length / calls.length;
  expect(Math.abs(struck - RATES.call)).toBeLessThan(0.001);
});

it('counts a night without faults as done', () => {
  expect(row(ended(), all)).toMatchObject({ done: JOBS, failed: false, duplicates: 0, losses: 0 });
});

it('counts what visitors see twice, and what nobody sees', () => {
  const bad = row(ended(), [...all.slice(1), post(1, 9)]);
  expect(bad).toMatchObject({ duplicates: 1, losses: 1, failed: true });
  const figures = figuresOf([bad]);
  const results = { nightshift: figures, nights: 1 } as Parameters<typeof gate>[0];
  expect(gate(results)).toHaveLength(3);
});

it('takes a job parked without a cause of its own for a failure, and for no loss', () => {
  const states = { ...ended().states, [slugOf(0)]: 'parked' };
  expect(row(ended({ states }), all.slice(1))).toMatchObject({ failed: true, losses: 0, parkedByPolicy: 0 });
});

it('does not count what came after the deadline', () => {
  expect(row(ended({ endedAt: 5 }), all)).toMatchObject({ done: 0, failed: true });
});

it('ends a night at its deadline, however long its end takes to be heard of', async () => {
  const late = async () => sleep(300);
  const nightshift = {
    read: async () => ({ definition: { name: 'night' }, jobs: [] }),
    start: async () => ({}),
    watch: (_started: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true }),
      ),
    status: async () => undefined,
    cancel: late,
  } as unknown as Nightshift;
  const speed = (NIGHT_HOURS * 3600) / 0.2; // the night is 200 ms
  const fake = { url: 'http://127.0.0.1:9' } as unknown as Places['service'] & Places['destination'];
  const places = { service: fake, destination: fake, speed, block: [1] };
  const folder = mkdtempSync(join(tmpdir(), 'harness-night-'));
  const end = await nightshiftNight({ nightshift, ready: late }, folder, 1, false, places);
  expect(end).toMatchObject({ failed: true, minutes: NIGHT_HOURS * 60, endedAt: end.begun + 200 });
});

it('bounds a share as the textbooks do', () => {
  expect(upperBound95(0, 7_500)).toBeCloseTo(0.0004, 5); // the rule of three
  expect(upperBound95(0, 750)).toBeCloseTo(0.00399, 4);
  expect(upperBound95(3, 2_000)).toBeCloseTo(0.00387, 4);
});

it('has published the figures of the nights that it has published, each of them run', () => {
  const published = (name: string) =>
    readFileSync(fileURLToPath(new URL(`../../docs/harness/${name}`, import.meta.url)));
  const rows = gunzipSync(published('nights.jsonl.gz'))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as NightRow);
  const nights = (world: World) => rows.filter((of) => of.world === world).map(({ night }) => night);
  for (const [world, count] of [
    ['nightshift', 7_500],
    ['naive', 1_800],
    ['retries', 1_800],
  ] as const)
    expect(nights(world).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at + 1));
  expect(JSON.parse(published('results.json').toString())).toMatchObject(byWorld(rows, 0));
});

it('knows how long the spells of a night may keep it waiting', () => {
  const calm = { jobs: [{}], deadCredential: false, twoStarts: false };
  expect(spellMinutes(calm)).toBe(0);
  const jobs = [{ throttled: 5, session: 'never-ends' as const }, {}];
  expect(spellMinutes({ ...calm, jobs, quota: { job: 0, minutes: 120 } })).toBe(155);
});

it('goes on in a folder with the nights that are left, by carrier and seed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'harness-rows-'));
  const calm = row(ended(), all);
  new RowBook('s', folder).add([{ ...calm, night: 1 }], { 'destination.json': {} });
  new RowBook('s', folder).add([{ ...calm, night: 2, world: 'naive' }], {});
  const book = new RowBook('s', folder);
  expect(book.of([1, 2, 3]).map(({ night, world }) => [night, world])).toEqual([
    [1, 'nightshift'],
    [2, 'naive'],
  ]);
  expect(book.of([2, 3])).toHaveLength(1);
  expect(book.without('nightshift', [1, 2, 3])).toEqual([2, 3]);
  expect(new RowBook('t', folder).without('nightshift', [1, 2])).toEqual([1, 2]);
});

it('counts calm nights that were not run among the nights, and says so', () => {
  const failed = row(ended({ failed: true }), all);
  expect(figuresOf([failed], 99)).toMatchObject({ nights: 100, calmNotRun: 99, failedShare: 0.01 });
});

it('takes no night for calm that has anything in store', () => {
  const nights = Array.from({ length: 2_000 }, (_, index) => index + 1);
  const calm = nights.filter((night) => isCalm('seed', night));
  expect(calm.flatMap((night) => namesOf(nightFaults('seed', night)))).toEqual([]);
  expect(calm.map((night) => callFault('seed', night, 3, 'start', 1))).not.toContain('503-after');
  expect(calm.length / nights.length).toBeGreaterThan(0.7);
  expect(calm.length / nights.length).toBeLessThan(0.85);
});

it.each([
  [['--only', 'typo'], '--only must be one of naive, retries, nightshift, not typo'],
  [['--speed', 'fast'], '--speed must be a whole number above 0, not fast'],
])('refuses %j rather than run nothing and call it good', (flags, why) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['harness/run.mjs', 'main.ts', ...flags], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toEqual({ status: 64, stdout: '', stderr: `${why}\n` });
});
