/** A mail server on loopback that keeps what it gets and can fail at each stage of the dialogue. */
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';

/**
 * Where the server fails. `content`: in the midst of the mail. `dot`: the mail is taken and kept, and no answer is
 * given. `data`: when the client asks whether it may send the content.
 */
export type Fault = 'connect' | 'auth' | 'mail' | 'rcpt' | 'data' | 'content' | 'dot';

/** What the server does there: cuts the connection, says nothing more, or answers with this status. */
export type Failure = 'cut' | 'hang' | number;

export interface ReceivedMail {
  readonly from: string;
  /** Of the envelope: those who really get it. */
  readonly to: readonly string[];
  readonly raw: string;
}

export interface MailServer {
  readonly port: number;
  /** Mails taken, whether answered or not. */
  readonly mails: readonly ReceivedMail[];
  /** Dialogues begun. */
  readonly connections: number;
  /** The next dialogues fail like this, one after another. */
  fail(at: Fault, how: Failure): void;
  /** Mails taken that bear the effect key. */
  count(effectKey: string): number;
  stop(): Promise<void>;
}

export interface MailServerOptions {
  readonly user?: string;
  readonly pass?: string;
  readonly startTls?: boolean;
}

export async function startMailServer({
  user,
  pass,
  startTls = false,
}: MailServerOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const faults: { at: Fault; how: Failure }[] = [];
  const held = new Set<Socket>();
  let connections = 0;

  const socketOf = ({ id }: SMTPServerSession): Socket | undefined =>
    [...server.connections].find((connection) => connection.session.id === id)?._socket;

  /** True where the dialogue fails here. */
  const fails = (at: Fault, session: SMTPServerSession, done: (error: Error) => void): boolean => {
    const fault = faults[0]?.at === at ? faults.shift() : undefined;
    if (fault === undefined) return false;
    const socket = socketOf(session);
    if (typeof fault.how === 'number')
      done(Object.assign(new Error('stand-in'), { responseCode: fault.how }));
    else if (fault.how === 'cut') socket?.destroy();
    else if (socket) held.add(socket);
    return true;
  };

  const server = new SMTPServer({
    authOptional: user === undefined,
    disabledCommands: [...(startTls ? [] : ['STARTTLS']), ...(user === undefined ? ['AUTH'] : [])],
    allowInsecureAuth: true,
    closeTimeout: 50,
    logger: false,
    onConnect: (session, done) => {
      connections++;
      if (!fails('connect', session, done)) done();
    },
    onAuth: (auth, session, done) => {
      if (fails('auth', session, done)) return;
      if (auth.username === user && auth.password === pass) return done(null, { user });
      // As hostile as can be: it repeats what it was given.
      const given = `${auth.username} ${auth.password}`;
      done(Object.assign(new Error(`no such user ${given}`), { responseCode: 535 }));
    },
    onMailFrom: (_, session, done) => {
      if (!fails('mail', session, done)) done();
    },
    onRcptTo: (_, session, done) => {
      if (!fails('rcpt', session, done)) done();
    },
    onData: (stream, session, done) => {
      if (fails('data', session, done)) {
        stream.resume();
        return;
      }
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => {
        if (chunks.length === 0 && faults[0]?.at === 'content') fails('content', session, done);
        chunks.push(chunk);
      });
      stream.on('end', () => {
        const refused = faults[0]?.at === 'dot' && typeof faults[0].how === 'number';
        if (!refused) {
          const { mailFrom, rcptTo } = session.envelope;
          mails.push({
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            raw: Buffer.concat(chunks).toString('utf8'),
          });
        }
        if (!fails('dot', session, done)) done();
      });
    },
  });
  server.on('error', () => undefined); // connections that a test cuts
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    get connections() {
      return connections;
    },
    fail: (at, how) => {
      faults.push({ at, how });
    },
    count: (effectKey) =>
      mails.filter(({ raw }) => raw.toLowerCase().includes(`x-nightshift-key: ${effectKey}\r\n`)).length,
    stop: async () => {
      for (const socket of held) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
