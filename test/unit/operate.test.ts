// What is asked of a batch while its engine or its worker is away: neither the batch nor its ledger is left behind.
import { expect, test } from 'vitest';
import type { ControlState } from '../../src/contract/messages.js';
import type { Connections } from '../../src/client/connections.js';
import { controlBatch } from '../../src/client/operate.js';
import type { BatchRow, Ledger } from '../../src/ledger/ledger.js';
import { BATCH, aLedger, openBatch } from './ledger-fixture.js';

interface Asked {
  readonly connections: Connections;
  readonly ledger: Ledger;
  readonly signals: string[];
  row(): Promise<BatchRow>;
}

/** A batch whose Workflow answers updates with `answer`; without one, no worker lives. */
async function aBatch(answer?: () => Promise<ControlState>): Promise<Asked> {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one']);
  const signals: string[] = [];
  const pollers = answer ? [{ lastAccessTime: { seconds: Date.now() / 1000 } }] : [];
  const client = {
    options: { namespace: 'test' },
    connection: { withDeadline: (_: number, act: () => unknown) => act() },
    workflowService: { describeTaskQueue: async () => ({ pollers }) },
    workflow: {
      getHandle: () => ({
        signal: async (name: string) => void signals.push(name),
        executeUpdate: () => answer?.(),
      }),
    },
  };
  const stub = {
    who: 'ann@host',
    config: { taskQueue: 'test' },
    ledger: async () => ledger,
    engine: async () => ({ kind: 'configured' }),
    client: async () => client,
  };
  const row = async () => {
    const found = await ledger.batch(BATCH);
    if (!found) throw new Error('the batch is gone');
    return found;
  };
  return { connections: stub as unknown as Connections, ledger, signals, row };
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
  const { connections, ledger, signals, row } = await aBatch(async () => RUNNING);
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
  const asked = await aBatch(async () => {
    await asked.ledger.setBatchState(BATCH, 'paused', 'bob@host', 'the disk is full');
    return RUNNING;
  });
  await asked.ledger.setBatchState(BATCH, 'paused', 'ann@host', 'the blog moves');
  await controlBatch('resume', await asked.row(), asked.connections);
  expect(await asked.row()).toMatchObject({ state: 'paused', stateBy: 'bob@host' });
  expect(asked.signals).toEqual([]);
});
