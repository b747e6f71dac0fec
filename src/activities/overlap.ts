import { onlyApprovalsLeft } from '../client/approvals-left.js';
import { requestCancel } from '../client/cancel-request.js';
import { isRunOpen, runUnderWay } from '../client/run-under-way.js';
import type { Overlap, ScheduleDefinition } from '../contract/schedules-file.js';
import type { BatchRow, NewNight } from '../ledger/ledger.js';
import { nightsBegun, runTitle } from '../nights/run-title.js';
import type { Deps } from './deps.js';

/** The night that is to start, as its overlap rule sees it. */
export interface OverlappingNight extends Pick<NewNight, 'night' | 'dueAt' | 'by' | 'runId'> {
  readonly rule: Overlap;
  readonly schedule: ScheduleDefinition;
  /** It has only now come to its turn, so that another night may be before it. */
  readonly joinsQueue: boolean;
}

/** What the rule makes of an earlier run: the night ends without one of its own, or waits for the end of that. */
export type GivesWay =
  | { readonly kind: 'end'; readonly outcome: 'skipped' | 'attached'; readonly why: string }
  | {
      readonly kind: 'wait';
      /** The run that is waited for. */
      readonly title: string;
      readonly noted: string;
      readonly why: string;
      readonly orApprovalsLeft?: true;
    };

/** What the overlap rule makes of an earlier night that still runs. */
export async function giveWay(other: BatchRow, night: OverlappingNight, deps: Deps): Promise<GivesWay> {
  const title = await runTitle(other, night.schedule, deps.ledger);
  switch (night.rule) {
    case 'skip':
      return { kind: 'end', outcome: 'skipped', why: `${title} was still running` };
    case 'attach':
      return { kind: 'end', outcome: 'attached', why: `served by ${title}, which was still running` };
    case 'queue': {
      if (await anotherWaits(night, deps)) return { kind: 'end', outcome: 'skipped', why: ANOTHER_WAITS };
      const why = `waits for the end of ${title}`;
      return { kind: 'wait', title, noted: why, why, orApprovalsLeft: true };
    }
    case 'cancel-older':
      if (await stays(other, night, deps))
        return { kind: 'end', outcome: 'skipped', why: `${title} was running, which is newer` };
      await cancelOlder(other.id, night, deps);
      return {
        kind: 'wait',
        title,
        noted: `waits for the end of ${title}, which it has asked to end`,
        why: `has asked ${title} to end, and waits for that`,
      };
  }
}

/** Whether the rule leaves everything to that run. Nights that were missed are all started at once, in no order. */
export async function stays(
  { id }: BatchRow,
  { rule, dueAt }: OverlappingNight,
  { ledger }: Deps,
): Promise<boolean> {
  if (rule === 'skip' || rule === 'attach') return true;
  if (rule === 'queue') return false;
  return (await nightsBegun(id, ledger)).some((begun) => begun.dueAt > dueAt);
}

export const ANOTHER_WAITS = 'another night waits for its turn already';

/** A week of nights of every minute, each spoken of twice. */
const WORDS_MAX = 20_000;

/** Whether a night that has only now come would wait beside another one. @param forBatch for the end of this one; any unless given */
export async function anotherWaits(
  { schedule, runId: own, joinsQueue }: OverlappingNight,
  { ledger, client }: Deps,
  forBatch?: string,
): Promise<boolean> {
  if (!joinsQueue) return false;
  const rows = await ledger.scheduledNights({ schedule: schedule.name, limit: WORDS_MAX });
  const lastOfRun = new Map(rows.map((row) => [row.runId, row]));
  lastOfRun.delete(own);
  for (const [runId, { outcome, batchId }] of lastOfRun) {
    if (outcome !== 'queued' || (forBatch !== undefined && batchId !== forBatch)) continue;
    if (await isRunOpen(runId, client)) return true;
  }
  return false;
}

async function cancelOlder(
  id: string,
  { by, night }: OverlappingNight,
  { ledger, client }: Deps,
): Promise<void> {
  const row = await ledger.batch(id);
  const reason = `the night ${night} takes its place`;
  if (!(await requestCancel({ workflowId: id }, { by, reason }, client))) return; // it has ended meanwhile
  await ledger.recordRequest({
    by,
    what: 'cancel',
    outcome: 'answered',
    reason,
    ...(row && { batch: { id, name: row.name, key: row.key }, work: row.work, runId: row.runId }),
  });
}

/**
 * Another batch of that name which runs; the ledger may not know that one was terminated, so the engine is asked. One
 * that only waits for a person's yes is in nobody's way, for days or for ever.
 */
export async function otherRun(
  name: string,
  workflowId: string,
  { ledger, client }: Deps,
): Promise<BatchRow | undefined> {
  for (const row of await ledger.openBatchesNamed(name)) {
    if (row.id === workflowId || !(await isRunning(row.id, { client }))) continue;
    if (!(await onlyApprovalsLeft(row, { ledger, client }))) return row;
  }
  return undefined;
}

/** Whether a run of that batch is under way, as the engine has it. */
export async function isRunning(workflowId: string, { client }: Pick<Deps, 'client'>): Promise<boolean> {
  return (await runUnderWay(workflowId, client)) !== undefined;
}
