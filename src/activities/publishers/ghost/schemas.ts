import { createHash } from 'node:crypto';
import { z } from 'zod';

/** ObjectID of MongoDB, which Ghost kept from its beginnings: rises with the time of creation. */
export const idSchema = z.string().regex(/^[0-9a-f]{24}$/);

const tagSchema = z.object({ id: idSchema, name: z.string(), slug: z.string(), created_at: z.string() });

/** A post without its content, as lists give it. */
const entrySchema = z.object({
  id: idSchema,
  slug: z.string(),
  title: z.string(),
  url: z.string(),
  status: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  /** Set when it is first published; stays when it goes back to draft. */
  published_at: z.string().nullable(),
  tags: z.array(tagSchema),
});

const postSchema = entrySchema.extend({
  custom_excerpt: z.string().nullable(),
  html: z.string().nullable(),
});

export const entriesSchema = z.object({ posts: z.array(entrySchema) });
export const postsSchema = z.object({ posts: z.tuple([postSchema]) });
export const pagesSchema = z.object({
  pages: z.array(z.object({ id: idSchema, slug: z.string(), url: z.string(), status: z.string() })),
});
export const tagsSchema = z.object({ tags: z.tuple([z.object({ count: z.object({ posts: z.number() }) })]) });
export const siteSchema = z.object({ site: z.object({ version: z.string() }) });
export const usersSchema = z.object({
  users: z.tuple([z.object({ roles: z.array(z.object({ name: z.string() })) })]),
});
export const errorsSchema = z.object({
  errors: z
    .array(
      z.object({
        type: z.string(),
        message: z.string(),
        context: z.string().nullish(),
        code: z.string().nullish(),
      }),
    )
    .min(1),
});

export type Tag = z.infer<typeof tagSchema>;
export type Entry = z.infer<typeof entrySchema>;
export type Post = z.infer<typeof postSchema>;
export type Page = z.infer<typeof pagesSchema>['pages'][number];

/** Hash of what readers see, as Ghost returns it: it rewrites the HTML that it is given. */
export const contentSha256 = ({ title, custom_excerpt, html }: Post): string =>
  createHash('sha256')
    .update(JSON.stringify([title, custom_excerpt, html]))
    .digest('hex');
