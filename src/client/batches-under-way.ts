import { isUnderWay } from '../contract/states.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';

/** As the ledger has them, newest first: it never hears that one was terminated. */
export const batchesUnderWay = async (ledger: Pick<Ledger, 'batches'>): Promise<readonly BatchRow[]> =>
  (await ledger.batches(Number.MAX_SAFE_INTEGER)).filter(({ state }) => isUnderWay(state));
