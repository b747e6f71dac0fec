import { z } from 'zod';

/** Root of a site. User and password have options of their own; queries and fragments mean nothing there. */
export const siteSchema = z.string().refine(isSite, {
  message: 'must be the http(s) URL of the site, without user, query and "#"',
});

function isSite(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

/** Whatever comes from a template is a text. */
export const yesOrNoSchema = z.union([
  z.boolean(),
  z.enum(['true', 'false']).transform((text) => text === 'true'),
]);

const hostsSchema = z.array(z.string().min(1)).optional();

/** The options of `toHtml`, for publishers of pages. */
export const htmlOptionFields = {
  format: z.enum(['markdown', 'html']).default('markdown').describe('what the artifact is'),
  sanitise: yesOrNoSchema.default(true).describe('take out scripts, frames, event handlers and the like'),
  linkHosts: hostsSchema.describe('hosts that links may lead to; others keep their text only'),
  imageHosts: hostsSchema.describe('hosts that images may come from'),
};
