import { z } from 'zod';
import { secretSchema } from './secret.js';

/** One way to reach a person. All texts may hold references to secrets, `${env:NAME}`. */
const channelFields = {
  also: z
    .boolean()
    .optional()
    .describe('true: told in any case; else only when the channels before it could not be reached'),
};

const urlSchema = z.string().min(1);

const webhookSchema = z.strictObject({
  use: z.literal('webhook'),
  url: urlSchema.describe('gets a POST with JSON'),
  secret: secretSchema
    .optional()
    .describe('signs each message as Standard Webhooks do; "whsec_" and base64, or any text'),
  ...channelFields,
});

const slackSchema = z.strictObject({
  use: z.literal('slack'),
  url: secretSchema.describe(
    'secret reference; incoming webhook of Slack, or of a service that understands the same',
  ),
  ...channelFields,
});

const emailSchema = z.strictObject({
  use: z.literal('email'),
  host: z.string().min(1).describe('mail server'),
  port: z.int().min(1).max(65_535).optional().describe('465 with secure: true, else 587 where left out'),
  secure: z.boolean().optional().describe('TLS from the start; else STARTTLS'),
  user: z.string().min(1).optional().describe('to sign in with'),
  pass: secretSchema.optional().describe('its password; a reference to a secret'),
  from: z.string().min(1).describe('sender'),
  to: z.string().min(1).describe('the one recipient; give further ones a channel of their own'),
  ...channelFields,
});

const ntfySchema = z.strictObject({
  use: z.literal('ntfy'),
  topic: z.string().min(1),
  url: urlSchema.optional().describe('server; https://ntfy.sh where left out'),
  token: secretSchema.optional().describe('access token; a reference to a secret'),
  ...channelFields,
});

const pagerdutySchema = z.strictObject({
  use: z.literal('pagerduty'),
  routingKey: secretSchema.describe(
    'integration key of an "Events API v2" integration; a reference to a secret',
  ),
  url: urlSchema
    .optional()
    .describe(
      'where events go; https://events.pagerduty.com/v2/enqueue where left out, for accounts in the EU https://events.eu.pagerduty.com/v2/enqueue',
    ),
  ...channelFields,
});

const commandSchema = z.strictObject({
  use: z.literal('command'),
  command: z
    .array(z.string().min(1))
    .min(1)
    .describe('program and arguments; no shell; gets the message as JSON on its standard input'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())
    .optional()
    .describe('all it gets beside PATH, HOME and NIGHTSHIFT_ALERT_ID'),
  ...channelFields,
});

export const channelSchema = z.discriminatedUnion('use', [
  webhookSchema,
  slackSchema,
  emailSchema,
  ntfySchema,
  pagerdutySchema,
  commandSchema,
]);
export type ChannelSpec = z.infer<typeof channelSchema>;
export type ChannelOf<Use extends ChannelSpec['use']> = Extract<ChannelSpec, { use: Use }>;

/** In order: the first that takes a message is enough. */
export const channelsSchema = z
  .array(channelSchema)
  .max(10)
  .default([])
  .describe('who is told when a person must act; in order, until one channel takes the message');

export const deadManSchema = z.strictObject({
  url: urlSchema.describe('pinged when a run starts (/start), ends well, or ends unfinished (/fail)'),
});
export type DeadManSpec = z.infer<typeof deadManSchema>;

/** What is the matter; `policy/alert-rules.ts` says what each is about, and when it is told. */
export type AlertRule =
  | 'auth'
  | 'config'
  | 'quota'
  | 'budget'
  | 'stop-loss'
  | 'down'
  | 'spending'
  | 'failing'
  | 'standstill'
  | 'deadline'
  | 'overdue'
  | 'approval'
  | 'unanswered'
  | 'parked'
  | 'unclear'
  | 'conflict'
  | 'held'
  | 'incomplete'
  | 'missed'
  | 'skipped'
  | 'empty'
  | 'late';

/** Why a message goes out. */
export type NoticeKind = 'opened' | 'reminder' | 'recovered' | 'test';

/** One job that a cause has hit, as a message names it. */
export interface AlertExample {
  readonly key: string;
  readonly title: string;
  readonly message: string;
}

/** What is known of a cause when a message about it is written; kept in the ledger. */
export interface AlertDetail {
  /** One sentence: what is the matter. */
  readonly headline: string;
  /** Jobs hit; 0 where no single job is meant. */
  readonly jobs: number;
  /** Jobs of the batch. */
  readonly of: number;
  readonly examples: readonly AlertExample[];
  /** Commands to type, and what has to be done before. */
  readonly next: readonly { readonly what: string; readonly command: string }[];
  /** Where it is about jobs: the nights, or lists, that have some. For us, in no message; older releases knew none of them. */
  readonly nights?: readonly AlertNight[];
}

/** A night in an alert. */
export interface AlertNight {
  readonly batchId: string;
  /** What it tells at once; nothing where it can wait. */
  readonly atOnce?: AlertRule;
}

/** What every channel is given. */
export interface Notice {
  /** The same for every try of the same message. */
  readonly id: string;
  readonly kind: NoticeKind;
  readonly rule: AlertRule | 'test';
  readonly batch: string;
  /** Where it went wrong: provider or destination; empty where the batch itself is meant. */
  readonly subject: string;
  readonly errorClass: string | undefined;
  /** When the cause was first and last seen; ISO 8601. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** Identifies the cause, over runs and messages. */
  readonly fingerprint: string;
  readonly detail: AlertDetail;
}
