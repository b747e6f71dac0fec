import { readDefinition } from '../batch/manifest.js';
import type { Hold } from '../contract/holds.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { isUnderWay } from '../contract/states.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { Connections } from './connections.js';

/** The pause that a batch stands before, its own or a wider one. */
export async function holdOver(row: BatchRow, connections: Connections): Promise<Hold | undefined> {
  const ledger = await connections.ledger();
  if (!isUnderWay(row.state)) return undefined;
  if ((await ledger.holds()).length === 0 && row.state !== 'paused') return undefined;
  const definition = await readDefinition(readManifestRef(row.manifest), connections.artifacts);
  return ledger.holdOf({ batchId: row.id, work: row.work, provider: definition.agent.use });
}

/** A batch, and the pause that it stands before. */
export interface ListedBatch extends BatchRow {
  readonly hold?: Hold;
}

export async function withHold(row: BatchRow, connections: Connections): Promise<ListedBatch> {
  const hold = await holdOver(row, connections);
  return hold ? { ...row, hold } : row;
}
