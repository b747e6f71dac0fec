import { z } from 'zod';
import { durationSchema } from './duration.js';
import { durationMs } from './duration-ms.js';

/** What becomes of an effect that nobody has approved in time. */
export const ON_TIMEOUT = ['hold', 'reject', 'approve'] as const;
export type OnTimeout = (typeof ON_TIMEOUT)[number];

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

export interface Approving {
  readonly timeoutMs?: number;
  readonly onTimeout: OnTimeout;
}

export function approvingOf(spec: z.infer<typeof approvalSchema>): Approving {
  if (spec === 'required') return { onTimeout: 'hold' };
  const { timeout, onTimeout } = spec;
  return { ...(timeout !== undefined && { timeoutMs: durationMs(timeout) }), onTimeout };
}
