import { z } from 'zod';
import { durationSchema } from '../../../contract/batch-file.js';
import { secretSchema } from '../../../contract/secret.js';
import { htmlOptionFields } from '../html/options.js';
import { siteSchema } from '../option-schemas.js';

const namesSchema = z.union([
  z.array(z.string()),
  z.string().transform((text) => text.split(',').map((name) => name.trim())),
]);

/** Options of the publisher `ghost`. What a job's own fields may spoil is checked by `wishedPost`, for that job alone. */
export const ghostOptionsSchema = z.strictObject({
  url: siteSchema.describe('of the site, such as https://blog.example.com; where Ghost’s /ghost is'),
  key: secretSchema
    .regex(
      /^[0-9a-f]{24}:([0-9a-f]{2}){16,}$/i,
      'must be an Admin API key: "id:secret" of a custom integration',
    )
    .describe('Admin API key of a custom integration, as ${env:NAME}'),
  title: z.string().describe('of the post; at most 255 characters'),
  slug: z.string().describe('last part of the post’s address: a-z, 0-9 and single "-", at most 185'),
  ...htmlOptionFields,
  tags: namesSchema
    .default([])
    .describe('names of tags, a list or one text with commas; the first is the primary one'),
  excerpt: z.string().optional().describe('at most 300 characters'),
  status: z
    .enum(['published', 'draft'])
    .default('published')
    .describe('draft: a person publishes it; it is never made public from here'),
  timeout: durationSchema.default('60s').describe('longest wait for an answer'),
  settle: durationSchema
    .default('1s')
    .describe('how long a request whose answer was lost may still be at work in Ghost'),
});

export type GhostOptions = z.infer<typeof ghostOptionsSchema>;
