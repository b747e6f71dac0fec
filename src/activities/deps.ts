import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { setTimeout as timer } from 'node:timers/promises';
import type { ArtifactStore } from '../contract/artifact.js';
import type { Definition } from '../contract/batch-file.js';
import type { Config } from '../config.js';
import type { Engine } from '../engine/index.js';
import type { Job } from '../contract/job.js';
import type { JobRef } from '../contract/messages.js';
import { effectsOf } from '../batch/effects.js';
import { readDefinition, readJob } from '../batch/manifest.js';
import type { By, Claim, Gate, Ledger } from '../ledger/ledger.js';
import type { StoppableContext } from './grace.js';
import type { Alarm } from '../alerts/watchman.js';
import type { Reached } from './crash-points.js';

/** What Activities work with. Built once, in `worker.ts`. */
export interface Deps {
  readonly ledger: Ledger;
  readonly artifacts: ArtifactStore;
  /** On a connection of its own: calls on the worker's own can't be interrupted. */
  readonly client: Client;
  /** Absolute. */
  readonly stateDir: string;
  /** Where `${env:NAME}` is looked up, and nowhere else. */
  readonly env: NodeJS.ProcessEnv;
  /** Host and process of this worker. */
  readonly worker: string;
  readonly now: () => Date;
  readonly reached: Reached;
  readonly alarm: Alarm;
  /** Aborted when a worker that stops waits no longer for what has to be brought to its end. Absent: nobody stops it. */
  readonly graceOver?: AbortSignal;
  /** What a batch is started with. */
  readonly config: Pick<Config, 'taskQueue' | 'heartbeatTimeoutMs' | 'tracing'>;
  readonly engineKind: Engine['kind'];
}

/** What publishers get in the present Activity. */
export const contextOf = ({ now }: Pick<Deps, 'now'>): StoppableContext => {
  const stopped = cancellationSignal();
  return {
    signal: stopped,
    now,
    async sleep(ms, signal = stopped) {
      await timer(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
    },
  };
};

/** Who writes to the ledger in the present Activity. */
export function activityWriter(batchId: string, { worker }: Pick<Deps, 'worker'>): By {
  const { workflowExecution, attempt } = activityInfo();
  return {
    batchId,
    workflowId: workflowExecution?.workflowId ?? '',
    runId: workflowExecution?.runId ?? '',
    attempt,
    worker,
  };
}

/** Reads a job and its batch's definition from the stored manifest. @throws AdapterError `lost` when they are gone or damaged */
export async function readRef(
  ref: JobRef,
  { artifacts }: Deps,
): Promise<{ definition: Definition; job: Job }> {
  const [definition, job] = await Promise.all([
    readDefinition(ref.manifest, artifacts),
    readJob({ jobs: ref.manifest.jobs, offset: ref.offset, length: ref.length }, artifacts),
  ]);
  return { definition, job };
}

/** Takes a job for the present Activity; what that means is said at `Claim`. */
export function claimFor(ref: JobRef, definition: Definition, job: Job, deps: Deps): Promise<Claim> {
  const { key: jobKey, identity, fingerprint, revision } = job;
  const effectKeys = effectsOf(definition, job).map(({ key }) => key);
  const by = activityWriter(ref.batchId, deps);
  return deps.ledger.claimJob({ work: ref.work, jobKey, identity, fingerprint, revision, effectKeys, by });
}

/** Where a job stands in the way of pauses. */
export const gateOf = (
  { batchId, work }: Pick<JobRef, 'batchId' | 'work'>,
  { agent }: Pick<Definition, 'agent'>,
  underWay: boolean,
): Gate => ({ batchId, work, provider: agent.use, underWay });
