// What is asked of a batch while its engine or its worker is away: neither the batch nor its ledger is left behind.
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { expect, test, vi } from 'vitest';
import type { ControlState } from '../../src/contract/messages.js';
import type { Connections } from '../../src/client/connections.js';
import { cancelBatch, controlBatch } from '../../src/client/operate.js';
import { retryBatch } from '../../src/client/retry.js';
import { statePaths } from '../../src/config.js';
import { tryExclusiveLock, type ProcessLock } from '../../src/engine/index.js';
import type { BatchRow, Ledger } from '../../src/ledger/ledger.js';
import { BATCH, aLedger, openBatch, temporaryFolder } from './ledger-fixture.js';

interface Asked {
  readonly connections: Connections;
  readonly ledger: Ledger;
  readonly stateDir: string;
  readonly signals: string[];
  readonly row: () => Promise<BatchRow>;
}

interface Engine {
  /** How its Workflow answers updates; without it, no worker lives. */
  readonly answer?: () => Promise<ControlState>;
  /** How the wait for its end ends. */
  readonly result?: () => Promise<void>;
  readonly engine?: () => Promise<unknown>;
}

async function aBatch({ answer, result, engine }: Engine = {}): Promise<Asked> {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one']);
  const stateDir = temporaryFolder();
  const signals: string[] = [];
  const pollers = answer ? [{ lastAccessTime: { seconds: Date.now() / 1000 } }] : [];
  const client = {
    options: { namespace: 'test' },
    connection: { withDeadline: (_: number, act: () => unknown) => act() },
    workflowService: {
      describeTaskQueue: async () => ({ pollers }),
      requestCancelWorkflowExecution: async () => undefined,
    },
    workflow: {
      getHandle: () => ({
        describe: async () => ({ status: { name: 'RUNNING' }, runId: 'run-1' }),
        result,
        signal: async (name: string) => void signals.push(name),
        executeUpdate: () => answer?.(),
      }),
    },
  };
  const stub = {
    who: 'ann@host',
    config: { taskQueue: 'test', stateDir },
    ledger: async () => ledger,
    engine: engine ?? (async () => ({ kind: 'configured' })),
    client: async () => client,
    notify: () => undefined,
    reconnect: async () => undefined,
  };
  const row = async () => {
    const found = await ledger.batch(BATCH);
    if (!found) throw new Error('the batch is gone');
    return found;
  };
  return { connections: stub as unknown as Connections, ledger, stateDir, signals, row };
}

const RUNNING: ControlState = { state: 'running', inFlight: 0, concurrency: 1 };

test('a pause and its resume, both while no worker lives, leave no pause behind', async () => {
  const { connections, signals, row } = await aBatch();
  await controlBatch('pause', await row(), connections, { reason: 'the blog moves' });
  expect(await row()).toMatchObject({ state: 'paused', reason: 'the blog moves', pauseLevel: 'finish' });

  const answer = await controlBatch('resume', await row(), connections, { reason: 'it has moved' });
  expect(answer.kind).toBe('queued');
  expect(await row()).toMatchObject({ state: 'running', reason: 'it has moved', stateBy: 'ann@host' });
  expect(signals, 'jobs that met the pause are told').toEqual(['pause', 'resume', 'holdsChanged']);
});

test('a resume ends a pause that is in the ledger alone, whatever the batch thinks', async () => {
  const { connections, ledger, signals, row } = await aBatch({ answer: async () => RUNNING });
  await ledger.setBatchState(BATCH, 'paused', 'bob@host', 'never heard of', 'freeze');
  await controlBatch('resume', await row(), connections);
  const { state, pauseLevel, reason } = await row();
  expect({ state, pauseLevel, reason }).toEqual({
    state: 'running',
    pauseLevel: undefined,
    reason: undefined,
  });
  expect(signals).toEqual(['holdsChanged']);
});

test('a resume leaves alone a pause that came after it', async () => {
  const asked = await aBatch({
    answer: async () => {
      await asked.ledger.setBatchState(BATCH, 'paused', 'bob@host', 'the disk is full');
      return RUNNING;
    },
  });
  await asked.ledger.setBatchState(BATCH, 'paused', 'ann@host', 'the blog moves');
  await controlBatch('resume', await asked.row(), asked.connections);
  expect(await asked.row()).toMatchObject({ state: 'paused', stateBy: 'bob@host' });
  expect(asked.signals).toEqual([]);
});

/** As of a process that carries the batch. */
function workerElsewhere(stateDir: string): ProcessLock {
  const lock = tryExclusiveLock(statePaths(stateDir).workerLock);
  if (!lock) throw new Error('the place is taken');
  return lock;
}

test('a cancelled batch counts as cancelled when it has ended, not when the engine is lost', async () => {
  const waits: ((error: Error) => void)[] = [];
  const { connections, stateDir, row } = await aBatch({
    result: () => new Promise<void>((_, reject) => waits.push(reject)),
  });
  const lock = workerElsewhere(stateDir);
  const cancelling = cancelBatch(await row(), connections, 'wrong list');
  await vi.waitUntil(() => waits.length === 1, 30_000);
  waits[0]?.(Object.assign(new Error('14 UNAVAILABLE'), { code: 14 }));
  await vi.waitUntil(() => waits.length === 2, 30_000);
  expect((await row()).state).toBe('running');

  waits[1]?.(
    new WorkflowFailedError('cancelled', new CancelledFailure('cancelled'), 'NON_RETRYABLE_FAILURE'),
  );
  expect(await cancelling).toEqual({ kind: 'answered', state: undefined });
  expect(await row()).toMatchObject({ state: 'cancelled', reason: 'wrong list' });
  lock.release();
});

test('a cancel outlives the process that carried the batch: a worker is hosted here then', async () => {
  const { connections, stateDir, row } = await aBatch({
    result: () => new Promise<void>(() => undefined),
    engine: () => Promise.reject(new Error('here a worker starts')),
  });
  const lock = workerElsewhere(stateDir);
  const cancelling = cancelBatch(await row(), connections);
  cancelling.catch(() => undefined); // looked at below
  await sleep(1500);
  lock.release();
  await expect(cancelling).rejects.toThrow('here a worker starts');
}, 30_000);

test('who asked for a retry, of which jobs, and why is kept', async () => {
  const { connections, ledger, row } = await aBatch();
  await retryBatch(await row(), connections, { errors: ['timeout'] }, 'quota raised');
  await retryBatch(await row(), connections, {}, 'once more');
  await retryBatch(await row(), connections);
  const kept = await ledger.requests({ batchId: BATCH });
  expect(kept.map(({ by, what, reason }) => [by, what, reason])).toEqual([
    ['ann@host', 'retry', 'timeout; quota raised'],
    ['ann@host', 'retry', 'once more'],
    ['ann@host', 'retry', undefined],
  ]);
});
