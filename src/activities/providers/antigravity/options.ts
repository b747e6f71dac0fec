import { z } from 'zod';
import { durationSchema } from '../../../contract/batch-file.js';
import { jsonSchema } from '../../../contract/json.js';
import { KEY_VARIABLES } from '../managed/key-variables.js';
import { baseUrlOption, keyOption, managedOptions } from '../managed/options.js';

/**
 * Options of the provider `antigravity`. Ids, limits and prices are those of 2026-11-23: they are retired and changed
 * more often than this code.
 */
export const antigravityOptionsSchema = z.strictObject({
  apiKey: keyOption(KEY_VARIABLES.antigravity),
  baseUrl: baseUrlOption('https://generativelanguage.googleapis.com'),
  apiVersion: z.enum(['v1', 'v1beta']).default('v1beta').describe('version in the path of every request'),
  agent: z.string().min(1).default('antigravity-preview-09-2026').describe('id of the agent'),
  model: z.string().min(1).default('gemini-3.8-flash').describe('model that the agent works with'),
  maxTotalTokens: z
    .int()
    .positive()
    .optional()
    .describe('the service stops a run at about so many tokens; cached ones are not counted'),
  systemInstruction: z.string().min(1).optional().describe('sent with every prompt'),
  tools: z.array(jsonSchema).optional().describe('as the service takes them, instead of its usual tools'),
  network: z
    .union([
      z.literal('disabled'),
      z.strictObject({ allowlist: z.array(z.strictObject({ domain: z.string().min(1) })).min(1) }),
    ])
    .optional()
    .describe('network of the sandbox'),
  ...managedOptions,
  freshIdGrace: durationSchema
    .default('5m')
    .describe('how long a new run may be unknown to the service before it counts as lost'),
  keepRecords: z.boolean().default(false).describe('leave records of ended runs to the service’s retention'),
});

export type AntigravityOptions = z.infer<typeof antigravityOptionsSchema>;
