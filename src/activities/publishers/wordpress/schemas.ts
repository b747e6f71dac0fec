import { z } from 'zod';

const raw = z.object({ raw: z.string() });

/** A post as a user sees it who may edit it. Fields that a site leaves out are not needed. */
export const postSchema = z.object({
  id: z.int().positive(),
  slug: z.string(),
  status: z.string(),
  link: z.string(),
  content: raw,
  title: raw,
  excerpt: raw.optional(),
  meta: z.unknown().optional(),
  modified_gmt: z.string().optional(),
  /** The address that it has once published, with `%postname%` in the slug’s place. */
  permalink_template: z.string().optional(),
});
export type Post = z.infer<typeof postSchema>;
export const POST_FIELDS =
  'id,slug,status,link,content.raw,title.raw,excerpt.raw,meta,modified_gmt,permalink_template';

/** Something public that has a slug: post, page or attachment of whomever. */
export const publicSchema = z.object({ id: z.int().positive(), slug: z.string(), link: z.string() });
export type PublicObject = z.infer<typeof publicSchema>;

export const termSchema = z.object({ id: z.int().positive(), name: z.string(), slug: z.string() });
export type Term = z.infer<typeof termSchema>;

export const userSchema = z.object({
  username: z.string(),
  roles: z.array(z.string()),
  capabilities: z.record(z.string(), z.unknown()),
});
export type User = z.infer<typeof userSchema>;

export const errorSchema = z.object({
  code: z.string(),
  message: z.string().default(''),
  /** The parameters that were refused, each with a sentence. */
  data: z
    .object({
      params: z.record(z.string(), z.unknown()).catch({}),
      details: z.record(z.string(), z.object({ code: z.string() })).catch({}),
    })
    .optional()
    .catch(undefined),
});
export type WordPressError = z.infer<typeof errorSchema>;
