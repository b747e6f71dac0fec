import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { MESSAGE, type ControlRequest, type ControlState, type Progress } from '../contract/messages.js';

export const pauseUpdate = defineUpdate<ControlState, [ControlRequest?]>(MESSAGE.pause);
export const resumeUpdate = defineUpdate<ControlState, [ControlRequest?]>(MESSAGE.resume);
export const setConcurrencyUpdate = defineUpdate<ControlState, [number]>(MESSAGE.setConcurrency);
/** Answers with the keys of the jobs that run again. */
export const retryJobUpdate = defineUpdate<readonly string[], [RetryRequest]>(MESSAGE.retryJob);

/** For people who work in the Web UI or with the `temporal` CLI; the same as the updates, without an answer. */
export const pauseSignal = defineSignal<[ControlRequest?]>(MESSAGE.pause);
export const resumeSignal = defineSignal<[ControlRequest?]>(MESSAGE.resume);

/** To a shard, from its batch. */
export const setConcurrencySignal = defineSignal<[number]>(MESSAGE.setConcurrency);

export const progressQuery = defineQuery<Progress>(MESSAGE.progress);

/** Whoever sends a message by hand may leave the request out, or type a mere reason. */
export function controlRequestOf(request: unknown): ControlRequest {
  if (typeof request === 'string') return { by: 'signal', reason: request };
  const { by, reason, admittedAt } = (request ?? {}) as Record<string, unknown>;
  return {
    by: typeof by === 'string' ? by : 'signal',
    ...(typeof reason === 'string' && { reason }),
    ...(typeof admittedAt === 'number' && { admittedAt }),
  };
}

export interface RetryRequest extends ControlRequest {
  /** Job keys; all parked jobs of the batch when absent. */
  readonly keys?: readonly string[];
}
