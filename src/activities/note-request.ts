import type { AskedByMessage } from '../contract/messages.js';
import type { Deps } from './deps.js';

/** Keeps in the ledger what somebody asked of a batch by a message of his own; the same message once. */
export const noteRequest =
  ({ ledger }: Deps) =>
  async ({ at, ...request }: AskedByMessage): Promise<void> =>
    ledger.recordRequest(request, at);
