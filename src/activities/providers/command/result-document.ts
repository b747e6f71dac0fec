import { open } from 'node:fs/promises';
import { z } from 'zod';
import { ERROR_CLASSES } from '../../../contract/errors.js';
import { sha256Schema } from '../../../contract/job.js';
import { statIfThere, type RunPaths } from './run-directory.js';

/** Most bytes that a program may hand over, and that it may write to stdout before it is stopped. */
export const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Classes that a program can know about itself. The others are for us to find. */
const PROGRAM_CLASSES = ERROR_CLASSES.filter(
  (name) => !['unknown', 'conflict', 'lost', 'bug'].includes(name),
);

const count = z.int().nonnegative().default(0);

/** What a program may write to `NIGHTSHIFT_RESULT_FILE`. Fields that we don't know are left alone. */
export const resultDocumentSchema = z.object({
  v: z.literal(1),
  status: z.enum(['ok', 'failed', 'rejected', 'needs-human']),
  text: z.string().optional().describe('the artifact itself'),
  files: z
    .array(
      z.object({
        path: z.string().min(1).describe('in NIGHTSHIFT_OUT_DIR: absolute, or beginning with "out/"'),
        bytes: z.int().nonnegative().optional(),
        sha256: sha256Schema.optional(),
        mime: z.string().optional(),
      }),
    )
    .optional()
    .describe('the first is the artifact: a session has one'),
  usage: z.object({ inputTokens: count, outputTokens: count, cachedTokens: count }).optional(),
  cost: z
    .object({
      usd: z.union([z.string().regex(/^\d{1,9}(\.\d+)?$/), z.number().nonnegative()]),
      source: z.enum(['reported', 'estimate']).default('reported'),
    })
    .optional(),
  error: z
    .object({
      class: z.enum(PROGRAM_CLASSES).catch('rejected'),
      message: z.string(),
      retryAfterMs: z.number().nonnegative().optional(),
    })
    .optional(),
});
export type ResultDocument = z.infer<typeof resultDocumentSchema>;

export type ResultFile =
  | { readonly kind: 'none' }
  /** Whatever the program wrote there is its artifact. */
  | { readonly kind: 'artifact'; readonly bytes: number }
  | { readonly kind: 'document'; readonly document: ResultDocument }
  /** It calls itself a result document and is none, or is no plain file. */
  | { readonly kind: 'broken'; readonly why: string };

/** Reads the result file: a JSON object with `"v": 1` and a `status` is a document, everything else an artifact. */
export async function readResultFile({ result }: RunPaths): Promise<ResultFile> {
  const found = await statIfThere(result);
  if (!found) return { kind: 'none' };
  if (!found.isFile()) return { kind: 'broken', why: 'the result file is not a plain file' };
  const value = found.size > OUTPUT_BYTES_MAX ? undefined : parseObject(await readStart(result, found.size));
  if (value?.['v'] !== 1 || !('status' in value)) return { kind: 'artifact', bytes: found.size };

  const parsed = resultDocumentSchema.safeParse(value);
  if (parsed.success) return { kind: 'document', document: parsed.data };
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return { kind: 'broken', why: `the result file is not as it should be: ${issues.join('; ')}` };
}

/** The whole text when it may be an object, else only its first character: an artifact can be long. */
async function readStart(path: string, size: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const first = await file.read(Buffer.alloc(1), 0, 1, 0);
    if (first.bytesRead === 0 || !/[{\s]/.test(first.buffer.toString('latin1'))) return '';
    return (await file.read(Buffer.alloc(size), 0, size, 0)).buffer.toString('utf8');
  } finally {
    await file.close();
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // an artifact that merely begins like JSON
  }
  return undefined;
}
