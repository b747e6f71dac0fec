import { ScheduleNotFoundError, type ScheduleDescription } from '@temporalio/client';
import { storedDefinition } from '../batch/manifest.js';
import { definitionOf, scheduleId } from '../client/schedules/engine-schedule.js';
import type { Definition } from '../contract/batch-file.js';
import type { ScheduleDefinition } from '../contract/schedules-file.js';
import type { Deps } from './deps.js';

/**
 * Brings what the ledger keeps of a schedule up to date: its batch file may have another name or other channels tonight.
 * The engine says what the schedule is, for a night may have waited for days since its own was read: one that was
 * deleted meanwhile is not kept again, and one that was paused, or made to start another batch file, stays so.
 */
export async function keepSchedule(
  { name, batch }: ScheduleDefinition,
  tonight: Definition,
  { ledger, artifacts, client, config }: KeepDeps,
): Promise<void> {
  const channels = await storedDefinition(tonight, artifacts);
  const present = await scheduleAt(name, client, config.taskQueue);
  if (present?.definition.batch !== batch) return;
  await ledger.keepSchedule({ ...present, batchName: tonight.name, channels });
}

type KeepDeps = Pick<Deps, 'ledger' | 'artifacts' | 'config'> & { readonly client: Schedules };

/** All that is asked of the engine. */
interface Schedules {
  readonly schedule: {
    getHandle(id: string): { describe(): Promise<Pick<ScheduleDescription, 'action' | 'state'>> };
  };
}

async function scheduleAt(
  name: string,
  client: Schedules,
  taskQueue: string,
): Promise<{ definition: ScheduleDefinition; paused: boolean } | undefined> {
  try {
    const description = await client.schedule.getHandle(scheduleId(name)).describe();
    const definition = definitionOf(description, taskQueue);
    return definition && { definition, paused: description.state.paused };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}
