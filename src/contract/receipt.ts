import { z } from 'zod';
import { keySchema, revisionSchema, sha256Schema } from './job.js';

/** Durable proof that an effect landed. Never changed, never deleted. */
export const receiptSchema = z.strictObject({
  effectKey: keySchema,
  revision: revisionSchema,
  id: z.string().describe('id at the destination'),
  url: z.string().optional().describe('where a person finds it'),
  sha256: sha256Schema.describe('of what the destination holds'),
  landedAt: z.iso.datetime(),
  adopted: z.boolean().describe('found there, not sent by this run'),
});
export type Receipt = z.infer<typeof receiptSchema>;
