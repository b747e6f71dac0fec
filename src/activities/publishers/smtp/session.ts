import { Readable } from 'node:stream';
import { durationMs } from '../../../contract/batch-file.js';
import type { Mail } from './message.js';
import type { SmtpOptions } from './options.js';

/** How far a dialogue had come. From `content` on, the mail may be out: the server had said "go on". */
export type Stage = 'connect' | 'sign-in' | 'envelope' | 'content';

/** A dialogue with a mail server that failed, with the stage that the error itself does not tell. */
export class SmtpFailed extends Error {
  override readonly name = 'SmtpFailed';
  constructor(
    readonly stage: Stage,
    cause: unknown,
  ) {
    super(`the dialogue with the mail server failed [stage=${stage}]`, { cause });
  }
}

/**
 * One dialogue: connect, sign in, and, where there is a mail, send it. Sent once: no pool, no second try.
 * @returns what the server said to the mail
 * @throws SmtpFailed
 */
export async function dialogue(
  options: SmtpOptions,
  mail: Mail | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { default: SMTPConnection } = await import('nodemailer/lib/smtp-connection');
  const { host, secure, user, pass } = options;
  const timeoutMs = durationMs(options.timeout);
  const connection = new SMTPConnection({
    host,
    port: options.port ?? (secure ? 465 : 587),
    secure,
    requireTLS: !secure && (options.requireTLS ?? !isThisMachine(host)),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    logger: false,
  });
  let stage: Stage = 'connect';
  const content =
    mail &&
    Readable.from(
      (function* () {
        // Read for the first time when the server has answered DATA with "go on".
        stage = 'content';
        yield mail.raw;
      })(),
      { objectMode: false },
    );

  let stop = () => {};
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      stop = () => {
        // Once content has left, only the server's answer tells what became of it.
        if (stage !== 'content') reject(new Error('stopped before the mail was sent'));
      };
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      connection.once('error', reject);
      connection.once('end', () => reject(new Error('the connection ended')));

      const transmit = () => {
        if (!mail || !content) return resolve(undefined);
        stage = 'envelope';
        const envelope = { ...mail.envelope, size: mail.raw.byteLength };
        connection.send(envelope, content, (error, info) => (error ? reject(error) : resolve(info.response)));
      };
      connection.connect((error) => {
        if (error) return reject(error);
        if (user === undefined || pass === undefined) return transmit();
        stage = 'sign-in';
        connection.login({ user, pass }, (refused) => (refused ? reject(refused) : transmit()));
      });
    });
  } catch (error) {
    connection.close();
    throw new SmtpFailed(stage, error);
  } finally {
    signal.removeEventListener('abort', stop);
    connection.removeAllListeners('error').on('error', () => undefined); // nothing after the answer counts
    connection.quit();
  }
}

const isThisMachine = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host);
