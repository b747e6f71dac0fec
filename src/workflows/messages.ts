import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { pauseLevelSchema } from '../contract/holds.js';
import {
  MESSAGE,
  isConcurrency,
  type ControlRequest,
  type ControlState,
  type Progress,
} from '../contract/messages.js';

export const pauseUpdate = defineUpdate<ControlState, [ControlRequest?]>(MESSAGE.pause);
export const resumeUpdate = defineUpdate<ControlState, [ControlRequest?]>(MESSAGE.resume);
export const setConcurrencyUpdate = defineUpdate<ControlState, [number]>(MESSAGE.setConcurrency);
/** Answers with the keys of the jobs that run again. */
export const retryJobUpdate = defineUpdate<readonly string[], [RetryRequest]>(MESSAGE.retryJob);

/** For people who work in the Web UI or with the `temporal` CLI; the same as the updates, without an answer. */
export const pauseSignal = defineSignal<[ControlRequest?]>(MESSAGE.pause);
export const resumeSignal = defineSignal<[ControlRequest?]>(MESSAGE.resume);

export const holdsChangedSignal = defineSignal(MESSAGE.holdsChanged);

/** To a batch from a person, as a number or `{ "concurrency": 4 }`; to a shard from its batch, as a number. */
export const setConcurrencySignal = defineSignal<[number | { readonly concurrency?: number }]>(
  MESSAGE.setConcurrency,
);

export const progressQuery = defineQuery<Progress>(MESSAGE.progress);

/** Whoever sends a message by hand may leave the request out, or type a mere reason. */
export function controlRequestOf(request: unknown): ControlRequest {
  if (typeof request === 'string') return { by: 'signal', reason: request };
  const { by, reason, level, admittedAt } = (request ?? {}) as Record<string, unknown>;
  const known = pauseLevelSchema.safeParse(level);
  return {
    by: typeof by === 'string' ? by : 'signal',
    ...(typeof reason === 'string' && { reason }),
    ...(known.success && { level: known.data }),
    ...(typeof admittedAt === 'number' && { admittedAt }),
  };
}

/** @returns undefined for what is no concurrency */
export function concurrencyOf(request: unknown): number | undefined {
  const value =
    typeof request === 'object' && request !== null
      ? (request as { readonly concurrency?: unknown }).concurrency
      : request;
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && isConcurrency(number) ? number : undefined;
}

export interface RetryRequest extends ControlRequest {
  /** Job keys; all parked jobs of the batch when absent. */
  readonly keys?: readonly string[];
}
