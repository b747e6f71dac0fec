// What pausing, resuming and deleting a schedule leaves in the ledger, beside an engine that keeps schedules and no more.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScheduleNotFoundError } from '@temporalio/client';
import { beforeEach, expect, test } from 'vitest';
import { applySchedules } from '../../src/client/schedules/apply.js';
import type { Connections } from '../../src/client/connections.js';
import { optionsOf, scheduleId } from '../../src/client/schedules/engine-schedule.js';
import { deleteSchedule } from '../../src/client/schedules/pause.js';
import { batchFileSchema } from '../../src/contract/batch-file.js';
import type { ScheduleDefinition } from '../../src/contract/schedules-file.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { lookAtNights } from '../../src/nights/look-at-nights.js';
import { aLedger, temporaryFolder } from './ledger-fixture.js';
import { NIGHTLY } from './schedule-fixture.js';

let folder: string;
let ledger: Ledger;
let now: Date;
/** What the engine has. */
let atEngine: Map<string, { definition: ScheduleDefinition; paused: boolean }>;
let connections: Connections;

beforeEach(async () => {
  folder = temporaryFolder();
  now = new Date('2026-11-25T08:00:00Z');
  ({ ledger } = await aLedger());
  atEngine = new Map();
  connections = {
    ledger: async () => ledger,
    artifacts: folderArtifactStore({ root: join(folder, 'artifacts') }),
    client: async () => ({ schedule: { getHandle: handleOf, list: listed } }),
    config: { taskQueue: 'nights', stateDir: folder, env: {} },
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
  async unpause() {
    atEngine.set(id, { ...known(id), paused: false });
  },
});

function known(id: string) {
  const found = atEngine.get(id);
  if (!found) throw new Error(`${id} is gone`);
  return found;
}

async function* listed() {
  for (const id of atEngine.keys()) yield { scheduleId: id };
}

/** A schedule that the ledger knows, and the engine too unless it has lost it. */
async function applied(more: Partial<ScheduleDefinition> = {}, { lost = false } = {}) {
  const definition: ScheduleDefinition = { ...NIGHTLY, ...more };
  const { jobs: _, ...file } = batchFileSchema.parse({
    name: 'news',
    work: 'article',
    jobs: [],
    agent: { use: 'command', command: ['true'] },
    effects: [{ name: 'post', use: 'folder', target: './public' }],
  });
  const channels = await storedDefinition({ ...file, baseDir: folder }, connections.artifacts);
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
