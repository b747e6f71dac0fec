import { log } from '@temporalio/activity';
import { messageOf } from '../contract/thrown.js';
import type { NightOutcome } from '../ledger/ledger.js';
import { lookAtNights } from '../nights/look-at-nights.js';
import { SERVED } from '../policy/seen-nights.js';
import type { Deps } from './deps.js';
import { writeReport } from './write-report.js';

/**
 * Brings alerts and reports of nights up to date after one was decided. Trouble here is logged and nothing else: the
 * night is decided as it is, and the next look makes up for this one.
 */
export async function tellOfNight(
  schedule: string,
  outcome: NightOutcome,
  batchId: string | undefined,
  deps: Deps,
): Promise<void> {
  try {
    const kept = (await deps.ledger.keptSchedules()).find(({ definition }) => definition.name === schedule);
    if (kept) await lookAtNights(deps, { batchName: kept.batchName });
    deps.alarm.wake();
    if (batchId === undefined || !SERVED.has(outcome)) return;
    const state = (await deps.ledger.batch(batchId))?.state;
    // A batch that is under way names its nights when it ends.
    if (state === 'completed' || state === 'incomplete') await writeReport(batchId, deps);
  } catch (error) {
    log.warn('what came of a night could not be told; the next look tells it', {
      reason: messageOf(error),
    });
  }
}
