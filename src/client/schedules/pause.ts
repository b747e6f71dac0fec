import { missedNights } from '../../policy/missed-nights.js';
import type { Connections } from '../connections.js';
import { schedule } from './find.js';

/** No night starts by itself until `resume`; the batch of a night under way goes on. */
export async function pauseSchedule(name: string, connections: Connections, reason?: string): Promise<void> {
  const { handle } = await schedule(name, connections);
  await handle.pause(noteOf('paused', connections, reason));
}

/** Nights go on from now. Those of the pause are noted, and not made up for. */
export async function resumeSchedule(name: string, connections: Connections, reason?: string): Promise<void> {
  const { handle, definition, description } = await schedule(name, connections);
  if (description.state.paused) {
    const ledger = await connections.ledger();
    const rows = await ledger.scheduledNights({ schedule: name, since: definition.since });
    for (const night of missedNights(definition, rows, new Date(), 'paused').gone) {
      await ledger.recordNight(night);
    }
  }
  await handle.unpause(noteOf('resumed', connections, reason));
}

/** Its nights stay in the ledger; its batches, and what they did, are not touched. */
export async function deleteSchedule(name: string, connections: Connections): Promise<void> {
  const { handle } = await schedule(name, connections);
  await handle.delete();
}

const noteOf = (what: string, { who }: Connections, reason?: string): string =>
  `${what} by ${who}${reason === undefined ? '' : `: ${reason}`}`;
