import { z } from 'zod';
import { durationSchema } from './duration.js';
import { durationMs } from './duration-ms.js';

/** What becomes of an effect that nobody has approved in time. */
export const ON_TIMEOUT = ['hold', 'reject', 'approve'] as const;
export type OnTimeout = (typeof ON_TIMEOUT)[number];

/** Why an effect may not leave although nothing failed: a person said no, or nobody answered in time. */
export const UNAPPROVED = ['rejected', 'unanswered'] as const;
export type Unapproved = (typeof UNAPPROVED)[number];

/** In a batch file: `required`, or how long it waits and what then. */
export const approvalSchema = z.union([
  z.literal('required'),
  z.strictObject({
    timeout: durationSchema.optional().describe('longest it waits for an answer; for ever unless given'),
    onTimeout: z
      .enum(ON_TIMEOUT)
      .default('hold')
      .describe('when nobody answers: hold for a person (silence is no denial), reject, or approve'),
  }),
]);

/** How an effect waits for a person's yes; without a time, for ever. */
export const approvingSchema = z.strictObject({
  timeoutMs: z.number().positive().exactOptional(),
  onTimeout: z.enum(ON_TIMEOUT),
});
export type Approving = z.infer<typeof approvingSchema>;

export function approvingOf(spec: z.infer<typeof approvalSchema>): Approving {
  if (spec === 'required') return { onTimeout: 'hold' };
  const { timeout, onTimeout } = spec;
  return { ...(timeout !== undefined && { timeoutMs: durationMs(timeout) }), onTimeout };
}

/** Names effects that wait for an answer; what is left out does not matter. */
export interface ApprovalChoice {
  /** As they were shown, or whole keys, or their first characters. */
  readonly effects?: readonly string[];
  readonly jobs?: readonly string[];
  /** Whatever waits. */
  readonly all?: boolean;
}
