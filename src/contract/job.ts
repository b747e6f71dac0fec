import { z } from 'zod';
import type { Approving } from './approval.js';
import type { OnUnknown } from './batch-file.js';
import { jsonObjectSchema } from './json.js';

/** 32 hexadecimal characters of a SHA-256; see `identity/keys.ts`. */
export const keySchema = z.string().regex(/^[0-9a-f]{32}$/);
/** 64 hexadecimal characters: a whole SHA-256. */
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

export const revisionSchema = z.int().min(1).max(1_000_000);

/** One piece of work as the operator described it. Its line in the stored jobs list is exactly this. */
export const jobSchema = z.strictObject({
  key: keySchema,
  identity: z.record(z.string(), z.string()).describe('declared fields in declared order, normalised'),
  input: jsonObjectSchema.describe('every other field of the job'),
  revision: revisionSchema,
  fingerprint: sha256Schema.describe('SHA-256 of identity and input, not of the revision'),
});
export type Job = z.infer<typeof jobSchema>;

/** A job and where the operator wrote it, for messages. */
export interface PlacedJob extends Job {
  readonly file: string;
  readonly line: number;
}

/** One effect of one job, its templates filled in. */
export interface Effect {
  readonly key: string;
  readonly name: string;
  readonly use: string;
  /** As declared and filled in, not made absolute: it is part of the key, which must be equal on every host. */
  readonly target: string;
  readonly with: z.infer<typeof jsonObjectSchema>;
  readonly onUnknown: OnUnknown;
  /** Leaves only with a person's yes. */
  readonly approval?: Approving;
}

/** Identity values joined for people: `site / category / slug`. */
export const jobTitle = (identity: Readonly<Record<string, string>>): string =>
  Object.values(identity).join(' / ');
