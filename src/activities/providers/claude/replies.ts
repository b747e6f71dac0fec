import { z } from 'zod';
import { fieldsOf } from '../managed/record.js';
import { UnreadableAnswer } from '../managed/ruling.js';

const id = z.string().min(1);
const text = z.string().optional().catch(undefined);
const count = z.number().nonnegative().optional().catch(undefined);

const moneySchema = z.object({
  /** Whole cents, as text. */
  amount: z.coerce.string().regex(/^\d{1,12}(\.\d+)?$/),
  currency: z.literal('USD'),
});

const usageSchema = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  /** The form of earlier versions; now split by lifetime in `cache_creation`. */
  cache_creation_input_tokens: count,
  cache_creation: z
    .object({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count })
    .nullish()
    .catch(undefined),
  active_seconds: count,
  list_cost: moneySchema.nullish().catch(undefined),
});

const sessionSchema = z.object({
  id,
  status: text,
  archived_at: z.string().nullish().catch(undefined),
  created_at: text,
  metadata: z.record(z.string(), z.string()).optional().catch(undefined),
  agent: z
    .object({
      model: z.union([z.string(), z.object({ id: z.string() })]).optional(),
      version: z.number().optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
  usage: usageSchema.optional().catch(undefined),
});
export type Session = z.infer<typeof sessionSchema>;

const typed = z.object({ type: text }).nullish().catch(undefined);
const eventSchema = z.object({
  id: text,
  type: text,
  processed_at: z.string().nullish().catch(undefined),
  content: z
    .array(z.object({ type: text, text }).catch({ type: undefined, text: undefined }))
    .optional()
    .catch(undefined),
  stop_reason: typed,
  stop_details: z.object({ category: text }).nullish().catch(undefined),
  error: z.object({ type: text, message: text, retry_status: typed }).optional().catch(undefined),
});
export type SessionEvent = z.infer<typeof eventSchema>;

const fileSchema = z.object({
  id,
  filename: z.string().min(1),
  size_bytes: count,
  mime_type: text,
  created_at: text,
});
export type OutputFile = z.infer<typeof fileSchema>;

const versionSchema = z.object({ version: z.int().positive().optional().catch(undefined) });

const sentSchema = z.object({ data: z.array(z.object({ id })).min(1) });

export const readSession = (value: unknown): Session => read(sessionSchema, value);
export const readSessions = (page: unknown): Session[] => readPage(sessionSchema, page);
export const readEvents = (page: unknown): SessionEvent[] => readPage(eventSchema, page);
export const readFiles = (page: unknown): OutputFile[] => readPage(fileSchema, page);
export const readVersion = (value: unknown): number | undefined => read(versionSchema, value).version;
/** Id of the first event of those that were sent. */
export const readSent = (value: unknown): string => read(sentSchema, value).data[0]?.id ?? '';

/**
 * The library takes an answer without a list, such as the page of a proxy, for an empty list. An empty list is what
 * lets a prompt be sent, so the answer itself is looked at. The service may leave the field out where it is empty.
 */
const readPage = <T>(schema: z.ZodType<T>, page: unknown): T[] =>
  read(z.object({ data: z.array(schema).optional() }), fieldsOf(page)['body']).data ?? [];

/** A 200 counts only with what it has to hold: proxies answer 200 with pages of their own. */
function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UnreadableAnswer('a success without what it has to hold');
}
