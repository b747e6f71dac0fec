import { AdapterError, type ErrorClass, type ErrorFacts } from '../../../contract/errors.js';
import { messageOf } from '../../../contract/thrown.js';
import { shownText } from '../http/said.js';
import type { SmtpOptions } from './options.js';
import { SmtpFailed, type Stage } from './session.js';

interface Verdict {
  readonly errorClass: ErrorClass;
  readonly sent: NonNullable<ErrorFacts['sent']>;
  readonly fix?: string;
}

/** Gives every error a class; those that have one keep it. Pure. */
export function smtpError(error: unknown, doing: string, options: SmtpOptions): AdapterError {
  if (error instanceof AdapterError) return error;
  const stage = error instanceof SmtpFailed ? error.stage : undefined;
  const cause = error instanceof SmtpFailed ? error.cause : error;
  const { errorClass, sent, fix } =
    stage === undefined
      ? { errorClass: 'bug' as const, sent: 'no' as const, fix: undefined }
      : judge(cause, stage);
  const code = codeOf(cause);
  const said = shownText(messageOf(cause), secretsOf(options));
  const during = stage === undefined ? '' : `, stage=${stage}`;
  const message = `${doing} failed [use=smtp${during}${code === undefined ? '' : `, code=${code}`}]: ${said}`;
  return new AdapterError(errorClass, fix === undefined ? message : `${message}; ${fix}`, {
    sent,
    ...(code !== undefined && { code }),
  });
}

/** What a failure means, by its stage and by what the server said, if it said anything. */
function judge(cause: unknown, stage: Stage): Verdict {
  const status = statusOf(cause);
  const code = codeOf(cause);
  if (stage === 'content') {
    // Only an answer to the end of the mail says that it was not taken; a lost connection says nothing (RFC 1047).
    if (code !== 'EMESSAGE' || status === undefined) {
      return {
        errorClass: 'unknown',
        sent: 'maybe',
        fix: 'whether the mail is out can’t be found out; look at the recipient’s side',
      };
    }
    return status < 500
      ? { errorClass: 'transient', sent: 'rejected' }
      : { errorClass: 'invalid', sent: 'rejected', fix: 'the server does not want this mail' };
  }
  if (status === undefined) return silent(code);
  if (status < 500) return { errorClass: 'transient', sent: 'no' };
  return refusedAt(stage, cause);
}

function refusedAt(stage: Exclude<Stage, 'content'>, cause: unknown): Verdict {
  if (stage === 'sign-in')
    return { errorClass: 'auth', sent: 'rejected', fix: 'check with.user and with.pass' };
  if (stage === 'connect')
    return { errorClass: 'config', sent: 'rejected', fix: 'this server does not take our mails' };
  const command = cause instanceof Error && 'command' in cause ? cause.command : undefined;
  if (command === 'RCPT TO') return { errorClass: 'invalid', sent: 'rejected', fix: 'check the recipient' };
  if (statusOf(cause) === 530)
    return { errorClass: 'auth', sent: 'rejected', fix: 'this server wants with.user and with.pass' };
  return {
    errorClass: 'config',
    sent: 'rejected',
    fix: 'check with.from, and whether this user may send for it',
  };
}

/** Before content, silence is proof that nothing was sent. */
function silent(code: string | undefined): Verdict {
  switch (code) {
    case 'EAUTH':
      return { errorClass: 'auth', sent: 'no', fix: 'this server offers no way to sign in that we know' };
    case 'ETLS':
      return {
        errorClass: 'config',
        sent: 'no',
        fix: 'check the server’s certificate, with.secure and with.requireTLS',
      };
    case 'EENVELOPE':
      return { errorClass: 'invalid', sent: 'no', fix: 'check the recipient' };
    case 'EMESSAGE':
      return { errorClass: 'invalid', sent: 'no', fix: 'the mail is larger than the server takes' };
    default:
      return code !== undefined && /CERT|SIGNATURE|ALTNAME|^ERR_(TLS|SSL)/.test(code)
        ? { errorClass: 'config', sent: 'no', fix: 'the server’s certificate is not trusted' }
        : { errorClass: 'transient', sent: 'no' };
  }
}

function statusOf(cause: unknown): number | undefined {
  const status = cause instanceof Error && 'responseCode' in cause ? cause.responseCode : undefined;
  return typeof status === 'number' && status >= 400 ? status : undefined;
}

/** The system's own code where the library put its own, such as ESOCKET, in front of it. */
function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const original = 'originalCode' in cause ? cause.originalCode : undefined;
  if (typeof original === 'string') return original;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

/** The password in the forms in which a server could repeat it. */
function secretsOf({ user = '', pass }: SmtpOptions): string[] {
  if (pass === undefined) return [];
  const base64 = (text: string) => Buffer.from(text).toString('base64').replace(/=+$/, '');
  return [pass, base64(pass), base64(`\0${user}\0${pass}`)];
}
