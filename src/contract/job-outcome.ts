import { z } from 'zod';
import { ERROR_CLASSES } from './errors.js';
import { keySchema, revisionSchema, sha256Schema } from './job.js';

const troubleSchema = z.object({
  errorClass: z.enum(ERROR_CLASSES),
  message: z.string(),
  decided: z.literal(true).optional(),
  ofDestination: z.literal(true).optional(),
});

/** How a job ended for its batch. Tiny, because a parent's history holds one for each child. */
export const jobOutcomeSchema = z.discriminatedUnion('state', [
  z.object({
    state: z.enum(['done', 'adopted']),
    fingerprint: sha256Schema,
    revision: revisionSchema,
    effectKeys: z.array(keySchema).readonly().default([]),
    spentMicros: z.number().optional(),
    costUnknown: z.number().optional(),
  }),
  z.object({
    state: z.enum(['parked', 'held', 'gated']),
    trouble: troubleSchema,
    spentMicros: z.number().optional(),
    costUnknown: z.number().optional(),
  }),
  z.object({ state: z.literal('cancelled') }),
]);
export type JobOutcome = z.infer<typeof jobOutcomeSchema>;
