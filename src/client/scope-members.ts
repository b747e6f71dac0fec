import { readDefinition } from '../batch/manifest.js';
import { suggestion } from '../batch/nearest.js';
import { UsageError } from '../contract/errors.js';
import { scopeText, type HoldScope } from '../contract/holds.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import type { BatchRow } from '../ledger/ledger.js';
import { batchesUnderWay } from './batches-under-way.js';
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
 * Those of that scope that are under way, as the ledger has them, newest first.
 * @throws UsageError when no batch has ever had that work or provider, or there is none at all
 */
export async function membersUnderWay(
  scope: HoldScope,
  connections: Pick<Connections, 'artifacts' | 'config' | 'ledger'>,
): Promise<readonly BatchRow[]> {
  const underWay = await batchesUnderWay(await connections.ledger());
  const members = await membersOf(scope, underWay, connections);
  if (members.length === 0) await assertKnown(scope, connections);
  return members;
}

/**
 * What of it is of a batch of that scope.
 * @throws UsageError when nothing is, and no batch has ever had that work or provider
 */
export async function inScope<T extends { readonly batchId: string }>(
  scope: HoldScope,
  things: readonly T[],
  connections: Pick<Connections, 'artifacts' | 'config' | 'ledger'>,
): Promise<readonly T[]> {
  if (scope.kind === 'all') return things;
  const ids = new Set(things.map(({ batchId }) => batchId));
  const batches = await (await connections.ledger()).batches(Number.MAX_SAFE_INTEGER);
  const members = await membersOf(
    scope,
    batches.filter(({ id }) => ids.has(id)),
    connections,
  );
  const memberIds = new Set(members.map(({ id }) => id));
  const found = things.filter(({ batchId }) => memberIds.has(batchId));
  if (found.length === 0) await assertKnown(scope, connections);
  return found;
}

async function assertKnown(
  scope: HoldScope,
  connections: Pick<Connections, 'artifacts' | 'config' | 'ledger'>,
): Promise<void> {
  const unknown = await unknownName(scope, connections);
  if (unknown !== undefined) throw new UsageError(unknown);
}

/**
 * What to say of a name that no batch of the ledger has ever had, or of all batches where there was none yet: it may be one
 * of later, and it may be a mistake, by which everything that was meant goes on.
 * @returns undefined where a batch has it
 */
export async function unknownName(
  scope: HoldScope,
  connections: Pick<Connections, 'artifacts' | 'config' | 'ledger'>,
): Promise<string | undefined> {
  const ledger = await connections.ledger();
  if (scope.kind === 'all')
    return (await ledger.batches(1)).length > 0 ? undefined : noBatchYet(connections.config.stateDir);
  const names = new Set<string>();
  for (const batch of await ledger.batches(Number.MAX_SAFE_INTEGER)) {
    const name = await nameIn(scope, batch, connections);
    if (name === scope.name) return undefined;
    if (name !== undefined) names.add(name);
  }
  const hint = names.size === 0 ? `no ${scope.kind} is known here yet` : suggestion(scope.name, names);
  return `no batch that the ledger knows has the ${scopeText(scope)}, so nothing that runs now is meant; ${hint}`;
}

const noBatchYet = (stateDir: string): string =>
  `no batch was ever run in ${stateDir}, so nothing that runs now is meant; name the state directory of what runs with --state, and set NIGHTSHIFT_LEDGER and TEMPORAL_ADDRESS where its workers have them`;

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
