import { z } from 'zod';
import { durationSchema } from '../../../contract/batch-file.js';
import { secretSchema } from '../../../contract/secret.js';
import { htmlOptionFields } from '../html/options.js';
import { checkKeyWindow, siteSchema, yesOrNoSchema } from '../option-schemas.js';
import { mailboxSchema } from './mailbox.js';

const RECIPIENTS_MAX = 50;

const mailboxesSchema = z
  .union([mailboxSchema, z.array(mailboxSchema).min(1).max(RECIPIENTS_MAX)])
  .transform((one) => [one].flat());

const apiUrlSchema = siteSchema.transform((text) => text.replace(/\/+$/, ''));

export const resendOptionsSchema = z
  .strictObject({
    apiKey: secretSchema
      .regex(/^[\x21-\x7e]+$/, 'must be an API key, such as ${env:RESEND_API_KEY}')
      .describe('of Resend; a reference to a secret'),
    from: mailboxSchema.describe('sender, of a verified domain'),
    to: mailboxesSchema.describe('recipients; from the batch file or the job, never from the artifact'),
    cc: mailboxesSchema.optional().describe('more recipients'),
    bcc: mailboxesSchema.optional().describe('recipients that the others don’t see'),
    replyTo: mailboxesSchema.optional().describe('where answers go'),
    subject: z
      .string()
      .min(1)
      .max(900)
      .regex(
        /^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]*$/u,
        'has a line break or control character',
      )
      .describe('one line'),
    ...htmlOptionFields,
    format: z
      .enum(['text', 'markdown', 'html'])
      .default('text')
      .describe('what the artifact is; used where neither text nor html is given'),
    text: z.string().optional().describe('body in plain text, such as {{ artifact }}'),
    html: z
      .string()
      .optional()
      .describe('body in HTML; an artifact in it is sent as it is, so markup and all'),
    scan: yesOrNoSchema
      .default(true)
      .describe('look through the list of sent mails; needs an API key with full access'),
    url: apiUrlSchema.default('https://api.resend.com').describe('of the API'),
    keyWindow: durationSchema.default('24h').describe('how long Resend remembers a key'),
    timeout: durationSchema.default('30s').describe('for one request'),
  })
  .superRefine(checkKeyWindow);

export type ResendOptions = z.output<typeof resendOptionsSchema>;
