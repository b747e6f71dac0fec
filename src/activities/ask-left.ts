import type { Left } from '../contract/messages.js';
import type { Deps } from './deps.js';

/** What a run leaves unfinished, where a person has decided that some of it will not be done. */
export const askLeft =
  ({ ledger }: Deps) =>
  async (batchId: string): Promise<Left | undefined> => {
    const { parked, held, cancelled, discarded } = await ledger.counts(batchId, 0);
    return discarded === undefined ? undefined : { parked, held, cancelled, discarded };
  };
