// Trouble of a step that no session is to blame for: how long it is tried again.
import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, test, vi } from 'vitest';
import type { Deps } from '../../src/activities/deps.js';
import { noteFailure, notePassed } from '../../src/activities/heartbeat.js';
import { LaneClosed } from '../../src/activities/lanes/lane.js';
import { settleTrouble } from '../../src/activities/settle-trouble.js';
import { AdapterError } from '../../src/contract/errors.js';
import { retrySchema } from '../../src/contract/batch-file.js';
import { retryPolicy } from '../../src/policy/retry.js';

const MINUTE = 60_000;
const retry = retryPolicy(retrySchema.parse({ patience: '1h' }));
const ref = { work: 'article', batchId: 'batch:nightly:1', key: 'a'.repeat(32) };
const settled: unknown[] = [];
const deps = {
  ledger: { settleJob: async (...given: unknown[]) => void settled.push(given) },
  now: () => new Date(),
  worker: '1@host',
} as unknown as Deps;

const fails = (error = new AdapterError('transient', 'collecting was answered 503')) =>
  settleTrouble(error, retry, ref, deps);

/** One try of an Activity that was scheduled so long ago. @returns its end, and what its heartbeat told the next try */
async function aTry(minutesAgo: number, heartbeatDetails?: unknown, before: () => void = () => undefined) {
  const environment = new MockActivityEnvironment({
    attempt: 2,
    scheduledTimestampMs: Date.now() - minutesAgo * MINUTE,
    heartbeatDetails,
  });
  const told: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => told.push(details));
  const end = await environment
    .run(async () => {
      before();
      return fails();
    })
    .catch((error: unknown) => error);
  return { end, told: told.at(-1) };
}

test('patience counts from the first failure, not from when the step was scheduled', async () => {
  const { end, told } = await aTry(90);
  expect(end).toMatchObject({ type: 'transient' });
  expect(told).toMatchObject({ failingSinceMs: expect.closeTo(Date.now(), -4) as number });
});

test('the next tries go on counting, and the one past the patience parks', async () => {
  const since = (minutes: number) => ({ failingSinceMs: Date.now() - minutes * MINUTE });
  expect((await aTry(150, since(50))).end).toMatchObject({ type: 'transient' });
  expect((await aTry(150, since(61))).end).toMatchObject({ kind: 'parked', errorClass: 'transient' });
});

test('the ledger is told by which run and try a job was parked, and in whose worker', async () => {
  await aTry(150, { failingSinceMs: Date.now() - 61 * MINUTE });
  expect(settled.at(-1)).toEqual([
    { work: ref.work, jobKey: ref.key },
    expect.objectContaining({ state: 'parked' }),
    {
      batchId: ref.batchId,
      workflowId: 'test',
      runId: expect.stringMatching(/^0{8}-/) as string,
      attempt: 2,
      worker: '1@host',
    },
    undefined,
  ]);
});

test('a try that the engine has given up meanwhile decides nothing', async () => {
  const environment = new MockActivityEnvironment({
    heartbeatDetails: { failingSinceMs: Date.now() - 61 * MINUTE },
  });
  const before = settled.length;
  environment.cancel('NOT_FOUND', new ActivityCancellationDetails({ notFound: true }));
  await expect(environment.run(() => fails())).rejects.toBeInstanceOf(CancelledFailure);
  expect(settled.slice(before)).toEqual([]);
});

test('a step that went well in between makes it another failure', async () => {
  const since = { failingSinceMs: Date.now() - 61 * MINUTE };
  const { end } = await aTry(150, since, () => notePassed('step'));
  expect(end).toMatchObject({ type: 'transient' });
});

test('a look that passes says nothing of the step that fails after it', async () => {
  const since = { failingSinceMs: Date.now() - 61 * MINUTE };
  const { end } = await aTry(150, since, () => notePassed('look'));
  expect(end).toMatchObject({ kind: 'parked', errorClass: 'transient' });
});

test('looks that fail are counted by themselves, over the tries too', async () => {
  const since = { lookFailingSinceMs: Date.now() - 61 * MINUTE };
  expect((await aTry(150, since)).end).toMatchObject({ kind: 'parked', errorClass: 'transient' });
  const { end, told } = await aTry(150, since, () => notePassed('look'));
  expect(end).toMatchObject({ type: 'transient' });
  expect(told).not.toHaveProperty('lookFailingSinceMs');
});

test('the first of several failures counts', async () => {
  const { told } = await aTry(5, undefined, () => noteFailure('transient', 1));
  expect(told).toMatchObject({ failingSinceMs: 1 });
});

describe('trouble of our own ledger, in which no end can be written down', () => {
  const run = (error: AdapterError, settleJob: () => Promise<void>, heartbeatDetails?: unknown) =>
    new MockActivityEnvironment({ attempt: 2, heartbeatDetails })
      .run(() =>
        settleTrouble(error, retry, ref as Parameters<typeof settleTrouble>[2], {
          ...deps,
          ledger: { settleJob } as unknown as Deps['ledger'],
        }),
      )
      .catch((thrown: unknown) => thrown);
  const writes = vi.fn(async () => undefined);
  const full = new AdapterError('transient', 'the disk is full', { ours: 'ledger' });
  const readOnly = new AdapterError('config', 'the file may not be written', { ours: 'ledger' });

  test('is waited for while it may pass', async () => {
    expect(await run(full, writes)).toMatchObject({ type: 'transient', message: 'the disk is full' });
  });

  test.each([
    ['past patience', full, { failingSinceMs: Date.now() - 61 * MINUTE }],
    ['that needs a person', readOnly, undefined],
  ])('%s parks nobody: the run stops, and the job is left as it was', async (_, error, before) => {
    const { errorClass, message } = error;
    expect(await run(error, writes, before)).toEqual({ kind: 'gated', errorClass, message });
    expect(writes).not.toHaveBeenCalled();
  });

  test('comes before what a job was to be parked for, which is found again', async () => {
    const invalid = new AdapterError('invalid', 'bad input');
    expect(await run(invalid, () => Promise.reject(full))).toMatchObject({ message: 'the disk is full' });
    const bug = new Error('no such table');
    expect(await run(invalid, () => Promise.reject(bug))).toBe(bug);
  });
});

test.each([
  ['a full disk, past patience', 'transient', { failingSinceMs: Date.now() - 61 * MINUTE }],
  ['a folder that may not be written', 'config', undefined],
] as const)(
  'for want of artifacts no job is parked: %s stops the run, and is written down',
  async (_, errorClass, before) => {
    const error = new AdapterError(errorClass, 'the artifact can’t be stored', { ours: 'artifacts' });
    const environment = new MockActivityEnvironment({ attempt: 2, heartbeatDetails: before });
    const end: unknown = await environment.run(() => fails(error));
    expect(end).toMatchObject({ kind: 'gated', errorClass });
    expect(settled.at(-1)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          state: 'gated',
          errorClass,
          message: expect.stringMatching(/^our artifacts: the artifact can’t be stored \(/) as string,
        }),
      ]),
    );
  },
);

test.each([
  ['for a service that fails uses up patience', true],
  ['for a limit does not', false],
])('a wait %s', async (_, down) => {
  const failingSinceMs = Date.now() - 30 * MINUTE;
  const environment = new MockActivityEnvironment({ heartbeatDetails: { failingSinceMs } });
  const closed = new LaneClosed('nothing is sent at the moment', 5000, undefined, down);
  const tried = down ? { failingSinceMs } : undefined;
  const end: unknown = await environment.run(() => fails(closed));
  expect(end).toMatchObject({ kind: 'wait', delayMs: 5000, ...(tried && { tried }) });
  expect(end).not.toHaveProperty(down ? 'state' : 'tried');
});
