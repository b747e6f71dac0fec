import { readTickets } from '../batch/manifest.js';
import type { Batch } from '../batch/read-batch.js';
import { AdapterError } from '../contract/errors.js';
import { manifestRefSchema } from '../contract/manifest-ref.js';
import type { EarlierList } from '../contract/result.js';
import { isUnderWay, UNDER_WAY } from '../contract/states.js';
import type { BatchRow, Ledger, ListedJob } from '../ledger/ledger.js';
import type { Connections } from './connections.js';
import { runUnderWay } from './run-under-way.js';

/** Whoever has more of them under way is not told of each. */
const UNDER_WAY_MAX = 20;
/** Of those opened last, the first may be of another edition, with nothing written down of it yet. */
const NEWEST_LOOKED_AT = 3;

/**
 * A list of jobs that was edited is another batch, and starts beside the run of the list before: all of that name, and
 * edition, that are under way, and the one opened last, unless that is this one. Newest first. Reads the ledger only.
 */
export async function earlierLists(
  { definition: { name }, jobs, workflowId }: Pick<Batch, 'definition' | 'jobs' | 'workflowId'>,
  connections: Pick<Connections, 'ledger' | 'artifacts'>,
): Promise<readonly EarlierList[]> {
  const ledger = await connections.ledger();
  const edition = jobs[0]?.identity['edition'];
  const newest = await ledger.batchesNamed(name, { edition, limit: NEWEST_LOOKED_AT });
  const underWay = await ledger.batchesNamed(name, { edition, states: UNDER_WAY, limit: UNDER_WAY_MAX });
  const own = new Set(jobs.map(({ key }) => key));
  const lists: EarlierList[] = [];
  let isNewest = true;
  for (const row of new Map([...newest, ...underWay].map((found) => [found.id, found])).values()) {
    if (row.id === workflowId) isNewest = false;
    else if (isNewest || isUnderWay(row.state)) {
      const list = await listOf(row, ledger, connections);
      if (list === undefined || list[0]?.identity['edition'] !== edition) continue;
      lists.push(compared(row, list, own));
      isNewest = false;
    }
  }
  return lists;
}

/** The same with what the engine knows: a ledger never hears that a run was terminated. */
export const asTheEngineHasThem = (
  lists: readonly EarlierList[],
  connections: Pick<Connections, 'client'>,
): Promise<readonly EarlierList[]> =>
  Promise.all(
    lists.map(async (list) => ({
      ...list,
      underWay:
        list.underWay && (await runUnderWay(list.workflowId, await connections.client())) !== undefined,
    })),
  );

function compared(
  { id, openedAt, state }: BatchRow,
  list: readonly ListedJob[],
  own: ReadonlySet<string>,
): EarlierList {
  const gone = list.filter(({ key }) => !own.has(key));
  const kept = list.length - gone.length;
  return { workflowId: id, openedAt, underWay: isUnderWay(state), added: own.size - kept, gone: [...gone] };
}

/** A run that no worker has opened yet has its list in its manifest alone. */
async function listOf(
  { id, manifest }: BatchRow,
  ledger: Pick<Ledger, 'listedJobs'>,
  { artifacts }: Pick<Connections, 'artifacts'>,
): Promise<readonly ListedJob[] | undefined> {
  const listed = await ledger.listedJobs(id);
  if (listed.length > 0) return listed;
  const ref = manifestRefSchema.safeParse(JSON.parse(manifest));
  if (!ref.success) return undefined; // of another release
  const stored: ListedJob[] = [];
  try {
    for await (const { job } of readTickets(ref.data, artifacts))
      stored.push({ key: job.key, identity: job.identity, state: 'waiting' });
  } catch (error) {
    if (error instanceof AdapterError) return undefined; // it is lost to a worker as well
    throw error;
  }
  return stored;
}
