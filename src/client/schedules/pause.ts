import type { ScheduleDefinition } from '../../contract/schedules-file.js';
import type { Ledger } from '../../ledger/ledger.js';
import { endNightAlerts } from '../../nights/look-at-nights.js';
import { nightsBefore } from '../../policy/missed-nights.js';
import { auditedAbout } from '../audited.js';
import type { Connections } from '../connections.js';
import { findSchedule, noSchedule, schedule } from './find.js';

/** No night starts by itself until `resume`; the batch of a night under way goes on. */
export async function pauseSchedule(name: string, connections: Connections, reason?: string): Promise<void> {
  await auditedAbout('pause-schedule', name, connections, reason, () => pause(name, connections, reason));
}

async function pause(name: string, connections: Connections, reason?: string): Promise<void> {
  const { handle, definition, description } = await schedule(name, connections);
  const ledger = await connections.ledger();
  // What nobody had taken before the pause is none of the pause's.
  if (!description.state.paused) await noteUnsaid(definition, 'missed', ledger);
  await handle.pause(noteOf('paused', connections, reason));
  await ledger.markSchedulePaused(name, true);
}

/** Nights go on from now. Those of the pause are noted, and not made up for. */
export async function resumeSchedule(name: string, connections: Connections, reason?: string): Promise<void> {
  await auditedAbout('resume-schedule', name, connections, reason, () => resume(name, connections, reason));
}

async function resume(name: string, connections: Connections, reason?: string): Promise<void> {
  const { handle, definition, description } = await schedule(name, connections);
  const ledger = await connections.ledger();
  if (description.state.paused) await noteUnsaid(definition, 'paused', ledger);
  await handle.unpause(noteOf('resumed', connections, reason));
  await ledger.markSchedulePaused(name, false);
}

/**
 * Its nights stay in the ledger; its batches, and what they did, are not touched. One that is gone at the engine, as when
 * somebody deleted it there, is forgotten by the ledger.
 */
export async function deleteSchedule(name: string, connections: Connections, reason?: string): Promise<void> {
  await auditedAbout('delete-schedule', name, connections, reason, async () => {
    const found = await findSchedule(name, connections);
    await found?.handle.delete();
    const wasKept = await forget(name, connections);
    if (!found && !wasKept) throw await noSchedule(name, connections);
  });
}

/** No night of it is waited for any more, and none is made up for. @returns whether the ledger had it */
export async function forget(name: string, connections: Connections): Promise<boolean> {
  const ledger = await connections.ledger();
  const kept = (await ledger.keptSchedules()).find(({ definition }) => definition.name === name);
  if (!kept) return false;
  await ledger.forgetSchedule(name);
  await endNightAlerts(kept, { ledger, artifacts: connections.artifacts });
  return true;
}

/** See `nightsBefore`. */
export async function noteUnsaid(
  definition: ScheduleDefinition,
  outcome: 'missed' | 'paused',
  ledger: Ledger,
): Promise<void> {
  const { name: schedule, since } = definition;
  const rows = await ledger.scheduledNights({ schedule, since });
  for (const night of nightsBefore(definition, rows, new Date(), outcome)) await ledger.recordNight(night);
}

const noteOf = (what: string, { who }: Connections, reason?: string): string =>
  `${what} by ${who}${reason === undefined ? '' : `: ${reason}`}`;
