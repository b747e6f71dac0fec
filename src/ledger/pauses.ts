import type { Pause } from '../policy/pauses.js';
import type { Gate } from './ledger.js';
import type { Db } from './store.js';

/**
 * Pauses that were on after a moment before jobs of a batch: its own, as history has them, and those of its work, its
 * provider or everything. Each on its own, also where they overlap.
 * @param since ISO 8601
 */
export const pausesOf = async (
  db: Db,
  gate: Omit<Gate, 'underWay'>,
  since: string,
): Promise<readonly Pause[]> => [
  ...(await widePauses(db, gate, since)),
  ...(await ownPauses(db, gate, since)),
];

async function widePauses(
  db: Db,
  { work, provider }: Omit<Gate, 'underWay'>,
  since: string,
): Promise<readonly Pause[]> {
  const rows = await db
    .selectFrom('holds')
    .select(['since', 'lifted_at'])
    .where((eb) => eb.or([eb('lifted_at', 'is', null), eb('lifted_at', '>', since)]))
    .where((eb) =>
      eb.or([
        eb('scope', '=', 'all'),
        eb.and([eb('scope', '=', 'work'), eb('subject', '=', work)]),
        eb.and([eb('scope', '=', 'provider'), eb('subject', '=', provider)]),
      ]),
    )
    .execute();
  return rows.map(({ since: from, lifted_at }) => pause(from, lifted_at ?? undefined));
}

/**
 * By the index over jobs: rows about batches have no job key, and are few. That over batches has the rows of all jobs of a
 * batch, and this is asked for each of them.
 */
async function ownPauses(
  db: Db,
  { batchId, work }: Pick<Gate, 'batchId' | 'work'>,
  since: string,
): Promise<readonly Pause[]> {
  if (batchId === undefined) return [];
  const rows = await db
    .selectFrom('history')
    .select(['at', 'to_state'])
    .where('work', '=', work)
    .where('job_key', 'is', null)
    .where('subject', '=', batchId)
    .where('kind', '=', 'batch')
    .orderBy('seq')
    .execute();
  return rows.flatMap(({ at, to_state }, index) => {
    // A run that is started again is one more row in the same state.
    if (to_state !== 'paused' || rows[index - 1]?.to_state === 'paused') return [];
    const end = rows.slice(index).find((later) => later.to_state !== 'paused')?.at;
    return end === undefined || end > since ? [pause(at, end)] : [];
  });
}

const pause = (from: string, to: string | undefined): Pause => ({
  fromMs: Date.parse(from),
  toMs: to === undefined ? undefined : Date.parse(to),
});
