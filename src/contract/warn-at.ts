import { z } from 'zod';
import { durationSchema } from './duration.js';

const never = z.literal(false);

/** What is told of a run under way that does badly. It changes no job and no key: people are told, and nothing is stopped. */
export const warnAtSchema = z
  .strictObject({
    parked: z
      .union([z.number().gt(0).max(1), never])
      .optional()
      .describe(
        'share of the jobs that ended in this run, from 5 that were parked or held on; 0.05 where left out, false for never',
      ),
    standstill: z
      .union([...durationSchema.options, never])
      .optional()
      .describe(
        'sessions are under way, and nothing has come of any for so long; agent.timeout and 15 minutes where left out, false for never',
      ),
  })
  .describe(
    'when people are told that a run under way does badly, such as { parked: 0.1, standstill: 2h }; nothing is stopped',
  );
export type WarnAt = z.infer<typeof warnAtSchema>;
