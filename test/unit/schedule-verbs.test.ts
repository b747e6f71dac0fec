// What pausing, resuming and deleting a schedule leaves in the ledger, beside an engine that keeps schedules and no more.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScheduleNotFoundError, type ScheduleOptions } from '@temporalio/client';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { applySchedules } from '../../src/client/schedules/apply.js';
import type { Connections } from '../../src/client/connections.js';
import { optionsOf, scheduleId } from '../../src/client/schedules/engine-schedule.js';
import { backfillNights, triggerNight } from '../../src/client/schedules/nights.js';
import { deleteSchedule, pauseSchedule, resumeSchedule } from '../../src/client/schedules/pause.js';
import type { NightEnd } from '../../src/contract/messages.js';
import type { ScheduleDefinition } from '../../src/contract/schedules-file.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { lookAtNights } from '../../src/nights/look-at-nights.js';
import { lastWords } from '../../src/policy/seen-nights.js';
import { writeBatch } from '../support/batch.js';
import { aLedger, temporaryFolder } from './ledger-fixture.js';
import { NIGHTLY } from './schedule-fixture.js';
import { aDefinition } from './definition-fixture.js';

let folder: string;
let ledger: Ledger;
let now: Date;
/** What the engine has. */
let atEngine: Map<string, { definition: ScheduleDefinition; paused: boolean; note?: string | undefined }>;
let connections: Connections;

beforeEach(async () => {
  folder = temporaryFolder();
  now = new Date('2026-11-25T08:00:00Z');
  ({ ledger } = await aLedger());
  atEngine = new Map();
  connections = {
    ledger: async () => ledger,
    artifacts: folderArtifactStore({ root: join(folder, 'artifacts') }),
    client: async () => ({
      schedule: { getHandle: handleOf, list: listed, create: created },
      workflow: { start: async () => ({ workflowId: 'asked' }) },
    }),
    config: { taskQueue: 'nights', stateDir: folder, env: process.env, engine: 'embedded' },
    who: 'ann',
  } as unknown as Connections;
});

const handleOf = (id: string) => ({
  async describe() {
    const found = atEngine.get(id);
    if (!found) throw new ScheduleNotFoundError('no such schedule', id);
    return { ...optionsOf(found.definition, 'nights'), state: { paused: found.paused } };
  },
  async delete() {
    atEngine.delete(id);
  },
  async pause() {
    atEngine.set(id, { ...known(id), paused: true });
  },
  async update(change: (before: { state: { paused: boolean } }) => EngineOptions) {
    await created(change({ state: { paused: known(id).paused } }));
  },
  async unpause() {
    atEngine.set(id, { ...known(id), paused: false });
  },
});

function known(id: string) {
  const found = atEngine.get(id);
  if (!found) throw new Error(`${id} is gone`);
  return found;
}

type EngineOptions = Pick<ScheduleOptions, 'action' | 'state'>;

async function created({ action, state }: EngineOptions): Promise<void> {
  const [{ schedule }] = action.args as [{ schedule: ScheduleDefinition }];
  const { paused = false, note } = state ?? {};
  atEngine.set(scheduleId(schedule.name), { definition: schedule, paused, note });
}

async function* listed() {
  for (const id of atEngine.keys()) yield { scheduleId: id };
}

/** A schedule that the ledger knows, and the engine too unless it has lost it. */
async function applied(more: Partial<ScheduleDefinition> = {}, { lost = false } = {}) {
  const definition: ScheduleDefinition = { ...NIGHTLY, ...more };
  const channels = await storedDefinition(aDefinition(folder, { name: 'news' }), connections.artifacts);
  await ledger.keepSchedule({ definition, batchName: 'news', channels, paused: false });
  if (!lost) atEngine.set(scheduleId(definition.name), { definition, paused: false });
}

const keptNames = async () => (await ledger.keptSchedules()).map(({ definition }) => definition.name);
const lookAt = () =>
  lookAtNights({ ledger, artifacts: connections.artifacts, stateDir: folder, now: () => now });
const openAlerts = async () => (await ledger.alerts({ open: true })).map(({ subject }) => subject);

test('a schedule that the engine has lost is forgotten when it is deleted, and its nights are missed no more', async () => {
  await applied({}, { lost: true });
  await lookAt();
  expect(await openAlerts()).toEqual(['nights']);
  await deleteSchedule('nights', connections);
  expect([await keptNames(), await openAlerts()]).toEqual([[], []]);
  await expect(deleteSchedule('nights', connections)).rejects.toThrow('no schedule "nights" at the engine');
});

test('a schedule that has left its file and the engine is shown by apply, and forgotten when deleting is asked for', async () => {
  const from = join(folder, 'schedules.yaml');
  writeFileSync(from, 'timeZone: UTC\nschedules: []\n');
  await applied({ from }, { lost: true });
  await applied({ name: 'here', from });
  await applied({ name: 'of-another-file' }, { lost: true });
  const changes = async (options = {}) =>
    (await applySchedules(from, connections, options)).map(({ name, action }) => [name, action]);
  expect(await changes()).toEqual([
    ['here', 'keep'],
    ['nights', 'keep'],
  ]);
  const deleted = [
    ['here', 'delete'],
    ['nights', 'delete'],
  ];
  expect(await changes({ remove: true, dryRun: true })).toEqual(deleted);
  expect(await keptNames()).toEqual(['here', 'nights', 'of-another-file']);
  expect(await changes({ remove: true })).toEqual(deleted);
  expect(await keptNames()).toEqual(['of-another-file']);
  expect(await changes({ remove: true })).toEqual([]);
});

test('who asked what of schedules, and why, is in the ledger; also what was refused; a dry run is no request', async () => {
  const { file } = writeBatch({ name: 'news', work: 'article', slugs: ['one'], dir: folder });
  const from = join(folder, 'schedules.yaml');
  writeFileSync(
    from,
    JSON.stringify({ timeZone: 'UTC', schedules: [{ name: 'nights', batch: file, when: { at: '02:30' } }] }),
  );
  await applySchedules(from, connections, { dryRun: true });
  await applySchedules(from, connections, { reason: 'new blog' });
  await applySchedules(from, connections);
  await pauseSchedule('nights', connections, 'the blog moves');
  await resumeSchedule('nights', connections);
  await triggerNight('nights', connections, { detach: true, reason: 'the night was lost' });
  const span = { from: '2099-01-01', to: '2099-01-02', reason: 'the host was down' };
  await expect(backfillNights('nights', span, connections)).rejects.toThrow('not due between');
  await deleteSchedule('nights', connections, 'no more blog');
  const rows = await ledger.requests();
  expect(new Set(rows.map(({ by }) => by))).toEqual(new Set(['ann']));
  expect(rows.map(({ what, outcome, reason }) => [what, outcome, reason])).toEqual([
    ['apply-schedules', 'done', `${from} (create nights): new blog`],
    ['apply-schedules', 'done', `${from} (nothing to change)`],
    ['pause-schedule', 'done', 'nights: the blog moves'],
    ['resume-schedule', 'done', 'nights'],
    ['trigger', 'queued', 'nights: the night was lost'],
    [
      'backfill',
      'refused',
      'nights, 2099-01-01 to 2099-01-02: the host was down: "nights" was not due between 2099-01-01 and 2099-01-02',
    ],
    ['delete-schedule', 'done', 'nights: no more blog'],
  ]);
});

test('a request is noted when the engine has it, and not when its nights are over', async () => {
  await applied();
  let end: (ends: readonly NightEnd[]) => void = () => undefined;
  const result = () => new Promise<readonly NightEnd[]>((resolve) => (end = resolve));
  const pollers = [{ lastAccessTime: { seconds: Date.now() / 1000 } }];
  const client = {
    ...(await connections.client()),
    options: { namespace: 'test' },
    connection: { withDeadline: (_: number, act: () => unknown) => act() },
    workflowService: { describeTaskQueue: async () => ({ pollers }) },
    workflow: { start: async () => ({ workflowId: 'asked', result }) },
  };
  const engine = async () => ({ kind: 'configured' });
  const withWorker = { ...connections, engine, client: async () => client } as unknown as Connections;
  const waits = triggerNight('nights', withWorker);
  const noted = async () =>
    (await ledger.requests()).filter(({ what }) => what === 'trigger').map(({ outcome }) => outcome);
  await vi.waitFor(async () => expect(await noted()).toEqual(['started']));
  end([]);
  expect(await waits).toMatchObject({ kind: 'answered', workflowId: 'asked', ends: [] });
  expect(await noted()).toEqual(['started']);
});

describe('a schedule that the engine has lost, applied again', () => {
  const NIGHT = '2026-11-25T02:30'; // in Berlin: 01:30Z
  const at = (iso: string) => vi.setSystemTime((now = new Date(iso)));
  const said = async () =>
    lastWords(await ledger.scheduledNights({ schedule: 'nights' })).map(({ night, outcome }) => [
      night,
      outcome,
    ]);
  const stands = () => {
    const { definition, paused, note } = known(scheduleId('nights'));
    return { since: definition.since, paused, note };
  };
  let file: string;
  async function apply({ time = '02:30', paused = false, dryRun = false } = {}): Promise<void> {
    const schedules = join(folder, 'schedules.yaml');
    const schedule = { name: 'nights', batch: file, when: { at: time }, paused };
    writeFileSync(schedules, JSON.stringify({ timeZone: 'Europe/Berlin', schedules: [schedule] }));
    await applySchedules(schedules, connections, { dryRun });
  }
  const keptPause = async () => (await ledger.keptSchedules()).map(({ paused }) => paused);
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-24T20:00:00Z') });
    onTestFinished(() => void vi.useRealTimers());
    ({ file } = writeBatch({ name: 'news', work: 'article', slugs: ['one'], dir: folder }));
  });

  test('stays paused where a person had paused it, and its nights are of the pause', async () => {
    await apply();
    await pauseSchedule('nights', connections);
    atEngine.clear();
    at('2026-11-25T04:00:00Z');
    await apply({ dryRun: true });
    expect([atEngine.size, await said()]).toEqual([0, []]);
    await apply();
    expect(stands()).toMatchObject({ paused: true, note: 'paused before the engine lost it, and stays so' });
    expect([await said(), await keptPause()]).toEqual([[[NIGHT, 'paused']], [true]]);
    await resumeSchedule('nights', connections);
    expect([stands().paused, await keptPause()]).toEqual([false, [false]]);
  });

  test.each([
    ['is paused where its file says so', false, true],
    ['goes on where the pause was that of its file, which has taken it back', true, false],
  ])('%s', async (_, before, wanted) => {
    await apply({ paused: before });
    atEngine.clear();
    at('2026-11-25T04:00:00Z');
    await apply({ paused: wanted });
    expect([stands().paused, await keptPause()]).toEqual([wanted, [wanted]]);
    expect(await said()).toEqual([[NIGHT, before ? 'paused' : 'missed']]);
  });

  test('misses the nights that nobody took, and somebody is called', async () => {
    await apply();
    const { since } = stands();
    atEngine.clear();
    at('2026-11-25T04:00:00Z');
    await apply();
    expect(stands()).toMatchObject({ paused: false, since });
    await lookAt();
    expect([await said(), await openAlerts()]).toEqual([[[NIGHT, 'missed']], ['nights']]);
  });

  test('begins anew with other times, after the nights of the former ones', async () => {
    await apply();
    atEngine.clear();
    at('2026-11-25T04:00:00Z');
    await apply({ time: '03:45' });
    expect([stands().since, await said()]).toEqual(['2026-11-25T04:00:00.000Z', [[NIGHT, 'missed']]]);
  });

  test('misses also the night that was due a moment before', async () => {
    await apply();
    atEngine.clear();
    at('2026-11-25T01:35:00Z');
    await apply();
    expect(await said()).toEqual([]);
    at('2026-11-25T08:00:00Z');
    await lookAt();
    expect(await said()).toEqual([[NIGHT, 'missed']]);
  });
});

describe('nights around a pause', () => {
  const NIGHT = '2026-11-25T02:30'; // in Berlin: 01:30Z
  const at = (iso: string) => vi.setSystemTime((now = new Date(iso)));
  const last = async () => {
    const [row] = lastWords(await ledger.scheduledNights({ schedule: 'nights', night: NIGHT }));
    return row && [row.outcome, row.why];
  };
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-24T20:00:00Z') });
    onTestFinished(() => void vi.useRealTimers());
    await applied({ since: '2026-11-24T12:00:00Z' });
  });

  test('one that came just before a resume is of the pause, and is not missed later', async () => {
    await pauseSchedule('nights', connections);
    at('2026-11-25T01:35:00Z');
    await resumeSchedule('nights', connections);
    at('2026-11-25T08:00:00Z');
    await lookAt();
    expect([await last(), await openAlerts()]).toEqual([['paused', 'the schedule was paused'], []]);
  });

  test('one that nobody had taken before the pause is missed, and somebody is called', async () => {
    at('2026-11-25T04:00:00Z');
    await pauseSchedule('nights', connections);
    at('2026-11-25T04:05:00Z');
    await lookAt();
    expect(await last()).toEqual(['missed', expect.stringContaining('nobody had taken it')]);
    expect(await openAlerts()).toEqual(['nights']);
  });

  test('one that a worker may be just about to take is left to it', async () => {
    at('2026-11-25T01:33:00Z');
    await pauseSchedule('nights', connections);
    expect(await last()).toBeUndefined();
  });

  test.each([
    ['pauses it', '02:30', true, '2026-11-25T04:00:00Z', 'missed'],
    ['gives it other times', '03:45', false, '2026-11-25T04:00:00Z', 'missed'],
    ['resumes it', '02:30', false, '2026-11-25T01:35:00Z', 'paused'],
  ] as const)('a file that %s says the same', async (_, time, paused, applyAt, said) => {
    const { file } = writeBatch({ name: 'news', work: 'article', slugs: ['one'], dir: folder });
    const apply = async (when: string, isPaused: boolean) => {
      const schedules = join(folder, 'schedules.yaml');
      const schedule = { name: 'nights', batch: file, when: { at: when }, paused: isPaused };
      writeFileSync(schedules, JSON.stringify({ timeZone: 'Europe/Berlin', schedules: [schedule] }));
      await applySchedules(schedules, connections);
    };
    await apply('02:30', said === 'paused');
    at(applyAt);
    await apply(time, paused);
    expect(await last()).toEqual([said, expect.any(String)]);
  });
});
