// Nights that did not run: what is noted, told and reported of them, from a ledger alone. Whoever looks finds the same.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ScheduleNotFoundError } from '@temporalio/client';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { keepSchedule } from '../../src/activities/keep-schedule.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import { optionsOf } from '../../src/client/schedules/engine-schedule.js';
import { type Definition } from '../../src/contract/batch-file.js';
import type { ScheduleDefinition } from '../../src/contract/schedules-file.js';
import type { BatchState } from '../../src/contract/states.js';
import type { Ledger, NightOutcome } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { endNightAlerts, lookAtNights, type NightLookDeps } from '../../src/nights/look-at-nights.js';
import { readNights } from '../../src/nights/read-nights.js';
import { upstreamStanding } from '../../src/nights/upstream.js';
import { judgeSchedule } from '../../src/policy/night-alerts.js';
import { rendered } from '../../src/report/line.js';
import { makeReport } from '../../src/report/morning/make-report.js';
import { reportLines } from '../../src/report/morning/terminal.js';
import { temporaryFolder } from './ledger-fixture.js';
import { NIGHTLY } from './schedule-fixture.js';
import { aDefinition } from './definition-fixture.js';

const definition = { ...NIGHTLY, name: 'digest' };
const NAME = 'news';
const command = (...words: readonly string[]) => words.join(' ');

let folder: string;
let ledger: Ledger;
let now: Date;
const artifacts = () => folderArtifactStore({ root: join(folder, 'artifacts') });
const look = (options = {}) =>
  lookAtNights({ ledger, artifacts: artifacts(), stateDir: folder, now: () => now }, options);
const itIs = (iso: string) => (now = new Date(iso));

beforeEach(async () => {
  folder = temporaryFolder();
  itIs('2026-11-21T08:00:00Z');
  ledger = await openLedger({ path: join(folder, 'ledger.db'), now: () => now });
  const opened = ledger;
  onTestFinished(() => opened.close());
  await ledger.keepSchedule({ definition, batchName: NAME, channels: await channelsOf(), paused: false });
});

const batchNamed = (name: string): Definition =>
  aDefinition(folder, { name, alerts: [{ use: 'webhook', url: 'https://example.com' }] });

const channelsOf = (name = NAME) => storedDefinition(batchNamed(name), artifacts());

/** What a worker says of a night, and how its batch stands. */
async function said(day: number, outcome: NightOutcome, state?: BatchState): Promise<void> {
  const batchId = `batch:${NAME}:${String(day).padStart(32, '0')}`;
  if (state !== undefined && !(await ledger.batch(batchId))) {
    await ledger.openBatch({
      id: batchId,
      name: NAME,
      key: batchId.slice(-32),
      work: 'article',
      runId: 'r',
      manifest: '{}',
      jobs: 0,
      currency: 'EUR',
      by: 'schedule:digest',
    });
  }
  if (state !== undefined) await ledger.setBatchState(batchId, state, 'batch');
  await ledger.recordNight({
    schedule: 'digest',
    night: `2026-11-${day}T02:30`,
    dueAt: `2026-11-${day}T01:30:00.000Z`,
    edition: `2026-11-${day}`,
    outcome,
    why: `it was ${outcome}`,
    by: 'schedule:digest',
    runId: `run-${now.getTime()}`,
    batchId,
  });
}

/** Reminders have their own time. */
const messages = async () =>
  (await ledger.alertMessages())
    .map(({ kind }) => kind)
    .filter((kind) => kind !== 'reminder')
    .reverse();
const openAlerts = async () =>
  (await ledger.alerts({ open: true, batchName: NAME })).map(({ rule, detail }) => [rule, detail.headline]);
const pages = () => readdirSync(join(folder, 'reports')).filter((file) => !file.includes('latest'));

test('three nights without anybody are one alert and three reports, however often somebody looks', async () => {
  await said(21, 'started', 'completed');
  itIs('2026-11-24T15:00:00Z');
  for (let times = 0; times < 3; times++) await look();
  expect(await openAlerts()).toEqual([
    [
      'missed',
      expect.stringMatching(
        /^3 nights of the schedule digest did not run, the last one due 2026-11-24 02:30 \(Europe\/Berlin\): nobody took it in time/,
      ),
    ],
  ]);
  expect(await messages()).toEqual(['opened']);
  const [alert] = await ledger.alerts({ open: true });
  expect(alert?.detail.next[0]?.command).toBe(
    `nightshift schedule backfill digest --from 2026-11-22T02:30 --to 2026-11-24T02:30 --state ${folder}`,
  );
  expect(pages()).toEqual(
    ['22', '23', '24'].map((day): unknown => expect.stringMatching(`^news-2026-11-${day}-023000-`)),
  );
  const page = readFileSync(join(folder, 'reports', 'news-latest.html'), 'utf8');
  expect(page).toContain('Night of 2026-11-24 02:30 (Europe/Berlin), schedule digest, edition 2026-11-24.');

  // Somebody hears of it; then the next one comes as it should.
  const message = await ledger.takeMessage(1000);
  await ledger.settleMessage(message?.id ?? '', { kind: 'sent', answers: [] });
  itIs('2026-11-25T02:00:00Z');
  await said(25, 'started', 'running');
  await look();
  expect(await messages()).toEqual(['opened']);
  await said(25, 'started', 'completed');
  await look();
  await look();
  expect(await openAlerts()).toEqual([]);
  expect((await messages()).sort()).toEqual(['opened', 'recovered']);
});

test('a night that has run after all is reported by its batch, and no longer as missed', async () => {
  itIs('2026-11-21T15:00:00Z');
  await look();
  expect(pages()).toHaveLength(1);
  itIs('2026-11-21T16:00:00Z');
  await said(21, 'started', 'completed');
  await look();
  expect(pages()).toEqual([]);
  expect(await openAlerts()).toEqual([]);
});

test('a night that had nothing to do after all keeps no page, and the one before it is the latest again', async () => {
  itIs('2026-11-22T15:00:00Z');
  await look();
  const latest = () => readFileSync(join(folder, 'reports', 'news-latest.html'), 'utf8');
  expect([pages().length, latest()]).toEqual([2, expect.stringContaining('2026-11-22 02:30')]);
  await said(22, 'empty');
  await look();
  expect(pages()).toEqual([expect.stringMatching('^news-2026-11-21-')]);
  expect(latest()).toContain('Night of 2026-11-21 02:30');
  await said(21, 'empty');
  await look();
  expect(readdirSync(join(folder, 'reports'))).toEqual([]);
});

test('a night is told although a later one had run before anybody knew of it', async () => {
  await said(21, 'started', 'completed');
  itIs('2026-11-23T02:00:00Z');
  await said(23, 'started', 'completed');
  await look();
  expect(await openAlerts()).toHaveLength(1);
  itIs('2026-11-24T02:00:00Z');
  await said(24, 'started', 'completed');
  await look();
  expect(await openAlerts()).toEqual([]);
});

test('each reason is an alert of its own', async () => {
  await said(21, 'skipped');
  itIs('2026-11-22T01:31:00Z');
  await said(22, 'failed');
  await look();
  expect((await openAlerts()).map(([, headline]) => headline).sort()).toEqual([
    'the night of 2026-11-21 02:30 (Europe/Berlin), schedule digest, was skipped: it was skipped',
    'the night of 2026-11-22 02:30 (Europe/Berlin), schedule digest, could not be started: it was failed',
  ]);
});

test('a night that may still come is told only to those who ask in the morning', async () => {
  await said(21, 'started', 'completed');
  itIs('2026-11-22T03:00:00Z');
  await look();
  expect(await openAlerts()).toEqual([]);
  const [late] = await look({ late: true });
  expect(await openAlerts()).toHaveLength(1);
  expect(late && judgeSchedule({ ...late.kept, ...late }, command)).toMatchObject({
    status: 'fail',
    fix: 'schedule backfill digest --from 2026-11-22T02:30 --to 2026-11-22T02:30',
  });
  await look();
  expect(await openAlerts()).toHaveLength(1);
});

test('nights of a pause are listed, and nobody is called', async () => {
  await said(21, 'started', 'completed');
  await ledger.markSchedulePaused('digest', true);
  itIs('2026-11-24T15:00:00Z');
  const [found] = await look();
  expect(await openAlerts()).toEqual([]);
  expect(pages()).toEqual([]);
  expect(found && judgeSchedule({ ...found.kept, ...found }, command)).toMatchObject({ status: 'warn' });
  const { missed, decisions } = await reportOf(21);
  expect(missed.map(({ what }) => what)).toEqual(['paused', 'paused', 'paused']);
  expect(decisions).toEqual([]);
});

describe('a night that waits for its turn', () => {
  const runs = (...open: readonly string[]) => ({ isRunOpen: async (runId: string) => open.includes(runId) });
  const lookWith = (engine: Pick<NightLookDeps, 'isRunOpen'>) =>
    lookAtNights({ ledger, artifacts: artifacts(), stateDir: folder, now: () => now, ...engine });
  const lastOf = async () =>
    (await ledger.scheduledNights({ schedule: 'digest' })).map(({ outcome }) => outcome);

  beforeEach(async () => {
    await said(21, 'started', 'running');
    itIs('2026-11-22T02:00:00Z');
    await said(22, 'queued');
  });

  test('is missed, told and reported when its run is gone, and can be run after all', async () => {
    itIs('2026-11-22T02:06:00Z');
    await lookWith(runs());
    await lookWith(runs());
    expect(await lastOf()).toEqual(['started', 'queued', 'missed']);
    expect(await openAlerts()).toEqual([
      [
        'missed',
        'the night of 2026-11-22 02:30 (Europe/Berlin), schedule digest, was missed: the run that waited for its turn was ended: it was queued',
      ],
    ]);
    expect(pages()).toEqual([expect.stringMatching('^news-2026-11-22-023000-')]);
    const [found] = await readNights(ledger, now);
    expect(found && judgeSchedule({ ...found.kept, ...found }, command)).toMatchObject({ status: 'fail' });
    itIs('2026-11-22T03:00:00Z');
    await said(22, 'started', 'completed');
    await lookWith(runs());
    expect(await openAlerts()).toEqual([]);
  });

  test('is left alone while any run waits with it, just after it said so, and where no engine is asked', async () => {
    await lookWith(runs());
    itIs('2026-11-22T02:06:00Z');
    await lookWith(runs(`run-${Date.parse('2026-11-22T02:00:00Z')}`));
    await look();
    expect(await lastOf()).toEqual(['started', 'queued']);
    expect(await openAlerts()).toEqual([]);
  });

  test('keeps what its run said of it while the engine was asked', async () => {
    itIs('2026-11-22T02:06:00Z');
    await lookWith({
      isRunOpen: async () => {
        await said(22, 'started', 'running');
        return false;
      },
    });
    expect(await lastOf()).toEqual(['started', 'queued', 'started']);
  });

  test('keeps nobody from hearing of the others when the engine does not answer', async () => {
    itIs('2026-11-23T15:00:00Z');
    const away = lookWith({ isRunOpen: () => Promise.reject(new Error('no engine')) });
    await expect(away).rejects.toThrow('no engine');
    expect(await openAlerts()).toEqual([['missed', expect.stringContaining('2026-11-23 02:30')]]);
  });

  test('is late after a day, for those who have no engine to ask', async () => {
    itIs('2026-11-23T01:59:00Z');
    await said(23, 'started', 'running');
    const [today] = await readNights(ledger, now);
    expect(today?.gaps).toEqual([]);
    itIs('2026-11-23T02:01:00Z');
    const [found] = await look({ late: true });
    expect(found && judgeSchedule({ ...found.kept, ...found }, command)).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining(
        '2026-11-22 02:30 (Europe/Berlin), schedule digest, has not begun',
      ) as string,
    });
    expect(await openAlerts()).toHaveLength(1);
  });
});

test('a night of long ago that is made up for and waits for its turn is not late', async () => {
  itIs('2026-11-30T08:00:00Z');
  await said(21, 'queued');
  const [found] = await readNights(ledger, now);
  expect(found?.nights[0]).toMatchObject({ night: '2026-11-21T02:30', outcome: 'queued' });
});

const reportOf = (day: number) =>
  makeReport({ id: `batch:${NAME}:${String(day).padStart(32, '0')}`, name: NAME }, ledger, {
    stateDir: '/home/anna/.nightshift',
    now,
    timeZone: 'UTC',
  });

test('the report of a night names it, and the nights that did not run with the command for each', async () => {
  await said(21, 'started', 'completed');
  itIs('2026-11-23T15:00:00Z');
  const report = await reportOf(21);
  expect(report.planned).toEqual([
    { schedule: 'digest', night: '2026-11-21T02:30', timeZone: 'Europe/Berlin', edition: '2026-11-21' },
  ]);
  expect(report.missed[0]).toMatchObject({
    night: '2026-11-23T02:30',
    edition: '2026-11-23',
    what: 'missed',
    command: 'nightshift schedule backfill digest --from 2026-11-23T02:30 --to 2026-11-23T02:30',
  });
  expect(report.headline).toContain('2 nights did not run.');
  expect(report.decisions[0]?.cases[0]?.commands[0]?.command).toBe(
    'nightshift schedule backfill digest --from 2026-11-22T02:30 --to 2026-11-23T02:30',
  );
  const text = reportLines(report, 120)
    .map((line) => rendered(line))
    .join('\n');
  expect(text).toContain('Night of 2026-11-21 02:30 (Europe/Berlin), schedule digest, edition 2026-11-21.');
  expect(text).toContain('2026-11-22 02:30 (Europe/Berlin)  missed');
});

test('its times are those of its schedule, also for a run that somebody else has started', async () => {
  await said(21, 'started', 'completed');
  const zoneOf = async (id: string, name = NAME) =>
    (await makeReport({ id, name }, ledger, { stateDir: folder, now })).timeZone;
  expect(await zoneOf(`batch:${NAME}:${'21'.padStart(32, '0')}`)).toBe('Europe/Berlin');
  expect(await zoneOf(`batch:${NAME}:${'22'.padStart(32, '0')}`)).toBe('Europe/Berlin');
  const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  expect(await zoneOf(`batch:other:${'22'.padStart(32, '0')}`, 'other')).toBe(own);
});

test('an alert goes on when the batch of its schedule gets another name, and ends where it began', async () => {
  await said(21, 'started', 'completed');
  itIs('2026-11-22T15:00:00Z');
  await look();
  const opened = await ledger.takeMessage(1000);
  await ledger.settleMessage(opened?.id ?? '', { kind: 'sent', answers: [] });

  const renamed = { definition, batchName: 'bulletin', channels: await channelsOf('bulletin') };
  await ledger.keepSchedule({ ...renamed, paused: false });
  itIs('2026-11-23T15:00:00Z');
  await look();
  expect(
    (await ledger.alerts({ open: true })).map(({ batchName, detail }) => [batchName, detail.headline]),
  ).toEqual([[NAME, expect.stringContaining('2 nights of the schedule digest did not run')]]);

  itIs('2026-11-24T02:00:00Z');
  await said(24, 'started', 'completed');
  await look();
  expect(await ledger.alerts({ open: true })).toEqual([]);
  expect((await messages()).sort()).toEqual(['opened', 'recovered']);
  const [recovered] = await ledger.alertMessages({ states: ['pending'] });
  expect(recovered).toMatchObject({
    kind: 'recovered',
    route: opened?.route,
    definition: opened?.definition,
  });
});

test('alerts of a schedule that is deleted end under every name that its batch has had', async () => {
  itIs('2026-11-21T15:00:00Z');
  await look();
  const kept = { definition, batchName: 'bulletin', channels: await channelsOf('bulletin'), paused: false };
  await ledger.keepSchedule(kept);
  await endNightAlerts(kept, { ledger, artifacts: artifacts() });
  expect(await ledger.alerts({ open: true })).toEqual([]);
});

test('a schedule that is gone is asked for no nights', async () => {
  itIs('2026-11-24T15:00:00Z');
  await ledger.forgetSchedule('digest');
  expect(await look()).toEqual([]);
  expect(await readNights(ledger, now)).toEqual([]);
});

describe('whether a night that another one comes after is done', () => {
  const standing = async (dueAt = '2026-11-21T03:00:00.000Z') =>
    upstreamStanding({ schedule: 'digest', edition: dueAt.slice(0, 10), dueAt }, ledger);
  const openAs = (why: string) => ({ kind: 'open', why: expect.stringContaining(why) as string });
  const DONE = { kind: 'done' };

  test('is what its batch says, and no end but a good one counts', async () => {
    expect(await standing()).toEqual(openAs('has not begun'));
    await said(21, 'started', 'running');
    expect(await standing()).toEqual(openAs('is running'));
    await said(21, 'started', 'incomplete');
    expect(await standing()).toEqual(openAs('is incomplete'));
    await said(21, 'started', 'running'); // started again
    await said(21, 'started', 'completed');
    expect(await standing()).toEqual(DONE);
  });

  test('is asked of the night of that edition, never of one before', async () => {
    await said(21, 'started', 'completed');
    expect(await standing('2026-11-22T03:00:00.000Z')).toEqual(openAs('has not begun'));
    itIs('2026-11-22T02:00:00Z');
    await said(22, 'skipped');
    expect(await standing('2026-11-22T03:00:00.000Z')).toEqual(openAs('is skipped: it was skipped'));
    itIs('2026-11-22T02:10:00Z');
    await said(22, 'started', 'completed');
    expect(await standing('2026-11-22T03:00:00.000Z')).toEqual(DONE);
  });

  test('is not done by the batch of another edition that a night was left to', async () => {
    await said(21, 'started', 'completed');
    await ledger.recordNight({
      schedule: 'digest',
      night: '2026-11-22T02:30',
      dueAt: '2026-11-22T01:30:00.000Z',
      edition: '2026-11-22',
      outcome: 'attached',
      why: 'served by the night that was still running',
      by: 'schedule:digest',
      runId: 'run-22',
      batchId: `batch:${NAME}:${'21'.padStart(32, '0')}`,
    });
    expect(await standing('2026-11-22T03:00:00.000Z')).toEqual(openAs('its own edition was not run'));
  });

  test('is of no matter where it is not due, and open where nobody knows its schedule', async () => {
    const weekdays = { ...definition, crons: ['30 2 * * 1-5'] };
    await ledger.keepSchedule({
      definition: weekdays,
      batchName: NAME,
      channels: await channelsOf(),
      paused: false,
    });
    expect(await standing('2026-11-22T03:00:00.000Z'), 'a Sunday').toEqual(DONE);
    expect(await standing('2026-11-23T00:10:00.000Z'), 'later that night').toEqual(openAs('has not begun'));
    await ledger.forgetSchedule('digest');
    expect(await standing()).toEqual(openAs('no schedule digest is applied'));
  });
});

describe('what the ledger keeps of a schedule when a night begins, however long that night has waited', () => {
  /** The engine as it answers now. */
  const engine = (present: ScheduleDefinition | undefined, paused = false) => ({
    schedule: {
      getHandle: (workflowId: string) => ({
        async describe() {
          if (!present) throw new ScheduleNotFoundError('no such schedule', workflowId);
          const { args = [] } = optionsOf(present, 'nights').action;
          return {
            action: {
              type: 'startWorkflow' as const,
              workflowType: 'nightly',
              workflowId,
              taskQueue: 'nights',
              args,
            },
            state: { paused },
          };
        },
      }),
    },
  });
  const nightBegins = (client: ReturnType<typeof engine>, batchName = NAME) =>
    keepSchedule(definition, batchNamed(batchName), {
      ledger,
      artifacts: artifacts(),
      client,
      config: { taskQueue: 'nights', heartbeatTimeoutMs: 1000, tracing: false },
    });

  test('is nothing where it was deleted meanwhile', async () => {
    await ledger.forgetSchedule('digest');
    await nightBegins(engine(undefined));
    expect(await ledger.keptSchedules()).toEqual([]);
    itIs('2026-11-24T15:00:00Z');
    expect(await look()).toEqual([]);
    expect(await openAlerts()).toEqual([]);
  });

  test('is what was applied last, not what the night was started with', async () => {
    const moved = { ...definition, crons: ['0 5 * * *'], since: '2026-11-20T18:00:00Z' };
    await nightBegins(engine(moved), 'news-daily');
    expect(await ledger.keptSchedules()).toMatchObject([{ definition: moved, batchName: 'news-daily' }]);

    const other = { ...moved, batch: '/other.yaml' };
    await ledger.keepSchedule({
      definition: other,
      batchName: 'other',
      channels: await channelsOf('other'),
      paused: false,
    });
    await nightBegins(engine(other));
    expect(await ledger.keptSchedules()).toMatchObject([{ definition: other, batchName: 'other' }]);
  });

  test('is paused as it is at the engine', async () => {
    await ledger.markSchedulePaused('digest', true);
    await nightBegins(engine(definition, true));
    expect(await ledger.keptSchedules()).toMatchObject([{ paused: true }]);
    await nightBegins(engine(definition, false));
    expect(await ledger.keptSchedules()).toMatchObject([{ paused: false }]);
  });
});
