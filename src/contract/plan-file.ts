import { z } from 'zod';
import { approvingSchema } from './approval.js';
import { nameSchema } from './batch-file.js';
import { keySchema, revisionSchema, sha256Schema } from './job.js';
import { PLANNED_ACTIONS } from './planned-action.js';

/** One effect as the plan shows it. */
export const plannedEffectSchema = z.strictObject({
  name: nameSchema,
  key: keySchema,
  use: z.string(),
  target: z.string(),
  options: sha256Schema.describe('hash of its options, secrets left out'),
  action: z.enum(PLANNED_ACTIONS),
  approved: z.boolean().describe('false: it is left out; the only field that may be edited'),
  approval: approvingSchema.nullable().describe("how it waits for a person's yes; null: it leaves without"),
  comesTo: z
    .string()
    .optional()
    .describe('for people, such as an amount; the hash of the options is what binds'),
  why: z.string().optional(),
  place: z.string().optional().describe('where the destination has it'),
  there: sha256Schema.optional().describe('hash of what the destination has'),
});

export const plannedJobSchema = z.strictObject({
  key: keySchema,
  title: z.string(),
  revision: revisionSchema,
  fingerprint: sha256Schema,
  artifact: sha256Schema.optional().describe('what would be published, where it is made already'),
  effects: z.array(plannedEffectSchema),
});

/** Plans of version 1 did not say which effects wait for a person's yes. */
export const PLAN_VERSION = 2 as const;

/** A saved plan. `nightshift run --plan` does what it shows, and nothing else. */
export const planFileSchema = z.strictObject({
  kind: z.literal('nightshift-plan'),
  v: z.literal(PLAN_VERSION),
  plannedAt: z.string(),
  batch: z.strictObject({ name: nameSchema, work: nameSchema, key: keySchema }),
  looked: z.boolean().describe('false: from the ledger alone; true: every destination was asked'),
  agent: sha256Schema.describe('hash of agent and checks'),
  estimate: z.strictObject({ total: z.number(), currency: z.string() }).optional(),
  jobs: z.array(plannedJobSchema).min(1),
  checksum: sha256Schema.describe('of all the rest, but for "approved"'),
});
export type PlanFile = z.infer<typeof planFileSchema>;
export type PlanFileJob = z.infer<typeof plannedJobSchema>;
export type PlanFileEffect = z.infer<typeof plannedEffectSchema>;

/** The world is not as the plan shows it: nothing was started. */
export class PlanChanged extends Error {
  override readonly name = 'PlanChanged';
  constructor(readonly changes: readonly string[]) {
    super(`the plan does not hold any more: ${changes.join('; ')}`);
  }
}
