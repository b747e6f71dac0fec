import type { Connections } from '../connections.js';
import type { ApplyOptions, ScheduleChange } from './apply.js';
import type { Asked, BackfillOptions, TriggerOptions } from './nights.js';
import type { Preview, ScheduleView } from './views.js';

/** Nights: what `nightshift schedule` does, one call each. Names are those of the schedules file. */
export interface Schedules {
  /** Makes the engine's schedules as a file says. @throws InvalidBatch with every problem; nothing was changed then */
  apply(file: string, options?: ApplyOptions): Promise<readonly ScheduleChange[]>;
  list(): Promise<readonly ScheduleView[]>;
  /** @throws UsageError when there is none of that name */
  status(name: string): Promise<ScheduleView>;
  /** The times to come; with a file, those of what is applied beside it too, and no engine is needed. */
  preview(options?: { file?: string; days?: number; from?: Date }): Promise<Preview>;
  trigger(name: string, options?: TriggerOptions): Promise<Asked>;
  backfill(name: string, span: BackfillOptions): Promise<Asked>;
  pause(name: string, reason?: string): Promise<void>;
  resume(name: string, reason?: string): Promise<void>;
  delete(name: string, reason?: string): Promise<void>;
}

/**
 * Modules are loaded when used: they bring the whole SDK with them.
 * @param looking for what makes no ledger where none is
 */
export const schedulesWith = (connections: Connections, looking: Connections): Schedules => ({
  apply: async (file, options) => (await import('./apply.js')).applySchedules(file, connections, options),
  list: async () => (await import('./views.js')).listSchedules(connections),
  status: async (name) => (await import('./views.js')).seeSchedule(name, connections),
  preview: async (options) => (await import('./views.js')).previewSchedules(looking, options),
  trigger: async (name, options) => (await import('./nights.js')).triggerNight(name, connections, options),
  backfill: async (name, span) => (await import('./nights.js')).backfillNights(name, span, connections),
  pause: async (name, reason) => (await import('./pause.js')).pauseSchedule(name, connections, reason),
  resume: async (name, reason) => (await import('./pause.js')).resumeSchedule(name, connections, reason),
  delete: async (name, reason) => (await import('./pause.js')).deleteSchedule(name, connections, reason),
});

export type { Asked, Preview, ScheduleChange, ScheduleView };
