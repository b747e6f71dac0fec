import { z } from 'zod';
import { invalid } from './errors.js';

/** At most 16 pairs, 64 and 512 characters. Source: the types of @anthropic-ai/sdk 1.12.0 */
const metadataSchema = z
  .record(z.string().max(64), z.string().max(512))
  .refine((all) => Object.keys(all).length <= 16, 'at most 16 pairs');

const amountSchema = z.strictObject({
  amount: z.string().regex(/^(0|[1-9]\d*)$/),
  currency: z.literal('USD'),
});
export const budgetSchema = z.strictObject({ type: z.literal('limit'), max_list_cost: amountSchema });
export type Budget = z.infer<typeof budgetSchema>;

const blockSchema = z.looseObject({ type: z.string(), text: z.string().optional() });

export const eventSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('user.message'), content: z.array(blockSchema).min(1) }),
  z.strictObject({ type: z.literal('user.interrupt'), session_thread_id: z.string().nullish() }),
  z.looseObject({ type: z.literal('user.tool_confirmation') }),
  z.looseObject({ type: z.literal('user.custom_tool_result') }),
  z.looseObject({ type: z.literal('user.tool_result') }),
  z.looseObject({ type: z.literal('user.define_outcome') }),
  z.looseObject({ type: z.literal('system.message') }),
]);
export type EventBody = z.infer<typeof eventSchema>;

export const sendSchema = z.strictObject({ events: z.array(eventSchema).min(1).max(50) });

export const sessionSchema = z.strictObject({
  agent: z.union([
    z.string().min(1),
    z.looseObject({
      type: z.enum(['agent', 'agent_with_overrides']),
      id: z.string().min(1),
      version: z.int().min(1).optional(),
    }),
  ]),
  environment_id: z.string().min(1),
  budget: budgetSchema.optional(),
  initial_events: z.array(eventSchema).max(50).optional(),
  metadata: metadataSchema.optional(),
  resources: z
    .array(z.looseObject({ type: z.string() }))
    .max(500)
    .optional(),
  title: z.string().nullish(),
  vault_ids: z.array(z.string()).optional(),
});
export type SessionBody = z.infer<typeof sessionSchema>;

export const sessionUpdateSchema = z.strictObject({
  agent: z.looseObject({}).optional(),
  budget: budgetSchema.nullish(),
  metadata: z.record(z.string(), z.string().nullable()).nullish(),
  title: z.string().nullish(),
});

export const agentSchema = z.strictObject({
  name: z.string().min(1),
  model: z.union([z.string().min(1), z.looseObject({ id: z.string().min(1) })]),
  description: z.string().nullish(),
  execution_identity: z.unknown().optional(),
  mcp_servers: z.array(z.unknown()).optional(),
  metadata: metadataSchema.optional(),
  multiagent: z.unknown().optional(),
  skills: z.array(z.unknown()).optional(),
  system: z.string().nullish(),
  tools: z.array(z.looseObject({ type: z.string() })).optional(),
});

/** `version` is that which was read: an edit of another one is refused. Source: the types of @anthropic-ai/sdk 1.12.0 */
export const agentUpdateSchema = agentSchema.partial().extend({ version: z.int().min(1).optional() });

export const environmentSchema = z.strictObject({
  name: z.string().min(1),
  config: z.looseObject({}).nullish(),
  description: z.string().nullish(),
  metadata: metadataSchema.optional(),
  scope: z.enum(['organization', 'account']).nullish(),
});

/** @throws Refusal 400 naming the first thing wrong */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    throw invalid(`${[...issue.path, issue.keys[0]].join('.')}: Extra inputs are not permitted`);
  }
  throw invalid(`${issue?.path.join('.') ?? 'body'}: ${issue?.message ?? 'not readable'}`);
}
