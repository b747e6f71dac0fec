import { z } from 'zod';
import { durationSchema } from '../../../contract/batch-file.js';
import { secretSchema } from '../../../contract/secret.js';
import { htmlOptionFields } from '../html/options.js';
import { siteSchema } from '../option-schemas.js';

/** Terms by id or name; one text with commas, as a column of a jobs file has them, is a list too. */
const termsSchema = z
  .union([
    z.array(z.union([z.int().positive(), z.string()])),
    z.string().transform((text) => text.split(',')),
    z
      .int()
      .positive()
      .transform((id) => [id]),
  ])
  .transform((terms) =>
    terms.map((term) => (typeof term === 'string' ? term.trim() : term)).filter((term) => term !== ''),
  )
  .optional();

/** Options of the publisher `wordpress`. What a job's own fields may spoil is checked for that job alone. */
export const wordpressOptionsSchema = z
  .strictObject({
    url: siteSchema.describe('of the site, such as https://blog.example.com'),
    username: z.string().min(1).describe('log-in name of an author; an administrator is more than needed'),
    password: secretSchema.describe(
      'application password of that user, as ${env:NAME}; not the one to log in with',
    ),
    title: z.string().describe('of the post, as plain text'),
    slug: z.string().describe('last part of the post’s address: a-z, 0-9 and single "-", at most 185'),
    status: z
      .enum(['publish', 'private', 'pending', 'draft'])
      .default('publish')
      .describe('in the end; with draft a person publishes it, nothing is ever made public from here'),
    ...htmlOptionFields,
    excerpt: z.string().optional().describe('as plain text'),
    categories: termsSchema.describe('ids or names, a list or one text with commas; all must exist'),
    tags: termsSchema.describe('ids or names, a list or one text with commas; all must exist'),
    metaKey: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,200}$/, 'must be the key of a registered meta field')
      .optional()
      .describe('meta field that the site has registered for REST, to hold our mark a second time'),
    unpublish: z
      .enum(['draft', 'trash'])
      .default('draft')
      .describe('how a post is taken back; WordPress empties its trash after 30 days'),
    restPath: z
      .string()
      .regex(/^(\?rest_route=\/?|[A-Za-z0-9_./-]+)$/, 'must be a path such as wp-json, or ?rest_route=/')
      .default('wp-json')
      .describe('of the REST API below the site; ?rest_route=/ for a site without permalinks'),
    timeout: durationSchema.default('60s').describe('longest wait for an answer'),
    settle: durationSchema
      .default('60s')
      .describe('how long a request whose answer was lost may still be at work in WordPress'),
    race: durationSchema
      .default('1500ms')
      .describe('how long two posts made at the same time may take to see each other'),
  })
  .superRefine(({ sanitise, linkHosts, imageHosts }, context) => {
    if (sanitise || (linkHosts === undefined && imageHosts === undefined)) return;
    context.addIssue({
      code: 'custom',
      path: [linkHosts === undefined ? 'imageHosts' : 'linkHosts'],
      message: 'keeps nothing out while sanitise is off: a script may name any host',
    });
  });

export type WordPressOptions = z.infer<typeof wordpressOptionsSchema>;
