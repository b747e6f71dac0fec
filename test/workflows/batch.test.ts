// The Workflows as built, on a real engine, against Activities of ours: what they start, in which order, how they end,
// and what the engine charges for it.
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, type WorkflowIdReusePolicy } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awaitJob } from '../../src/activities/await-job.js';
import type { Deps } from '../../src/activities/deps.js';
import type { Activities } from '../../src/activities/index.js';
import type { StopLossRule } from '../../src/contract/limits.js';
import {
  WORKFLOW_TASK_TIMEOUT_MS,
  type BatchInput,
  type BatchSummary,
  type ControlState,
  type NightStep,
  type OpenedBatch,
  type Progress,
  type PublishEnd,
  type StoredSlice,
  type Ticket,
} from '../../src/contract/messages.js';
import { locateBinary } from '../../src/engine/index.js';
import { jobWorkflowId } from '../../src/identity/workflow-ids.js';
import { partsOf } from '../../src/policy/shards.js';
import { localTime } from '../../src/policy/wall-clock.js';
import { waitQueue } from '../../src/workflows/queues.js';
import { until } from '../support/cli.js';
import { NIGHTLY } from '../unit/schedule-fixture.js';

const codePath = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let env: TestWorkflowEnvironment;
let metricsUrl: string;

/** So many events are long here; elsewhere it is 4,096. */
const LONG_HISTORY = 100;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const { path } = await locateBinary();
  const port = await freePort();
  metricsUrl = `http://127.0.0.1:${port}/metrics`;
  env = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path },
      extraArgs: [
        ...['--metrics-port', String(port), '--log-level', 'error'],
        ...['--search-attribute', 'NightshiftState=Keyword'],
        ...['--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${LONG_HISTORY}`],
      ],
    },
  });
});
afterAll(() => env.teardown());

/** One kind of work with its own queue, its jobs, and Activities that do nothing but what a test changes in them. */
class Night {
  readonly tickets: Ticket[];
  readonly calls: string[] = [];
  /** What people asked for by messages of their own. */
  readonly asked: (string | undefined)[][] = [];
  readonly activities: Activities;
  private readonly slices = new Map<string, Ticket[]>();
  inProgress = 0;
  mostInProgress = 0;

  constructor(
    readonly name: string,
    jobs: number,
    changes: Partial<Activities> = {},
    private readonly concurrency = 4,
  ) {
    this.tickets = Array.from({ length: jobs }, (_, index) => ticketOf(`${name}-${index}`));
    const called = (call: string) => this.calls.push(call);
    this.activities = {
      openBatch: async () => {
        called('openBatch');
        return this.opened();
      },
      openShard: async ({ tickets }: StoredSlice) => this.slices.get(tickets) ?? [],
      closeBatch: async ({ state }) => void called(`closeBatch ${state}`),
      noteBatch: async (_batchId, state, { by, reason }) =>
        void called(`noteBatch ${state} by ${by}${reason === undefined ? '' : `: ${reason}`}`),
      noteRequest: async ({ what, by, reason, outcome }) => void this.asked.push([what, by, reason, outcome]),
      decideApprovals: async () => [],
      askHolds: async () => undefined,
      askLeft: async () => undefined,
      requeueJobs: async () => [],
      runAgent: async ({ key }) => {
        called(`runAgent ${key}`);
        return { kind: 'made', sha256: sha256(key) };
      },
      unpublish: async () => ({ kind: 'nothing' }),
      publish: async ({ key }) => {
        called(`publish ${key}`);
        return { kind: 'landed', url: undefined };
      },
      settleJob: async ({ key }, { state }) => void called(`settleJob ${key} ${state}`),
      awaitJob: (workflowId) => awaitJob({ client: env.client } as Deps)(workflowId),
      startNight: async () => ({ kind: 'wait', batchId: '', why: '' }),
      awaitBatch: async () => undefined,
      awaitUpstream: async () => undefined,
      ...changes,
    };
    const { runAgent } = this.activities;
    this.activities.runAgent = async (ref) => {
      this.mostInProgress = Math.max(this.mostInProgress, ++this.inProgress);
      return runAgent(ref).finally(() => this.inProgress--);
    };
  }

  opened(more: Partial<OpenedBatch> = {}): OpenedBatch {
    return { tickets: this.tickets, slices: [], adopted: 0, parked: 0, held: 0, notes: [], ...more };
  }

  /** The jobs in shards, as `openBatch` hands over those of a large batch. @param counts of the jobs in each */
  openedInShards(counts = partsOf(this.tickets.length).map(({ count }) => count)): OpenedBatch {
    const slices = counts.map((count, index) => {
      const from = counts.slice(0, index).reduce((sum, each) => sum + each, 0);
      const tickets = sha256(`${this.name}-${index}`);
      this.slices.set(tickets, this.tickets.slice(from, from + count));
      return { index, from, count, tickets };
    });
    return this.opened({ tickets: [], slices });
  }

  /** @param letters the site of each job */
  sites(letters: string): void {
    for (const [at, ticket] of this.tickets.entries())
      this.tickets[at] = { ...ticket, site: letters[at] ?? 'blog' };
  }

  get workflowId(): string {
    return `batch:${this.name}:${sha256(this.name).slice(0, 32)}`;
  }

  jobId(index = 0): string {
    return jobWorkflowId({ work: this.name, jobKey: this.tickets[index]?.key ?? '' });
  }

  start(
    workflowIdReusePolicy: WorkflowIdReusePolicy = 'ALLOW_DUPLICATE_FAILED_ONLY',
    changes: Partial<BatchInput> = {},
  ): Promise<WorkflowHandle> {
    const input: BatchInput = {
      name: this.name,
      work: this.name,
      key: sha256(this.name).slice(0, 32),
      manifest: { definition: sha256('d'), jobs: sha256('j'), count: this.tickets.length },
      effects: ['post'],
      concurrency: this.concurrency,
      timing: { heartbeatTimeoutMs: 30_000, sessionTimeoutMs: 60_000 },
      startedBy: 'test',
      searchAttributes: false,
      ...changes,
    };
    return env.client.workflow.start('batch', {
      workflowId: this.workflowId,
      taskQueue: this.name,
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
      workflowIdReusePolicy,
      args: [input],
    });
  }

  /** Has workers while `use` runs. */
  async work<T>(use: () => Promise<T>): Promise<T> {
    const common = { connection: env.nativeConnection, activities: this.activities };
    const workers = await Promise.all([
      Worker.create({
        ...common,
        taskQueue: this.name,
        workflowBundle: { codePath },
        workflowFailureErrorTypes: { '*': ['Error'] },
      }),
      Worker.create({ ...common, taskQueue: waitQueue(this.name) }),
    ]);
    const [first, second] = workers;
    return first.runUntil(() => second.runUntil(use));
  }

  count(call: string): number {
    return this.calls.filter((each) => each.startsWith(call)).length;
  }
}

/** Jobs of a batch that is opened in two shards; 30 at once are enough for both to be at work at one time. */
const IN_SHARDS = 80;
const shardsOf = (night: () => Night, jobs: number): Partial<Activities> =>
  jobs === IN_SHARDS ? { openBatch: async () => night().openedInShards([jobs / 2, jobs / 2]) } : {};

const ticketOf = (title: string): Ticket => ({
  key: sha256(title).slice(0, 32),
  title,
  site: 'blog',
  offset: 0,
  length: 1,
  fingerprint: sha256(`payload of ${title}`),
  revision: 1,
  effectKeys: [sha256(`post of ${title}`).slice(0, 32)],
  again: false,
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

/** How a Workflow failed. Fails when it did not. */
async function failureOf(handle: WorkflowHandle): Promise<Error | undefined> {
  const error: unknown = await handle.result().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return (error as Error).cause as Error | undefined;
}

const statusOf = async (workflowId: string) =>
  (await env.client.workflow.getHandle(workflowId).describe()).status.name;

/** Another batch of the same work, in most as the one under way. */
async function startOther(
  night: Night,
  running: WorkflowHandle,
  more: { readonly concurrency?: number; readonly jobs?: number; readonly canary?: number } = {},
): Promise<WorkflowHandle> {
  const [input] = (await inputOf(running)) as [BatchInput];
  const { concurrency = input.concurrency, jobs = input.manifest.count, canary } = more;
  return env.client.workflow.start('batch', {
    workflowId: `${night.workflowId}-other`,
    taskQueue: night.name,
    args: [{ ...input, concurrency, canary, manifest: { ...input.manifest, count: jobs } }],
  });
}

const eventsOf = async (handle: Pick<WorkflowHandle, 'fetchHistory'>) =>
  (await handle.fetchHistory()).events ?? [];

/** Values of NightshiftState, in the order in which a batch noted them. */
const statesNoted = async (handle: WorkflowHandle): Promise<unknown[]> =>
  (await eventsOf(handle)).flatMap(({ upsertWorkflowSearchAttributesEventAttributes: noted }) => {
    const data = noted?.searchAttributes?.indexedFields?.['NightshiftState']?.data;
    return data ? [JSON.parse(Buffer.from(data).toString()) as unknown] : [];
  });

/** What the engine counts as billable, over everything it was asked so far. Published about every second. */
async function actionsSoFar(): Promise<number> {
  let before = -1;
  for (;;) {
    const text = await (await fetch(metricsUrl)).text();
    const now = [...text.matchAll(/^action\{[^}]*namespace="default"[^}]*\} (\d+)/gm)]
      .map(([, value]) => Number(value))
      .reduce((sum, value) => sum + value, 0);
    if (now === before) return now;
    before = now;
    await sleep(2500);
  }
}

/** Resolves for all who wait when it is opened. */
function barrier(): { readonly opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('a batch', () => {
  test('with nothing unfinished completes without a child', async () => {
    const night: Night = new Night('nothing-left', 3, {
      openBatch: async () => night.opened({ tickets: [], adopted: 3 }),
    });
    await night.work(async () => {
      const handle = await night.start();
      expect(await handle.result()).toMatchObject({ jobs: 3, done: 0, adopted: 3, unfinished: [] });
      const events = await eventsOf(handle);
      expect(events.filter((event) => event.startChildWorkflowExecutionInitiatedEventAttributes)).toEqual([]);
      expect(events.length).toBeLessThanOrEqual(17);
    });
    expect(night.calls).toEqual(['closeBatch completed']);
  });

  test('that could not be opened is shown as incomplete, not as running', async () => {
    const night = new Night('not-opened', 1, {
      openBatch: async () => {
        throw ApplicationFailure.nonRetryable('no such agent', 'config');
      },
    });
    await night.work(async () => {
      const handle = await night.start(undefined, { stateAttributes: true });
      await failureOf(handle);
      expect(await statesNoted(handle)).toEqual(['incomplete']);
      expect(night.calls).toEqual(['noteBatch incomplete by preflight: no such agent']);
    });
  });

  test('whose ledger can’t be told of the end begins nothing more, and ends with why', async () => {
    const why = { errorClass: 'config', message: 'the ledger can’t be used' } as const;
    const night = new Night('not-told', 9, {
      runAgent: async () => ({ kind: 'gated', ...why }),
      closeBatch: async () => {
        throw ApplicationFailure.nonRetryable(why.message, why.errorClass);
      },
    });
    await night.work(async () => {
      const failure = await failureOf(await night.start());
      expect(failure).toMatchObject({ cause: { type: 'config', message: why.message } });
      expect(night.mostInProgress).toBeLessThan(9);
    });
  });

  test('that is done costs its engine at most 4 actions and 17 events for each lean job', async () => {
    const night = new Night('lean', 10);
    const before = await actionsSoFar();
    await night.work(async () => expect(await (await night.start()).result()).toMatchObject({ done: 10 }));
    const actions = (await actionsSoFar()) - before;
    const events = await eventsOf(env.client.workflow.getHandle(night.jobId()));
    console.error(`lean batch of 10: ${actions} actions; ${events.length} events per job`);
    expect(actions).toBeLessThanOrEqual(1 + 2 + 10 * 4); // its start, its two Activities, its jobs
    expect(actions, 'the metric was read').toBeGreaterThan(30);
    expect(events.length).toBeLessThanOrEqual(17);
  });

  test('never has more jobs in progress than its concurrency, also when that is lowered', async () => {
    let goOn: () => void = () => undefined;
    const lowered = new Promise<void>((resolve) => (goOn = resolve));
    const night = new Night('window', 24, {
      runAgent: async ({ key }) => {
        await lowered;
        await sleep(100);
        return { kind: 'made', sha256: sha256(key) };
      },
    });
    await night.work(async () => {
      const handle = await night.start();
      await until('four are in progress', () => night.mostInProgress >= 4);
      await handle.executeUpdate<ControlState, [number]>('setConcurrency', { args: [2] });
      expect(night.mostInProgress).toBe(4);
      goOn();
      await until('two of them have ended', () => night.inProgress <= 2);
      night.mostInProgress = 0;
      expect(await handle.result()).toMatchObject({ done: 24 });
    });
    expect(night.mostInProgress).toBe(2);
  });

  test('that is Completed is refused a second run by the engine; one that Failed is not', async () => {
    const done = new Night('done-once', 1);
    await done.work(async () => expect(await (await done.start()).result()).toMatchObject({ done: 1 }));
    await expect(done.start()).rejects.toThrow(/already started/i);

    let parks = true;
    const night: Night = new Night('failed-once', 2, {
      openBatch: async () =>
        parks ? night.opened() : night.opened({ tickets: night.tickets.slice(0, 1), adopted: 1 }),
      runAgent: async ({ key }) =>
        parks && key === night.tickets[0]?.key
          ? { kind: 'parked', errorClass: 'rejected', message: 'too short' }
          : { kind: 'made', sha256: sha256(key) },
    });
    await night.work(async () => {
      const failure = await failureOf(await night.start());
      expect(failure).toMatchObject({ type: 'BatchIncomplete', message: '1 of 2 jobs finished; 1 parked' });
      expect(await statusOf(night.jobId(0))).toBe('FAILED');
      parks = false;
      expect(await (await night.start()).result()).toMatchObject({ done: 1, adopted: 1 });
      expect(await statusOf(night.jobId(0))).toBe('COMPLETED');
    });
    expect(night.calls).toEqual([
      `publish ${night.tickets[1]?.key}`,
      'closeBatch incomplete',
      `publish ${night.tickets[0]?.key}`,
      'closeBatch completed',
    ]);
  });

  test('waits for jobs that are being given a new try when its last one ends, and takes in no more once it closes', async () => {
    const [requeuing, requeued, closing, closed] = [barrier(), barrier(), barrier(), barrier()];
    let agents = 0;
    const night: Night = new Night('retried-late', 2, {
      runAgent: async ({ key }) => {
        agents++;
        if (key === night.tickets[1]?.key) await requeuing.opened;
        return key === night.tickets[0]?.key && agents < 3
          ? { kind: 'parked', errorClass: 'rejected', message: 'too short' }
          : { kind: 'made', sha256: sha256(key) };
      },
      requeueJobs: async () => {
        requeuing.open();
        await requeued.opened;
        return night.tickets.slice(0, 1);
      },
      closeBatch: async () => {
        closing.open();
        await closed.opened;
      },
    });
    await night.work(async () => {
      const handle = await night.start();
      const progress = () => handle.query<Progress>('progress');
      await until('one is parked', async () => (await progress()).parked === 1);
      const retried = handle.executeUpdate('retryJob', { args: [{ by: 'test' }] });
      await until('the other has ended', async () => (await progress()).done === 1);
      requeued.open();
      expect(await retried).toEqual([night.tickets[0]?.key]);

      await closing.opened;
      const late = handle.executeUpdate('retryJob', { args: [{ by: 'test' }] });
      await expect(late).rejects.toMatchObject({ cause: { type: 'RunEnds' } });
      closed.open();
      expect(await handle.result()).toMatchObject({ done: 2, parked: 0 });
    });
    expect(agents).toBe(3);
  });

  test('asked for a new try while it opens, takes only jobs that it does not open with', async () => {
    const { opened, open } = barrier();
    const opening = barrier();
    const night: Night = new Night('retry-at-opening', 2, {
      openBatch: async () => {
        opening.open();
        await opened;
        return night.opened();
      },
      requeueJobs: async () => {
        night.calls.push('requeueJobs');
        return []; // nothing is parked any more
      },
    });
    await night.work(async () => {
      const handle = await night.start();
      await opening.opened;
      const retried = handle.executeUpdate('retryJob', { args: [{ by: 'test' }] });
      await sleep(300);
      expect(night.count('requeueJobs'), 'nobody asks before it is known what it opens with').toBe(0);
      open();
      expect(await retried).toEqual([]);
      expect(await handle.result()).toMatchObject({ done: 2 });
    });
    expect(night.count('requeueJobs')).toBe(1);
  });

  test('says from when a new try is that it gives when it opens, also when it was reset and opens again', async () => {
    const asked: BatchInput['retry'][] = [];
    const night: Night = new Night('retry-and-reset', 1, {
      openBatch: async ({ retry }) => {
        asked.push(retry);
        return night.opened();
      },
    });
    const retry = { by: 'ann', keys: sha256('keys'), asOf: 7 };
    await night.work(async () => {
      const handle = await night.start(undefined, { retry });
      await handle.result();
      const { events } = await handle.fetchHistory();
      const decided = events?.find((event) => event.workflowTaskCompletedEventAttributes);
      const { runId } = await handle.describe();
      await env.client.workflowService.resetWorkflowExecution({
        namespace: env.client.options.namespace,
        workflowExecution: { workflowId: night.workflowId, runId },
        reason: 'a test',
        workflowTaskFinishEventId: decided?.eventId ?? null,
        requestId: 'once',
      });
      await until('it has opened again', () => asked.length === 2);
      await env.client.workflow.getHandle(night.workflowId).result();
    });
    expect(asked).toEqual([retry, retry]);
  });

  test('begins a job again that had stopped before its own run could tell', async () => {
    const [stopped, told] = [barrier(), barrier()];
    let agents = 0;
    const night: Night = new Night('retried-early', 1, {
      runAgent: async ({ key }) => {
        if (++agents > 1) return { kind: 'made', sha256: sha256(key) };
        stopped.open(); // the ledger has it so
        await told.opened;
        return { kind: 'parked', errorClass: 'rejected', message: 'too short' };
      },
      requeueJobs: async () => night.tickets,
    });
    await night.work(async () => {
      const handle = await night.start();
      await stopped.opened;
      const retried = handle.executeUpdate('retryJob', { args: [{ by: 'test' }] });
      await sleep(500);
      told.open();
      expect(await retried).toEqual([night.tickets[0]?.key]);
      expect(await handle.result()).toMatchObject({ done: 1, parked: 0 });
    });
    expect(agents).toBe(2);
  });

  test.each([
    [
      ...(['is cancelled while it opens, and whose worker is gone', 'InvalidRequest'] as const),
      'this run is being cancelled: start the batch again when it has ended',
    ],
    [
      ...(['could not be opened', 'RunEnds'] as const),
      'this run is about to end: give them their new try when it has ended',
    ],
  ])('that %s says so to whoever asked for a new try meanwhile', async (what, type, said) => {
    const isCancelled = what.includes('cancelled');
    const timing = { heartbeatTimeoutMs: 1000, sessionTimeoutMs: 60_000 };
    const [opening, opened] = [barrier(), barrier()];
    const ended: unknown[] = [];
    const night: Night = new Night(`retried-${isCancelled ? 'cancelled' : 'not-opened'}`, 1, {
      openBatch: async () => {
        opening.open();
        await opened.opened;
        throw ApplicationFailure.nonRetryable('no such agent', 'config');
      },
      closeBatch: async ({ state, unopened }) => void ended.push(state, unopened?.manifest),
    });
    await night.work(async () => {
      const handle = await night.start(undefined, { timing });
      await opening.opened;
      const retried = handle
        .executeUpdate('retryJob', { args: [{ by: 'test' }] })
        .catch((error: unknown) => error);
      await sleep(500);
      if (isCancelled) await handle.cancel();
      else opened.open(); // a worker that is gone has no answer
      expect(await retried).toMatchObject({ cause: { type, message: said } });
      await failureOf(handle);
      opened.open();
    });
    const manifest: unknown = expect.objectContaining({ definition: sha256('d') });
    expect(ended, 'the ledger hears of the run that it may not know').toEqual(
      isCancelled ? ['cancelled', manifest] : [],
    );
  });

  test('of more than 400 jobs goes by shards; those with a parked job end Failed, and its summary counts them all', async () => {
    const agents = barrier();
    const night: Night = new Night(
      'sharded',
      401,
      {
        openBatch: async () => night.openedInShards(),
        runAgent: async ({ key }) => {
          await agents.opened;
          const at = night.tickets.findIndex((ticket) => ticket.key === key);
          return at < 25
            ? { kind: 'parked', errorClass: 'invalid', message: 'bad input' }
            : { kind: 'made', sha256: sha256(key) };
        },
      },
      30,
    );
    await night.work(async () => {
      const handle = await night.start();
      await until('all lanes are taken', () => night.inProgress === 30);
      for (const shard of [0, 1])
        expect(await statusOf(`${night.workflowId}:shard:${shard}`)).toBe('RUNNING');
      agents.open();
      const failure = (await failureOf(handle)) as ApplicationFailure;
      expect(failure).toMatchObject({ type: 'BatchIncomplete' });
      const summary = failure.details?.[0] as BatchSummary;
      expect(summary).toMatchObject({ jobs: 401, done: 376, parked: 25, held: 0, waiting: 0 });
      expect(summary.unfinished).toHaveLength(20);
      expect(summary.unfinished[0]).toMatchObject({ state: 'parked', trouble: { errorClass: 'invalid' } });
      expect(await statusOf(`${night.workflowId}:shard:0`)).toBe('FAILED');
      expect(await statusOf(`${night.workflowId}:shard:1`)).toBe('COMPLETED');
      const shard = await failureOf(env.client.workflow.getHandle(`${night.workflowId}:shard:0`));
      expect(shard).toMatchObject({ type: 'ShardIncomplete' });
    });
    expect(night.mostInProgress).toBeLessThanOrEqual(30);
    expect(night.count('publish')).toBe(376);
  }, 240_000);

  test.each([
    ['directly', undefined],
    ['in shards', [2, 1]],
  ])('%s, all jobs are done by the definition that was pinned as it opened', async (how, counts) => {
    const pinned = sha256('pinned');
    const used: string[] = [];
    const night: Night = new Night(`pinned-${how.replace(' ', '-')}`, 3, {
      openBatch: async () => ({
        ...(counts ? night.openedInShards(counts) : night.opened()),
        definition: pinned,
      }),
      runAgent: async ({ key, manifest }) => {
        used.push(manifest.definition);
        return { kind: 'made', sha256: sha256(key) };
      },
      publish: async ({ manifest }) => {
        used.push(manifest.definition);
        return { kind: 'landed', url: undefined };
      },
    });
    await night.work(async () => {
      expect(await (await night.start()).result()).toMatchObject({ done: 3 });
    });
    expect(used).toEqual(Array(6).fill(pinned));
  });

  test('in shards runs to the end of all others while jobs of one wait for a person, and never too many at once', async () => {
    let decided = false;
    const night: Night = new Night('shard-aside', 14, {
      openBatch: async () => night.openedInShards([8, 6]),
      publish: async ({ key, looks }) => {
        const waits = !decided && key === night.tickets[3]?.key;
        if (waits) return { kind: 'approval', why: 'post waits for approval', delayMs: undefined };
        return looks ? { kind: 'ready' } : { kind: 'landed', url: undefined };
      },
    });
    await night.work(async () => {
      const handle = await night.start();
      const other = env.client.workflow.getHandle(`${night.workflowId}:shard:1`);
      await until('the second shard has begun', () =>
        other.describe().then(
          () => true,
          () => false,
        ),
      );
      expect(await other.result()).toMatchObject({ jobs: 6, done: 6 });
      expect(await statusOf(`${night.workflowId}:shard:0`)).toBe('RUNNING');
      decided = true;
      await env.client.workflow.getHandle(night.jobId(3)).signal('decided');
      expect(await handle.result()).toMatchObject({ done: 14 });
    });
    expect(night.mostInProgress).toBeLessThanOrEqual(4);
  }, 120_000);

  test("in shards: one that can't be read keeps no other from being worked on", async () => {
    const night: Night = new Night(
      'shard-lost',
      6,
      {
        openBatch: async () => night.openedInShards([2, 2, 2]),
        openShard: async ({ index, from, count }) => {
          if (index === 0) throw ApplicationFailure.nonRetryable('its tickets are gone', 'lost');
          return night.tickets.slice(from, from + count);
        },
      },
      2, // one shard at once
    );
    await night.work(async () => {
      await failureOf(await night.start());
    });
    expect(night.count('publish')).toBe(4);
  }, 120_000);

  test('in shards gives jobs their new try while others wait for a person', async () => {
    let decided = false;
    const isParkedFirst = (key: string) =>
      [1, 5].some((at) => night.tickets[at]?.key === key) && night.count(`runAgent ${key}`) === 1;
    const night: Night = new Night('shard-retry', 8, {
      openBatch: async () => night.openedInShards([4, 4]),
      runAgent: async ({ key }) => {
        night.calls.push(`runAgent ${key}`);
        return isParkedFirst(key)
          ? { kind: 'parked', errorClass: 'rejected', message: 'too short' }
          : { kind: 'made', sha256: sha256(key) };
      },
      requeueJobs: async () => [1, 5].flatMap((at) => night.tickets[at] ?? []),
      publish: async ({ key, looks }) => {
        const waits = !decided && key === night.tickets[3]?.key;
        if (waits) return { kind: 'approval', why: 'post waits for approval', delayMs: undefined };
        night.calls.push(`landed ${key}`);
        return looks ? { kind: 'ready' } : { kind: 'landed', url: undefined };
      },
    });
    await night.work(async () => {
      const handle = await night.start();
      const parked = async () => (await handle.query<Progress>('progress')).parked;
      await until('the other shard has ended', async () => (await parked()) === 1);
      expect(night.count('landed')).toBe(5);
      const again = await handle.executeUpdate('retryJob', { args: [{ by: 'ann' }] });
      expect(again).toEqual([night.tickets[1]?.key, night.tickets[5]?.key]);
      await until('both have landed', () => night.count('landed') === 7);
      expect(await statusOf(`${night.workflowId}:shard:0`)).toBe('RUNNING');
      decided = true;
      await env.client.workflow.getHandle(night.jobId(3)).signal('decided');
      expect(await handle.result()).toMatchObject({ done: 8, parked: 0, unfinished: [] });
    });
    expect(night.count('runAgent')).toBe(10);
  }, 120_000);

  test('in shards keeps to a concurrency that is smaller than their number', async () => {
    const { opened, open } = barrier();
    let [isNarrow, now, most] = [false, 0, 0];
    const night: Night = new Night(
      'shards-narrowed',
      60,
      {
        openBatch: async () => night.openedInShards([30, 30]),
        runAgent: async ({ key }) => {
          if (isNarrow) {
            most = Math.max(most, ++now);
            await sleep(50);
            now--;
          } else await opened;
          return { kind: 'made', sha256: sha256(key) };
        },
      },
      30,
    );
    await night.work(async () => {
      const handle = await night.start();
      await until('both shards are at work', () => night.inProgress === 30);
      await handle.executeUpdate<ControlState, [number]>('setConcurrency', { args: [1] });
      isNarrow = true;
      open();
      await until('the first have ended, and some came after them', () => night.count('publish') >= 36);
      expect(most).toBe(1);
      await handle.executeUpdate<ControlState, [number]>('setConcurrency', { args: [30] });
      expect(await handle.result()).toMatchObject({ done: 60 });
    });
    expect(night.mostInProgress).toBe(30);
  }, 120_000);

  test('tells all jobs that a person decided at once, however many they are', async () => {
    const strangers = Array.from({ length: 2500 }, (_, at) => ({
      work: 'nobody',
      jobKey: sha256(`${at}`).slice(0, 32),
      waits: at >= 2000,
    }));
    let finish: () => void = () => undefined;
    const going = new Promise<void>((resolve) => (finish = resolve));
    const night = new Night('decided-at-once', 1, {
      decideApprovals: async () => strangers,
      runAgent: async ({ key }) => {
        await going;
        return { kind: 'made', sha256: sha256(key) };
      },
    });
    await night.work(async () => {
      const handle = await night.start();
      await handle.signal('approve', { all: true });
      await until(
        'all that wait were told',
        async () =>
          (await eventsOf(handle)).filter(
            (event) => event.signalExternalWorkflowExecutionInitiatedEventAttributes,
          ).length === 500,
        60_000,
      );
      finish();
      expect(await handle.result()).toMatchObject({ done: 1 });
    });
  }, 120_000);

  test('that is cancelled waits for effects under way, and starts no more', async () => {
    let landed = 0;
    const publishing = barrier();
    const night: Night = new Night(
      'cancelled',
      3,
      {
        publish: async () => {
          publishing.open();
          await sleep(1500); // as a request on its way that nobody can call back
          landed++;
          return { kind: 'landed', url: undefined };
        },
      },
      1,
    );
    await night.work(async () => {
      const handle = await night.start();
      await publishing.opened;
      await handle.cancel();
      expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
      expect(landed, 'the effect was under way').toBe(1);
      expect(await statusOf(night.workflowId)).toBe('CANCELLED');
    });
    expect(night.count('runAgent')).toBe(1);
    expect(night.calls.at(-1)).toBe('closeBatch cancelled');
  });

  test('that is terminated leaves its jobs running, and its next run joins them', async () => {
    const agent = barrier();
    let agents = 0;
    const night = new Night('terminated', 2, {
      runAgent: async ({ key }) => {
        agents++;
        await agent.opened;
        return { kind: 'made', sha256: sha256(key) };
      },
    });
    await night.work(async () => {
      const first = await night.start();
      await until('both agents run', () => agents === 2);
      await first.terminate('test');
      expect([await statusOf(night.jobId(0)), await statusOf(night.jobId(1))]).toEqual([
        'RUNNING',
        'RUNNING',
      ]);
      const second = await night.start();
      await until('both are awaited', async () => (await awaitedJobs(second)) === 2);
      agent.open();
      expect(await second.result()).toMatchObject({ done: 0, adopted: 2 });
    });
    expect(agents).toBe(2);
    expect(night.count('publish')).toBe(2);
  });

  test('that finds its job run by another batch awaits it and adopts its result', async () => {
    const agent = barrier();
    let agents = 0;
    const night = new Night('shared', 1, {
      runAgent: async ({ key }) => {
        agents++;
        await agent.opened;
        return { kind: 'made', sha256: sha256(key) };
      },
    });
    await night.work(async () => {
      const owner = await night.start();
      await until('the agent runs', () => agents === 1);
      const other = await startOther(night, owner);
      await until('it is awaited', async () => (await awaitedJobs(other)) === 1);
      agent.open();
      expect(await owner.result()).toMatchObject({ done: 1, adopted: 0 });
      expect(await other.result()).toMatchObject({ done: 0, adopted: 1 });
    });
    expect(agents).toBe(1);
    expect(night.count('publish')).toBe(1);
  });

  test.each(['before', 'after'])(
    'keeps no lane for a job of another batch that waits for a person, whether it waited %s this one joined it',
    async (when) => {
      const [asks, joined] = [barrier(), barrier()];
      let approved = false;
      const own = new Night(`own-${when}`, 3).tickets;
      const opened: OpenedBatch[] = [];
      const owner: Night = new Night(`asks-${when}`, 1, {
        openBatch: async () => opened.shift() ?? owner.opened(),
        publish: async ({ key, looks }) => {
          if (approved || key !== owner.tickets[0]?.key)
            return looks ? { kind: 'ready' } : { kind: 'landed', url: undefined };
          asks.open();
          if (when === 'after') await joined.opened;
          return { kind: 'approval', why: 'a person is asked', delayMs: undefined };
        },
      });
      await owner.work(async () => {
        const first = await owner.start();
        await asks.opened;
        opened.push(owner.opened({ tickets: [...owner.tickets, ...own] }));
        const other = await startOther(owner, first, { concurrency: 1, jobs: 4 });
        await until('it is awaited', async () => (await awaitedJobs(other)) === 1);
        joined.open();
        await until('its other jobs have begun', () => owner.count('runAgent') === 4);
        approved = true;
        await env.client.workflow.getHandle(owner.jobId(0)).signal('decided');
        expect(await first.result()).toMatchObject({ done: 1 });
        expect(await other.result()).toMatchObject({ done: 3, adopted: 1 });
      });
      expect(owner.mostInProgress).toBe(1);
    },
    120_000,
  );
});

describe('lanes', () => {
  const asks = { kind: 'approval', why: 'a person is asked', delayMs: undefined } as const;
  const ready = { kind: 'ready' } as const;
  const landed = { kind: 'landed', url: undefined } as const;
  const down = { kind: 'wait', delayMs: 300, why: 'the site is down', away: 'site' } as const;
  const isAt = (night: Night, key: string, site: string) =>
    night.tickets.some((ticket) => ticket.key === key && ticket.site === site);

  /** Effects that wait for a yes: how many leave at one time once it was given. */
  class Leaving {
    approved = false;
    now = 0;
    most = 0;

    /** @param last until it has landed */
    constructor(private readonly last: () => Promise<unknown>) {}

    readonly publish: Activities['publish'] = async ({ looks }) => {
      if (!this.approved) return asks;
      if (looks) return ready;
      this.most = Math.max(this.most, ++this.now);
      await this.last();
      this.now--;
      return landed;
    };
  }

  /** Lands what is not down, and notes it. */
  const landing =
    (night: () => Night, isDown: (key: string) => boolean): Activities['publish'] =>
    async ({ key, looks }) => {
      if (isDown(key)) return down;
      if (looks) return ready;
      night().calls.push(`landed ${key}`);
      return landed;
    };

  test.each([
    ['in one run', 8, 2],
    ['in shards', IN_SHARDS, 30],
  ])(
    '%s: what a person has approved all at once goes on as lanes become free',
    async (_where, jobs, concurrency) => {
      const leaving = new Leaving(() => sleep(20));
      const night: Night = new Night(
        `approved-${jobs}`,
        jobs,
        {
          ...shardsOf(() => night, jobs),
          publish: leaving.publish,
        },
        concurrency,
      );
      await night.work(async () => {
        const handle = await night.start();
        await until('all are made', () => night.count('runAgent') === jobs);
        const waits = async (index: number) =>
          ((await eventsOf(env.client.workflow.getHandle(night.jobId(index)))) ?? []).some((event) =>
            Boolean(event.signalExternalWorkflowExecutionInitiatedEventAttributes),
          );
        await until('the last waits', () => waits(jobs - 1));
        leaving.approved = true;
        for (const index of night.tickets.keys()) {
          const job = env.client.workflow.getHandle(night.jobId(index));
          await job.signal('decided').catch(() => undefined); // one that asked by itself has ended
        }
        expect(await handle.result()).toMatchObject({ done: jobs });
      });
      expect(leaving.most).toBeGreaterThan(0);
      expect(leaving.most).toBeLessThanOrEqual(concurrency);
    },
    240_000,
  );

  test('a job whose site is down leaves its lane to jobs of other sites, and no other of its site is begun', async () => {
    let isUp = false;
    const night: Night = new Night('site-down', 12, {
      publish: landing(
        () => night,
        (key) => !isUp && isAt(night, key, 'a'),
      ),
    });
    night.sites('aaaaaaaabbbb');
    await night.work(async () => {
      const handle = await night.start();
      await until('all of the other site have landed', () => night.count('landed') === 4);
      await sleep(1000);
      expect(night.count('runAgent')).toBe(4 + 4); // those that had all lanes when the first one found out
      isUp = true;
      expect(await handle.result()).toMatchObject({ done: 12 });
    });
    expect(night.count('landed')).toBe(12);
    expect(night.count('runAgent')).toBe(12);
  }, 120_000);

  test('of two sites that were down, the one that is back need not wait for the other', async () => {
    const dead = new Set(['a', 'b']);
    const night: Night = new Night(
      'two-down',
      12,
      {
        publish: landing(
          () => night,
          (key) => [...dead].some((site) => isAt(night, key, site)),
        ),
      },
      2,
    );
    night.sites('aaaaaabbbbbb');
    await night.work(async () => {
      const handle = await night.start();
      await until('some of both wait', () => night.count('runAgent') === 4);
      dead.delete('b');
      await until('all of one have landed', () => night.count('landed') === 6);
      dead.delete('a');
      expect(await handle.result()).toMatchObject({ done: 12 });
    });
    expect(night.mostInProgress).toBeLessThanOrEqual(2);
  }, 120_000);

  test('jobs of no site are begun while others of none wait', async () => {
    let isUp = false;
    const night: Night = new Night('no-site', 8, {
      publish: landing(
        () => night,
        (key) => !isUp && night.tickets.slice(0, 5).some((ticket) => ticket.key === key),
      ),
    });
    for (const [at, ticket] of night.tickets.entries()) night.tickets[at] = { ...ticket, site: undefined };
    await night.work(async () => {
      const handle = await night.start();
      await until('all others have landed', () => night.count('landed') === 3);
      isUp = true;
      expect(await handle.result()).toMatchObject({ done: 8 });
    });
  }, 120_000);

  test('while jobs wait for an agent that takes nothing none is begun, and what was approved leaves all the same', async () => {
    let [isUp, approved] = [false, false];
    const night: Night = new Night(
      'agent-shut',
      8,
      {
        runAgent: async ({ key, looks }) => {
          if (key === night.tickets[0]?.key || isUp)
            return looks ? ready : { kind: 'made', sha256: sha256(key) };
          return { kind: 'wait', delayMs: 300, why: 'the quota is used up', away: 'agent' };
        },
        publish: async ({ key, looks }) => {
          if (key === night.tickets[0]?.key && !approved) return asks;
          if (looks) return ready;
          night.calls.push(`landed ${key}`);
          return landed;
        },
      },
      2,
    );
    const begun = async () => {
      const states = await Promise.all(
        night.tickets.map((_, at) => statusOf(night.jobId(at)).catch(() => '')),
      );
      return states.filter((status) => status !== '').length;
    };
    await night.work(async () => {
      const handle = await night.start();
      await until(
        'the first one waits for a yes, and two for their agent',
        async () => (await begun()) === 3,
      );
      await sleep(1000);
      expect(await begun()).toBe(3);
      approved = true;
      await env.client.workflow.getHandle(night.jobId()).signal('decided');
      await until('what was approved has landed', () => night.count('landed') === 1);
      isUp = true;
      expect(await handle.result()).toMatchObject({ done: 8 });
    });
  }, 120_000);

  test('in shards: the jobs of a site that is down hold no other shard', async () => {
    let isUp = false;
    const night: Night = new Night(
      'shard-down',
      12,
      {
        openBatch: async () => night.openedInShards([6, 6]),
        publish: landing(
          () => night,
          (key) => !isUp && isAt(night, key, 'a'),
        ),
      },
      2, // one shard at once
    );
    night.sites('aaaaaabbbbbb');
    await night.work(async () => {
      const handle = await night.start();
      await until('all of the other site have landed', () => night.count('landed') === 6);
      isUp = true;
      expect(await handle.result()).toMatchObject({ done: 12 });
    });
    expect(night.mostInProgress).toBeLessThanOrEqual(2);
  }, 120_000);

  test('a site whose jobs are given up keeps no job of another from being done', async () => {
    const night: Night = new Night(
      'given-up',
      12,
      {
        publish: async ({ key }) =>
          isAt(night, key, 'a')
            ? { kind: 'gated', errorClass: 'transient', message: 'post: it is down', ofDestination: true }
            : landed,
      },
      2,
    );
    night.sites('aaabbbbabaab');
    await night.work(async () => {
      const failure = (await failureOf(await night.start())) as ApplicationFailure;
      expect(failure.details?.[0]).toMatchObject({ done: 6, waiting: 0 });
    });
  }, 120_000);

  test('in more shards than are at work at one time: each takes back one job at once of those that were approved', async () => {
    const leaving = new Leaving(() => sleep(100));
    const night: Night = new Night(
      'approved-shards',
      24,
      {
        openBatch: async () => night.openedInShards([6, 6, 6, 6]),
        publish: leaving.publish,
      },
      3,
    );
    await night.work(async () => {
      const handle = await night.start();
      await until('all wait', () => night.count('runAgent') === 24);
      await sleep(2000);
      leaving.approved = true;
      for (const index of night.tickets.keys())
        await env.client.workflow.getHandle(night.jobId(index)).signal('decided');
      expect(await handle.result()).toMatchObject({ done: 24 });
    });
    expect(leaving.most).toBeLessThanOrEqual(4);
  }, 120_000);

  test('a resume sets off no more jobs at once than there are lanes', async () => {
    const going = barrier();
    const leaving = new Leaving(() => going.opened);
    const night: Night = new Night(
      'approved-resumed',
      8,
      {
        publish: leaving.publish,
      },
      2,
    );
    await night.work(async () => {
      const handle = await night.start();
      await until('all wait', () => night.count('runAgent') === 8);
      await sleep(1000);
      leaving.approved = true;
      for (const index of night.tickets.keys())
        await env.client.workflow.getHandle(night.jobId(index)).signal('decided');
      await until('the lanes are taken', () => leaving.now === 2);
      await handle.signal('holdsChanged');
      await sleep(1500);
      expect(leaving.most).toBe(2);
      going.open();
      expect(await handle.result()).toMatchObject({ done: 8 });
    });
    expect(leaving.most).toBe(2);
  }, 120_000);

  test.each([
    ['a destination that fails does not keep the jobs of others from beginning', 'transient', 4],
    ['credentials that it refuses do', 'auth', 0],
  ] as const)('%s', async (_, errorClass, done) => {
    const night: Night = new Night(
      `gated-${errorClass}`,
      5,
      {
        publish: async ({ key }) =>
          key === night.tickets[0]?.key
            ? { kind: 'gated', errorClass, message: 'post: HTTP 503', ofDestination: true }
            : landed,
      },
      1,
    );
    await night.work(async () => {
      const failure = (await failureOf(await night.start())) as ApplicationFailure;
      expect(failure.details?.[0]).toMatchObject({ done });
    });
  });

  test('a stopped batch waits for what its shards send, and leaves the rest to the next run', async () => {
    let [approved, broken, isSending] = [false, false, false];
    const [sends, others] = [barrier(), barrier()];
    const night: Night = new Night(
      'stopped-while-sending',
      8,
      {
        openBatch: async () => night.openedInShards([4, 4]),
        runAgent: async ({ key }) => {
          if (isAt(night, key, 'a')) return { kind: 'made', sha256: sha256(key) };
          await others.opened;
          return broken
            ? { kind: 'gated', errorClass: 'auth', message: 'HTTP 401' }
            : { kind: 'made', sha256: sha256(key) };
        },
        publish: async ({ key, looks }) => {
          if (!approved || key !== night.tickets[0]?.key) return asks;
          if (looks) return ready;
          isSending = true;
          await sends.opened;
          return landed;
        },
      },
      2,
    );
    night.sites('aaaabbbb');
    await night.work(async () => {
      const handle = await night.start();
      const second = env.client.workflow.getHandle(`${night.workflowId}:shard:1`);
      await until('the second shard is at work', () => night.inProgress === 2);
      approved = true;
      await env.client.workflow.getHandle(night.jobId()).signal('decided');
      await until('the effect is under way', () => isSending);
      broken = true;
      others.open();
      await failureOf(second);
      await sleep(1000);
      expect(await statusOf(night.workflowId)).toBe('RUNNING');
      sends.open();
      const failure = (await failureOf(handle)) as ApplicationFailure;
      expect(failure.details?.[0]).toMatchObject({ done: 1, aside: 3, stoppedBy: { errorClass: 'auth' } });
    });
    expect(await statusOf(night.jobId(1))).toBe('RUNNING');
  }, 120_000);

  test.each([
    ['in one run', 6, 1],
    ['in shards', IN_SHARDS, 30],
  ])(
    '%s: where nothing more is begun, jobs that wait for a person keep no run open; the next one joins them',
    async (_where, jobs, concurrency) => {
      let [broken, approved] = [true, false];
      const isFirst = (key: string) => key === night.tickets[0]?.key;
      const asked = barrier();
      const night: Night = new Night(
        `stopped-${jobs}`,
        jobs,
        {
          ...shardsOf(() => night, jobs),
          runAgent: async ({ key }) => {
            if (isFirst(key) || !broken) return { kind: 'made', sha256: sha256(key) };
            await asked.opened;
            return { kind: 'gated', errorClass: 'auth', message: 'HTTP 401' };
          },
          publish: async ({ key, looks }) => {
            if (isFirst(key) && !approved) {
              asked.open();
              return asks;
            }
            if (looks) return ready;
            night.calls.push(`landed ${key}`);
            return landed;
          },
        },
        concurrency,
      );
      await night.work(async () => {
        const first = (await failureOf(await night.start())) as ApplicationFailure;
        expect(first.details?.[0]).toMatchObject({ done: 0, stoppedBy: { errorClass: 'auth' } });
        expect(first.message).toContain('waiting for a person');
        expect(await statusOf(night.jobId())).toBe('RUNNING');
        broken = false;
        const second = await night.start();
        await until('all others have landed', () => night.count('landed') === jobs - 1);
        approved = true;
        await env.client.workflow.getHandle(night.jobId()).signal('decided');
        expect(await second.result()).toMatchObject({ done: jobs - 1, adopted: 1 });
      });
    },
    240_000,
  );

  test.each([
    ['keeps no lane', { concurrency: 1 }],
    ['ends no canary', { concurrency: 4, canary: 1 }],
  ])(
    'a job that another batch has paused %s of the one that joined it',
    async (what, how) => {
      const name = `paused-${what}`.replaceAll(' ', '-');
      const own = new Night(`own-${name}`, 3).tickets;
      const opened: OpenedBatch[] = [];
      const owner: Night = new Night(name, 1, {
        openBatch: async () => opened.shift() ?? owner.opened(),
      });
      let isPaused = true;
      const { runAgent } = owner.activities;
      let asked = 0;
      owner.activities.runAgent = async (ref) => {
        if (!isPaused || ref.key !== owner.tickets[0]?.key) return runAgent(ref);
        asked++;
        return { kind: 'paused' };
      };
      await owner.work(async () => {
        const first = await owner.start();
        await until('its job stands still', () => asked > 0);
        opened.push(owner.opened({ tickets: [...owner.tickets, ...own] }));
        const other = await startOther(owner, first, { ...how, jobs: 4 });
        await until('it is joined', async () => (await awaitedJobs(other)) === 1);
        if ('canary' in how) {
          await sleep(1500);
          expect(owner.count('runAgent')).toBe(0);
        } else await until('its other jobs are done', () => owner.count('publish') === 3);
        isPaused = false;
        await env.client.workflow.getHandle(owner.jobId()).signal('resume');
        expect(await first.result()).toMatchObject({ done: 1 });
        expect(await other.result()).toMatchObject({ done: 3, adopted: 1 });
      });
    },
    120_000,
  );

  test('a run that begins nothing more takes no retry, and says so', async () => {
    const agent = barrier();
    const night: Night = new Night('no-retry', 2, {
      runAgent: async ({ key }) => {
        if (key !== night.tickets[0]?.key) return { kind: 'gated', errorClass: 'auth', message: 'HTTP 401' };
        await agent.opened;
        return { kind: 'made', sha256: sha256(key) };
      },
    });
    await night.work(async () => {
      const handle = await night.start();
      await until(
        'it stops',
        async () => (await handle.query<Progress, []>('progress')).state === 'stopping',
      );
      const retry = handle.executeUpdate('retryJob', { args: [{ by: 'ann' }] });
      await expect(retry.catch((error: Error) => Promise.reject(error.cause as Error))).rejects.toThrow(
        'this run begins nothing more (auth): give them their new try when it has ended',
      );
      agent.open();
      await failureOf(handle);
    });
  }, 120_000);
});

describe('too many failures', () => {
  const RULES = [{ class: 'any', count: 3, window: '1h' }] as const;

  test.each([
    ['in one run', 10, 2],
    ['in shards', IN_SHARDS, 30],
  ])(
    '%s: the rest is held, and after the fix a resume goes on with it',
    async (_where, jobs, concurrency) => {
      let broken = true;
      const night: Night = new Night(
        `stop-loss-${jobs}`,
        jobs,
        {
          runAgent: async ({ key }) =>
            broken
              ? { kind: 'parked', errorClass: 'rejected', message: 'the agent is not well' }
              : { kind: 'made', sha256: sha256(key) },
          ...shardsOf(() => night, jobs),
        },
        concurrency,
      );
      await night.work(async () => {
        const handle = await night.start('ALLOW_DUPLICATE_FAILED_ONLY', { stopLoss: RULES });
        await until('it is paused', () => night.calls.some((call) => call.startsWith('noteBatch paused')));
        await until('nothing is under way', () => night.inProgress === 0);
        const why =
          /^noteBatch paused by stop-loss: \d+ jobs ended with some error within 1h; the limit is 3$/;
        expect(night.calls).toContainEqual(expect.stringMatching(why));
        broken = false;
        await handle.executeUpdate<ControlState, [unknown]>('resume', { args: [{ by: 'ann' }] });
        const failure = (await failureOf(handle)) as ApplicationFailure;
        const { done, parked } = failure.details?.[0] as BatchSummary;
        expect(parked).toBeGreaterThanOrEqual(3);
        expect(parked).toBeLessThanOrEqual(5 + concurrency); // those under way when the third failed, in each shard
        expect(done + parked).toBe(jobs);
      });
    },
    240_000,
  );

  test.each<[string, PublishEnd]>([
    ['rejected by a person', { kind: 'held', errorClass: 'rejected', message: 'by ann', decided: true }],
    ['left out by the plan', { kind: 'left-out' }],
  ])(
    'what was %s is none, and begins no count: every job gets its turn',
    async (what, end) => {
      const night = new Night(`stop-loss-${what.replaceAll(' ', '-')}`, 12, { publish: async () => end }, 2);
      await night.work(async () => {
        const handle = await night.start(undefined, { stopLoss: RULES, canary: 2 });
        const failure = (await failureOf(handle)) as ApplicationFailure;
        expect(failure.details?.[0]).toMatchObject({ held: 12, waiting: 0 });
      });
      expect(night.count('runAgent')).toBe(12);
      expect(night.count('noteBatch')).toBe(0);
    },
    120_000,
  );

  test.each([
    ['in one run', [36], 2],
    ['in shards', [24, 12], 30],
  ])(
    '%s are held against jobs that wait for a yes, which did well',
    async (where, counts, concurrency) => {
      let decided = false;
      const asked = new Set<string>();
      const isBad = (at: number) => at >= 12 && at < 22;
      const night: Night = new Night(
        `stop-loss-asks-${where.replaceAll(' ', '-')}`,
        36,
        {
          ...(counts.length > 1 && { openBatch: async () => night.openedInShards([...counts]) }),
          runAgent: async ({ key }) => {
            night.calls.push('runAgent');
            return isBad(night.tickets.findIndex((ticket) => ticket.key === key))
              ? { kind: 'parked', errorClass: 'rejected', message: 'too short' }
              : { kind: 'made', sha256: sha256(key) };
          },
          publish: async ({ looks, key }) => {
            if (!decided) asked.add(key);
            if (!decided) return { kind: 'approval', why: 'a person is asked', delayMs: undefined };
            return looks ? { kind: 'ready' } : { kind: 'landed', url: undefined };
          },
        },
        concurrency,
      );
      await night.work(async () => {
        const handle = await night.start(undefined, {
          stopLoss: [{ class: 'any', share: 0.5, window: '1h' }],
        });
        await until('all others ask', () => night.count('runAgent') === 36 && asked.size === 26, 60_000);
        decided = true;
        for (const [at] of night.tickets.entries())
          if (!isBad(at)) await env.client.workflow.getHandle(night.jobId(at)).signal('decided');
        const failure = (await failureOf(handle)) as ApplicationFailure;
        expect(failure.details?.[0]).toMatchObject({ done: 26, parked: 10 });
      });
      expect(night.count('noteBatch')).toBe(0);
    },
    120_000,
  );
});

describe('too many failures in shards', () => {
  const bad = { kind: 'parked', errorClass: 'invalid', message: 'the input is bad' } as const;

  /** A night in shards whose agents end when they are told, and how. */
  function steered(name: string, counts: readonly number[], concurrency: number) {
    const begun = new Set<number>();
    const agents = Array.from({ length: counts.reduce((sum, each) => sum + each, 0) }, () => {
      let end: (isWell: boolean) => void = () => undefined;
      const isWell = new Promise<boolean>((resolve) => (end = resolve));
      return { isWell, end };
    });
    const night: Night = new Night(
      name,
      agents.length,
      {
        openBatch: async () => night.openedInShards([...counts]),
        runAgent: async ({ key }) => {
          const at = night.tickets.findIndex((ticket) => ticket.key === key);
          begun.add(at);
          if (await agents[at]?.isWell) return { kind: 'made', sha256: sha256(key) };
          night.calls.push('parked');
          return bad;
        },
      },
      concurrency,
    );
    /** Also jobs that are not begun yet. */
    const end = (how: 'well' | 'bad', from: number, to = from): void => {
      for (const agent of agents.slice(from, to + 1)) agent.end(how === 'well');
    };
    const endAll = () => end('well', 0, agents.length - 1);
    return {
      night,
      begun,
      end,
      /** A worker does not stop while agents run, and would hide what a test has found. */
      work: (use: () => Promise<void>) => night.work(() => use().finally(endAll)),
      start: (rule: StopLossRule) => night.start(undefined, { stopLoss: [rule] }),
      untilFull: () => until('all lanes are taken', () => night.inProgress === concurrency, 30_000),
      untilParked: (jobs: number) =>
        until(`${jobs} are parked`, () => night.count('parked') === jobs, 30_000),
      untilPaused: (times = 1) =>
        until('it is paused', () => night.count('noteBatch paused') === times, 30_000),
      /** What is to come of what has ended has had its time. */
      expectPaused: async (times: number): Promise<void> => {
        await sleep(1000);
        expect(night.count('noteBatch paused')).toBe(times);
      },
      /** All that were told nothing else end well. */
      goOn: async (handle: WorkflowHandle): Promise<unknown> => {
        endAll();
        await handle.executeUpdate<ControlState, [unknown]>('resume', { args: [{ by: 'ann' }] });
        return ((await failureOf(handle)) as ApplicationFailure).details?.[0];
      },
    };
  }

  test('strike at the count that was asked, wherever they are', async () => {
    const { night, begun, end, ...jobs } = steered('stop-loss-spread', [40, 40], 30);
    await jobs.work(async () => {
      const handle = await jobs.start({ class: 'any', count: 6, window: '1h' });
      await jobs.untilFull();
      end('bad', 0, 2);
      end('bad', 40, 41);
      await jobs.untilParked(5);
      await jobs.untilFull();
      await jobs.expectPaused(0);
      end('bad', 42);
      await jobs.untilPaused();
      expect(night.calls).toContain(
        'noteBatch paused by stop-loss: 6 jobs ended with some error within 1h; the limit is 6',
      );
      await jobs.expectPaused(1);
      end('well', 3, 17);
      end('well', 43, 57);
      await until('nothing is under way', () => night.inProgress === 0);
      expect(begun.size).toBeLessThanOrEqual(36); // the last one's lane was free before its shard heard of the pause
      expect(await jobs.goOn(handle)).toMatchObject({ done: 74, parked: 6 });
    });
  }, 120_000);

  test('that are enough in one shard hold it at once, before the ledger was told', async () => {
    const { night, begun, end, ...jobs } = steered('stop-loss-alone', [40, 40], 30);
    const ledger = barrier();
    const { noteBatch } = night.activities;
    night.activities.noteBatch = async (...note) => {
      await noteBatch(...note);
      await ledger.opened;
    };
    await jobs.work(async () => {
      try {
        const handle = await jobs.start({ class: 'any', count: 3, window: '1h' });
        await jobs.untilFull();
        end('bad', 0, 2);
        await jobs.untilPaused();
        end('well', 3, 10);
        await until('they are done', () => night.count('publish') === 8, 30_000);
        await sleep(1000);
        // But for those that had the lanes of the first two.
        expect([...begun].filter((at) => at < 40).length).toBeLessThanOrEqual(17);
        ledger.open();
        expect(await jobs.goOn(handle)).toMatchObject({ done: 77, parked: 3 });
      } finally {
        ledger.open();
      }
    });
  }, 120_000);

  test('count on from one shard to the next', async () => {
    const { end, ...jobs } = steered('stop-loss-next', [4, 4], 1);
    await jobs.work(async () => {
      const handle = await jobs.start({ class: 'invalid', count: 3, window: '1h' });
      end('well', 0, 1);
      end('bad', 2, 4);
      await jobs.untilPaused();
      expect(await jobs.goOn(handle)).toMatchObject({ done: 5, parked: 3 });
    });
  }, 120_000);

  test('strike a share of the whole, not of one bad stretch, whatever the others have not told yet', async () => {
    const { night, end, ...jobs } = steered('stop-loss-stretch', [80, 40], 30);
    await jobs.work(async () => {
      const handle = await jobs.start({ class: 'any', share: 0.5, window: '1h' });
      await jobs.untilFull();
      end('well', 80, 118); // all but the last, that the shard does not tell at its end
      await until('they are done', () => night.count('publish') === 39);
      await jobs.expectPaused(0);
      end('bad', 0, 19);
      await jobs.untilParked(20);
      await jobs.expectPaused(0);
      end('bad', 20, 42);
      await jobs.untilPaused();
      const why = night.calls.find((call) => call.startsWith('noteBatch paused')) ?? '';
      const [, failed, of] = /: (\d+) of the last (\d+) jobs ended .*; the limit is 50%$/.exec(why) ?? [];
      expect(Number(of) - Number(failed)).toBe(39);
      expect(Number(failed)).toBeGreaterThanOrEqual(39);
      expect(await jobs.goOn(handle)).toMatchObject({ done: 77, parked: 43 });
    });
  }, 120_000);

  test('are held against what went well in shards that are over', async () => {
    const { night, end, ...jobs } = steered('stop-loss-over', [12, 24], 2);
    end('well', 0, 11);
    end('bad', 12, 21);
    end('well', 22, 35);
    await jobs.work(async () => {
      const failure = await failureOf(await jobs.start({ class: 'any', share: 0.5, window: '1h' }));
      expect((failure as ApplicationFailure).details?.[0]).toMatchObject({ done: 26, parked: 10 });
    });
    expect(night.count('noteBatch')).toBe(0);
  }, 120_000);

  test('stop nothing where no job is left to begin', async () => {
    const { night, end, ...jobs } = steered('stop-loss-late', [3, 3], 30);
    await jobs.work(async () => {
      const handle = await jobs.start({ class: 'any', count: 3, window: '1h' });
      await until('all are under way', () => night.inProgress === 6);
      end('bad', 0, 5);
      const failure = (await failureOf(handle)) as ApplicationFailure;
      expect(failure.details?.[0]).toMatchObject({ parked: 6 });
    });
    expect(night.count('noteBatch')).toBe(0);
  }, 120_000);

  test('are counted anew after a resume, without those of jobs begun before it', async () => {
    const { begun, end, ...jobs } = steered('stop-loss-anew', [60, 60], 30);
    await jobs.work(async () => {
      const handle = await jobs.start({ class: 'any', count: 4, window: '1h' });
      await jobs.untilFull();
      end('bad', 0, 1);
      end('bad', 60, 61);
      await jobs.untilPaused();
      await jobs.expectPaused(1);
      await handle.executeUpdate<ControlState, [unknown]>('resume', { args: [{ by: 'ann' }] });
      await jobs.untilFull();
      end('bad', 2, 7);
      end('bad', 62, 67);
      await jobs.untilParked(16);
      await until('others have their lanes', () => begun.has(22) && begun.has(82));
      await jobs.expectPaused(1);
      end('bad', 21, 22);
      end('bad', 81);
      await jobs.untilParked(19);
      await jobs.expectPaused(1);
      end('bad', 82);
      await jobs.untilPaused(2);
      expect(await jobs.goOn(handle)).toMatchObject({ done: 100, parked: 20 });
    });
  }, 120_000);
});

describe('a canary', () => {
  const bad = { kind: 'parked', errorClass: 'rejected', message: 'the agent is not well' } as const;
  const progress = (handle: WorkflowHandle) => handle.query<Progress, []>('progress');
  const places = [
    ['in one run', 10, 4],
    ['in shards', IN_SHARDS, 30],
  ] as const;

  test.each(places)(
    '%s: no other job begins before so many did well',
    async (_where, jobs, concurrency) => {
      const [first, others] = [barrier(), barrier()];
      const night: Night = new Night(
        `canary-${jobs}`,
        jobs,
        {
          ...shardsOf(() => night, jobs),
          runAgent: async ({ key }) => {
            await (night.tickets.slice(0, 3).some((ticket) => ticket.key === key) ? first : others).opened;
            return { kind: 'made', sha256: sha256(key) };
          },
        },
        concurrency,
      );
      await night.work(async () => {
        const handle = await night.start(undefined, { canary: 3 });
        await until('they are under way', () => night.inProgress === 3);
        await sleep(1000);
        expect(night.mostInProgress).toBe(3);
        if (jobs === 10) expect((await progress(handle)).reason).toMatch(/^3 jobs go first/);
        first.open();
        await until('the lanes are full', () => night.inProgress === concurrency);
        others.open();
        expect(await handle.result()).toMatchObject({ done: jobs });
      });
      expect(night.mostInProgress).toBe(concurrency);
      expect(night.count('noteBatch')).toBe(0);
    },
    240_000,
  );

  test.each(places)(
    '%s: when it fails nothing else is begun, and after the fix a resume goes on, with a canary first',
    async (_where, jobs, concurrency) => {
      let broken = true;
      const agents: string[] = [];
      const night: Night = new Night(
        `canary-bad-${jobs}`,
        jobs,
        {
          ...shardsOf(() => night, jobs),
          runAgent: async ({ key }) => {
            agents.push(key);
            return broken ? bad : { kind: 'made', sha256: sha256(key) };
          },
        },
        concurrency,
      );
      await night.work(async () => {
        const handle = await night.start(undefined, { canary: 2, stopLoss: [] });
        const paused = (times: number) => night.count('noteBatch paused') === times;
        await until('it is paused', () => paused(1) && night.inProgress === 0);
        await sleep(1000);
        expect([...agents].sort()).toEqual(
          night.tickets
            .slice(0, 2)
            .map(({ key }) => key)
            .sort(),
        );
        expect(night.calls).toContainEqual(
          expect.stringMatching(
            /^noteBatch paused by stop-loss: the canary failed: canary-bad-\d+-[01] was parked: rejected: the agent is not well$/,
          ),
        );
        // Nobody has mended anything: no more than two others are tried.
        await handle.executeUpdate<ControlState, [unknown]>('resume', { args: [{ by: 'ann' }] });
        await until('it is paused again', () => paused(2) && night.inProgress === 0);
        await sleep(1000);
        expect(agents).toHaveLength(4);
        broken = false;
        await handle.executeUpdate<ControlState, [unknown]>('resume', { args: [{ by: 'ann' }] });
        const failure = (await failureOf(handle)) as ApplicationFailure;
        expect(failure.details?.[0]).toMatchObject({ done: jobs - 4, parked: 4 });
      });
      expect(new Set(agents).size).toBe(jobs);
      expect(agents).toHaveLength(jobs);
      expect(night.count('publish')).toBe(jobs - 4);
    },
    240_000,
  );

  test.each(places)(
    '%s: is over when its jobs wait for a person, who may not come before morning',
    async (_where, jobs, concurrency) => {
      const approved = new Set<string>();
      const night: Night = new Night(
        `canary-asks-${jobs}`,
        jobs,
        {
          ...shardsOf(() => night, jobs),
          publish: async ({ key, looks }) => {
            if (!approved.has(key) && night.tickets.slice(0, 2).some((ticket) => ticket.key === key))
              return { kind: 'approval', why: 'a person is asked', delayMs: undefined };
            return looks ? { kind: 'ready' } : { kind: 'landed', url: undefined };
          },
        },
        concurrency,
      );
      await night.work(async () => {
        const handle = await night.start(undefined, { canary: 2 });
        await until('all others are made', () => night.count('runAgent') === jobs);
        for (const [index, { key }] of night.tickets.slice(0, 2).entries()) {
          approved.add(key);
          await env.client.workflow.getHandle(night.jobId(index)).signal('decided');
        }
        expect(await handle.result()).toMatchObject({ done: jobs });
      });
    },
    240_000,
  );
});

describe('a pace', () => {
  const PACE_MS = 250;

  /** Milliseconds between the starts of jobs, as the engine has noted them. */
  async function betweenStarts(workflowId: string): Promise<number[]> {
    const events = await eventsOf(env.client.workflow.getHandle(workflowId));
    const starts = events
      .filter((event) => event.startChildWorkflowExecutionInitiatedEventAttributes)
      .map(({ eventTime }) => Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6);
    return starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
  }

  test('lets no two jobs begin within less than that', async () => {
    const night = new Night('pace', 5);
    await night.work(async () => {
      const handle = await night.start(undefined, { paceMs: PACE_MS });
      expect(await handle.result()).toMatchObject({ done: 5 });
    });
    const between = await betweenStarts(night.workflowId);
    expect(between).toHaveLength(4);
    expect(Math.min(...between)).toBeGreaterThanOrEqual(PACE_MS);
  });

  test('is shared out among the shards that are at work at one time', async () => {
    const night: Night = new Night(
      'pace-shards',
      8,
      { openBatch: async () => night.openedInShards([4, 4]) },
      60,
    );
    await night.work(async () => {
      const handle = await night.start(undefined, { paceMs: PACE_MS });
      expect(await handle.result()).toMatchObject({ done: 8 });
    });
    for (const shard of [0, 1]) {
      const between = await betweenStarts(`${night.workflowId}:shard:${shard}`);
      expect(between).toHaveLength(3);
      expect(Math.min(...between)).toBeGreaterThanOrEqual(2 * PACE_MS);
    }
  });

  test('does not keep a batch open that is stopped by trouble', async () => {
    const night = new Night('pace-stopped', 3, {
      runAgent: async () => ({ kind: 'gated', errorClass: 'auth', message: 'expired' }),
    });
    await night.work(async () => {
      const failure = (await failureOf(
        await night.start(undefined, { paceMs: 3_600_000 }),
      )) as ApplicationFailure;
      expect(failure.details?.[0]).toMatchObject({ waiting: 2, stoppedBy: { errorClass: 'auth' } });
    });
  });
});

test('a job that is told to wait sleeps in the engine, and its step is called again with nothing lost', async () => {
  let calls = 0;
  const night = new Night('told-to-wait', 1, {
    runAgent: async ({ key }) =>
      ++calls < 3
        ? { kind: 'wait', delayMs: 50, why: 'the quota is used up' }
        : { kind: 'made', sha256: sha256(key) },
  });
  await night.work(async () => {
    expect(await (await night.start()).result()).toMatchObject({ done: 1 });
  });
  expect(calls).toBe(3);
  expect(night.count('publish')).toBe(1);
});

test('a job that waits for days is told to wait less and less often, and its history does not grow with it', async () => {
  const rounds = 20; // of 11 events each
  const waits: (number | undefined)[] = [];
  const night = new Night('waits-for-days', 1, {
    runAgent: async ({ key, waits: before }) => {
      waits.push(before);
      return waits.length < rounds
        ? { kind: 'wait', delayMs: 1, why: 'all 1 places for sessions are taken' }
        : { kind: 'made', sha256: sha256(key) };
    },
  });
  await night.work(async () => expect(await (await night.start()).result()).toMatchObject({ done: 1 }));
  expect(waits.filter((before) => before === undefined)).toHaveLength(3); // its histories
  for (const [at, before] of waits.entries())
    if (before !== undefined) expect(before).toBe((waits[at - 1] ?? 0) + 1);
  expect(night.count('publish')).toBe(1);
  const events = await eventsOf(env.client.workflow.getHandle(night.jobId()));
  expect(events.length).toBeLessThan(LONG_HISTORY + 30);
}, 120_000);

test('a job that was told to wait for two hours looks again at once when a person has opened the way', async () => {
  let open = false;
  const night: Night = new Night('waits-woken', 1, {
    runAgent: async ({ key }) =>
      open
        ? { kind: 'made', sha256: sha256(key) }
        : { kind: 'wait', delayMs: 2 * 3_600_000, why: 'the quota is used up' },
  });
  await night.work(async () => {
    const handle = await night.start();
    await until('it waits', async () =>
      (await eventsOf(env.client.workflow.getHandle(night.jobId())).catch(() => [])).some(
        (event) => event.timerStartedEventAttributes,
      ),
    );
    open = true;
    await handle.signal('holdsChanged');
    expect(await handle.result()).toMatchObject({ done: 1 });
  });
});

describe('pause', () => {
  const progress = (handle: WorkflowHandle) => handle.query<Progress, []>('progress');

  test('and resume that come at once, as after a night without a worker, leave the batch running', async () => {
    const night = new Night('pause-resume', 2);
    const handle = await night.start();
    await handle.signal('pause', { by: 'test' });
    await handle.signal('resume', { by: 'test' });
    await night.work(async () => expect(await handle.result()).toMatchObject({ done: 2 }));
  });

  test('that comes before any worker is noted once the run is open, and before any job is started', async () => {
    const night = new Night('pause-first', 2);
    const handle = await night.start();
    await handle.signal('pause', 'the blog moves');
    await night.work(async () => {
      await until('it is noted', () => night.count('noteBatch') === 1);
      await sleep(500);
      expect(await progress(handle)).toMatchObject({ state: 'paused', inFlight: 0, waiting: 2 });
      expect(night.calls).toEqual(['openBatch', 'noteBatch paused by signal: the blog moves']);
      const answer = await handle.executeUpdate<ControlState, [unknown]>('resume', { args: [null] });
      expect(answer.state).toBe('running');
      expect(await handle.result()).toMatchObject({ done: 2 });
    });
    expect(night.calls[2]).toBe('noteBatch running by signal');
  });

  test('is kept with who asked for it, by signal or update, once each; what its sender has noted is not', async () => {
    let release: () => void = () => undefined;
    const opening = new Promise<void>((resolve) => (release = resolve));
    const times: string[] = [];
    const night: Night = new Night('pause-asked', 2, {
      openBatch: () => opening.then(() => night.opened()),
      noteRequest: async ({ what, by, reason, outcome, at }) => {
        times.push(at);
        night.asked.push([what, by, reason, outcome]);
      },
    });
    await night.work(async () => {
      const handle = await night.start();
      await handle.signal('pause', { by: 'ann', reason: 'the blog moves' });
      await handle.signal('resume');
      await handle.signal('pause', { by: 'cli', noted: true });
      await handle.signal('setConcurrency', { concurrency: 7, by: 'bob', reason: 'too slow' });
      await handle.signal('setConcurrency', 'many');
      await handle.signal('setConcurrency', 3, { by: 'cli', noted: true });
      await handle.executeUpdate<ControlState, [unknown]>('setConcurrency', { args: [5] });
      release();
      await handle.executeUpdate<ControlState, [unknown]>('resume', { args: [{ by: 'ann' }] });
      expect(await handle.result()).toMatchObject({ done: 2 });
    });
    expect(night.asked).toHaveLength(6);
    expect(night.asked).toEqual(
      expect.arrayContaining([
        ['pause', 'ann', 'the blog moves', 'done'],
        ['resume', 'signal', undefined, 'done'],
        ['concurrency', 'bob', '7 at once: too slow', 'done'],
        ['concurrency', 'signal', 'no whole number from 1 to 500; left as it is: many', 'refused'],
        ['concurrency', 'signal', '5 at once', 'done'],
        ['resume', 'ann', undefined, 'done'],
      ]),
    );
    expect(new Set(times).size, 'the time tells one from another').toBe(6);
  });

  test('of a frozen batch is made milder by nothing but a level that is said, and is one', async () => {
    const night = new Night('pause-frozen', 2, { runAgent: () => new Promise(() => undefined) });
    await night.work(async () => {
      const handle = await night.start();
      const pause = (request?: unknown) =>
        handle.executeUpdate<ControlState, [unknown]>('pause', { args: [request] });
      const level = async () =>
        (await handle.executeUpdate<ControlState, [number]>('setConcurrency', { args: [4] })).level;
      await pause({ level: 'freeze', by: 'ann', reason: 'the blog moves' });
      await expect(pause({ level: 'wrong' })).rejects.toMatchObject({
        cause: { message: 'level must be "admit" or "finish" or "freeze", not "wrong"' },
      });
      await handle.signal('pause', { level: 'wrong', by: 'bob' });
      await handle.signal('pause', 'too loud');
      await pause();
      expect(await level()).toBe('freeze');
      expect(night.calls.filter((call) => call.startsWith('noteBatch'))).toEqual([
        'noteBatch paused by ann: the blog moves',
      ]);
      expect(night.asked).toContainEqual([
        'pause',
        'bob',
        'level must be "admit" or "finish" or "freeze", not "wrong"; left as it is',
        'refused',
      ]);
      expect((await pause({ level: 'admit' })).level).toBe('admit');
      await handle.terminate();
    });
  });

  test('of its work, its provider, or everything is shown as its own is, until both are over', async () => {
    let wide: 'finish' | undefined = 'finish';
    const night: Night = new Night('pause-wide', 2, {
      openBatch: async () => night.opened({ pauseLevel: 'finish' }),
      askHolds: async () => wide,
    });
    await night.work(async () => {
      const handle = await night.start(undefined, { stateAttributes: true });
      await until('it is shown', async () => (await statesNoted(handle)).length === 1);
      await handle.executeUpdate<ControlState, [unknown]>('pause', { args: [{ by: 'test' }] });
      await handle.executeUpdate<ControlState, [unknown]>('resume', { args: [{ by: 'test' }] });
      expect(await statesNoted(handle)).toEqual(['paused', 'paused', 'paused']);
      wide = undefined;
      await handle.signal('holdsChanged');
      expect(await handle.result()).toMatchObject({ done: 2 });
      expect((await statesNoted(handle)).slice(3)).toEqual(['running', 'completed']);
    });
  });

  test('uses up no patience of a job that was waiting when it came', async () => {
    const told: unknown[] = [];
    const night: Night = new Night('pause-patience', 1, {
      runAgent: async ({ key, tried }) => {
        told.push(tried);
        if (told.length > 2) return { kind: 'made', sha256: sha256(key) };
        return {
          kind: 'wait',
          delayMs: 1000,
          why: 'it fails',
          tried: { failed: { transient: 3 }, failingSinceMs: 1 },
        };
      },
    });
    await night.work(async () => {
      const handle = await night.start();
      await until('it waits for the second time', () => told.length === 2);
      await handle.executeUpdate<ControlState, [unknown]>('pause', { args: [{ by: 'test' }] });
      await sleep(1500); // its wait is over by then
      await handle.executeUpdate<ControlState, [unknown]>('resume', { args: [{ by: 'test' }] });
      expect(await handle.result()).toMatchObject({ done: 1 });
    });
    expect(told).toEqual([undefined, { failed: { transient: 3 }, failingSinceMs: 1 }, undefined]);
  });

  test('of a batch that is terminated then: its next run takes its jobs on, though nobody resumed them', async () => {
    let ledgerPaused = false;
    const landed: string[] = [];
    const night: Night = new Night('pause-terminated', 2, {
      openBatch: async () => {
        ledgerPaused = false;
        return night.opened();
      },
      noteBatch: async (_batchId, state) => void (ledgerPaused = state === 'paused'),
      runAgent: async ({ key }) => {
        // It may have ended before its next owner came to wait for it; then that one starts it, and finds it done.
        if (landed.includes(key)) return { kind: 'adopted' };
        await sleep(300);
        return { kind: 'made', sha256: sha256(key) };
      },
      publish: async ({ key }) => {
        if (ledgerPaused) return { kind: 'paused' };
        landed.push(key);
        return { kind: 'landed', url: undefined };
      },
    });
    await night.work(async () => {
      const first = await night.start();
      await until('both agents run', () => night.inProgress === 2);
      await first.executeUpdate<ControlState, [unknown]>('pause', { args: [{ by: 'test' }] });
      await until('both agents have ended', () => night.inProgress === 0);
      await sleep(300);
      await first.terminate('test');
      const second = await night.start();
      expect(await second.result()).toMatchObject({ done: 0, adopted: 2 });
    });
    expect(landed).toHaveLength(2);
  });
});

/** Jobs of others that it waits for. */
const awaitedJobs = async (handle: WorkflowHandle) =>
  ((await handle.describe()).raw.pendingActivities ?? []).filter(
    ({ activityType }) => activityType?.name === 'awaitJob',
  ).length;

/** What a Workflow was started with. */
async function inputOf(handle: WorkflowHandle): Promise<unknown[]> {
  const [started] = await eventsOf(handle);
  const payloads = started?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const { payloadConverter } = env.client.options.loadedDataConverter;
  return payloads.map((payload) => payloadConverter.fromPayload(payload));
}

describe('the Web UI', () => {
  const ISO = /\d{4}-\d\d-\d\dT\d\d:\d\d/;
  const WALL = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+`;
  const DUE = '2026-11-30T02:12:33.016Z';
  const shown = async (workflowId: string): Promise<string> => {
    const handle = env.client.workflow.getHandle(workflowId);
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    return currentDetails;
  };
  const summaries = async (workflowId: string): Promise<unknown[]> =>
    (await eventsOf(env.client.workflow.getHandle(workflowId))).flatMap(({ userMetadata }) =>
      userMetadata?.summary?.data
        ? [JSON.parse(Buffer.from(userMetadata.summary.data).toString()) as unknown]
        : [],
    );

  test('shows of a batch under way what is in progress, longest first, and what was spent; paused, how it goes on', async () => {
    const gate = barrier();
    const night: Night = new Night('shown', 4, {
      runAgent: async ({ key }) => {
        if (key !== night.tickets[1]?.key) await gate.opened;
        return { kind: 'made', sha256: sha256(key), spentMicros: 420_000 };
      },
    });
    await night.work(async () => {
      const handle = await night.start(undefined, { currency: 'EUR' });
      await underWay(handle).finally(gate.open);
      expect(await handle.result()).toMatchObject({ done: 4 });
      const done = await shown(night.workflowId);
      expect(done).toContain('**shown**: completed (');
      expect(done).toMatch(/spent on jobs that ended\s+\| 1\.68 EUR/);
      expect(done).not.toContain('In progress');
    });

    async function underWay(handle: WorkflowHandle): Promise<void> {
      await until('one is done, three are under way', async () => {
        const { done, inFlight } = await handle.query<Progress>('progress');
        return done === 1 && inFlight === 3;
      });
      const running = await shown(night.workflowId);
      expect(running).toMatch(new RegExp(`^\\*\\*shown\\*\\*: running \\(${WALL}\\)`));
      for (const row of [/done\s+\| 1 /, /in progress\s+\| 3 /, /spent on jobs that ended\s+\| 0\.42 EUR/])
        expect(running).toMatch(row);
      const listed = running.split('**In progress, longest first**')[1] ?? '';
      const links = listed.matchAll(new RegExp(`^- \\[(\\S+)\\]\\(\\S+job\\S+\\), since ${WALL}$`, 'gm'));
      expect([...links].map(([, title]) => title)).toEqual(['shown-0', 'shown-2', 'shown-3']);
      expect(running).toContain(`start nothing new: \`nightshift pause ${night.workflowId}\``);

      await handle.executeUpdate<ControlState, [unknown]>('pause', { args: [{ by: 'test' }] });
      const paused = await shown(night.workflowId);
      expect(paused).toContain('**shown**: pausing (');
      expect(paused).toContain(`go on: \`nightshift resume ${night.workflowId}\``);
      await handle.signal('resume');
    }
  });

  test('says times by the clock on the wall, with their day: of a batch, and of a job that waits for days', async () => {
    const DAYS = 3 * 24 * 3_600_000;
    let waits = true;
    const night: Night = new Night('walls', 2, {
      runAgent: async ({ key }) =>
        key === night.tickets[0]?.key
          ? { kind: 'parked', errorClass: 'timeout', message: `nobody has approved it by ${DUE}` }
          : waits
            ? { kind: 'wait', delayMs: DAYS, why: `closed; next look at ${DUE}` }
            : { kind: 'made', sha256: sha256(key) },
    });
    const inThreeDays = localTime(new Date(Date.now() + DAYS).toISOString()).slice(0, 10);
    await night.work(async () => {
      const handle = await night.start();
      await until('one is parked', async () => (await handle.query<Progress>('progress')).parked === 1);
      await until('one waits', async () => (await shown(night.jobId(1))).includes('waits until'));
      const [ofBatch, ofWaiting, ofParked] = await Promise.all(
        [night.workflowId, night.jobId(1), night.jobId(0)].map(shown),
      );
      expect(ofBatch).toContain(`nobody has approved it by ${localTime(DUE)}`);
      expect(ofParked).toContain(`nobody has approved it by ${localTime(DUE)}`);
      expect(ofWaiting).toContain(`next look at ${localTime(DUE)}`);
      expect(ofWaiting).toMatch(new RegExp(`waits until ${inThreeDays} \\d\\d:\\d\\d:\\d\\d \\S+: closed`));
      for (const text of [ofBatch, ofWaiting, ofParked]) expect(text).not.toMatch(ISO);
      waits = false;
      await env.client.workflow.getHandle(night.jobId(1)).signal('resume');
      await failureOf(handle);
    });
  });

  test.each([
    ['the night of 2026-11-29 02:30 (Europe/Madrid)', 'the night of 2026-11-29 02:30 (Europe/Madrid)'],
    [undefined, 'digest'], // as a worker of an older release says it
  ])(
    'names of a night its due time and what it waits for, by the clock of its schedule (%s)',
    async (title, named) => {
      const batchId = `batch:digest:${'0'.repeat(32)}`;
      const steps: NightStep[] = [
        { kind: 'wait', batchId, why: `waits until ${DUE}`, ...(title !== undefined && { title }) },
        {
          kind: 'ended',
          night: {
            night: '2026-11-30T02:30',
            edition: '2026-11-30',
            outcome: 'started',
            why: 'started',
            batchId,
          },
        },
      ];
      const told: string[] = [];
      const workflowId = `nightly-shown-${named.length}`;
      const night = new Night(workflowId, 0, {
        startNight: async () => steps.shift() ?? { kind: 'wait', batchId, why: '' },
        awaitBatch: async () => void told.push(await shown(workflowId)),
      });
      await night.work(async () => {
        await env.client.workflow.execute('nightly', {
          workflowId,
          taskQueue: workflowId,
          args: [
            { schedule: { ...NIGHTLY, timeZone: 'Europe/Madrid' }, nights: ['2026-11-30T01:30:00.000Z'] },
          ],
        });
        expect(await summaries(workflowId)).toEqual([
          'start the night of nights, due 2026-11-30 02:30:00 CET',
          `wait for the end of ${named}`,
          'start the night of nights, due 2026-11-30 02:30:00 CET',
        ]);
        expect(told).toEqual(['waits until 2026-11-30 03:12:33 CET']);
        expect(await shown(workflowId)).toBe(
          `2026-11-30: started. started. Batch: [digest](/namespaces/default/workflows/${encodeURIComponent(batchId)})`,
        );
      });
    },
  );
});
