import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UsageError } from '../../../contract/errors.js';
import { messageOf, systemCode } from '../../../contract/thrown.js';
import type { RuleBook } from '../faults/rule-book.js';
import type { Call, Reply, World } from './call.js';
import { deliver } from './deliver.js';
import { dispatch, type Outcome } from './dispatch.js';
import type { Service } from './service.js';

const LOOPBACK = '127.0.0.1';
/** What both vendors take at most. Source: platform.claude.com/docs/en/managed-agents/reference */
const BODY_BYTES_MAX = 32 * 1024 * 1024;

export interface Listening {
  readonly services: readonly Service[];
  /** Answers what is under `/_/`. */
  readonly control: (method: string, path: string, body: Buffer) => Reply;
  readonly world: World;
  readonly rules: RuleBook;
}

/** Serves on loopback only. @param port 0 asks the system for a free one @throws UsageError where it can't be had */
export async function listen(port: number, listening: Listening): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    answer(request, response, listening, gone.signal).catch((error: unknown) => {
      if (!gone.signal.aborted) tell(error); // a caller that goes away in the middle is no mistake of ours
      response.destroy();
    });
  });
  server.keepAliveTimeout = 60_000; // above the pause between two polls
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cantListen(error, port)));
    server.listen(port, LOOPBACK, resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** What the system says of a port, as whoever chose it can act on it. */
function cantListen(error: Error, port: number): Error {
  const why = { EADDRINUSE: 'is taken by another program', EACCES: 'is not for this user' }[
    systemCode(error) ?? ''
  ];
  if (why === undefined) return error;
  return new UsageError(`port ${port} ${why}; choose another, or 0 for any that is free`, { cause: error });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  listening: Listening,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = listening.world;
  const url = new URL(request.url ?? '/', `http://${LOOPBACK}`);
  const [, surface = '', ...rest] = url.pathname.split('/');
  const path = `/${rest.join('/')}`;
  const body = await bodyOf(request);
  if (surface === '_') return controlled(request, response, path, body ?? Buffer.alloc(0), listening, signal);
  const service = listening.services.find((one) => one.surface === surface);
  if (!service)
    return deliver(whole({ status: 404, body: { error: 'no such surface' } }), response, clock, signal);
  if (!body) return deliver(whole(service.tooLarge()), response, clock, signal);
  const call: Call = {
    method: request.method ?? 'GET',
    path,
    query: url.searchParams,
    headers: request.headers,
    body,
    baseUrl: `http://${request.headers.host ?? LOOPBACK}/${surface}`,
  };
  return deliver(decided(service, call, listening), response, clock, signal);
}

/** A mistake of ours must look like one, to the caller and to whoever reads the output. */
function decided(service: Service, call: Call, { world, rules }: Listening): Outcome {
  try {
    return dispatch(service, call, world, rules);
  } catch (error) {
    tell(error);
    return whole(service.broken(messageOf(error)));
  }
}

const tell = (error: unknown): void => {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`agent server: ${text}\n`);
};

/** A page in a browser must not be able to reach these. */
function controlled(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  body: Buffer,
  { control, world }: Listening,
  signal: AbortSignal,
): Promise<void> {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const local = [LOOPBACK, 'localhost'].includes(host) && request.headers.origin === undefined;
  const reply = local
    ? control(request.method ?? 'GET', path, body)
    : { status: 403, body: { error: 'control routes answer local programs only' } };
  return deliver(whole(reply), response, world.clock, signal);
}

const whole = (reply: Reply): Outcome => ({ reply, transport: 'whole' });

/** Undefined for one that is too large. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= BODY_BYTES_MAX) chunks.push(chunk); // the rest is read and dropped, so that the answer is heard
  }
  return size <= BODY_BYTES_MAX ? Buffer.concat(chunks) : undefined;
}
