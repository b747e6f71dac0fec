import { closedServices } from '../activities/lanes/closed-services.js';
import { readDefinition } from '../batch/manifest.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import type { JobReport } from '../contract/result.js';
import { fullFolder, keptIn } from '../free-room.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { WaitsFor } from '../policy/waits.js';
import type { Connections } from './connections.js';

/** What the jobs of a run wait for: closed services, used-up budgets, a full disk. None where nothing of it is under way. */
export async function waitsFor(
  row: BatchRow,
  { gated }: { readonly gated: number },
  connections: Connections,
): Promise<readonly WaitsFor[]> {
  if (row.state !== 'running') return [];
  const { config } = connections;
  const ledger = await connections.ledger();
  const { jobs, why } = gated === 0 ? NOTHING : await ledger.gatedByBudget(row.id);
  // Sums differ from job to job by what was set aside when each asked: what one was told stands for all.
  const budget = jobs === 0 ? [] : [{ kind: 'budget' as const, jobs, why }];
  // Workers of a database elsewhere may run on other hosts, with other disks.
  const dir = 'path' in config.ledger ? await fullFolder(keptIn(config)) : undefined;
  const others = [...budget, ...(dir === undefined ? [] : [{ kind: 'room' as const, dir }])];
  const lanes = await ledger.lanes();
  if (lanes.every(({ state }) => state.gate === undefined)) return others;
  const definition = await readDefinition(readManifestRef(row.manifest), connections.artifacts);
  const closed = await closedServices(definition, { lanes: async () => lanes });
  return [...closed.map((service) => ({ kind: 'service' as const, ...service })), ...others];
}

/** A job that is told of as waiting for a budget. */
export const waitsForBudget = ({ state, error }: JobReport): boolean =>
  state === 'gated' && error?.class === 'budget';

const NOTHING = { jobs: 0, why: '' };
