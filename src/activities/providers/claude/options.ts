import { z } from 'zod';
import { durationSchema } from '../../../contract/batch-file.js';
import { KEY_VARIABLES } from '../managed/key-variables.js';
import { baseUrlOption, keyOption, managedOptions } from '../managed/options.js';

const settle = (length: string, what: string) => durationSchema.default(length).describe(what);

/** Options of the provider `claude`. Versions and limits are those of 2026-11-23. */
export const claudeOptionsSchema = z.strictObject({
  apiKey: keyOption(KEY_VARIABLES.claude),
  baseUrl: baseUrlOption('https://api.anthropic.com'),
  apiVersion: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/)
    .default('2026-10-21')
    .describe('header anthropic-version of every request'),
  beta: z
    .string()
    .min(1)
    .default('managed-agents-2026-04-01')
    .describe('header anthropic-beta of every request'),
  agent: z.string().min(1).describe('id of the agent, agent_…'),
  agentVersion: z.int().positive().optional().describe('version of the agent; the latest when absent'),
  environment: z.string().min(1).describe('id of the cloud environment, env_…'),
  vaults: z.array(z.string().min(1)).max(50).optional().describe('ids of vaults that the agent may use'),
  budget: z
    .number()
    .min(0.01)
    .max(100_000)
    .optional()
    .describe('US dollars at which the service stops a session; also booked where its cost can’t be learnt'),
  ...managedOptions,
  listSettle: settle('3s', 'how late a new session may be listed'),
  kickoffSettle: settle('5s', 'how late a message that was sent may be listed'),
  filesSettle: settle('15s', 'how late the files of a session may be listed'),
  findWindow: settle(
    '1d',
    'how far back sessions are looked through where the start of the attempt is not known',
  ),
});

export type ClaudeOptions = z.infer<typeof claudeOptionsSchema>;
