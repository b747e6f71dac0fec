import { AdapterError } from '../../../contract/errors.js';
import { definePublisher, type ProbeFinding, type Publisher, type PublisherSetup } from '../publisher.js';
import { smtpError } from './errors.js';
import { buildMail, recipientOf } from './message.js';
import { smtpOptionsSchema, type SmtpOptions } from './options.js';
import { dialogue } from './session.js';

/**
 * Mails through an SMTP server. Class 4: there is no key and no look-up; a mail is sent once, and held when no answer
 * came after its content had left.
 *
 *  M1. One effect is one mail to one recipient, who stands in the batch file or the job, never in the artifact.
 *  M2. What failed before the server asked for the content was surely not sent.
 *  M3. The Message-ID is the same for the same effect and revision: some receivers drop twins by it, none must.
 */
export const smtp = definePublisher<SmtpOptions>({
  name: 'smtp',
  version: '1',
  handling: ['host', 'port', 'secure', 'requireTLS', 'user', 'pass', 'timeout'],
  neverArtifact: ['host', 'from', 'to', 'replyTo'],
  options: smtpOptionsSchema,
  neverAsked: true,
  create: (setup) => smtpPublisher(setup),
});

export function smtpPublisher({
  options,
  target,
}: Pick<PublisherSetup<SmtpOptions>, 'options' | 'target'>): Publisher {
  const server = `${options.host}:${options.port ?? (options.secure ? 465 : 587)}`;
  return {
    facts: { name: 'smtp', class: 4, lookup: 'none', settleMs: 0 },

    async create(request, context) {
      const { signal } = context;
      const recipient = recipientOf(options, target, request.body);
      const mail = await buildMail(options, recipient, request, context);
      if (signal.aborted)
        throw new AdapterError('transient', 'stopped before the mail was sent', { sent: 'no' });
      await dialogue(options, mail, signal);
      return {
        kind: 'ours',
        placed: {
          id: mail.messageId,
          sha256: request.sha256,
          revision: request.revision,
          fingerprint: request.fingerprint,
          visible: true,
        },
      };
    },

    async probe({ signal }): Promise<readonly ProbeFinding[]> {
      try {
        await dialogue(options, undefined, signal);
      } catch (error) {
        return [{ status: 'fail', detail: smtpError(error, `signing in to ${server}`, options).message }];
      }
      const who = options.user === undefined ? 'without signing in' : `as ${options.user}`;
      return [
        { status: 'ok', detail: `${server} takes our connection ${who}` },
        {
          status: 'warn',
          detail:
            'mail servers can’t be asked what they have sent; a mail whose answer is lost waits for a person',
        },
      ];
    },

    classify: (error, during) => smtpError(error, `${during} through ${server}`, options),
  };
}
