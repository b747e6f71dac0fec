import { z } from 'zod';
import { DAY_MS } from '../../contract/units.js';
import type { Store } from './store.js';

const httpSettingsSchema = z.strictObject({
  requireKey: z.boolean().default(false).describe('400 where the key is missing'),
  quotedOnly: z.boolean().default(false).describe('400 where the key is no quoted text'),
  ignoresKey: z.boolean().default(false).describe('as most services do'),
  comparesBody: z.boolean().default(true).describe('422 where a key comes again with another body'),
  replaysErrors: z.boolean().default(true).describe('a stored 500 is told again'),
  marksReplays: z.boolean().default(true).describe('says so in a header where an answer is a stored one'),
  windowMs: z.number().default(DAY_MS),
  lagMs: z.number().default(0).describe('until a look-up sees what was created'),
});
export type HttpSettings = z.output<typeof httpSettingsSchema>;

export const settingsSchema = z.strictObject({
  http: httpSettingsSchema.prefault({}),
  stripe: z
    .strictObject({ windowMs: z.number().default(DAY_MS), searchLagMs: z.number().default(60_000) })
    .prefault({}),
  resend: z
    .strictObject({
      windowMs: z.number().default(DAY_MS),
      listRetentionMs: z.number().optional().describe('older mails are missing in the list'),
      domains: z.array(z.string()).default(['example.com']).describe('verified to send from'),
    })
    .prefault({}),
});
/** How the services behave, with their documented windows as defaults. */
export type Settings = z.output<typeof settingsSchema>;
export type SettingsInput = z.input<typeof settingsSchema>;

export const settingsOf = (store: Store): Settings =>
  settingsSchema.parse(JSON.parse(store.meta('settings') ?? '{}'));
