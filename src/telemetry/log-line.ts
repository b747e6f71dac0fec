import type { LogEntry } from '@temporalio/worker';

/** One line of a structured log. What a value can't say in JSON is said in words. */
export function jsonLine({ level, message, timestampNanos, meta }: LogEntry): string {
  const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  const { error, taskToken: _taskToken, ...rest } = (meta ?? {}) as Record<string, unknown>;
  const said = error instanceof Error ? { error: error.message } : error === undefined ? {} : { error };
  return JSON.stringify(
    { time, level: level.toLowerCase(), message, ...rest, ...said },
    (_, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value instanceof Uint8Array ? undefined : value,
  );
}
