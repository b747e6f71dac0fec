import { timestamp } from '../clock.js';
import type { Who } from '../draw.js';
import { standingOf, type Interaction } from './interaction.js';

/** A stored start. Its schedule never fires here: runs come from `run` alone. */
export interface Trigger {
  readonly id: string;
  readonly who: Who;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly status: string;
  readonly displayName?: string;
  readonly schedule: string;
  readonly timeZone: string;
  readonly interaction: unknown;
  readonly timeoutSeconds: number;
  readonly maxConsecutiveFailures?: number;
  readonly environmentId?: string;
}

export interface Execution {
  readonly id: string;
  readonly triggerId: string;
  readonly interactionId: string;
  readonly startedAt: number;
}

export const triggerJson = (trigger: Trigger): Record<string, unknown> => ({
  id: trigger.id,
  status: trigger.status,
  schedule: trigger.schedule,
  time_zone: trigger.timeZone,
  interaction: trigger.interaction,
  execution_timeout_seconds: trigger.timeoutSeconds,
  create_time: timestamp(trigger.createdAt),
  update_time: timestamp(trigger.updatedAt),
  ...(trigger.displayName !== undefined && { display_name: trigger.displayName }),
  ...(trigger.environmentId !== undefined && { environment_id: trigger.environmentId }),
  ...(trigger.maxConsecutiveFailures !== undefined && {
    max_consecutive_failures: trigger.maxConsecutiveFailures,
  }),
});

export function executionJson(
  execution: Execution,
  { timeoutSeconds }: Trigger,
  run: Interaction | undefined,
  now: number,
): Record<string, unknown> {
  const standing = run && standingOf(run, now);
  const overdue = execution.startedAt + timeoutSeconds * 1000;
  const status = standing?.ended ? endWord(standing.status) : now >= overdue ? 'timed_out' : 'in_progress';
  return {
    id: execution.id,
    trigger_id: execution.triggerId,
    status,
    interaction_id: execution.interactionId,
    scheduled_time: timestamp(execution.startedAt),
    start_time: timestamp(execution.startedAt),
    ...(run?.environmentId !== undefined && { environment_id: run.environmentId }),
    ...(standing?.ended && { end_time: timestamp(standing.updatedAt) }),
    ...(standing?.errors?.[0] && { error: standing.errors[0].message }),
  };
}

const endWord = (status: string): string => (status === 'completed' ? 'completed' : 'failed');
