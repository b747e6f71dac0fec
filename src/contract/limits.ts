import { z } from 'zod';
import { durationSchema } from './duration.js';
import { ERROR_CLASSES } from './errors.js';

/** Who goes first where batches share an account; the most urgent first. */
export const PRIORITIES = ['urgent', 'normal', 'bulk'] as const;
export type Priority = (typeof PRIORITIES)[number];
export const prioritySchema = z
  .enum(PRIORITIES)
  .default('normal')
  .describe('who goes first where batches share an account: urgent, normal or bulk');

const countSchema = z.int().min(1).max(1_000_000);

const requestsPerMinuteSchema = countSchema
  .optional()
  .describe('requests a minute, all batches and workers together');

/** What an account bears. The strictest of the batches that use it at the time counts. */
export interface LaneLimits {
  readonly requestsPerMinute?: number | undefined;
  readonly requestsPerSecond?: number | undefined;
  readonly sessions?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
  /** In units of the currency that the sessions are booked in. */
  readonly spendPer10Min?: number | undefined;
}

export const agentLimitsSchema = z.strictObject({
  requestsPerMinute: requestsPerMinuteSchema,
  requestsPerSecond: countSchema
    .optional()
    .describe('requests in any second; costs a fifth of the throughput'),
  sessions: countSchema.optional().describe('sessions at once, all batches and workers together'),
  tokensPerMinute: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe('tokens a minute, by what earlier sessions used'),
  spendPer10Min: z
    .number()
    .positive()
    .max(1_000_000)
    .optional()
    .describe('money in ten minutes, in the currency of the agent, by what earlier sessions cost'),
});

export const effectLimitsSchema = z.strictObject({ requestsPerMinute: requestsPerMinuteSchema });

export const stopLossRuleSchema = z
  .strictObject({
    class: z.enum([...ERROR_CLASSES, 'any']).describe('error class of jobs that were parked or held'),
    count: z.int().min(1).optional().describe('stop at so many'),
    share: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .describe('stop at this share of the jobs that ended, 10 at least'),
    window: durationSchema.default('1h').describe('how far back ends count'),
  })
  .refine(({ count, share }) => (count === undefined) !== (share === undefined), {
    message: 'needs either "count" or "share"',
  });
export type StopLossRule = z.infer<typeof stopLossRuleSchema>;

/** A night in which half of all jobs fail, or output is refused time and again, is not worth its money. */
export const STOP_LOSS_DEFAULT: readonly StopLossRule[] = [
  { class: 'any', share: 0.5, window: '1h' },
  { class: 'rejected', share: 0.3, window: '1h' },
];

export const stopLossSchema = z
  .array(stopLossRuleSchema)
  .max(20)
  .default([...STOP_LOSS_DEFAULT])
  .describe('when to stop starting jobs, because too many fail; [] never does');

export const canarySchema = z
  .int()
  .min(1)
  .max(100)
  .describe('jobs that are begun first; the others only when so many did well, else the batch is paused');
