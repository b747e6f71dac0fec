// What is asked of a batch while its engine or its worker is away: neither the batch nor its ledger is left behind.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { describe, expect, test, vi } from 'vitest';
import type { ControlState } from '../../src/contract/messages.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storeManifest } from '../../src/batch/manifest.js';
import { cancelled } from '../../src/activities/session/end.js';
import { cancel } from '../../src/cli/cancel.js';
import { concurrency } from '../../src/cli/concurrency.js';
import { failureOf } from '../../src/cli/failure.js';
import { pause } from '../../src/cli/pause.js';
import type { Shell } from '../../src/cli/shell.js';
import { cancelAll } from '../../src/client/cancel-all.js';
import { setConcurrencyAll } from '../../src/client/concurrency-all.js';
import type { Connections } from '../../src/client/connections.js';
import { liftHold, placeHold } from '../../src/client/holds.js';
import { cancelBatch, controlBatch, setConcurrency } from '../../src/client/operate.js';
import { Outages } from '../../src/client/outages.js';
import { retryAll } from '../../src/client/retry-all.js';
import { retryBatch } from '../../src/client/retry.js';
import { UsageError } from '../../src/contract/errors.js';
import { scopeText, type HoldScope } from '../../src/contract/holds.js';
import { statePaths } from '../../src/config.js';
import { EngineUnavailable, tryExclusiveLock, type ProcessLock } from '../../src/engine/index.js';
import { NOTHING_USED, type BatchRow, type Ledger } from '../../src/ledger/ledger.js';
import { rendered, type Line } from '../../src/report/line.js';
import { aDefinition } from './definition-fixture.js';
import {
  BATCH,
  PARKED,
  WORK,
  aLedger,
  by,
  claimed,
  jobOf,
  keyOf,
  openBatch,
  startedSession,
  temporaryFolder,
} from './ledger-fixture.js';

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
  readonly whileHosting?: Connections['whileHosting'];
}

async function aBatch({ answer, result, engine, whileHosting }: Engine = {}): Promise<Asked> {
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
    client: async () => {
      await engine?.();
      return client;
    },
    artifacts: folderArtifactStore({ root: join(stateDir, 'artifacts') }),
    notify: () => undefined,
    outages: new Outages(() => undefined),
    whileHosting: whileHosting ?? ((work: (signal?: AbortSignal) => unknown) => work()),
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

test.each([
  ['the blog bears more', '20 at once: the blog bears more'],
  [undefined, '20 at once'],
])('why other numbers of jobs run at once is kept (%s)', async (reason, kept) => {
  const { connections, ledger, row } = await aBatch({
    answer: async () => ({ ...RUNNING, concurrency: 20 }),
  });
  await setConcurrency(await row(), 20, connections, reason);
  expect(await ledger.requests({ batchId: BATCH })).toMatchObject([
    { by: 'ann@host', what: 'concurrency', outcome: 'answered', reason: kept },
  ]);
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
  expect(await cancelling).toEqual({ kind: 'answered', state: { mayRunOn: [] } });
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

test('a cancel that is interrupted stops waiting, with what it hosts; the batch stays asked to end', async () => {
  const interrupt = new AbortController();
  const { connections, ledger, stateDir, row } = await aBatch({
    result: () => new Promise<void>(() => undefined),
    whileHosting: (work) => work(interrupt.signal),
  });
  const lock = workerElsewhere(stateDir);
  const cancelling = cancelBatch(await row(), connections);
  cancelling.catch(() => undefined); // looked at below
  await sleep(100);
  interrupt.abort('SIGINT');
  const interrupted = await cancelling.catch((error: unknown) => error);
  expect(interrupted).toMatchObject({ name: 'WatchStopped', hosted: false });
  expect(failureOf(interrupted)).toEqual({
    code: 130,
    text: 'interrupted before it was done; what was asked for stays asked for, and the same command waits for its end again',
  });
  expect(await ledger.requests({ batchId: BATCH })).toMatchObject([
    { what: 'cancel', outcome: 'failed', reason: 'interrupted before it was done' },
  ]);
  lock.release();
});

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

test('a batch under way takes no rate: nothing is requeued, and it is said why', async () => {
  const { connections, ledger, row } = await aBatch();
  await expect(retryBatch(await row(), connections, {}, 'quota raised', '40/m')).rejects.toThrow(
    /is under way, .*a rate is for a batch that has ended/,
  );
  const [kept] = await ledger.requests({ batchId: BATCH });
  expect(kept).toMatchObject({
    outcome: 'refused',
    reason: expect.stringMatching(/^at 40\/m; quota raised: /) as string,
  });
});

test('a retry beyond one batch asks each of them, and is kept with each of its jobs', async () => {
  const requeued = async () => [keyOf('one')] as unknown as ControlState; // what its update answers with
  const { connections, ledger, row } = await aBatch({ answer: requeued });
  await claimed(ledger, 'one');
  await ledger.settleJob(jobOf('one'), PARKED, by());
  const nothing = await retryAll({ kind: 'all' }, connections, { errors: ['timeout'] });
  expect(nothing).toEqual([]);
  const answers = await retryAll({ kind: 'work', name: WORK }, connections, {}, 'quota raised');
  expect(answers).toMatchObject([
    { batch: BATCH, retried: { keys: [keyOf('one')], started: { how: 'joined' } } },
  ]);
  const { openedSeq } = await row();
  expect(openedSeq).toBeLessThan(await ledger.head());
  expect(answers[0]?.retried?.started.since, 'figures are of the whole run').toBe(openedSeq);
  expect(await ledger.requests({ batchId: BATCH })).toMatchObject([
    {
      what: 'retry',
      outcome: 'joined',
      jobKey: keyOf('one'),
      reason: '1 job named; work article: quota raised',
    },
  ]);
});

/** Batches that run: of digests by the one provider, of translations by the other. */
async function twoBatches(engine: Engine = {}): Promise<Asked> {
  const asked = await aBatch(engine);
  const { ledger, connections } = asked;
  await ledger.setBatchState(BATCH, 'completed', 'batch');
  for (const [work, provider] of [
    ['digest', 'claude'],
    ['translation', 'antigravity'],
  ] as const) {
    const definition = aDefinition('/', { name: work, work, agent: { use: provider } });
    const manifest = JSON.stringify(await storeManifest({ definition, jobs: [] }, connections.artifacts));
    const key = work.padEnd(32, '0');
    const opened = { id: `batch:${work}:${key}`, key, runId: 'run-1', jobs: 0, currency: 'EUR', by: 'ann' };
    await ledger.openBatch({ ...opened, name: work, work, manifest });
  }
  return asked;
}

describe('a pause beyond one batch', () => {
  test.each([
    [{ kind: 'all' }, 2],
    [{ kind: 'work', name: 'digest' }, 1],
    [{ kind: 'provider', name: 'antigravity' }, 1],
  ] as const)('of %j counts the batches that it holds back: %s', async (scope, batches) => {
    const { connections } = await twoBatches();
    const placed = await placeHold(scope, 'finish', connections);
    expect(placed).toMatchObject({ batches });
    expect(placed).not.toHaveProperty('warning');
    expect(await liftHold(scope, connections)).toMatchObject({ batches });
  });

  test('of a work that has run before and does not now is no mistake', async () => {
    const { connections } = await twoBatches();
    const placed = await placeHold({ kind: 'work', name: WORK }, 'finish', connections);
    expect(placed).toMatchObject({ batches: 0 });
    expect(placed).not.toHaveProperty('warning');
  });

  test.each([
    [{ kind: 'work', name: 'digset' }, /no batch .* work digset, .*did you mean "digest"\?/],
    [{ kind: 'provider', name: 'gpt' }, /no batch .* provider gpt, .*known here: antigravity, claude/],
  ] as const)('of %j, which nothing has, is placed with a warning', async (scope: HoldScope, warning) => {
    const { connections, ledger } = await twoBatches();
    const placed = await placeHold(scope, 'finish', connections);
    expect(placed).toMatchObject({ batches: 0, warning: expect.stringMatching(warning) as string });
    expect(await ledger.holds()).toMatchObject([{ scope }]);

    const notes: string[] = [];
    const shell = {
      flags: { color: false, json: true },
      out: { note: (line: string) => notes.push(line), json: (document: unknown) => (shown = document) },
      nightshift: async () => ({ placeHold: async () => placed }),
    };
    let shown: unknown;
    const flags = scope.kind === 'work' ? { work: scope.name } : { provider: 'gpt' };
    expect(await pause(undefined, flags, shell as unknown as Shell)).toBe(0);
    expect(notes).toEqual([expect.stringMatching(warning)]);
    expect(shown).toEqual(placed);
  });
});

describe('whoever stops everything at night', () => {
  const away = {
    engine: () => Promise.reject(new EngineUnavailable('The engine does not answer.', [], 'Look there.')),
  };

  test.each([[{ kind: 'all' }, 2] as const, [{ kind: 'work', name: 'digest' }, 1] as const])(
    'can do so while the engine is away: the pause of %j is in force, and that is said',
    async (scope, batches) => {
      const { connections, ledger } = await twoBatches(away);
      const placed = await placeHold(scope, undefined, connections, 'look first');
      expect(placed).toMatchObject({
        batches,
        warning: expect.stringMatching(/engine does not answer.*in force all the same/) as string,
      });
      expect(await ledger.holds()).toMatchObject([{ scope, reason: 'look first' }]);
      expect(await ledger.requests({ what: 'pause' })).toMatchObject([{ outcome: 'done' }]);

      expect(await liftHold(scope, connections)).toMatchObject({
        batches,
        left: [],
        warning: expect.stringMatching(/engine does not answer.*over all the same/) as string,
      });
      expect(await ledger.holds()).toEqual([]);
      expect(await ledger.requests({ what: 'resume' })).toMatchObject([{ outcome: 'done' }]);
    },
  );

  test('and what else fails is no answer', async () => {
    const refused = new Error('permission denied');
    const { connections } = await twoBatches({ engine: () => Promise.reject(refused) });
    await expect(placeHold({ kind: 'all' }, undefined, connections)).rejects.toBe(refused);
  });

  test('hears that a state directory without a batch is not the one that is meant', async () => {
    const { ledger } = await aLedger();
    const asked = await aBatch();
    const connections = { ...asked.connections, ledger: async () => ledger } as unknown as Connections;
    const nothing = new RegExp(`no batch was ever run in ${asked.stateDir}, .*--state`);
    expect(await placeHold({ kind: 'all' }, undefined, connections)).toMatchObject({
      warning: expect.stringMatching(nothing) as string,
    });
    await expect(cancelAll({ kind: 'all' }, connections)).rejects.toThrow(nothing);
    await expect(cancelAll({ kind: 'all' }, connections)).rejects.toThrow(UsageError);
  });
});

describe('more or fewer jobs at once beyond one batch', () => {
  const worker = { answer: async () => ({ ...RUNNING, concurrency: 5 }) };

  test.each([
    [{ kind: 'all' }, ['translation', 'digest']],
    [{ kind: 'work', name: 'digest' }, ['digest']],
    [{ kind: 'provider', name: 'antigravity' }, ['translation']],
  ] as const)('of %j is told to each batch under way that it means: %j', async (scope, names) => {
    const { connections, ledger } = await twoBatches(worker);
    const widened = await setConcurrencyAll(scope, 5, connections, 'the blog bears more');
    expect(widened).toMatchObject(
      names.map((name) => ({
        batch: expect.stringContaining(`:${name}:`) as string,
        answer: { state: { concurrency: 5 } },
      })),
    );
    const asked = await ledger.requests({ what: 'concurrency' });
    expect(asked.map(({ batch, outcome, reason }) => [batch?.name, outcome, reason])).toEqual([
      ...[...names].map((name) => [name, 'answered', '5 at once: the blog bears more']),
      [undefined, 'done', `${scopeText(scope)}: 5 at once: the blog bears more`],
    ]);
  });

  test('of what nothing has ever had is refused, as is what is no number, and nothing is told', async () => {
    const { connections, ledger } = await twoBatches(worker);
    const slip = { kind: 'work', name: 'digset' } as const;
    await expect(setConcurrencyAll(slip, 5, connections)).rejects.toThrow(/did you mean "digest"\?/);
    await expect(setConcurrencyAll({ kind: 'all' }, 0, connections)).rejects.toThrow(/from 1 to 500, not 0/);
    expect(await setConcurrencyAll({ kind: 'work', name: WORK }, 5, connections)).toEqual([]);
    const asked = await ledger.requests({ what: 'concurrency' });
    expect(asked.map(({ outcome }) => outcome)).toEqual(['refused', 'ended']);
  });

  test('is typed as a number and a scope, or as a name and a number', async () => {
    const asked: unknown[] = [];
    const shell = {
      flags: { json: true },
      out: { json: () => undefined },
      nightshift: async () => ({
        list: async () => [],
        setConcurrency: async (...args: unknown[]) => (asked.push(args), { kind: 'ended' }),
        setConcurrencyAll: async (...args: unknown[]) => (asked.push(args), []),
      }),
    } as unknown as Shell;
    expect(await concurrency('5', undefined, { work: 'digest', reason: 'why' }, shell)).toBe(0);
    expect(await concurrency('nightly', '20', {}, shell)).toBe(0);
    expect(asked).toEqual([
      [{ kind: 'work', name: 'digest' }, 5, 'why'],
      ['nightly', 20, undefined],
    ]);
    for (const [first, second, flags] of [
      ['5', undefined, {}],
      ['nightly', '5', { all: true }],
      ['nightly', undefined, {}],
      [undefined, undefined, { all: true }],
    ] as const) {
      const typed = [first, second].join(' ');
      await expect(concurrency(first, second, flags, shell), typed).rejects.toThrow(UsageError);
    }
    expect(asked).toHaveLength(2);
  });
});

describe('a cancellation beyond one batch', () => {
  const CANCELLED = new WorkflowFailedError(
    'cancelled',
    new CancelledFailure('cancelled'),
    'NON_RETRYABLE_FAILURE',
  );

  test.each([
    [{ kind: 'all' }, ['translation', 'digest']],
    [{ kind: 'work', name: 'digest' }, ['digest']],
    [{ kind: 'provider', name: 'antigravity' }, ['translation']],
  ] as const)('of %j ends the batches under way that it means: %j', async (scope, names) => {
    const { connections, ledger, stateDir } = await twoBatches({ result: () => Promise.reject(CANCELLED) });
    const lock = workerElsewhere(stateDir);
    const cancelled = await cancelAll(scope, connections, 'wrong list');
    lock.release();
    expect(cancelled.map(({ batch, answer }) => [batch.split(':')[1], answer])).toEqual(
      names.map((name) => [name, 'answered']),
    );
    const ended = (await ledger.batches()).filter(({ state }) => state === 'cancelled');
    expect(ended.map(({ name, reason }) => [name, reason]).sort()).toEqual(
      names.map((name) => [name, 'wrong list']).sort(),
    );
    const asked = await ledger.requests({ what: 'cancel' });
    expect(asked.map(({ reason }) => reason)).toContain(`${scopeText(scope)}: wrong list`);
    expect(asked).toHaveLength(1 + names.length);
  });

  test('asks all of them before it waits for the end of one', async () => {
    const waits: ((error: Error) => void)[] = [];
    const { connections, stateDir } = await twoBatches({
      result: () => new Promise<void>((_, reject) => waits.push(reject)),
    });
    const lock = workerElsewhere(stateDir);
    const cancelling = cancelAll({ kind: 'all' }, connections);
    await vi.waitUntil(() => waits.length === 2, 30_000);
    for (const end of waits) end(CANCELLED);
    expect(await cancelling).toHaveLength(2);
    lock.release();
  });

  test('means every batch that is under way, also one that a hundred others began after', async () => {
    const { connections, ledger, stateDir } = await aBatch({ result: () => Promise.reject(CANCELLED) });
    for (let at = 0; at < 100; at++) {
      const key = String(at).padStart(32, '0');
      await openBatch(ledger, [], { id: `batch:later:${key}`, name: 'later' });
      await ledger.setBatchState(`batch:later:${key}`, 'completed', 'batch');
    }
    const lock = workerElsewhere(stateDir);
    expect(await cancelAll({ kind: 'all' }, connections)).toEqual([
      { batch: BATCH, answer: 'answered', mayRunOn: [] },
    ]);
    lock.release();
  });

  test.each([
    ['of one batch', [BATCH], {}],
    ['of everything', [undefined], { all: true }],
  ] as const)('%s says which sessions may run on, and is incomplete', async (_, [name], flags) => {
    const asked = await aBatch({ result: () => Promise.reject(CANCELLED) });
    const { connections, ledger, stateDir } = asked;
    const claim = await claimed(ledger, 'one');
    const session = await startedSession(ledger, 'one', claim);
    const mayRunOn = 'the session at claude (session sesn_1) could not be ended and may run on: 503';
    await ledger.endSession(session, cancelled({ usage: NOTHING_USED, mayRunOn }), claim.fence);
    const lock = workerElsewhere(stateDir);
    const lines: string[] = [];
    const shell = {
      flags: { color: false, json: false },
      out: {
        result: (line: string) => lines.push(line),
        results: (more: readonly Line[]) => lines.push(...more.map((line) => rendered(line))),
      },
      command: () => '',
      commandsFor: () => ({ run: 'nightshift run FILE' }),
      nightshift: async () => ({
        list: () => ledger.batches(),
        wordsFor: async () => [BATCH],
        cancel: async () => cancelBatch(await asked.row(), connections),
        cancelAll: (scope: HoldScope) => cancelAll(scope, connections),
      }),
    };
    expect(await cancel(name, flags, shell as unknown as Shell)).toBe(2);
    lock.release();
    expect(lines.join('\n')).toMatch(
      /cancelled[^]*1 job has a session that could not be ended, and may run on:[^]*sesn_1/,
    );
  });

  test('that finds none under way is no mistake, and of what nothing has ever had it is refused', async () => {
    const { connections } = await twoBatches();
    expect(await cancelAll({ kind: 'work', name: WORK }, connections)).toEqual([]);
    await expect(cancelAll({ kind: 'work', name: 'digset' }, connections)).rejects.toThrow(
      /no batch .* work digset, .*did you mean "digest"\?/,
    );
  });
});
