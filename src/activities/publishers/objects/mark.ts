import { createHash } from 'node:crypto';
import { z } from 'zod';
import { keySchema, revisionSchema, sha256Schema } from '../../../contract/job.js';
import type { BodyRequest } from '../publisher.js';

/** What we write beside an object, in its metadata. All ASCII. */
const markSchema = z.object({
  key: keySchema,
  revision: z.coerce.number().pipe(revisionSchema),
  fingerprint: sha256Schema,
  sha256: sha256Schema,
  md5: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
});
export type Mark = z.infer<typeof markSchema>;

type Separator = '-' | '_';

export const metadataOf = (
  { effectKey, revision, fingerprint, sha256, body }: BodyRequest,
  separator: Separator,
): Record<string, string> => {
  const md5 = md5Of(body);
  const mark = { key: effectKey, revision: String(revision), fingerprint, sha256, ...(md5 && { md5 }) };
  return Object.fromEntries(
    Object.entries(mark).map(([field, value]) => [`nightshift${separator}${field}`, value]),
  );
};

/** Undefined where there is none; `damaged` where somebody changed a part of it. */
export function markIn(
  metadata: Readonly<Record<string, string>>,
  separator: Separator,
): Mark | 'damaged' | undefined {
  const of = (field: string) => metadata[`nightshift${separator}${field}`];
  const fields = Object.keys(markSchema.shape).map((field) => [field, of(field)] as const);
  if (fields.every(([, value]) => value === undefined)) return undefined;
  return markSchema.safeParse(Object.fromEntries(fields)).data ?? 'damaged';
}

/**
 * Stores compute it from the content they hold, which shows a change without reading it. Undefined on hosts whose
 * rules forbid MD5; then the content is read instead.
 */
function md5Of(body: Uint8Array): string | undefined {
  try {
    return createHash('md5').update(body).digest('hex');
  } catch {
    return undefined;
  }
}
