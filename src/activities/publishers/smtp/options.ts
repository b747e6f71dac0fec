import { z } from 'zod';
import { durationMs, durationSchema } from '../../../contract/batch-file.js';
import { secretSchema } from '../../../contract/secret.js';
import { htmlOptionFields } from '../html/options.js';
import { yesOrNoSchema } from '../option-schemas.js';
import { mailboxSchema } from '../resend/mailbox.js';
import { headerNameFault } from './message.js';

const TIMEOUT_MS_MIN = 1_000;
const TIMEOUT_MS_MAX = 10 * 60_000;

export const smtpOptionsSchema = z
  .strictObject({
    host: z
      .string()
      .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9a-fA-F:.]+$/, 'must be the name of a host')
      .describe('mail server that takes the mails'),
    port: z.coerce
      .number()
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('465 with secure: true, else 587 where left out'),
    secure: yesOrNoSchema.default(false).describe('TLS from the start, as on port 465; else STARTTLS'),
    requireTLS: yesOrNoSchema
      .optional()
      .describe('send nothing without TLS; true where left out, but for a server on this machine'),
    user: z.string().min(1).optional().describe('to sign in with'),
    pass: secretSchema.optional().describe('its password; a reference to a secret'),
    from: mailboxSchema.describe('sender'),
    to: mailboxSchema
      .optional()
      .describe(
        'the one recipient, from the batch file or the job, never from the artifact; the target where left out',
      ),
    replyTo: mailboxSchema.optional().describe('where answers go'),
    subject: z.string().min(1).max(900).describe('one line; line breaks in it become spaces'),
    ...htmlOptionFields,
    format: z.enum(['text', 'markdown', 'html']).default('text').describe('what the artifact is'),
    headers: z
      .record(
        z.string().superRefine((name, context) => {
          const fault = headerNameFault(name);
          if (fault !== undefined)
            context.addIssue({ code: 'custom', message: `header ${JSON.stringify(name)} ${fault}` });
        }),
        z.string().max(2_000),
      )
      .default({})
      .describe('further headers; line breaks in them become spaces'),
    timeout: durationSchema.default('60s').describe('longest silence of the server'),
  })
  .superRefine(({ user, pass, timeout }, context) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    if ((user === undefined) !== (pass === undefined)) refuse('user', 'user and pass go together');
    const timeoutMs = durationMs(timeout);
    if (timeoutMs < TIMEOUT_MS_MIN || timeoutMs > TIMEOUT_MS_MAX) refuse('timeout', 'must be from 1s to 10m');
  });

export type SmtpOptions = z.output<typeof smtpOptionsSchema>;
