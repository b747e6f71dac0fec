import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { PAUSE_LEVELS, isPauseLevel } from '../contract/holds.js';
import {
  MESSAGE,
  isConcurrency,
  type ApprovalAnswer,
  type ApprovedJob,
  type ControlRequest,
  type ControlState,
  type Joiner,
  type Progress,
  type RetryRequest,
  type SetAside,
  type ShardAside,
  type ShardEnds,
  type Trouble,
} from '../contract/messages.js';

export const pauseUpdate = defineUpdate<ControlState, [ControlRequest?]>(MESSAGE.pause);
export const resumeUpdate = defineUpdate<ControlState, [ControlRequest?]>(MESSAGE.resume);
/** From a person, as a number or `{ "concurrency": 4, "by": …, "reason": … }`; programs say the rest in a second argument. */
export type ConcurrencyRequest = number | (Partial<ControlRequest> & { readonly concurrency?: number });
export const setConcurrencyUpdate = defineUpdate<ControlState, [ConcurrencyRequest, ControlRequest?]>(
  MESSAGE.setConcurrency,
);
/** Answers with the keys of the jobs that run again. */
export const retryJobUpdate = defineUpdate<readonly string[], [RetryRequest]>(MESSAGE.retryJob);

/** For people who work in the Web UI or with the `temporal` CLI; the same as the updates, without an answer. */
export const pauseSignal = defineSignal<[ControlRequest?]>(MESSAGE.pause);
export const resumeSignal = defineSignal<[ControlRequest?]>(MESSAGE.resume);

/** Answers with the jobs whose effects were decided. */
export const approveUpdate = defineUpdate<readonly ApprovedJob[], [unknown?]>(MESSAGE.approve);
export const rejectUpdate = defineUpdate<readonly ApprovedJob[], [unknown?]>(MESSAGE.reject);
/** To a batch, which needs to be told which; or to a job, where it is the effect that waits. */
export const approveSignal = defineSignal<[unknown?]>(MESSAGE.approve);
export const rejectSignal = defineSignal<[unknown?]>(MESSAGE.reject);
export const decidedSignal = defineSignal(MESSAGE.decided);
export const joinedSignal = defineSignal<[Joiner]>(MESSAGE.joined);
export const setAsideSignal = defineSignal<[SetAside]>(MESSAGE.setAside);
export const laneSignal = defineSignal(MESSAGE.lane);
export const canaryOverSignal = defineSignal(MESSAGE.canaryOver);
/** To a shard from its batch: nothing more is to be begun, and why. */
export const stopSignal = defineSignal<[Trouble]>(MESSAGE.stop);
export const shardAsideSignal = defineSignal<[ShardAside]>(MESSAGE.shardAside);
export const shardEndsSignal = defineSignal<[ShardEnds]>(MESSAGE.shardEnds);
export const tellEndsSignal = defineSignal(MESSAGE.tellEnds);

export const holdsChangedSignal = defineSignal(MESSAGE.holdsChanged);

/** To a batch from a person; to a shard from its batch, as a number. */
export const setConcurrencySignal = defineSignal<[ConcurrencyRequest, ControlRequest?]>(
  MESSAGE.setConcurrency,
);

export const progressQuery = defineQuery<Progress>(MESSAGE.progress);

/** Whoever sends a message by hand may leave the request out, or type a mere reason. */
export function controlRequestOf(request: unknown): ControlRequest {
  if (typeof request === 'string') return { by: 'signal', reason: request };
  const { by, reason, level, admittedAt, noted } = (request ?? {}) as Record<string, unknown>;
  return {
    by: typeof by === 'string' ? by : 'signal',
    ...(typeof reason === 'string' && { reason }),
    ...(isPauseLevel(level) && { level }),
    ...(typeof admittedAt === 'number' && { admittedAt }),
    ...(noted === true && { noted }),
  };
}

/** @returns what is wrong with the level of a pause, for whoever typed it; undefined where it is one, or none is given */
export function levelTrouble(request: unknown): string | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const { level } = request as { readonly level?: unknown };
  if (level === undefined || level === null || isPauseLevel(level)) return undefined;
  return `level must be ${PAUSE_LEVELS.map((known) => `"${known}"`).join(' or ')}, not ${JSON.stringify(level)}`;
}

/** What somebody typed: `{ "effect": KEY, "job": KEY, "all": true, "by": …, "reason": … }`, or a mere key. */
export function approvalAnswerOf(decision: ApprovalAnswer['decision'], request: unknown): ApprovalAnswer {
  const { by, reason = '' } = controlRequestOf(typeof request === 'string' ? undefined : request);
  const given = (typeof request === 'string' ? { effect: request } : (request ?? {})) as Record<
    string,
    unknown
  >;
  const keys = (value: unknown): string[] =>
    [value].flat().filter((key): key is string => typeof key === 'string');
  return {
    decision,
    by,
    reason,
    effects: keys(given['effect']),
    jobs: keys(given['job']),
    all: given['all'] === true,
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

/** What a batch tells a shard: of a small concurrency it may have no part. */
export const shareOf = (request: unknown): number | undefined => (request === 0 ? 0 : concurrencyOf(request));
