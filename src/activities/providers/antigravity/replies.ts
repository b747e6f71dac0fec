import { z } from 'zod';
import { UnreadableAnswer } from '../managed/ruling.js';

const id = z.string().min(1);
const text = z.string().optional().catch(undefined);
const count = z.number().nonnegative().optional().catch(undefined);

/** A 200 counts only with an id: proxies answer 200 with pages of their own. */
const environmentSchema = z.preprocess(
  withId,
  z.object({
    id,
    created: text,
    updated: text,
    last_accessed: text,
    file_count: z.coerce.string().optional().catch(undefined),
  }),
);
export type Environment = z.infer<typeof environmentSchema>;

const contentSchema = z.object({ type: text, text }).catch({ type: undefined, text: undefined });
const stepSchema = z
  .object({ type: text, content: z.array(contentSchema).optional().catch(undefined) })
  .catch({ type: undefined, content: undefined });

const interactionSchema = z.object({
  id,
  status: text,
  created: text,
  output_text: text,
  steps: z.array(stepSchema).optional().catch(undefined),
  errors: z
    .array(z.object({ code: text, message: text }).catch({ code: undefined, message: undefined }))
    .optional()
    .catch(undefined),
  usage: z
    .object({
      total_input_tokens: count,
      total_cached_tokens: count,
      total_output_tokens: count,
      total_thought_tokens: count,
      total_tool_use_tokens: count,
    })
    .optional()
    .catch(undefined),
});
export type Interaction = z.infer<typeof interactionSchema>;

/**
 * As requests name it: below the folder `workspace`, with which listings begin (`workspace/src/main.py` in the reference
 * of the API).
 */
const path = z
  .string()
  .transform((listed) => listed.replace(/^\/?(?:workspace\/)?/, ''))
  .optional()
  .catch(undefined);

const fileSchema = z.object({ path, size_bytes: text, mime_type: text });
export type EnvironmentFile = z.infer<typeof fileSchema>;

const filesSchema = z.object({
  files: z.array(fileSchema).optional(),
  next_page_token: text,
});
export type FilePage = z.infer<typeof filesSchema>;

const environmentsSchema = z.object({
  environments: z.array(environmentSchema).optional(),
  next_page_token: text,
});
export type EnvironmentPage = z.infer<typeof environmentsSchema>;

export const readEnvironments = (value: unknown): EnvironmentPage => read(environmentsSchema, value);
export const readEnvironment = (value: unknown): Environment => read(environmentSchema, value);
export const readInteraction = (value: unknown): Interaction => read(interactionSchema, value);
export const readFiles = (value: unknown): FilePage => read(filesSchema, value);

/** The reference of the API calls it `id`, its guide to environments `environment_id`. */
function withId(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || 'id' in value || !('environment_id' in value))
    return value;
  return { ...value, id: value.environment_id };
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UnreadableAnswer('a success without what it has to hold');
}
