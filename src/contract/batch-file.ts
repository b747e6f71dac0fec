import { z } from 'zod';
import { approvalSchema } from './approval.js';
import { channelsSchema, deadManSchema } from './alerts.js';
import { checkSchema } from './checks.js';
import { deadlineSchema } from './deadline.js';
import { durationSchema } from './duration.js';
import { ERROR_CLASSES } from './errors.js';
import { jsonObjectSchema, jsonSchema } from './json.js';
import {
  agentLimitsSchema,
  canarySchema,
  effectLimitsSchema,
  prioritySchema,
  stopLossSchema,
} from './limits.js';
import { timeOfDaySchema, timeZoneSchema } from './local-time.js';
import { isVolatileField, VOLATILE_PROBLEM } from './volatile-fields.js';
import { warnAtSchema } from './warn-at.js';

/** Names become part of Workflow IDs and keys: short, lower case, safe everywhere. */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,63}$/,
    'must be 1 to 64 of a-z, 0-9 and "-", beginning with a letter or digit',
  );

export { durationSchema } from './duration.js';
export { durationMs, type Duration } from './duration-ms.js';

/** A built-in adapter's name, or a module path relative to the batch file. */
export const adapterUseSchema = z
  .string()
  .regex(
    /^([a-z][a-z0-9-]*|\.{1,2}\/.+|\/.+)$/,
    'must be an adapter name such as "folder", or a path such as "./my-adapter.ts"',
  );

/** Fields of a job that mean something to nightshift and can't be part of an identity. */
export const RESERVED_FIELDS: ReadonlySet<string> = new Set(['revision']);

export const identityFieldSchema = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be a field name of letters, digits and "_"')
  .refine((name) => !isVolatileField(name), { message: VOLATILE_PROBLEM })
  .refine((name) => !RESERVED_FIELDS.has(name), { message: 'is reserved; the revision never changes a key' });

export const agentSchema = z
  .strictObject({
    use: adapterUseSchema.describe('provider: command, antigravity, claude, or a module path'),
    command: z.array(z.string().min(1)).min(1).optional().describe('program and arguments; no shell'),
    preset: z
      .enum(['claude-code', 'codex', 'gemini-cli', 'antigravity-cli'])
      .optional()
      .describe('provider command: an agent CLI instead of a program of yours'),
    cwd: z.string().min(1).optional().describe('working directory, relative to the batch file'),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())
      .optional()
      .describe(
        'all the program gets beside PATH, HOME and NIGHTSHIFT_*; "${env:NAME}" is resolved when it starts',
      ),
    prompt: z.string().optional().describe('template over the fields of the job'),
    timeout: durationSchema.default('1h').describe('longest a session may take'),
    quiet: durationSchema.optional().describe('longest a session may go without any output'),
    outward: z
      .boolean()
      .default(false)
      .describe(
        'true: the agent itself acts on the outside world; after a session that ran, or a start that may have, a person is asked before another one',
      ),
    limits: agentLimitsSchema.optional().describe('what the account at the service bears'),
    with: jsonObjectSchema.optional().describe('options of the provider'),
  })
  .meta({ id: 'agent' });
export type AgentSpec = z.infer<typeof agentSchema>;

export { checkSchema, type CheckSpec } from './checks.js';

/** What to do about a request without an answer where neither a look-up nor a key can tell whether it landed. */
export const ON_UNKNOWN = ['hold', 'resend', 'assume-sent'] as const;
export type OnUnknown = (typeof ON_UNKNOWN)[number];

export const effectSchema = z
  .strictObject({
    name: nameSchema.describe('part of the effect key: another name is another effect'),
    use: adapterUseSchema.describe(
      'publisher: folder, git, postgres, s3, azure-blob, wordpress, ghost, http, smtp, resend, stripe, or a module path',
    ),
    target: z
      .string()
      .min(1)
      .describe('where it goes; template over the fields of the job; part of the effect key'),
    with: jsonObjectSchema
      .default({})
      .describe('options of the publisher; strings are templates, which may name {{ artifact }}'),
    limits: effectLimitsSchema.optional().describe('what the destination bears'),
    approval: approvalSchema.optional().describe('a person says yes before it leaves'),
    hosts: z
      .array(z.string().regex(/^(\*\.)?[A-Za-z0-9.:[\]-]+$/, 'must be a host name, or "*." and one'))
      .optional()
      .describe('hosts that an URL filled in from a job may have'),
    onUnknown: z
      .enum(ON_UNKNOWN)
      .default('hold')
      .describe(
        'when a request got no answer and the destination can’t tell: hold for a person, resend (may land twice), or assume-sent (may be missing)',
      ),
  })
  .meta({ id: 'effect' });
export type EffectSpec = z.infer<typeof effectSchema>;

const CURRENCY_DEFAULT = 'USD';

const moneySchema = z.number().nonnegative();
export const budgetSchema = z.strictObject({
  perSession: moneySchema
    .optional()
    .describe('set aside for each session; else the cap of the agent, or the highest cost seen lately'),
  perJob: moneySchema.optional().describe('most that one job may cost, over all its sessions'),
  perBatch: moneySchema.optional().describe('most that this batch may cost, over all its runs'),
  perDay: moneySchema.optional().describe('most that all batches may cost together in one day'),
  perSite: moneySchema
    .optional()
    .describe('most that one site (identity field "site") may cost in one day, over all batches'),
  sessions: z
    .int()
    .positive()
    .optional()
    .describe(
      'most sessions that this batch may begin, over all its runs; holds also where an agent tells no cost',
    ),
  tokens: z
    .int()
    .positive()
    .optional()
    .describe(
      'most tokens, in and out, that this batch may use over all its runs, by what its sessions report',
    ),
  warnAt: z
    .array(z.number().gt(0).lt(1))
    .default([0.5, 0.8])
    .describe('shares of a budget; crossing one is told and stops nothing'),
  dayEndsAt: timeOfDaySchema
    .optional()
    .describe(
      'local time at which a day ends, such as "12:00", so that a night is one day; midnight unless given',
    ),
  timeZone: timeZoneSchema.default('UTC').describe('whose clock says when a day ends'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default(CURRENCY_DEFAULT)
    .describe('ISO 4217; the one in which the agent reports its costs'),
});

/** Numbers of one row of the table of retries; what is left out is as in `docs/reference/errors.md`. */
const retryClassSchema = z.strictObject({
  wait: durationSchema.optional().describe('first wait at most; each further one may be twice as long'),
  waitAtMost: durationSchema.optional().describe('longest wait'),
  tries: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('failures in a row of one step in one run, and sessions that end so, before the job is parked'),
});

export const retrySchema = z.strictObject({
  sessions: z
    .int()
    .min(1)
    .max(20)
    .default(3)
    .describe('sessions of one job that may end badly, over all its runs, before it is parked'),
  rejected: z
    .int()
    .min(1)
    .max(20)
    .default(3)
    .describe('the same, counted apart, of sessions whose agent failed or whose result failed a check'),
  patience: durationSchema
    .default('12h')
    .describe('how long a step is tried again while a service is down, before the job is parked'),
  classes: z
    .partialRecord(z.enum(ERROR_CLASSES), retryClassSchema)
    .default({})
    .describe('numbers of the table of retries, by error class'),
});
export type RetrySpec = z.infer<typeof retrySchema>;

export const jobSourceSchema = z.union([
  z.string().min(1).describe('path of a .csv, .jsonl, .json or .yaml file'),
  z.array(z.record(z.string(), jsonSchema)).describe('the jobs themselves'),
  z.strictObject({ command: z.array(z.string().min(1)).min(1) }).describe('a program that prints JSON lines'),
]);

const IDENTITY_DEFAULT = ['site', 'category', 'slug'];

/** What an operator writes. Strict: an unknown field is a typo, and a typo must not run all night. */
export const batchFileSchema = z
  .strictObject({
    name: nameSchema.describe('name of the batch; part of its Workflow ID'),
    work: nameSchema.describe(
      'kind of work; jobs of the same work and identity are the same job, whatever batch names them',
    ),
    identity: z
      .array(identityFieldSchema)
      .min(1)
      .max(16)
      .default(IDENTITY_DEFAULT)
      .refine((fields) => new Set(fields).size === fields.length, { message: 'names a field twice' })
      .describe('fields that say what is processed'),
    jobs: jobSourceSchema,
    agent: agentSchema,
    checks: z
      .array(checkSchema)
      .default([{ notEmpty: true }])
      .describe('what an artifact must meet before any effect'),
    effects: z
      .array(effectSchema)
      .min(1)
      .refine((effects) => new Set(effects.map((e) => e.name)).size === effects.length, {
        message: 'has two effects of one name',
      }),
    limits: z
      .strictObject({
        concurrency: z.int().min(1).max(500).default(8).describe('jobs in progress at once'),
        priority: prioritySchema,
      })
      .prefault({})
      .describe('how much at once, such as { concurrency: 8 }'),
    retry: retrySchema
      .prefault({})
      .describe('how often and how long it is tried again, such as { sessions: 3, patience: 12h }'),
    stopLoss: stopLossSchema,
    canary: canarySchema.optional(),
    budget: budgetSchema
      .optional()
      .describe('most that may be spent, such as { perJob: 0.50, perBatch: 20 }'),
    deadline: deadlineSchema.optional(),
    warnAt: warnAtSchema.optional(),
    alerts: channelsSchema,
    deadMan: deadManSchema.optional().describe('a monitor that notices when nothing was heard'),
  })
  .meta({ id: 'batch', title: 'nightshift batch file' });

export type BatchFile = z.infer<typeof batchFileSchema>;

/**
 * A checked batch file without its jobs, as workers get it: everything that says how jobs are done.
 * Stored by content, so a running batch is not changed by an edit of the file.
 */
export const definitionSchema = batchFileSchema.omit({ jobs: true }).extend({
  baseDir: z.string().describe('absolute folder of the batch file; relative paths start there'),
  fileName: z.string().optional().describe('name of the batch file in it'),
  // As it was taken when it was stored, by whatever release.
  identity: z.array(z.string()).min(1).default(IDENTITY_DEFAULT),
});
export type Definition = z.infer<typeof definitionSchema>;

/** ISO 4217; the one that costs of a batch are counted in, also where it has no budget. */
export const currencyOf = ({ budget }: Pick<Definition, 'budget'>): string =>
  budget?.currency ?? CURRENCY_DEFAULT;
