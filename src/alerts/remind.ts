import { lookAtBatch, type LookDeps } from './look.js';

/**
 * Tells of open alerts again whose time has come. Each batch is looked at first: a reminder is about what is so now, and
 * its commands are those of today. A batch that can't be looked at is reminded of as it was found last.
 */
export async function remind(
  deps: LookDeps,
  onTrouble: (what: string) => void = () => undefined,
): Promise<void> {
  for (const batchId of await deps.ledger.batchesToRemindOf()) {
    try {
      await lookAtBatch(batchId, deps, { causes: 'open' });
    } catch (error) {
      onTrouble(`could not look at ${batchId}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  await deps.ledger.queueReminders();
}
