import { z } from 'zod';
import { yesOrNoSchema } from '../option-schemas.js';

const hostsSchema = z.array(z.string().min(1)).optional();

/** The options of `toHtml`, for publishers of pages. */
export const htmlOptionFields = {
  format: z.enum(['markdown', 'html']).default('markdown').describe('what the artifact is'),
  sanitise: yesOrNoSchema.default(true).describe('take out scripts, frames, event handlers and the like'),
  linkHosts: hostsSchema.describe('hosts that links may lead to; others keep their text only'),
  imageHosts: hostsSchema.describe('hosts that images may come from'),
};
