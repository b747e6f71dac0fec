import { messageOf } from '../contract/thrown.js';
import { lookAtBatch, type LookDeps } from './look.js';

/**
 * Tells of open alerts again whose time has come. The look that finds a cause does so: a reminder is about what is so now, and
 * its commands are those of today. One that is not found, and not over either, is being seen to: it is put off until a look
 * finds it again. As they were found last are told only those that no look comes to: nights, and a batch that can't be looked at.
 */
export async function remind(
  deps: LookDeps,
  onTrouble: (what: string) => void = () => undefined,
): Promise<void> {
  const lookedAt = new Set<string>();
  for (const batchId of await deps.ledger.batchesToRemindOf()) {
    try {
      if (await lookAtBatch(batchId, deps, { causes: 'open' })) lookedAt.add(batchId);
    } catch (error) {
      onTrouble(`could not look at ${batchId}: ${messageOf(error)}`);
    }
  }
  await deps.ledger.queueReminders(lookedAt);
}
