// A run that has to be over by a time: when it is said to be late, to whom, how often, and when it is over.
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lookAtBatch } from '../../src/alerts/look.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import type { ChannelSpec } from '../../src/contract/alerts.js';
import type { Connections } from '../../src/client/connections.js';
import { checkNights } from '../../src/client/check-nights.js';
import type { DeadlineSpec } from '../../src/contract/deadline.js';
import { openLedger } from '../../src/ledger/open.js';
import { readDeadline } from '../../src/nights/deadline.js';
import { deadlineOf, LOOKS_APART_MS, outlookOf, type Progress } from '../../src/policy/deadline.js';
import { makeReport } from '../../src/report/morning/make-report.js';
import { rendered } from '../../src/report/line.js';
import { reportLines } from '../../src/report/morning/terminal.js';
import { startReceiver } from '../support/servers/receiver.js';
import { batchFile, JOBS_CSV, problemsOf, read } from './fixtures/batch/folder.js';
import {
  by,
  claimed,
  effectOf,
  keyOf,
  landed,
  openBatch,
  NOBODY,
  temporaryFolder,
} from './ledger-fixture.js';
import { aDefinition } from './definition-fixture.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SEVEN: DeadlineSpec = { at: '07:00', timeZone: 'Europe/Madrid' };
const atOf = (spec: DeadlineSpec, opened: string) =>
  deadlineOf(spec, new Date(opened), 'UTC').at.toISOString();

test('a time of day is the next one by that clock, a span counts from the start', () => {
  expect(atOf(SEVEN, '2026-11-23T22:30:00Z')).toBe('2026-11-24T06:00:00.000Z');
  expect(atOf(SEVEN, '2026-11-24T05:59:00Z')).toBe('2026-11-24T06:00:00.000Z');
  expect(atOf(SEVEN, '2026-11-24T06:00:00Z'), 'started at that very moment').toBe('2026-11-25T06:00:00.000Z');
  expect(atOf('6h', '2026-11-23T22:30:00Z')).toBe('2026-11-24T04:30:00.000Z');
});

test('a time that the clock skips is the moment after the jump, one that it shows twice the first', () => {
  const half = { at: '02:30', timeZone: 'Europe/Madrid' };
  expect(atOf(half, '2027-03-28T00:00:00Z')).toBe('2027-03-28T01:00:00.000Z');
  expect(atOf(half, '2026-10-24T23:00:00Z')).toBe('2026-10-25T00:30:00.000Z');
});

const DEADLINE = { at: new Date(6 * HOUR), timeZone: 'UTC' };

/** A run opened at 0 that has finished so many of 100 jobs by now, one after another. */
const progress = (done: number, doneEarlier: number, more: Partial<Progress> = {}): Progress => ({
  openedMs: 0,
  jobs: 100,
  concurrency: 8,
  done,
  doneEarlier,
  moving: 100 - done,
  left: 100 - done,
  pausedMs: 0,
  pausedEarlierMs: 0,
  ...more,
});

test('nobody is warned before it was late twice, nor while too little is done to say', () => {
  const outlook = (given: Progress, nowMs = HOUR) => outlookOf(DEADLINE, given, nowMs);
  expect(outlook(progress(0, 0))).toBe('unsaid');
  expect(outlook(progress(7, 7)), 'fewer than run at once').toBe('unsaid');
  expect(outlook(progress(10, 10))).toBe('late');
  expect(outlook(progress(10, 5)), 'nothing could be said the time before').toBe('tight');
  expect(outlook(progress(16, 16)), 'late only now').toBe('tight');
  expect(outlook(progress(50, 46))).toBe('in-time');
  expect(outlook(progress(18, 17)), 'in time, and not well within').toBe('tight');
  expect(outlook(progress(99, 99), 6 * HOUR)).toBe('passed');
  expect(outlook(progress(100, 99), 6 * HOUR)).toBe('in-time');
  expect(outlook(progress(97, 97, { moving: 0 })), 'the rest waits for a person').toBe('unsaid');
});

test('time in which it was paused is none that jobs were done in', () => {
  const ofAnHour = (paused: number) =>
    outlookOf(DEADLINE, progress(10, 10, { pausedMs: paused, pausedEarlierMs: paused }), HOUR);
  expect(ofAnHour(0)).toBe('late');
  expect(ofAnHour(40 * MINUTE)).toBe('in-time');
});

const START = Date.parse('2026-11-24T00:00:00Z');
const SLUGS = Array.from({ length: 20 }, (_, at) => `job-${at}`);

async function aRun(
  deadline: DeadlineSpec | undefined,
  { startMs = START, alerts = [{ use: 'webhook', url: 'https://example.com' }] as ChannelSpec[] } = {},
) {
  const folder = temporaryFolder();
  let nowMs = startMs;
  const now = () => new Date(nowMs);
  const ledger = await openLedger({ path: join(folder, 'ledger.db'), now });
  onTestFinished(() => ledger.close());
  const artifacts = folderArtifactStore({ root: join(folder, 'artifacts') });
  const definition = await storedDefinition(
    aDefinition(folder, { limits: { concurrency: 4 }, alerts, deadline }),
    artifacts,
  );
  const key = keyOf('batch');
  const id = `batch:nightly:${key}`;
  const manifest = JSON.stringify({ definition, jobs: definition, count: SLUGS.length });
  await openBatch(ledger, SLUGS, { id, manifest });
  const waiting = [...SLUGS];
  return {
    ledger,
    id,
    connections: () => ({ ledger: async () => ledger, artifacts, config: { stateDir: folder, env: {} } }),
    /** So long after the start, so many jobs more have been done, and somebody looks. */
    look: async (afterMs: number, done = 0) => {
      nowMs = startMs + afterMs;
      for (const slug of waiting.splice(0, done)) {
        await claimed(ledger, slug, { by: by(id), effectKeys: [effectOf(slug).effectKey] });
        await landed(ledger, slug, { batchId: id });
      }
      await lookAtBatch(id, { ledger, artifacts, stateDir: folder, now });
      return (await ledger.alerts({ open: true })).map(({ rule }) => rule);
    },
    /** Another night is opened now, beside it. @returns looks at it, as `look` does at this one */
    beside: async (jobs: number) => {
      const slugs = Array.from({ length: jobs }, (_, at) => `beside-${at}`);
      const besideId = `batch:nightly:${keyOf('beside')}`;
      await openBatch(ledger, slugs, { id: besideId, runId: 'run-beside', manifest });
      return async (afterMs: number, done = 0) => {
        nowMs = startMs + afterMs;
        for (const slug of slugs.splice(0, done)) {
          await claimed(ledger, slug, { by: by(besideId), effectKeys: [effectOf(slug).effectKey] });
          await landed(ledger, slug, { batchId: besideId });
        }
        await lookAtBatch(besideId, { ledger, artifacts, stateDir: folder, now });
      };
    },
    told: async () => {
      const messages = await ledger.alertMessages();
      return messages.map(({ kind, state }) => `${kind} ${state}`).reverse();
    },
    standing: async () => {
      const batch = await ledger.batch(id);
      if (batch === undefined) throw new Error('the ledger has this batch');
      return readDeadline(batch, { ledger, artifacts }, now());
    },
    report: () => makeReport({ id, name: 'nightly' }, ledger, { stateDir: folder, now: now(), artifacts }),
  };
}

test('late twice warns once, the deadline tells again, and the end of the run is told', async () => {
  const { ledger, id, look, told, standing } = await aRun(SEVEN);
  expect(await look(2 * HOUR, 4), 'the first look that can say anything').toEqual([]);
  expect(await look(2 * HOUR + 2 * MINUTE)).toEqual([]);
  expect(await look(2 * HOUR + LOOKS_APART_MS)).toEqual(['deadline']);
  expect(await look(3 * HOUR, 1)).toEqual(['deadline']);
  expect(await told()).toEqual(['opened pending']);
  const message = await ledger.takeMessage(MINUTE);
  await ledger.settleMessage(message?.id ?? '', { kind: 'sent', answers: [] });
  const [warning] = await ledger.alerts({ open: true });
  expect(warning?.detail.headline).toBe(
    'at its pace so far it ends about 2026-11-24 13:00 (Europe/Madrid), and its deadline is 2026-11-24 07:00 (Europe/Madrid); 15 of 20 jobs are left',
  );
  expect(warning?.detail.next.at(-1)?.command).toMatch(/^nightshift concurrency nightly --state \S+ N$/);

  expect(await look(6 * HOUR)).toEqual(['overdue']);
  expect(await look(6 * HOUR + MINUTE)).toEqual(['overdue']);
  expect((await told()).map((message) => message.split(' ')[0])).toEqual(['opened', 'reminder']);
  const [late, ...others] = await ledger.alerts();
  expect(others).toEqual([]);
  expect(late?.detail.headline).toBe(
    'its deadline, 2026-11-24 07:00 (Europe/Madrid), has passed with 15 of 20 jobs left',
  );
  expect(await standing()).toMatchObject({ met: false, at: '2026-11-24T06:00:00.000Z' });

  await look(7 * HOUR, 15);
  await ledger.setBatchState(id, 'completed', NOBODY);
  expect(await look(7 * HOUR)).toEqual([]);
  expect(await told()).toContain('recovered pending');
  expect((await standing())?.text).toBe(
    '2026-11-24 07:00 (Europe/Madrid), missed: all was done at 2026-11-24 08:00 (Europe/Madrid)',
  );
});

test('nights side by side are late each by itself: neither tells the other again, nor is told in its place', async () => {
  const { ledger, look, beside, told } = await aRun(SEVEN);
  expect(await look(6 * HOUR, 19)).toEqual(['overdue']);
  const lookBeside = await beside(200);
  const lookAtBoth = async (afterMs: number) => {
    await look(afterMs);
    await lookBeside(afterMs);
    for (let message; (message = await ledger.takeMessage(MINUTE));)
      await ledger.settleMessage(message.id, { kind: 'sent', answers: [] });
    return (await told()).length;
  };
  await lookBeside(8 * HOUR, 4);
  for (let minutes = 5; minutes <= 60; minutes += 5) await lookAtBoth(8 * HOUR + minutes * MINUTE);
  expect(await told()).toEqual(['opened sent', 'opened sent']);

  const before = await lookAtBoth(30 * HOUR - MINUTE);
  expect(await lookAtBoth(30 * HOUR), 'the second night misses its own').toBe(before + 1);
  expect(await lookAtBoth(30 * HOUR + MINUTE)).toBe(before + 1);
  expect((await ledger.alerts({ open: true })).map(({ rule }) => rule)).toEqual(['overdue', 'overdue']);
});

test('a run that is well in time again takes its warning back', async () => {
  const { look } = await aRun('6h');
  await look(2 * HOUR, 4);
  expect(await look(2 * HOUR + LOOKS_APART_MS)).toEqual(['deadline']);
  expect(await look(3 * HOUR, 7), 'in time by a hair').toEqual(['deadline']);
  expect(await look(3 * HOUR + MINUTE, 5)).toEqual([]);
});

test('a run that somebody cancelled is late no more, and one without a deadline never is', async () => {
  const late = await aRun('6h');
  expect(await late.look(6 * HOUR, 4)).toEqual(['overdue']);
  await late.ledger.setBatchState(late.id, 'cancelled', NOBODY);
  expect(await late.look(6 * HOUR)).toEqual([]);
  expect(await late.told(), 'nobody had heard of it').toEqual(['opened dropped']);

  const free = await aRun(undefined);
  expect(await free.look(48 * HOUR, 4)).toEqual([]);
  expect(await free.standing()).toBeUndefined();
});

test('a run that ends past its deadline with jobs left has not recovered from it', async () => {
  const { ledger, id, look, told } = await aRun('6h');
  expect(await look(6 * HOUR, 4)).toEqual(['overdue']);
  await look(6 * HOUR + MINUTE);
  const message = await ledger.takeMessage(MINUTE);
  await ledger.settleMessage(message?.id ?? '', { kind: 'sent', answers: [] });
  await ledger.setBatchState(id, 'incomplete', NOBODY);
  expect(await look(7 * HOUR), 'it is about the rest from now on').toEqual(['incomplete']);
  expect(await told()).not.toContain('recovered pending');
});

test('a paused run is late when it would be though it went on now, and whoever is told is told to let it go on', async () => {
  const { ledger, id, look, told, standing } = await aRun(SEVEN);
  expect(await look(HOUR, 10)).toEqual([]);
  await ledger.setBatchState(id, 'paused', 'ann', 'the blog moves');
  expect(await look(4 * HOUR), 'the other ten need an hour').toEqual([]);
  expect((await standing())?.text).toBe(
    '2026-11-24 07:00 (Europe/Madrid), if it goes on now, at its pace so far it ends about 2026-11-24 06:00 (Europe/Madrid)',
  );
  expect(await look(5 * HOUR + 4 * MINUTE), 'late once').toEqual([]);
  expect(await look(5 * HOUR + 10 * MINUTE)).toEqual(['deadline']);
  const [late] = await ledger.alerts({ open: true });
  expect(late?.detail).toMatchObject({
    headline:
      'it is paused by ann: the blog moves; if it goes on now, at its pace so far it ends about 2026-11-24 07:10 (Europe/Madrid), and its deadline is 2026-11-24 07:00 (Europe/Madrid), in 50 min; 10 of 20 jobs are left',
    next: [
      { command: expect.stringMatching(/^nightshift resume nightly /) as string },
      { command: expect.stringMatching(/^nightshift status nightly /) as string },
    ],
  });
  expect(await look(6 * HOUR)).toEqual(['overdue']);
  const [missed] = await ledger.alerts({ open: true });
  expect(missed?.detail.headline).toMatch(
    /has passed with 10 of 20 jobs left; it is paused by ann: the blog moves$/,
  );
  expect(await told()).toEqual(['opened pending', 'reminder pending']);
});

test('a wider pause is lifted by its own command, and a run that went on after a pause is not late for it', async () => {
  const { ledger, look, standing } = await aRun(SEVEN);
  await look(HOUR, 10);
  await ledger.placeHold({ kind: 'work', name: 'article' }, 'finish', 'ann');
  expect(await look(5 * HOUR + 10 * MINUTE)).toEqual(['deadline']);
  const [late] = await ledger.alerts({ open: true });
  expect(late?.detail.headline).toMatch(/^work article is paused by ann; if it goes on now/);
  expect(late?.detail.next[0]?.command).toMatch(/^nightshift resume --work article /);
  await ledger.liftHold({ kind: 'work', name: 'article' }, 'ann');
  expect((await standing())?.text).toContain('at its pace so far it ends about 2026-11-24 07:10');

  const early = await aRun(SEVEN);
  await early.look(HOUR, 10);
  await early.ledger.placeHold({ kind: 'all' }, 'finish', 'ann');
  expect(await early.look(4 * HOUR)).toEqual([]);
  await early.ledger.liftHold({ kind: 'all' }, 'ann');
  expect(await early.look(4 * HOUR + 10 * MINUTE, 1), 'by its whole time it were late').toEqual([]);
});

test('the report says the deadline by its own clock, and whether it was met', async () => {
  const { ledger, id, look, report } = await aRun(SEVEN);
  await look(HOUR, 10);
  const shown = async () =>
    reportLines(await report())
      .map((line) => rendered(line, undefined))
      .join('\n');
  expect(await shown()).toContain(
    'Deadline 2026-11-24 07:00 (Europe/Madrid), at its pace so far it ends about 2026-11-24 03:00 (Europe/Madrid).',
  );
  await look(2 * HOUR, 10);
  await ledger.setBatchState(id, 'completed', NOBODY);
  expect(await shown()).toContain('Deadline 2026-11-24 07:00 (Europe/Madrid), met.');
  expect((await report()).headline).not.toContain('deadline');

  const late = await aRun('1h');
  await late.look(2 * HOUR, 10);
  expect((await late.report()).headline).toContain('It missed its deadline.');
});

test('where no worker is alive, the look of the monitor tells', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const alerts: ChannelSpec[] = [{ use: 'webhook', url: receiver.url }];
  const { ledger, connections } = await aRun('6h', { startMs: Date.now() - 7 * HOUR, alerts });
  const request = { names: ['nightly'], withinMs: 24 * HOUR, longestMs: 8 * HOUR };
  const findings = await checkNights(request, connections() as unknown as Connections);
  expect(findings.map(({ status }) => status)).toEqual(['ok', 'fail']);
  expect(findings[1]?.detail).toMatch(/^its deadline: .* missed: 20 of 20 jobs are left$/);
  expect((await ledger.alerts({ open: true })).map(({ rule }) => rule)).toEqual(['overdue']);
  const got = () =>
    receiver.got.map(({ body }) => (JSON.parse(body) as { data: { rule: string } }).data.rule);
  expect(got(), 'by this very look, for the process goes').toEqual(['overdue']);
  await checkNights(request, connections() as unknown as Connections);
  expect(got(), 'once').toEqual(['overdue']);
});

const problemsWith = (deadline: string) =>
  problemsOf({ 'night.yaml': batchFile({ deadline }), 'jobs.csv': JOBS_CSV });

test('a deadline is no part of the batch: with another one it is the same batch, with the same jobs', async () => {
  const batchWith = (lines: Record<string, string>) =>
    read({ 'night.yaml': batchFile(lines), 'jobs.csv': JOBS_CSV });
  const without = await batchWith({});
  const within = await batchWith({ deadline: '6h' });
  expect(within.definition.deadline).toBe('6h');
  expect(within.workflowId).toBe(without.workflowId);
  expect(within.jobs).toEqual(without.jobs);
  expect(
    (await batchWith({ deadline: '{ at: "07:00", timeZone: Europe/Madrid }' })).definition.deadline,
  ).toEqual(SEVEN);
});

test.each([
  ['soon', 'night.yaml:7:11: deadline ("soon") must be a duration such as "90s", "30m" or "2h"'],
  ['0h', 'night.yaml:7:11: deadline ("0h") must be at least 1m'],
  [
    '{ at: "7 am", timeZone: UTC }',
    'night.yaml:7:17: deadline.at ("7 am") must be a time of day such as "02:30"',
  ],
  ['{ at: "07:00" }', 'night.yaml:7:11: deadline.timeZone is missing'],
  ['{ at: "07:00", timeZone: Madrid }', 'deadline.timeZone ("Madrid") must be a time zone such as "UTC"'],
])('a deadline of %s is refused', async (deadline, said) => {
  const [problem, ...others] = await problemsWith(deadline);
  expect(others).toEqual([]);
  expect(problem).toContain(said);
});
