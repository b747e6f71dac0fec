import { closedServices } from '../activities/lanes/closed-services.js';
import { readDefinition } from '../batch/manifest.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { ClosedService } from '../policy/alerts.js';
import type { Connections } from './connections.js';

/** Closed services that the jobs of a run wait for; none where nothing of it is under way. */
export async function waitsFor(row: BatchRow, connections: Connections): Promise<readonly ClosedService[]> {
  if (row.state !== 'running') return [];
  const ledger = await connections.ledger();
  const lanes = await ledger.lanes();
  if (lanes.every(({ state }) => state.gate === undefined)) return [];
  const definition = await readDefinition(readManifestRef(row.manifest), connections.artifacts);
  return closedServices(definition, { lanes: async () => lanes });
}
