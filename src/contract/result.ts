import { z } from 'zod';
import { UNAPPROVED } from './approval.js';
import { artifactRefSchema } from './artifact.js';
import { ERROR_CLASSES } from './errors.js';
import { PAUSE_LEVELS } from './holds.js';
import { keySchema, sha256Schema } from './job.js';
import { EFFECT_STATES, SHOWN_JOB_STATES } from './states.js';

const count = z.int().nonnegative();

export const countsSchema = z.strictObject({
  jobs: count,
  done: count.describe('finished since this start'),
  adopted: count.describe('found done'),
  parked: count,
  held: count,
  cancelled: count,
  discarded: count.optional().describe('that a person has decided not to do; absent where there is none'),
});
export type Counts = z.infer<typeof countsSchema>;

export const sessionTotalsSchema = z.strictObject({ started: count, attached: count, wasted: count });
export const effectTotalsSchema = z.strictObject({
  landed: count,
  adopted: count,
  unknown: count,
  held: count,
});
export const costSchema = z.strictObject({
  currency: z.string(),
  total: z.number().nonnegative(),
  wasted: z.number().nonnegative(),
  unknown: count.describe('sessions that told no cost; they count as nothing'),
});

export const jobReportSchema = z.strictObject({
  key: keySchema,
  identity: z.record(z.string(), z.string()),
  state: z.enum(SHOWN_JOB_STATES),
  effects: z.array(
    z.strictObject({
      name: z.string(),
      target: z.string(),
      state: z.enum(EFFECT_STATES),
      id: z.string().optional(),
      url: z.string().optional(),
      takenBack: z.literal(true).optional().describe('it landed, and was unpublished since'),
    }),
  ),
  artifact: artifactRefSchema.optional().describe('what its session made, which its effects are made of'),
  tokens: z
    .strictObject({ input: count, output: count, cached: count })
    .optional()
    .describe('used by all sessions that it ever had; absent where none has ended'),
  cost: costSchema.optional().describe('of the same sessions'),
  error: z.strictObject({ class: z.enum(ERROR_CLASSES), message: z.string() }).optional(),
  heldForSession: z
    .literal(true)
    .optional()
    .describe('nobody knows what a session of it has done; of its effects none is in doubt'),
  unapproved: z
    .enum(UNAPPROVED)
    .optional()
    .describe(
      'it is held for want of a yes, and nothing failed: a person said no, or nobody answered in time',
    ),
  lastArtifact: sha256Schema
    .optional()
    .describe('of a parked or held job: the newest thing a session of it has made, whether it passed or not'),
  lastOutput: z.string().optional().describe('the file that `lastArtifact` is kept in'),
  discarded: z
    .strictObject({ by: z.string(), at: z.string(), reason: z.string() })
    .optional()
    .describe('who decided that it will not be done, and why'),
});
export type JobReport = z.infer<typeof jobReportSchema>;

export const batchOutcomeSchema = z.enum([
  'completed',
  'already-completed',
  'incomplete',
  'paused',
  // Open, and nothing moves before a person has said yes or no.
  'waiting',
  'cancelled',
]);
export type BatchOutcome = z.infer<typeof batchOutcomeSchema>;

/** Figures of one start: what it did, not what the batch ever did. */
export const totalsSchema = z.strictObject({
  counts: countsSchema,
  sessions: sessionTotalsSchema,
  effects: effectTotalsSchema,
  cost: costSchema,
});
export type Totals = z.infer<typeof totalsSchema>;

/** A pause that is on. */
export const shownHoldSchema = z.strictObject({
  scope: z.union([
    z.strictObject({ kind: z.literal('all') }),
    z.strictObject({ kind: z.enum(['work', 'provider', 'batch']), name: z.string() }),
  ]),
  level: z.enum(PAUSE_LEVELS),
  by: z.string(),
  reason: z.string().optional(),
  since: z.string(),
});

/** What a list of jobs has become since a run of the same name, and edition, that was started with another one. */
export const earlierListSchema = z.strictObject({
  workflowId: z.string().describe('of that run'),
  openedAt: z.string(),
  underWay: z.boolean().describe('it goes on with its own list'),
  added: count.describe('jobs that it does not have'),
  gone: z
    .array(
      z.strictObject({
        key: keySchema,
        identity: z.record(z.string(), z.string()),
        state: z.enum(SHOWN_JOB_STATES),
      }),
    )
    .describe('jobs that only it has'),
});
export type EarlierList = z.infer<typeof earlierListSchema>;

/** The document that `run --json` prints. */
export const runReportSchema = totalsSchema.extend({
  batch: z.strictObject({
    name: z.string(),
    key: keySchema,
    workflowId: z.string(),
    runId: z.string(),
    result: batchOutcomeSchema,
    reason: z.string().optional().describe('why it is paused'),
  }),
  hold: shownHoldSchema
    .optional()
    .describe('of a paused batch: the pause that it stands before, its own or a wider one'),
  earlier: z
    .array(earlierListSchema)
    .optional()
    .describe('runs of the same name, and edition, with another list of jobs; newest first'),
  jobs: z.array(jobReportSchema),
});
export type RunReport = z.infer<typeof runReportSchema>;
