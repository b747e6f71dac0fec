import { z } from 'zod';
import { keySchema, sha256Schema } from './job.js';
import { PLANNED_ACTIONS } from './planned-action.js';

/** What a run that is bound by a plan may do: effects that the plan leaves out are not in it. */
export const permitSchema = z.strictObject({
  v: z.literal(1),
  /** Of the plan, for messages; ISO 8601. */
  plannedAt: z.string(),
  effects: z.record(
    keySchema,
    z.strictObject({
      action: z.enum(PLANNED_ACTIONS),
      /** The only artifact that may go out; absent where it had to be made yet. */
      artifact: sha256Schema.optional(),
    }),
  ),
});
export type Permit = z.infer<typeof permitSchema>;
