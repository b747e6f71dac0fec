import { ScheduleNotFoundError, type ScheduleDescription, type ScheduleHandle } from '@temporalio/client';
import { UsageError } from '../../contract/errors.js';
import type { ScheduleDefinition } from '../../contract/schedules-file.js';
import type { Connections } from '../connections.js';
import { definitionOf, scheduleId } from './engine-schedule.js';

export interface EngineSchedule {
  readonly handle: ScheduleHandle;
  readonly description: ScheduleDescription;
  readonly definition: ScheduleDefinition;
}

/** The schedule of that name at the engine. @throws UsageError where the name is taken by what is none of ours */
export async function findSchedule(
  name: string,
  connections: Connections,
): Promise<EngineSchedule | undefined> {
  const client = await connections.client();
  const handle = client.schedule.getHandle(scheduleId(name));
  try {
    const description = await handle.describe();
    const definition = definitionOf(description, connections.config.taskQueue);
    if (definition) return { handle, description, definition };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
  throw new UsageError(
    `the engine has a schedule ${scheduleId(name)} that was not made for the task queue ` +
      `"${connections.config.taskQueue}"; give yours another name, or name its queue with --task-queue`,
  );
}

/** @throws UsageError when there is none */
export async function schedule(name: string, connections: Connections): Promise<EngineSchedule> {
  const found = await findSchedule(name, connections);
  if (found) return found;
  throw await noSchedule(name, connections);
}

/** Says which there are. */
export async function noSchedule(name: string, connections: Connections): Promise<UsageError> {
  const names = (await allSchedules(connections)).map(({ definition }) => definition.name);
  return new UsageError(
    `no schedule "${name}" at the engine; ${names.length > 0 ? `there are: ${names.join(', ')}` : 'none was applied; see "nightshift schedule apply"'}`,
  );
}

/** All of ours, by name. What was made or deleted a moment ago may not be listed yet, or still be. */
export async function allSchedules(connections: Connections): Promise<readonly EngineSchedule[]> {
  const client = await connections.client();
  const found: EngineSchedule[] = [];
  for await (const { scheduleId: id } of client.schedule.list()) {
    if (!id.startsWith(scheduleId(''))) continue;
    const handle = client.schedule.getHandle(id);
    try {
      const description = await handle.describe();
      const definition = definitionOf(description, connections.config.taskQueue);
      if (definition) found.push({ handle, description, definition });
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  }
  return found.sort((a, b) => a.definition.name.localeCompare(b.definition.name));
}
