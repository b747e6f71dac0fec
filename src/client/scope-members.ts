import { readDefinition } from '../batch/manifest.js';
import { suggestion } from '../batch/nearest.js';
import { scopeText, type HoldScope } from '../contract/holds.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { Connections } from './connections.js';

/** Those of some batches whose jobs a pause of that scope holds back. */
export async function membersOf(
  scope: HoldScope,
  batches: readonly BatchRow[],
  connections: Pick<Connections, 'artifacts'>,
): Promise<readonly BatchRow[]> {
  if (scope.kind === 'all') return batches;
  const members: BatchRow[] = [];
  for (const batch of batches) {
    if ((await nameIn(scope, batch, connections)) === scope.name) members.push(batch);
  }
  return members;
}

/**
 * What to say of a name that no batch of the ledger has ever had: it may be one of later, and it may be a mistake, by
 * which everything that was meant goes on.
 * @returns undefined where a batch has it
 */
export async function unknownName(
  scope: HoldScope,
  connections: Pick<Connections, 'artifacts' | 'ledger'>,
): Promise<string | undefined> {
  if (scope.kind === 'all') return undefined;
  const names = new Set<string>();
  for (const batch of await (await connections.ledger()).batches(Number.MAX_SAFE_INTEGER)) {
    const name = await nameIn(scope, batch, connections);
    if (name === scope.name) return undefined;
    if (name !== undefined) names.add(name);
  }
  const hint = names.size === 0 ? `no ${scope.kind} is known here yet` : suggestion(scope.name, names);
  return `no batch that the ledger knows has the ${scopeText(scope)}, so nothing that runs now is meant; ${hint}`;
}

async function nameIn(
  { kind }: HoldScope,
  { work, manifest }: BatchRow,
  { artifacts }: Pick<Connections, 'artifacts'>,
): Promise<string | undefined> {
  if (kind === 'work') return work;
  try {
    return (await readDefinition(readManifestRef(manifest), artifacts)).agent.use;
  } catch {
    return undefined; // gone, or of another release: it has no say, and the pause that is in force does not fail by it
  }
}
