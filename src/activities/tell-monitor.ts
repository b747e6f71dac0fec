import { log } from '@temporalio/activity';
import { readDefinition, storedDefinition } from '../batch/manifest.js';
import type { Definition } from '../contract/batch-file.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { lookAtBatch } from '../alerts/look.js';
import { messageOf } from '../contract/thrown.js';
import { parseBatchWorkflowId } from '../identity/workflow-ids.js';
import { lookAtNights } from '../nights/look-at-nights.js';
import type { PingKind } from '../ledger/alert-rows.js';
import type { Deps } from './deps.js';

/** A monitor that waits to hear from this batch hears that a run begins. */
export const pingStart = (deps: Deps, batchId: string, runId: string): Promise<void> =>
  quietly(() => queuePing(deps, batchId, 'ping-start', runId));

/** The monitor waits for each night, also for one that had nothing left to do: no run of a batch will tell of that. */
export const pingFinished = (deps: Deps, definition: Definition, runId: string): Promise<void> =>
  quietly(async () => {
    if (definition.deadMan === undefined) return;
    const sha256 = await storedDefinition(definition, deps.artifacts);
    const { name: batchName } = definition;
    await deps.ledger.queuePing({ kind: 'ping-success', batchName, runId, definition: sha256 });
    deps.alarm.wake();
  });

/** Alerts of the batch are brought up to date, and its monitor hears how a run ended. Nothing is waited for. */
export const tellOfEnd = (
  deps: Deps,
  batchId: string,
  end: { readonly kind: PingKind; readonly runId: string } | undefined,
): Promise<void> =>
  quietly(async () => {
    await lookAtBatch(batchId, deps).catch((error: unknown) => {
      deps.alarm.look(batchId); // who keeps it until a look went well
      warn(error);
    });
    const name = parseBatchWorkflowId(batchId)?.name;
    if (end !== undefined && name !== undefined) await lookAtNights(deps, { batchName: name });
    if (end !== undefined) await queuePing(deps, batchId, end.kind, end.runId);
    deps.alarm.wake();
  });

async function queuePing(deps: Deps, batchId: string, kind: PingKind, runId: string): Promise<void> {
  const { ledger, artifacts, alarm } = deps;
  const batch = await ledger.batch(batchId);
  if (batch === undefined) return;
  const manifest = readManifestRef(batch.manifest);
  const { deadMan } = await readDefinition(manifest, artifacts);
  if (deadMan === undefined) return;
  await ledger.queuePing({ kind, batchName: batch.name, runId, definition: manifest.definition });
  alarm.wake();
}

/** The messenger's trouble is never the batch's. */
async function quietly(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    warn(error);
  }
}

function warn(error: unknown): void {
  log.warn('alerts could not be brought up to date', {
    reason: messageOf(error),
  });
}
