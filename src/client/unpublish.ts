import { effectsOf } from '../batch/effects.js';
import { readDefinition, readTickets } from '../batch/manifest.js';
import { durationMs } from '../contract/batch-file.js';
import { UsageError } from '../contract/errors.js';
import { jobTitle } from '../contract/job.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import type { UnpublishInput, UnpublishSummary } from '../contract/messages.js';
import { unpublishWorkflowId } from '../identity/workflow-ids.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { unpublish as unpublishWorkflow } from '../workflows/unpublish.js';
import { audited } from './audited.js';
import type { Connections } from './connections.js';
import { whileHosted } from './hosted.js';
import { heartbeatTimeoutMs } from './start.js';

export interface UnpublishedJob {
  readonly key: string;
  readonly title: string;
  readonly effects: UnpublishSummary;
}

/**
 * Takes landed effects of jobs back, through the engine: a crash on the way is gone on from.
 * @param keys of the jobs
 * @param effect only the one of this name
 * @throws UsageError for a job or an effect that the batch does not have
 */
export async function unpublishJobs(
  row: BatchRow,
  keys: readonly string[],
  connections: Connections,
  { effect, reason }: { readonly effect?: string; readonly reason?: string } = {},
): Promise<readonly UnpublishedJob[]> {
  const inputs = await inputsFor(row, keys, effect, connections);
  const client = await connections.client();
  const ledger = await connections.ledger();
  const done: UnpublishedJob[] = [];
  await whileHosted(connections, async () => {
    for (const input of inputs) {
      const { work, key } = input.ref;
      const request = {
        by: connections.who,
        what: 'unpublish',
        batch: row,
        work,
        ...(reason !== undefined && { reason }),
      } as const;
      const effects = await audited(
        ledger,
        request,
        async () => {
          const handle = await client.workflow.start<typeof unpublishWorkflow>('unpublish', {
            workflowId: unpublishWorkflowId({ work, jobKey: key }),
            taskQueue: connections.config.taskQueue,
            args: [input],
            // Taking back what is gone already changes nothing, and the job may have been published again since.
            workflowIdReusePolicy: 'ALLOW_DUPLICATE',
            workflowIdConflictPolicy: 'USE_EXISTING',
            staticSummary: `unpublish ${input.title}`,
          });
          return handle.result();
        },
        (ends) => ({
          outcome: ends.some(({ end }) => end.kind === 'refused') ? 'refused' : 'done',
          jobKeys: [key],
        }),
      );
      done.push({ key, title: input.title, effects });
    }
  });
  return done;
}

async function inputsFor(
  row: BatchRow,
  keys: readonly string[],
  effect: string | undefined,
  connections: Connections,
): Promise<UnpublishInput[]> {
  const manifest = readManifestRef(row.manifest);
  const definition = await readDefinition(manifest, connections.artifacts);
  const names = definition.effects
    .map(({ name }) => name)
    .filter((name) => effect === undefined || name === effect);
  if (names.length === 0) {
    const there = definition.effects.map(({ name }) => name).join(', ');
    throw new UsageError(`batch ${row.name} has no effect "${effect ?? ''}"; it has: ${there}`);
  }
  const timing = {
    heartbeatTimeoutMs: heartbeatTimeoutMs(connections.config, await connections.engine()),
    sessionTimeoutMs: durationMs(definition.agent.timeout),
  };
  const ledger = await connections.ledger();
  const wanted = new Set(keys);
  const inputs: UnpublishInput[] = [];
  for await (const { job, offset, length } of readTickets(manifest, connections.artifacts)) {
    if (!wanted.delete(job.key)) continue;
    const ref = { work: definition.work, batchId: row.id, manifest, key: job.key, offset, length };
    const receipts = await ledger.receipts({ work: definition.work, jobKey: job.key });
    const effects = effectsOf(definition, job)
      .filter((one) => names.includes(one.name))
      .map(({ name, key }) => ({
        effect: name,
        revision: receipts.findLast(({ effectKey }) => effectKey === key)?.revision ?? 0,
      }));
    inputs.push({ ref, title: jobTitle(job.identity), effects: effects.reverse(), timing });
  }
  const [missing] = wanted;
  if (missing !== undefined) throw new UsageError(`batch ${row.name} has no job ${missing}`);
  return inputs;
}
