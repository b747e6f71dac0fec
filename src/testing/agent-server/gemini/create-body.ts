import { z } from 'zod';
import { invalid, refuse } from './errors.js';

/** Agents that this server runs. Earlier preview ids have ended. */
export const AGENTS: readonly string[] = ['antigravity-preview-09-2026'];

const MB = 1024 * 1024;

const label = z
  .string()
  .max(63)
  .regex(/^[\p{Ll}\p{Lo}\p{N}_-]*$/u, 'only lowercase letters, digits, _ and -');
const labelKey = label.regex(/^\p{L}/u, 'must start with a letter');

const sourceSchema = z.looseObject({
  type: z.enum(['inline', 'repository', 'gcs']),
  target: z.string().optional(),
  content: z.string().max(MB, 'an inline source may have 1 MB').optional(),
});

export const environmentSchema = z.strictObject({
  type: z.literal('remote').optional(),
  environment_id: z.string().min(1).optional(),
  network: z.union([z.literal('disabled'), z.looseObject({})]).optional(),
  env: z.record(z.string(), z.unknown()).optional(),
  sources: z
    .array(sourceSchema)
    .refine((all) => all.reduce((sum, { content = '' }) => sum + content.length, 0) <= 2 * MB, {
      message: 'inline sources may have 2 MB in all',
    })
    .optional(),
});

/** Fields of a start. Source: `CreateAgentInteraction` in the types of @google/genai 2.32.0. */
export const createSchema = z.strictObject({
  agent: z.string().min(1),
  agent_config: z
    .strictObject({
      type: z.literal('antigravity'),
      model: z.string().optional(),
      max_total_tokens: z.union([z.string().regex(/^\d+$/), z.int().min(1)]).optional(),
    })
    .optional(),
  input: z.union([z.string().min(1), z.array(z.unknown()).min(1), z.looseObject({})]),
  environment: z.union([z.string().min(1), environmentSchema]).optional(),
  background: z.boolean().optional(),
  store: z.boolean().optional(),
  stream: z.boolean().optional(),
  labels: z.record(labelKey, label).optional(),
  previous_interaction_id: z.string().min(1).optional(),
  system_instruction: z.string().optional(),
  tools: z.array(z.unknown()).optional(),
  safety_settings: z.array(z.unknown()).optional(),
  service_tier: z.string().optional(),
  webhook_config: z
    .strictObject({
      uris: z.array(z.url()).optional(),
      user_metadata: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});
export type CreateBody = z.infer<typeof createSchema>;

/** Fields that exist for models, and that the agent refuses. */
const NOT_FOR_AGENTS = ['response_format', 'response_mime_type', 'response_modalities', 'generation_config'];

/** @throws Refusal 400 `parameter_unknown` or `invalid_request`, 404 for an agent that is no more */
export function readCreate(body: unknown): CreateBody {
  const read = parseBody(createSchema, body);
  if (!AGENTS.includes(read.agent)) throw refuse(404, 'not_found', `Agent '${read.agent}' not found.`);
  if (read.background === true && read.store === false) {
    throw invalid('background requires store to be true.');
  }
  if (read.previous_interaction_id !== undefined && read.environment === undefined) {
    throw invalid('previous_interaction_id requires environment for this agent.');
  }
  return read;
}

/** @throws Refusal 400 naming the first thing wrong */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const unknown = issue.keys.map(String);
    const model = unknown.find((key) => NOT_FOR_AGENTS.includes(key));
    if (model !== undefined) throw invalid(`'${model}' is not supported for this agent.`);
    throw refuse(400, 'parameter_unknown', `Unknown parameter '${[...issue.path, unknown[0]].join('.')}'.`);
  }
  throw invalid(`Invalid value at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? 'unreadable body'}.`);
}

/** What the agent is asked, as one text. */
export function promptOf(input: unknown): string {
  if (typeof input === 'string') return input;
  const texts: string[] = [];
  JSON.stringify(input, (key, value: unknown) => {
    if (key === 'text' && typeof value === 'string') texts.push(value);
    return value;
  });
  return texts.join('\n');
}
