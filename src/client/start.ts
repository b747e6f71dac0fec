import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import { judgeManifest } from '../batch/judge-jobs.js';
import { storeKeys } from '../batch/job-keys.js';
import { readTickets, storeManifest } from '../batch/manifest.js';
import { openBatchRow } from '../batch/open-batch-row.js';
import { batchFileOf, type Batch } from '../batch/read-batch.js';
import { currencyOf, durationMs, type Definition } from '../contract/batch-file.js';
import type { Job } from '../contract/job.js';
import { manifestRefSchema, type ManifestRef } from '../contract/manifest-ref.js';
import { WORKFLOW_TASK_TIMEOUT_MS, type BatchInput } from '../contract/messages.js';
import type { EarlierList } from '../contract/result.js';
import { SEARCH_ATTRIBUTE_MAX } from '../contract/search-attributes.js';
import type { BatchState, UNDER_WAY } from '../contract/states.js';
import type { Config } from '../config.js';
import type { Engine } from '../engine/index.js';
import type { BatchRow, JobsAsOf } from '../ledger/ledger.js';
import type { StartedFrom } from '../report/batch-file-command.js';
import type { batch as batchWorkflow } from '../workflows/batch.js';
import { audited } from './audited.js';
import type { Connections } from './connections.js';
import { asTheEngineHasThem, earlierLists } from './earlier-lists.js';
import { reportedIfFailed } from './failed-start.js';
import { batchAttributes, batchDetails, knownAttributes } from './search-attributes.js';
import { tellBatch } from './tell-batches.js';

// Both are told in docs/guides/deployment.md, "When a worker dies".
/** Self-hosted and embedded engines charge nothing for a heartbeat; crashes and cancellation are noticed sooner. */
const HEARTBEAT_EMBEDDED_MS = 10_000;
/** A configured engine may be Temporal Cloud, where each heartbeat is paid for. */
const HEARTBEAT_CONFIGURED_MS = 120_000;

/**
 * How a start went. `started`: a first run, or one after an unfinished end · `joined`: a run was under way ·
 * `reopened`: the batch had finished, and the ledger found work in it (a raised revision, a new effect, an edited
 * job) · `already-completed`: nothing is left to do, and nothing was started.
 */
export interface Started extends StartedFrom {
  readonly how: 'started' | 'joined' | 'reopened' | 'already-completed';
  readonly name: string;
  readonly key: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Head of the ledger's history before this start: what came later is its doing. */
  readonly since: number;
  /** Of a run that had ended when it was found: how. Nothing of it is waited for. */
  readonly ended?: Exclude<BatchState, (typeof UNDER_WAY)[number]>;
  /** Set when the run joined will not do this batch, which is then to be started when that run has ended. */
  readonly after?: { readonly batch: Batch; readonly because: WontDo };
  /** Runs of the same name, and edition, that were started with another list of jobs; absent where there is none. */
  readonly earlier?: readonly EarlierList[];
}

/** Why a run that goes by the ID of a batch does not do it: it was started from other files, or is being cancelled. */
export type WontDo = 'other-contents' | 'being-cancelled';

/** What a start needs of `Connections`; a worker that starts the batch of a schedule brings its own. */
export interface Starter extends Pick<Connections, 'ledger' | 'client' | 'artifacts' | 'who'> {
  engine(): Promise<Pick<Engine, 'kind'>>;
  readonly config: Pick<Config, 'taskQueue' | 'heartbeatTimeoutMs'>;
}

/**
 * Starts a batch under its natural Workflow ID, or joins or finds what goes by that ID. Safe at any moment, any number of
 * times at once.
 * @param first what stands before the start; where it fails, the start has failed, and is noted so
 */
export async function startBatch(
  batch: Batch,
  connections: Starter,
  by = connections.who,
  first?: () => Promise<void>,
): Promise<Started> {
  const { definition, key, workflowId } = batch;
  const { name, work } = definition;
  return audited(
    await connections.ledger(),
    { by, what: 'start', batch: { id: workflowId, name, key }, work },
    async () => {
      await first?.();
      return startUnnoted(batch, connections, by);
    },
    ({ how, runId }) => ({ outcome: how, runId }),
  );
}

/** The same for who is to be told what else of that name is under way, and whose failure has a report. */
export async function startAmongOthers(
  batch: Batch,
  connections: Connections,
  by?: string,
  first?: () => Promise<void>,
): Promise<Started> {
  const lists = await earlierLists(batch, connections); // before it, for then this run is the newest
  const started = await reportedIfFailed(batch.definition.name, connections, () =>
    startBatch(batch, connections, by, first),
  );
  if (lists.length === 0) return started;
  if (started.how === 'already-completed') return { ...started, earlier: lists }; // no engine may be running
  return { ...started, earlier: await asTheEngineHasThem(lists, connections) };
}

async function startUnnoted(batch: Batch, connections: Starter, by: string): Promise<Started> {
  const { definition, key, workflowId } = batch;
  const ledger = await connections.ledger();
  const manifest = await storeManifest(batch, connections.artifacts);
  const since = await ledger.head();
  const named = { name: definition.name, key, workflowId, since, file: batchFileOf(definition) };

  // A batch that the ledger knows to be finished needs no engine, not even a running one.
  const row = await ledger.batch(workflowId);
  if (row?.state === 'completed' && !(await hasWork(manifest, connections))) {
    return { ...named, how: 'already-completed', runId: row.runId };
  }
  const engine = await connections.engine();
  const client = await connections.client();
  // Before the start, so that no session of the new run is judged by the budget of an earlier one.
  const isNews = await ledger.noteAsked(workflowId, manifest.definition);
  const input = {
    ...inputOf(definition, key, manifest, engine, connections, by),
    ...(await editionOfAll(batch.jobs)),
    ...(await knownAttributes(client)),
  };
  const { because, ...started } = await start(
    client,
    { ...named, input, taskQueue: connections.config.taskQueue },
    () => hasWork(manifest, connections),
  );
  await noteOpened(started, definition, manifest, row, connections, by);
  if (started.how === 'joined' && (isNews || because === 'other-contents'))
    await tellBatch(workflowId, client);
  return because === undefined ? started : { ...started, after: { batch, because } };
}

/**
 * A worker would do it, but there may be none yet: from now on the batch is known by its name, and is what it was not
 * any more when an earlier run ended.
 * @param row as it was before the start; a worker may have opened, and even ended, this run meanwhile, or a later one
 */
async function noteOpened(
  { how, workflowId, key, runId }: Omit<Started, 'after'>,
  definition: Definition,
  manifest: ManifestRef,
  row: Pick<BatchRow, 'runId'> | undefined,
  connections: Pick<Starter, 'ledger'>,
  by: string,
  retry?: JobsAsOf,
): Promise<void> {
  if (how !== 'started' && how !== 'reopened') return;
  const run = { id: workflowId, name: definition.name, key, runId, by };
  const ledger = await connections.ledger();
  await ledger.openBatch(openBatchRow(run, definition, manifest), { runId: row?.runId }, retry);
}

/** Whether the ledger knows the batch to be finished, with nothing left to do in it. */
export async function isBatchFinished(batch: Batch, connections: Starter): Promise<boolean> {
  const row = await (await connections.ledger()).batch(batch.workflowId);
  if (row?.state !== 'completed') return false;
  return !(await hasWork(await storeManifest(batch, connections.artifacts), connections));
}

/**
 * Another start of a batch from what the ledger has stored of it, with all done that may keep it from starting.
 * @param paceMs least time between the starts of two jobs
 * @param retry jobs that have their new try with it
 * @returns what begins it
 */
export async function prepareRestart(
  row: Pick<BatchRow, 'id' | 'name' | 'key' | 'runId' | 'edition'>,
  definition: Definition,
  manifest: ManifestRef,
  connections: Connections,
  { paceMs, retry }: { readonly paceMs: number | undefined; readonly retry: JobsAsOf | undefined },
): Promise<() => Promise<Started>> {
  const since = await (await connections.ledger()).head();
  const engine = await connections.engine();
  const client = await connections.client();
  const input = {
    ...inputOf(definition, row.key, manifest, engine, connections, connections.who),
    ...(await editionOfAll(jobsOf(manifest, connections))),
    ...(paceMs !== undefined && { paceMs }),
    ...(retry && {
      retry: { ...retry, by: connections.who, keys: await storeKeys(retry.keys, connections.artifacts) },
    }),
    ...(await knownAttributes(client)),
  };
  const { taskQueue } = connections.config;
  const request = {
    ...{ name: row.name, key: row.key, workflowId: row.id, since },
    ...{ file: batchFileOf(definition), edition: row.edition, input, taskQueue },
  };
  return async () => {
    const started = await start(client, request, async () => true);
    await noteOpened(started, definition, manifest, row, connections, connections.who, retry);
    return started;
  };
}

interface Request extends StartedFrom {
  readonly name: string;
  readonly key: string;
  readonly workflowId: string;
  readonly since: number;
  readonly input: BatchInput;
  readonly taskQueue: string;
}

async function start(
  client: Client,
  request: Request,
  workLeft: () => Promise<boolean>,
): Promise<Omit<Started, 'after'> & { readonly because?: WontDo | undefined }> {
  const { input, taskQueue, ...named } = request;
  const { name, workflowId } = named;
  let reuse: 'ALLOW_DUPLICATE_FAILED_ONLY' | 'ALLOW_DUPLICATE' = 'ALLOW_DUPLICATE_FAILED_ONLY';
  for (;;) {
    try {
      const handle = await client.workflow.start<typeof batchWorkflow>('batch', {
        workflowId,
        taskQueue,
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
        args: [input],
        workflowIdReusePolicy: reuse,
        // USE_EXISTING would do the same, but would not tell whether we started it or joined.
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: `${name}: ${input.manifest.count} jobs`,
        staticDetails: batchDetails(input),
        memo: { manifest: input.manifest, startedBy: input.startedBy },
        ...(input.searchAttributes && { typedSearchAttributes: batchAttributes(input) }),
      });
      const how = reuse === 'ALLOW_DUPLICATE' ? 'reopened' : 'started';
      return { ...named, how, runId: handle.firstExecutionRunId };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const { status, runId, memo, raw } = await client.workflow.getHandle(workflowId).describe();
    if (status.name === 'RUNNING') {
      const isBeingCancelled = raw.workflowExtendedInfo?.cancelRequested === true;
      const because = isBeingCancelled
        ? 'being-cancelled'
        : isSame(memo, input)
          ? undefined
          : 'other-contents';
      return { ...named, how: 'joined', runId, because };
    }
    if (status.name === 'COMPLETED') {
      if (!(await workLeft())) return { ...named, how: 'already-completed', runId };
      // The engine refuses a second run of a finished batch, and rightly: only the ledger may overrule it.
      reuse = 'ALLOW_DUPLICATE';
    }
    // Closed unfinished between our two calls: start it again.
  }
}

/** Whether a run was started from the very files that we have. */
const isSame = (memo: Record<string, unknown> | undefined, { manifest }: BatchInput): boolean => {
  const theirs = manifestRefSchema.safeParse(memo?.['manifest']);
  return (
    !theirs.success ||
    (theirs.data.definition === manifest.definition &&
      theirs.data.jobs === manifest.jobs &&
      theirs.data.permit === manifest.permit)
  );
};

/** Whether any job of the batch is not done at its revision, as the ledger knows it. */
async function hasWork(manifest: ManifestRef, connections: Starter): Promise<boolean> {
  const ledger = await connections.ledger();
  for await (const { verdict } of judgeManifest(manifest, ledger, connections.artifacts)) {
    if (verdict !== 'adopt' && verdict !== 'discarded') return true;
  }
  return false;
}

/** How long a worker may be silent before it is taken for dead. */
export const heartbeatTimeoutMs = (
  { heartbeatTimeoutMs }: Pick<Config, 'heartbeatTimeoutMs'>,
  { kind }: Pick<Engine, 'kind'>,
): number => heartbeatTimeoutMs ?? (kind === 'embedded' ? HEARTBEAT_EMBEDDED_MS : HEARTBEAT_CONFIGURED_MS);

/** One that all jobs have is the batch's, to be found by. */
async function editionOfAll(
  jobs: Iterable<Pick<Job, 'identity'>> | AsyncIterable<Pick<Job, 'identity'>>,
): Promise<Pick<BatchInput, 'edition'>> {
  let known: string | undefined;
  for await (const { identity } of jobs) {
    const { edition } = identity;
    if (edition === undefined || (known !== undefined && edition !== known)) return {};
    known = edition;
  }
  return known === undefined ? {} : { edition: known.slice(0, SEARCH_ATTRIBUTE_MAX) };
}

async function* jobsOf(
  manifest: ManifestRef,
  { artifacts }: Pick<Starter, 'artifacts'>,
): AsyncGenerator<Job> {
  for await (const { job } of readTickets(manifest, artifacts)) yield job;
}

function inputOf(
  definition: Definition,
  key: string,
  manifest: ManifestRef,
  engine: Pick<Engine, 'kind'>,
  { config }: Pick<Starter, 'config'>,
  startedBy: string,
): Omit<BatchInput, 'searchAttributes' | 'edition'> {
  const { name, work, effects, limits, agent, stopLoss, canary } = definition;
  return {
    name,
    work,
    key,
    manifest,
    effects: effects.map((effect) => effect.name),
    concurrency: limits.concurrency,
    stopLoss,
    ...(canary !== undefined && { canary }),
    timing: {
      heartbeatTimeoutMs: heartbeatTimeoutMs(config, engine),
      sessionTimeoutMs: durationMs(agent.timeout),
    },
    startedBy,
    currency: currencyOf(definition),
  };
}
