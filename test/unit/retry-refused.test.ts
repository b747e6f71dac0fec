// A retry that can't be carried out leaves its jobs as they were: stopped, with what has stopped them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceError, WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import {
  ApplicationFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Deps } from '../../src/activities/deps.js';
import { openBatch as openRun } from '../../src/activities/open-batch.js';
import { requeueJobs } from '../../src/activities/requeue-jobs.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storeKeys } from '../../src/batch/job-keys.js';
import { storeManifest } from '../../src/batch/manifest.js';
import type { Connections } from '../../src/client/connections.js';
import { Outages } from '../../src/client/outages.js';
import { retryBatch } from '../../src/client/retry.js';
import { alsoRuns, toRetry } from '../../src/client/to-retry.js';
import { statePaths } from '../../src/config.js';
import type { BatchInput, OpenedBatch, Ticket } from '../../src/contract/messages.js';
import { readManifestRef } from '../../src/contract/manifest-ref.js';
import { tryExclusiveLock } from '../../src/engine/index.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { aDefinition } from './definition-fixture.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  FINGERPRINT,
  identityOf,
  jobOf,
  keyOf,
  NOBODY,
  openBatch,
  PARKED,
  stateOf,
  temporaryFolder,
  WORK,
} from './ledger-fixture.js';

const SLUGS = ['a', 'b', 'c'];
const RUNNING = { status: { name: 'RUNNING' }, runId: 'run-2', raw: {} };
/** As the engine says it. */
const CUT_OFF = ApplicationFailure.nonRetryable('completed before', 'AcceptedUpdateCompletedWorkflow');
const ABORTED = { code: 10, details: 'aborted', metadata: {} };
const ABOUT_TO_END = ApplicationFailure.nonRetryable('about to end', 'RunEnds');
const FAILED = { status: { name: 'FAILED' }, runId: 'run-1', raw: {} };

/** Of three jobs: two were parked, the third never ran. */
async function aNight({ agent = {} }: { readonly agent?: object } = {}) {
  const stateDir = temporaryFolder();
  const { ledger } = await aLedger();
  const artifacts = () => folderArtifactStore({ root: statePaths(stateDir).artifacts });
  const definition = aDefinition(stateDir, {
    work: WORK,
    agent: { use: 'command', command: ['true'], ...agent },
    effects: [{ name: 'post', use: 'folder', target: './public', with: { path: '{{ slug }}.md' } }],
  });
  const jobs = SLUGS.map((slug, line) => ({
    ...{ key: keyOf(slug), identity: identityOf(slug), input: {}, revision: 1, fingerprint: FINGERPRINT },
    ...{ file: 'jobs.csv', line },
  }));
  const manifest = JSON.stringify(await storeManifest({ definition, jobs }, artifacts()));
  for (const slug of ['a', 'b']) {
    await claimed(ledger, slug);
    await ledger.settleJob(jobOf(slug), PARKED, by());
  }
  await openBatch(ledger, SLUGS, { manifest });
  return { stateDir, ledger, artifacts, manifest };
}

type Night = Awaited<ReturnType<typeof aNight>>;

const statesOf = (ledger: Ledger) => Promise.all(SLUGS.map((slug) => stateOf(ledger, slug)));

/** @param looks how the engine has its run, each time that it is asked; the last one goes on */
function atTheEngine(night: Night, looks: readonly (typeof RUNNING)[] = [FAILED]) {
  const { stateDir, ledger, artifacts } = night;
  const seen = {
    started: [] as { states: unknown; retry: BatchInput['retry'] }[],
    asked: [] as unknown[],
  };
  let looked = 0;
  const client = {
    options: { namespace: 'test' },
    connection: {},
    workflow: {
      getHandle: () => ({
        describe: async () => looks[Math.min(looked++, looks.length - 1)],
        executeUpdate: async (_: string, { args }: { args: [{ keys: string[] }] }) => {
          seen.asked.push(...args[0].keys);
          return args[0].keys;
        },
      }),
      start: async (_: string, { args }: { args: [BatchInput] }) => {
        if (looks[looked] === RUNNING)
          throw new WorkflowExecutionAlreadyStartedError('taken', BATCH, 'batch');
        seen.started.push({ states: await statesOf(ledger), retry: args[0].retry });
        return { firstExecutionRunId: 'run-2' };
      },
    },
  };
  const engine = { kind: 'embedded' };
  const connections = {
    who: 'ann@host',
    config: { taskQueue: 'test', stateDir, env: {}, ledger: { path: 'any' } },
    ledger: async () => ledger,
    engine: async () => engine,
    client: async () => client,
    get artifacts() {
      return artifacts();
    },
    notify: () => undefined,
    outages: new Outages(() => undefined),
    whileHosting: (work: (signal?: AbortSignal) => unknown) => work(),
  };
  return { connections: connections as unknown as Connections, client, seen };
}

async function ended({ ledger }: Pick<Night, 'ledger'>) {
  await ledger.setBatchState(BATCH, 'incomplete', NOBODY);
  const row = await ledger.batch(BATCH);
  if (!row) throw new Error('the batch is gone');
  return row;
}

/** As whoever asks for a new try hands it to the run that they start. */
const requested = async ({ ledger, artifacts }: Night, slug: string) => ({
  by: 'ann@host',
  keys: await storeKeys([keyOf(slug)], artifacts()),
  asOf: await ledger.head(),
});

async function parkedAgain({ ledger }: Night, slug: string): Promise<void> {
  await claimed(ledger, slug);
  await ledger.settleJob(jobOf(slug), PARKED, by());
}

/** As a worker opens the run. */
function opening({ ledger, artifacts, manifest, stateDir }: Night, { retry }: Pick<BatchInput, 'retry'>) {
  const input = {
    work: WORK,
    name: 'nightly',
    key: keyOf(BATCH),
    manifest: readManifestRef(manifest),
    startedBy: 'ann',
  };
  const workflowExecution = { workflowId: BATCH, runId: 'run-2' };
  const deps = { ledger, artifacts: artifacts(), stateDir, env: {}, config: {} } as unknown as Deps;
  return new MockActivityEnvironment({ workflowExecution }).run<
    [BatchInput],
    OpenedBatch,
    ReturnType<typeof openRun>
  >(openRun(deps), { ...input, ...(retry && { retry }) } as BatchInput);
}

/** As a process that carries the state directory has it. */
function workerElsewhere({ stateDir }: Night): void {
  const lock = tryExclusiveLock(statePaths(stateDir).workerLock);
  if (!lock) throw new Error('the place is taken');
  onTestFinished(() => lock.release());
}

describe('of a batch that has ended', () => {
  const UNSET = { agent: { env: { TOKEN: '${env:AGENT_TOKEN}' } } };

  test.each([
    ['whose list of jobs is lost', {}, { errorClass: 'lost', message: /start it from its file, .* then/ }],
    ['that this host could not run', UNSET, { errorClass: 'config', message: /AGENT_TOKEN/ }],
    ['whose engine is gone before the start', {}, { message: /engine is gone/ }],
  ] as const)('%s', async (what, given, error) => {
    const night = await aNight(given);
    const row = await ended(night);
    const { connections, client, seen } = atTheEngine(night);
    if (what.includes('lost')) rmSync(statePaths(night.stateDir).artifacts, { recursive: true });
    if (what.includes('engine')) {
      let asked = 0;
      const lastly = () =>
        ++asked > 1 ? Promise.reject(new Error('engine is gone')) : Promise.resolve(client);
      Object.assign(connections, { client: lastly });
    }
    const head = await night.ledger.head();
    const refused = await retryBatch(row, connections).catch((thrown: unknown) => thrown);
    const { message, ...rest } = error;
    expect(refused).toMatchObject({ ...rest, message: expect.stringMatching(message) as string });
    expect(await statesOf(night.ledger)).toEqual(['parked', 'parked', undefined]);
    expect(await night.ledger.head(), 'nothing was changed').toBe(head);
    expect(seen.started).toEqual([]);
    expect(await night.ledger.requests({ batchId: BATCH })).toMatchObject([
      { what: 'retry', outcome: 'failed', by: 'ann@host' },
    ]);
    expect(await toRetry(row, connections)).toHaveLength(2);
  });

  test('what this host lacks is no matter where a worker lives, which looks for itself', async () => {
    const night = await aNight(UNSET);
    const row = await ended(night);
    workerElsewhere(night);
    const { connections, seen } = atTheEngine(night);
    expect(await retryBatch(row, connections)).toMatchObject({ started: { how: 'started' } });
    expect(seen.started).toHaveLength(1);
  });

  test('what is shown before is what runs, and the jobs are put back when the run has begun', async () => {
    const night = await aNight();
    const row = await ended(night);
    const { connections, seen } = atTheEngine(night);
    const selection = { keys: [keyOf('b')] };
    const asOf = await night.ledger.head();
    const shown = (await toRetry(row, connections, selection)).map(({ key }) => key);
    const also = await alsoRuns(row, connections, selection);
    expect(await retryBatch(row, connections, selection)).toMatchObject({ keys: shown, also });
    expect([shown, also.map(({ key }) => key)]).toEqual([[keyOf('b')], [keyOf('c')]]);
    const retry = { by: 'ann@host', keys: await storeKeys(shown, night.artifacts()), asOf };
    expect(seen.started).toEqual([{ states: ['parked', 'parked', undefined], retry }]);
    expect(await statesOf(night.ledger)).toEqual(['parked', 'waiting', undefined]);
    expect((await opening(night, { retry })).tickets.map(({ key }) => key)).toEqual([keyOf('b'), keyOf('c')]);
  });

  test('the run puts them back when it opens, where whoever asked for it died when it had started it', async () => {
    const night = await aNight();
    await ended(night);
    const retry = await requested(night, 'b');
    expect((await opening(night, { retry })).tickets.map(({ key }) => key)).toEqual([keyOf('b'), keyOf('c')]);
    expect(await statesOf(night.ledger)).toEqual(['parked', 'waiting', undefined]);
  });

  test('a job that has stopped again is given no third try, where the run is reset or its opening was repeated', async () => {
    const night = await aNight();
    await ended(night);
    const retry = await requested(night, 'b');
    await opening(night, { retry });
    await parkedAgain(night, 'b');
    expect(await opening(night, { retry })).toMatchObject({ tickets: [{ key: keyOf('c') }], parked: 2 });
    expect(await statesOf(night.ledger)).toEqual(['parked', 'parked', undefined]);
  });

  test('a job that somebody has discarded before the run opens stays so; one that was named stays asked for', async () => {
    const night = await aNight();
    const row = await ended(night);
    const [a, b] = [await requested(night, 'a'), await requested(night, 'b')];
    const discarded = { by: 'bob', reason: 'gone', selection: { keys: [keyOf('a'), keyOf('b')] } };
    await night.ledger.discard(row, discarded);
    expect((await opening(night, { retry: a })).tickets.map(({ key }) => key)).toEqual([keyOf('c')]);
    expect(await night.ledger.stopped(BATCH, { keys: [keyOf('a')] })).toMatchObject([{ state: 'discarded' }]);
    const named = { ...b, alsoDiscarded: true };
    expect((await opening(night, { retry: named })).tickets.map(({ key }) => key)).toEqual(
      ['b', 'c'].map(keyOf),
    );
  });

  test.each([
    ['parked', {}],
    ['discarded', { alsoDiscarded: true }],
  ])('what is asked for of a job that is %s says whether that is meant', async (what, more) => {
    const night = await aNight();
    const row = await ended(night);
    const selection = { keys: [keyOf('b')] };
    if (what === 'discarded') await night.ledger.discard(row, { by: 'bob', reason: 'gone', selection });
    const { connections, seen } = atTheEngine(night);
    const { asOf, keys } = await requested(night, 'b');
    await retryBatch(row, connections, selection);
    expect(seen.started.map(({ retry }) => retry)).toEqual([{ by: 'ann@host', keys, asOf, ...more }]);
    expect(await statesOf(night.ledger)).toEqual(['parked', 'waiting', undefined]);
  });

  test('a run that came and went before the start is seen: what it has stopped is meant, as it is now', async () => {
    const night = await aNight();
    const row = await ended(night);
    const { connections, client, seen } = atTheEngine(night);
    let engines = 0;
    const engine = await connections.engine();
    Object.assign(connections, {
      engine: async () => {
        if (++engines > 1) return engine;
        await opening(night, { retry: await requested(night, 'b') });
        await parkedAgain(night, 'b');
        await night.ledger.setBatchState(BATCH, 'incomplete', NOBODY);
        return engine;
      },
    });
    client.workflow.start = async (_, { args }) => {
      seen.started.push({ states: await statesOf(night.ledger), retry: args[0].retry });
      return { firstExecutionRunId: 'run-3' };
    };
    expect(await retryBatch(row, connections, { keys: [keyOf('b')] })).toMatchObject({ keys: [keyOf('b')] });
    expect(seen.started).toMatchObject([{ retry: { asOf: (await night.ledger.head()) - 2 } }]);
    expect(await statesOf(night.ledger), 'it has its new try').toEqual(['parked', 'waiting', undefined]);
  });

  test('a job that the run has parked again by then is left as it is', async () => {
    const night = await aNight();
    const row = await ended(night);
    const { connections, client } = atTheEngine(night);
    const { start } = client.workflow;
    client.workflow.start = async (...asked) => {
      const answer = await start(...asked);
      await opening(night, { retry: await requested(night, 'b') });
      await parkedAgain(night, 'b');
      return answer;
    };
    await retryBatch(row, connections, { keys: [keyOf('b')] });
    expect(await statesOf(night.ledger)).toEqual(['parked', 'parked', undefined]);
  });

  describe.each([
    ['before it is asked for', [RUNNING]],
    ['between the look and the start', [FAILED, RUNNING]],
  ])('a run that somebody else has begun %s', (_, looks) => {
    test('takes the jobs in', async () => {
      const night = await aNight();
      const row = await ended(night);
      workerElsewhere(night);
      const { connections, seen } = atTheEngine(night, looks);
      const keys = [keyOf('a'), keyOf('b')];
      expect(await retryBatch(row, connections)).toMatchObject({
        keys,
        started: { how: 'joined', runId: 'run-2' },
      });
      expect(seen).toEqual({ started: [], asked: keys });
      expect(await statesOf(night.ledger), 'that run puts them back').toEqual([
        'parked',
        'parked',
        undefined,
      ]);
    });

    test('keeps to no rate of a later request, which is refused', async () => {
      const night = await aNight();
      const row = await ended(night);
      workerElsewhere(night);
      const { connections, seen } = atTheEngine(night, looks);
      const refused = retryBatch(row, connections, {}, undefined, '40/m');
      await expect(refused).rejects.toThrow('a rate is for a batch that has ended');
      expect(seen).toEqual({ started: [], asked: [] });
      expect(await statesOf(night.ledger)).toEqual(['parked', 'parked', undefined]);
    });
  });
});

test.each([
  ['it ended', new WorkflowNotFoundError('workflow execution already completed', BATCH, undefined)],
  ['it was reset', new ServiceError('failed', { cause: Object.assign(new Error(), ABORTED) })],
  ['it was about to end', new WorkflowUpdateFailedError('failed', ABOUT_TO_END)],
  ['it was terminated, and had the request', new WorkflowUpdateFailedError('failed', CUT_OFF)],
])('of a batch under way, of which %s before it could answer: it is started again', async (what, error) => {
  const night = await aNight();
  const row = await ended(night);
  workerElsewhere(night);
  const { connections, client, seen } = atTheEngine(night, [RUNNING, FAILED]);
  const said: string[] = [];
  Object.assign(connections, { notify: (line: string) => said.push(line) });
  const { getHandle } = client.workflow;
  client.workflow.getHandle = () => ({
    ...getHandle(),
    executeUpdate: () => Promise.reject(error),
    result: () => Promise.reject(new WorkflowFailedError('failed', undefined, 'NON_RETRYABLE_FAILURE')),
  });
  const keys = [keyOf('a'), keyOf('b')];
  expect(await retryBatch(row, connections)).toMatchObject({ keys, started: { how: 'started' } });
  expect(seen.started).toHaveLength(1);
  expect(await statesOf(night.ledger)).toEqual(['waiting', 'waiting', undefined]);
  expect(said, 'only what takes a while is told').toHaveLength(what === 'it was about to end' ? 1 : 0);
});

describe('of a batch under way', () => {
  const request = { by: 'ann@host', keys: [keyOf('a'), keyOf('b')] };

  function taking({ ledger, artifacts, manifest }: Night, attempt = 1, asOf?: number) {
    const input = { work: WORK, manifest: readManifestRef(manifest) } as BatchInput;
    const workflowExecution = { workflowId: BATCH, runId: 'run-1' };
    const deps = { ledger, artifacts: artifacts() } as unknown as Deps;
    const environment = new MockActivityEnvironment({ workflowExecution, attempt });
    return environment.run<[], Ticket[], () => Promise<Ticket[]>>(() =>
      requeueJobs(deps)(input, { ...request, ...(asOf !== undefined && { asOf }) }),
    );
  }

  test('whose list of jobs is lost', async () => {
    const night = await aNight();
    rmSync(join(statePaths(night.stateDir).artifacts, 'sha256'), { recursive: true });
    const head = await night.ledger.head();
    await expect(taking(night)).rejects.toMatchObject({ errorClass: 'lost' });
    expect(await statesOf(night.ledger)).toEqual(['parked', 'parked', undefined]);
    expect(await night.ledger.head()).toBe(head);
  });

  test('they are taken in, also where the worker that had put them back died before it said so', async () => {
    const night = await aNight();
    const tickets = await taking(night);
    expect(tickets.map(({ key }) => key)).toEqual(request.keys);
    expect(await statesOf(night.ledger)).toEqual(['waiting', 'waiting', undefined]);
    expect(await taking(night), 'asked for again, as by somebody else').toEqual([]);
    expect(await taking(night, 2)).toEqual(tickets);
  });

  test('what has stopped again is left as it is, where the run was reset, and asked once more', async () => {
    const night = await aNight();
    const asOf = await night.ledger.head();
    expect(await taking(night, 1, asOf)).toHaveLength(2);
    await parkedAgain(night, 'a');
    expect(await taking(night, 1, asOf)).toEqual([]);
    expect(await statesOf(night.ledger)).toEqual(['parked', 'waiting', undefined]);
  });
});
