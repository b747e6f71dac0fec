// Nights that start nothing: whose batch can't be read or started, for now or for good, or is done already.
import { writeFileSync } from 'node:fs';
import type * as files from 'node:fs/promises';
import { join } from 'node:path';
import { ScheduleNotFoundError } from '@temporalio/client';
import {
  ApplicationFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Deps } from '../../src/activities/deps.js';
import { startNight } from '../../src/activities/start-night.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { readDefinition } from '../../src/batch/manifest.js';
import { readBatch } from '../../src/batch/read-batch.js';
import type { Overlap } from '../../src/contract/schedules-file.js';
import type { NightRequest, NightStep } from '../../src/contract/messages.js';
import type { ApprovalRequest, Ledger, NewNight, NightOutcome } from '../../src/ledger/ledger.js';
import { rereadDelay } from '../../src/policy/reread.js';
import {
  NOBODY,
  PARKED,
  aLedger,
  claimed,
  effectOf,
  jobOf,
  keyOf,
  openBatch,
  temporaryFolder,
  by,
} from './ledger-fixture.js';
import { NIGHTLY } from './schedule-fixture.js';

/** What the file system says of its room, where it is not what it really has. */
const room = vi.hoisted(() => ({ found: undefined as object | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof files>();
  const statfs = async (path: string) => ({ ...(await real.statfs(path)), ...room.found });
  return { ...real, default: { ...real, statfs }, statfs };
});

const DUE = '2026-11-23T01:30:00.000Z';
const MINUTE = 60_000;
const NO_SCHEDULE = new ScheduleNotFoundError('no such schedule', 'nightly:nights');

let folder: string;
let ledger: Ledger;
beforeEach(async () => {
  folder = temporaryFolder();
  ({ ledger } = await aLedger());
});

const batchFile = (jobs: string, program = 'sh') =>
  writeFileSync(
    join(folder, 'batch.yaml'),
    `name: news
work: article
jobs: ${jobs}
agent: { use: command, command: [${program}] }
effects: [{ name: post, use: folder, target: ./public, with: { path: one.md } }]
`,
  );

const OLDER = 'batch:news:0123456789abcdef0123456789abcdef';

/** Runs that are under way. */
let running: Set<string>;
/** Steps that are under way in each of them. */
let steps: readonly string[];
interface CancelSent {
  readonly workflowExecution: { readonly workflowId: string };
  readonly identity: string;
  readonly reason: string;
}
let cancelled: CancelSent[];
/** What each of them was started from. */
let memo: Record<string, unknown>;
let describeSchedule: () => Promise<never>;
beforeEach(() => {
  describeSchedule = () => Promise.reject(NO_SCHEDULE);
  cancelled = [];
  memo = {};
  steps = [];
  running = new Set([OLDER]);
});

async function described(id: string) {
  const raw = { pendingActivities: steps.map((name) => ({ activityType: { name } })) };
  if (running.has(id)) return { status: { name: 'RUNNING' }, runId: 'run-1', memo, raw };
  throw new WorkflowNotFoundError('no such workflow', id, undefined);
}

async function* openRun({ query }: { query: string }) {
  for (const runId of running) if (query.includes(`'${runId}'`)) yield { runId };
}

async function started(type: string, { workflowId }: { workflowId: string }) {
  if (running.has(workflowId)) throw new WorkflowExecutionAlreadyStartedError('it runs', workflowId, type);
  running.add(workflowId);
  return { firstExecutionRunId: 'run-2' };
}

/** Takes the night so many minutes after it was due. */
function taken(
  lateMinutes: number,
  request: Partial<NightRequest> = {},
  tries = 1,
  failingSinceMs?: number,
): Promise<NightStep> {
  const deps = {
    ledger,
    artifacts: folderArtifactStore({ root: join(folder, 'artifacts') }),
    stateDir: folder,
    env: process.env,
    worker: '1@host',
    now: () => new Date(Date.parse(DUE) + lateMinutes * MINUTE),
    client: {
      schedule: { getHandle: () => ({ describe: () => describeSchedule() }) },
      workflow: {
        getHandle: (id: string) => ({
          describe: () => described(id),
          signal: async () => undefined,
        }),
        start: started,
        list: openRun,
      },
      workflowService: { requestCancelWorkflowExecution: async (asked: CancelSent) => cancelled.push(asked) },
      connection: { operatorService: { listSearchAttributes: async () => ({ customAttributes: {} }) } },
      options: { namespace: 'default' },
    },
    config: { taskQueue: 'test' },
    engineKind: 'configured',
    alarm: { look: () => undefined, wake: () => undefined },
  } as unknown as Deps;
  const schedule = { ...NIGHTLY, batch: join(folder, 'batch.yaml') };
  const heartbeatDetails = {
    failed: { transient: tries - 1 },
    ...(failingSinceMs !== undefined && { failingSinceMs }),
  };
  return new MockActivityEnvironment({ heartbeatDetails }).run(startNight(deps), {
    schedule,
    dueAt: DUE,
    exact: false,
    waits: 0,
    ...request,
  });
}

/** Nothing of the batch is left to do. */
async function doneBefore(): Promise<void> {
  batchFile('[{ site: blog, category: a, slug: one }]\ndeadMan: { url: "https://monitor.example/night" }');
  const { workflowId } = await readBatch(join(folder, 'batch.yaml'));
  await claimed(ledger, 'one');
  await ledger.settleJob(jobOf('one'), PARKED, by());
  await openBatch(ledger, ['one'], { id: workflowId, name: 'news' });
  const row = await ledger.batch(workflowId);
  if (!row) throw new Error('the batch is gone');
  await ledger.discard(row, { by: 'ann', reason: 'not wanted', selection: { keys: [keyOf('one')] } });
  await ledger.setBatchState(workflowId, 'completed', 'batch');
}

const said = async () => (await ledger.scheduledNights()).map(({ outcome, why }) => [outcome, why]);
const PASSING = [
  ['a program that fails', () => batchFile('{ command: [sh, -c, "echo away >&2; exit 3"] }'), 'exit code 3'],
  ['a list that is not there yet', () => batchFile('tonight.csv'), 'no such file'],
  ['a batch file that is not there yet', () => undefined, 'no such file'],
] as const;

test.each(PASSING)('%s is tried again, and nothing is said of the night', async (_, write, why) => {
  write();
  const failure: unknown = await taken(1, {}, 9).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({
    nonRetryable: false,
    nextRetryDelay: 10 * MINUTE,
    message: expect.stringContaining(why) as string,
  });
  expect(await said()).toEqual([]);
});

test.each(PASSING)(
  '%s ends the night when it may not be later, and at once for a person',
  async (_, write, why) => {
    write();
    for (const step of [taken(4 * 60 - 0.01), taken(1, { exact: true })]) {
      await expect(step).resolves.toMatchObject({
        night: { outcome: 'failed', why: expect.stringContaining(why) as string },
      });
    }
    expect(await said()).toEqual([['failed', expect.stringContaining(why)]]);
  },
);

describe('trouble of another kind, such as an engine that does not answer or a full disk', () => {
  const again = { nonRetryable: false, message: 'trouble on 1@host: the engine does not answer' };
  const failure = async (step: Promise<NightStep>): Promise<unknown> =>
    step.then(
      () => 'no failure',
      (error: unknown) => error,
    );
  beforeEach(() => {
    batchFile('[{ site: blog, category: a, slug: one }]');
    describeSchedule = () => Promise.reject(new Error('the engine does not answer'));
  });

  test('is waited for while the night may be late, and then said', async () => {
    expect(await failure(taken(1, {}, 9))).toMatchObject({ ...again, nextRetryDelay: 10 * MINUTE });
    expect(await said()).toEqual([]);
    await expect(taken(4 * 60 - 0.01, {}, 9)).resolves.toMatchObject({ night: { outcome: 'failed' } });
    expect(await said()).toEqual([['failed', again.message]]);
  });

  test('ends soon for a person', async () => {
    expect(await failure(taken(1, { exact: true }, 1))).toMatchObject({ ...again, nextRetryDelay: 2000 });
    await expect(taken(1, { exact: true }, 5)).resolves.toMatchObject({ night: { outcome: 'failed' } });
  });

  test('that lasts for too long has not kept every worker away', async () => {
    describeSchedule = () => Promise.reject(NO_SCHEDULE);
    await expect(taken(5 * 60, {}, 9, Date.parse(DUE) + MINUTE)).resolves.toMatchObject({
      night: {
        outcome: 'failed',
        why: 'trouble has kept it from starting for 300 minutes; at most 240 minutes are allowed',
      },
    });
  });

  test('is not the end of the night while that can not be written down', async () => {
    const kept = ledger;
    ledger = { ...kept, recordNight: () => Promise.reject(new Error('the disk is full')) };
    expect(await failure(taken(4 * 60 - 0.01, {}, 9))).toMatchObject({ ...again, nextRetryDelay: MINUTE });
    ledger = kept;
    expect(await said()).toEqual([]);
  });
});

test.each([
  ['a mistake in the file', () => batchFile('[]')],
  ['a mistake beside a program that fails', () => batchFile('{ command: ["false"] }\nbudgets: {}')],
  ['a program that nobody has', () => batchFile('{ command: [no-such-program-anywhere] }')],
])('%s ends the night at once', async (_, write) => {
  write();
  await expect(taken(1)).resolves.toMatchObject({ night: { outcome: 'failed' } });
});

test('the batch file is read again ever more seldom, and for the last time before the night is stale', () => {
  const staleMs = 60 * MINUTE;
  const at = (minutes: number, tries: number) => {
    const now = new Date(Date.parse(DUE) + minutes * MINUTE);
    return rereadDelay(DUE, { staleMs }, tries, now);
  };
  expect([1, 2, 5, 6, 99].map((tries) => at(0, tries))).toEqual(
    [0.5, 1, 8, 10, 10].map((minutes) => minutes * MINUTE),
  );
  expect(at(54, 7)).toBe(3 * MINUTE);
  expect([at(59.95, 7), at(60, 7), at(600, 1)]).toEqual([undefined, undefined, undefined]);
});

test('a night that had nothing left to do is a good end for the monitor, where the schedule asked for it', async () => {
  await doneBefore();
  await expect(taken(1, { exact: true })).resolves.toMatchObject({ night: { outcome: 'finished' } });
  expect(await ledger.alertMessages()).toEqual([]);
  await expect(taken(1)).resolves.toMatchObject({ night: { outcome: 'finished' } });
  const pings = await ledger.alertMessages();
  expect(pings).toMatchObject([{ kind: 'ping-success', route: 'dead-man', batchName: 'news' }]);
  const artifacts = folderArtifactStore({ root: join(folder, 'artifacts') });
  const { deadMan } = await readDefinition({ definition: pings[0]?.definition ?? '' }, artifacts);
  expect(deadMan).toEqual({ url: 'https://monitor.example/night' });
});

/** The older run, in the ledger as at the engine. */
const olderRuns = (...slugs: readonly string[]) =>
  openBatch(ledger, slugs, {
    id: OLDER,
    name: 'news',
    manifest: JSON.stringify({ definition: 'a'.repeat(64), jobs: 'a'.repeat(64), count: 0 }),
  });

/** The older run was started for that night, or is in its way. */
async function begunFor(
  day: string,
  outcome: NightOutcome = 'started',
  runId = 'night-run-1',
  batchId = OLDER,
): Promise<void> {
  await ledger.recordNight({
    schedule: NIGHTLY.name,
    night: `${day}T02:30`,
    dueAt: `${day}T01:30:00.000Z`,
    edition: day,
    outcome,
    why: 'as it was',
    by: 'schedule:nights',
    batchId,
    runId,
  });
}

test('one night waits for its turn, however many have been left out since it began to', async () => {
  batchFile('[{ site: blog, category: a, slug: one }]');
  await olderRuns();
  running.add('waiting-run');
  await begunFor('2026-11-20', 'queued', 'ended-run');
  await begunFor('2026-11-21', 'queued', 'waiting-run');
  for (let run = 0; run < 100; run++) await begunFor('2026-11-22', 'skipped', `skipped-run-${run}`);
  await expect(taken(1, { overlap: 'queue' })).resolves.toMatchObject({
    night: { outcome: 'skipped', why: 'another night waits for its turn already' },
  });
  running.delete('waiting-run');
  await expect(taken(1, { overlap: 'queue' })).resolves.toMatchObject({ kind: 'wait' });
});

test.each(['skip', 'attach', 'queue', 'cancel-older'] as const)(
  'one night waits for the run of an older version of its batch, and no further one (%s)',
  async (overlap) => {
    batchFile('[{ site: blog, category: a, slug: one }]');
    const { workflowId } = await readBatch(join(folder, 'batch.yaml'));
    running = new Set([workflowId, 'elsewhere', 'waiting-run']);
    memo = { manifest: { definition: 'a'.repeat(64), jobs: 'a'.repeat(64), count: 1 } };
    await begunFor('2026-11-20', 'queued', 'elsewhere'); // for another batch of that schedule
    const title = 'the run of an older version of this batch';
    const waits = { kind: 'wait', batchId: workflowId, title };
    await expect(taken(1, { overlap })).resolves.toMatchObject(waits);
    await begunFor('2026-11-22', 'queued', 'waiting-run', workflowId);
    await expect(taken(1, { overlap })).resolves.toMatchObject({
      night: { outcome: 'skipped', why: 'another night waits for its turn already' },
    });
    await expect(taken(1, { overlap, waits: 1 }), 'it has waited before').resolves.toMatchObject(waits);
    running.delete('waiting-run');
    await expect(taken(1, { overlap })).resolves.toMatchObject(waits);
  },
);

test('cancel-older cancels an older night, and leaves a newer one that was started first', async () => {
  batchFile('[{ site: blog, category: a, slug: one }]', 'not-on-this-host'); // nor is it needed here
  await olderRuns();
  await begunFor('2026-11-24');
  await expect(taken(1, { overlap: 'cancel-older' })).resolves.toMatchObject({
    night: {
      outcome: 'skipped',
      why: 'the night of 2026-11-24 02:30 (Europe/Berlin) was running, which is newer',
    },
  });
  expect(cancelled).toEqual([]);
});

test('cancel-older cancels what runs for an older night', async () => {
  batchFile('[{ site: blog, category: a, slug: one }]');
  await olderRuns();
  await begunFor('2026-11-22');
  await expect(taken(1, { overlap: 'cancel-older' })).resolves.toMatchObject({
    kind: 'wait',
    title: 'the night of 2026-11-22 02:30 (Europe/Berlin)',
  });
  const reason = 'the night 2026-11-23T02:30 takes its place';
  expect(cancelled, 'its history says who, and why').toMatchObject([
    { workflowExecution: { workflowId: OLDER }, identity: 'schedule:nights', reason },
  ]);
  expect(await ledger.requests({ what: 'cancel' })).toMatchObject([{ by: 'schedule:nights', reason }]);
});

test('a night that another one is in the way of says which, by its time and not by a hash', async () => {
  batchFile('[{ site: blog, category: a, slug: one }]');
  await olderRuns();
  const why = async (overlap: 'skip' | 'attach') => {
    const step = await taken(1, { exact: true, overlap });
    return step.kind === 'ended' ? step.night.why : step.kind === 'wait' ? step.why : undefined;
  };
  expect(await why('skip')).toMatch(/^the run that test started at \d{4}-\d\d-\d\d .* was still running$/);
  await begunFor('2026-11-22');
  const title = 'the night of 2026-11-22 02:30 (Europe/Berlin)';
  expect(await why('skip')).toBe(`${title} was still running`);
  expect(await why('attach')).toBe(`served by ${title}, which was still running`);
  expect((await ledger.scheduledNights()).map((row) => row.why).join()).not.toContain(OLDER);
});

const GATED_BY_BUDGET = { state: 'gated', errorClass: 'budget', message: 'the budget is used up' } as const;

describe('an earlier night of which only effects are left that wait for a yes', () => {
  const requestOf = (slug: string): ApprovalRequest => {
    const { effectKey, name, target, use, revision } = effectOf(slug);
    const sent = { requestSha256: 'd'.repeat(64), artifact: 'a'.repeat(64), batchId: OLDER };
    return { ...jobOf(slug), effectKey, name, target, use, revision, ...sent, onTimeout: 'hold' };
  };
  async function asks(slug: string): Promise<void> {
    await claimed(ledger, slug);
    await ledger.askApproval(requestOf(slug), NOBODY);
  }
  beforeEach(async () => {
    batchFile('[{ site: blog, category: a, slug: tonight }]');
    await olderRuns('one', 'two', 'three');
    await asks('one');
    await asks('two');
    await claimed(ledger, 'three');
    await ledger.settleJob(jobOf('three'), PARKED, by(NOBODY));
  });

  test.each(['skip', 'queue', 'attach', 'cancel-older'] as const)(
    'keeps no other from starting, and is not cancelled: %s',
    async (overlap) => {
      steps = ['awaitJob'];
      await expect(taken(1, { overlap })).resolves.toMatchObject({ night: { outcome: 'started' } });
      expect(cancelled).toEqual([]);
      expect(await ledger.approvals({ batchId: OLDER })).toHaveLength(2);
    },
  );

  test.each([
    [
      'a yes was given, and nothing has left yet',
      async () => void (await ledger.decideApproval(requestOf('one'), 'approved', 'ann', '')),
    ],
    ['a parked job has a new try', () => ledger.requeue(OLDER, 'ann', { keys: [keyOf('three')] })],
    [
      'another job waits for its budget',
      async () => {
        await ledger.requeue(OLDER, 'ann', { keys: [keyOf('three')] });
        await claimed(ledger, 'three');
        await ledger.settleJob(jobOf('three'), GATED_BY_BUDGET, by(NOBODY));
      },
    ],
    ['it is paused', () => ledger.setBatchState(OLDER, 'paused', 'ann')],
    ['it is just being opened again', async () => void (steps = ['openBatch'])],
  ])('is in the way while %s', async (_, moves) => {
    await moves();
    await expect(taken(1)).resolves.toMatchObject({ night: { outcome: 'skipped' } });
    await expect(taken(1, { overlap: 'queue' })).resolves.toMatchObject({
      kind: 'wait',
      batchId: OLDER,
      orApprovalsLeft: true,
    });
  });
});

describe('a night that finds the disk full', () => {
  const MIB = 1024 * 1024;
  const full = () => {
    room.found = { bavail: 12, bsize: MIB, blocks: 1000 };
    onTestFinished(() => void (room.found = undefined));
  };
  beforeEach(() => {
    running.clear();
    batchFile('[{ site: blog, category: a, slug: one }]');
  });

  test('is tried again while it may be late, starts nothing, and starts when there is room', async () => {
    full();
    await expect(taken(1)).rejects.toMatchObject({
      type: 'transient',
      message: expect.stringContaining('12 MiB are free where the state is kept') as string,
    });
    expect([...running]).toEqual([]);
    expect(await said()).toEqual([]);
    room.found = undefined;
    expect(await taken(2)).toMatchObject({ night: { outcome: 'started' } });
  });

  test('joins what is under way', async () => {
    const { workflowId } = await readBatch(join(folder, 'batch.yaml'));
    running.add(workflowId);
    full();
    expect(await taken(1)).toMatchObject({ night: { outcome: 'joined' } });
  });
});

describe('of nights that an outage has brought together', () => {
  const DAY = 24 * 60;
  const EACH_A_BATCH = '[{ site: blog, category: a, slug: one }]\nidentity: [site, category, slug, edition]';
  const threeDays = { ...NIGHTLY, catchUpMs: 3 * DAY * MINUTE, staleMs: 3 * DAY * MINUTE };
  const takenOf = (night: number, overlap: Overlap, more: Partial<NightRequest> = {}) => {
    const dueAt = new Date(Date.parse(DUE) + night * DAY * MINUTE).toISOString();
    const schedule = { ...threeDays, overlap, batch: join(folder, 'batch.yaml') };
    return taken(2 * DAY + 60, { schedule, dueAt, ...more });
  };
  const outcomeOf = async (step: Promise<NightStep>) => {
    const taken = await step;
    return taken.kind === 'ended' ? taken.night.outcome : taken.kind;
  };
  beforeEach(() => {
    running.clear();
    batchFile(EACH_A_BATCH);
  });

  test.each([
    ['skip', ['skipped', 'skipped', 'started']],
    ['attach', ['skipped', 'skipped', 'started']],
    ['cancel-older', ['skipped', 'skipped', 'started']],
    ['queue', ['skipped', 'started', 'wait']],
  ] as const)(
    'the newest starts, though the engine begins with the oldest (%s)',
    async (overlap, expected) => {
      const outcomes: string[] = [];
      for (const night of [0, 1, 2]) {
        outcomes.push(await outcomeOf(takenOf(night, overlap)));
        for (const id of running) await openBatch(ledger, [], { id, name: 'news' });
      }
      expect(outcomes).toEqual(expected);
      expect((await said())[0]).toEqual([
        'skipped',
        'it came late, and the night of 2026-11-25 02:30 (Europe/Berlin) was due as well: the newest starts',
      ]);
    },
  );

  describe('a newer one that nobody will start takes no place', () => {
    const HOUR = 60 * MINUTE;
    const shortCatchUp = { ...threeDays, catchUpMs: 4 * HOUR };
    const oldest = (schedule: typeof threeDays) =>
      outcomeOf(
        taken(2 * DAY + 5 * 60, {
          schedule: { ...schedule, batch: join(folder, 'batch.yaml') },
        }),
      );
    const nightOf = (night: number): NewNight => ({
      ...{ schedule: 'nights', night: `2026-11-${23 + night}T02:30`, edition: `2026-11-${23 + night}` },
      dueAt: new Date(Date.parse(DUE) + night * DAY * MINUTE).toISOString(),
      ...{ outcome: 'paused', why: 'the schedule was paused', by: NOBODY, runId: '' },
    });

    test('the engine was down for longer than it catches up', async () => {
      expect(await oldest(shortCatchUp)).toBe('started');
    });

    test('but one that the engine had handed on, and that waits for a worker, comes', async () => {
      running.add('nightly:nights-2026-11-24T01:30:00Z');
      expect(await oldest(shortCatchUp)).toBe('skipped');
    });

    test('it fell into a pause that is over', async () => {
      for (const night of [1, 2]) await ledger.recordNight(nightOf(night));
      expect(await oldest(threeDays)).toBe('started');
    });

    test('it fell into a pause that lasts', async () => {
      const definition = { ...threeDays, batch: join(folder, 'batch.yaml') };
      await ledger.keepSchedule({ definition, batchName: 'news', channels: '', paused: true });
      expect(await oldest(threeDays)).toBe('started');
    });

    test('but one that was started has it, however long ago it was due', async () => {
      await ledger.recordNight({ ...nightOf(1), outcome: 'started', why: 'started its batch' });
      expect(await oldest(shortCatchUp)).toBe('skipped');
    });
  });

  test('one that a person asks for starts', async () => {
    expect(await outcomeOf(takenOf(0, 'skip', { exact: true }))).toBe('started');
  });

  test('nights before a schedule was there are none of its own', async () => {
    const schedule = { ...threeDays, since: '2026-11-25T12:00:00Z', batch: join(folder, 'batch.yaml') };
    expect(await outcomeOf(takenOf(0, 'skip', { schedule }))).toBe('started');
  });

  test('all are served by one run, where they are one batch', async () => {
    batchFile('[{ site: blog, category: a, slug: one }]');
    expect(await outcomeOf(takenOf(0, 'skip'))).toBe('started');
    expect(await outcomeOf(takenOf(2, 'skip'))).toBe('joined');
  });
});

describe('a night that somebody comes to later than it may start', () => {
  const LATE = 6 * 60;
  const ONE_JOB = '[{ site: blog, category: a, slug: one }]';
  const saidBefore = (outcome: NightOutcome, more: Partial<NewNight> = {}) =>
    ledger.recordNight({
      schedule: NIGHTLY.name,
      night: '2026-11-23T02:30',
      dueAt: DUE,
      edition: '2026-11-23',
      outcome,
      why: 'as it was',
      by: 'schedule:nights',
      runId: 'night-run-1',
      ...more,
    });

  test('is stale, and starts nothing', async () => {
    batchFile(ONE_JOB);
    await expect(taken(LATE)).resolves.toMatchObject({ night: { outcome: 'stale' } });
    expect(running).toEqual(new Set([OLDER]));
  });

  test('is stale also where its batch file is gone', async () => {
    await expect(taken(LATE)).resolves.toMatchObject({ night: { outcome: 'stale' } });
  });

  test('is served by the run of its batch that a person has started meanwhile', async () => {
    batchFile(ONE_JOB);
    const { workflowId } = await readBatch(join(folder, 'batch.yaml'));
    running.add(workflowId);
    await expect(taken(LATE)).resolves.toMatchObject({ night: { outcome: 'joined', batchId: workflowId } });
  });

  test('is served by its batch that is done; the monitor, which waits for another night, hears nothing', async () => {
    await doneBefore();
    await expect(taken(LATE)).resolves.toMatchObject({ night: { outcome: 'finished' } });
    expect(await ledger.alertMessages()).toEqual([]);
  });

  test.each(['started', 'attached', 'empty', 'paused'] as const)('stays %s', async (outcome) => {
    batchFile(ONE_JOB);
    await saidBefore(outcome);
    await expect(taken(LATE)).resolves.toMatchObject({ night: { outcome } });
    expect(await said()).toEqual([[outcome, 'as it was']]);
  });

  test('is the second of two in autumn', async () => {
    batchFile(ONE_JOB);
    await saidBefore('started', { dueAt: '2026-11-23T00:30:00.000Z' });
    await expect(taken(LATE)).resolves.toMatchObject({ night: { outcome: 'repeated' } });
  });
});

test('a night whose batch runs joins it, also while another one is in the way', async () => {
  batchFile('[{ site: blog, category: a, slug: one }]');
  const { workflowId } = await readBatch(join(folder, 'batch.yaml'));
  running.add(workflowId);
  await olderRuns();
  await expect(taken(1)).resolves.toMatchObject({ night: { outcome: 'joined', batchId: workflowId } });
});
