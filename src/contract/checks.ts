import { z } from 'zod';
import { durationSchema } from './duration.js';
import { jsonObjectSchema } from './json.js';

/** A JSON Schema, written out or named by its path. */
const schemaSource = z
  .union([z.string().min(1), jsonObjectSchema])
  .describe('a JSON Schema, or the path of one, relative to the batch file');

const headingSchema = z.string().min(1).describe('its text; "## Sources" asks for that level as well');

export const linksCheckSchema = z.strictObject({
  resolve: z.literal(true),
  hosts: z
    .array(z.string().regex(/^(\*\.)?[A-Za-z0-9.:[\]-]+$/, 'must be a host name, or "*." and one'))
    .default([])
    .describe('hosts that may be asked although they have a private address; no others of these are'),
  timeout: durationSchema.default('10s').describe('longest that one link may take'),
  within: durationSchema.default('2m').describe('longest that all links of an artifact may take'),
  max: z.int().min(1).max(1000).default(100).describe('most links that an artifact may have'),
  unclear: z
    .enum(['note', 'fail'])
    .default('note')
    .describe('what an answer means that says neither yes nor no: 401, 403, 429, 5xx, none in time'),
});
export type LinksCheck = z.infer<typeof linksCheckSchema>;

/** One rule that an artifact must meet before any effect; each entry of `checks` has one. */
export const checkSchema = z.union([
  z.strictObject({ notEmpty: z.literal(true) }),
  z.strictObject({ minWords: z.int().positive() }),
  z.strictObject({ maxWords: z.int().positive() }),
  z.strictObject({ contains: z.string().min(1) }),
  z.strictObject({ notContains: z.string().min(1) }),
  z.strictObject({ notTruncated: z.literal(true).describe('it does not break off') }),
  z.strictObject({
    headings: z.union([
      z.array(headingSchema).min(1).describe('headings that it must have, in any order'),
      z
        .strictObject({ required: z.array(headingSchema).min(1), ordered: z.boolean().default(false) })
        .describe('the same, with their order'),
    ]),
  }),
  z.strictObject({
    frontMatter: z.strictObject({
      required: z.array(z.string().min(1)).default([]).describe('fields that must be there and not empty'),
      schema: schemaSource.optional(),
    }),
  }),
  z.strictObject({ links: linksCheckSchema }),
  z.strictObject({ jsonSchema: schemaSource }),
  z.strictObject({
    noPlaceholders: z.literal(true).describe('no TODO, lorem ipsum, {{ name }} and the like'),
  }),
  z.strictObject({
    characters: z
      .literal('any')
      .describe('lets control characters, and those that turn the direction of writing, pass'),
  }),
  z.strictObject({
    notSimilar: z.strictObject({
      to: z.literal('earlier').default('earlier').describe('earlier artifacts of the same work'),
      max: z.number().gt(0).max(1).default(0.8).describe('largest share of word sequences in common'),
      last: z.int().min(1).max(1000).default(200).describe('how many of them are compared, newest first'),
    }),
  }),
  z.strictObject({
    use: z
      .string()
      .regex(/^(\.{1,2}\/.+|\/.+)$/, 'must be a path such as "./my-check.ts"')
      .describe('a module of your own that exports a check'),
    with: jsonObjectSchema.default({}).describe('options of the check'),
  }),
]);
export type CheckSpec = z.infer<typeof checkSchema>;
