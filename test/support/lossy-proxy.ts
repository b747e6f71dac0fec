import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What happens to one request on its way.
 *
 *  drop-before   the server never sees it; the client's connection is cut
 *  drop-answer   the server has carried it out; the client's connection is cut
 *  half-answer   the server has carried it out; the client gets the head and half of the body
 *  late-request  the client's connection is cut at once; the server gets the request `ms` later
 *  delay         the server gets it at once; the client gets the answer `ms` later
 *  answer        the server never sees it; the client gets this answer
 */
export type Fault =
  | { readonly kind: 'drop-before' | 'drop-answer' | 'half-answer' }
  | { readonly kind: 'late-request' | 'delay'; readonly ms: number }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly body: Buffer;
  readonly fault: Fault['kind'] | undefined;
  /** Of the server's answer; undefined while there is none. */
  readonly status: number | undefined;
}

export interface LossyProxy {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** All that came in, oldest first. */
  readonly seen: readonly SeenRequest[];
  /** The next request for which `when` is true has this fault, once. Faults are tried in the order they were given. */
  next(fault: Fault, when?: (request: Pick<SeenRequest, 'method' | 'path' | 'body'>) => boolean): void;
  /** Faults that no request has met yet. */
  waiting(): number;
  /** Resolves when nothing is on its way any more, late requests included. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Stands between a client and an HTTP server on loopback, and loses what it is told to lose. Each request is
 * forwarded once, with its headers as they came, `Host` included.
 */
export async function startLossyProxy(upstream: { readonly port: number }): Promise<LossyProxy> {
  const seen: (SeenRequest & { status: number | undefined })[] = [];
  const faults: { fault: Fault; when: (request: SeenRequest) => boolean }[] = [];
  const sockets = new Set<Socket>();
  const underWay = new Set<Promise<void>>();
  const closing = new AbortController();

  const takeFault = (request: SeenRequest): Fault | undefined => {
    const at = faults.findIndex(({ when }) => when(request));
    return at < 0 ? undefined : faults.splice(at, 1)[0]?.fault;
  };

  async function carry(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = incoming;
    const body = await bytesOf(incoming);
    const fault = takeFault({ method, path, body, fault: undefined, status: undefined });
    const entry = { method, path, body, fault: fault?.kind, status: undefined as number | undefined };
    seen.push(entry);

    const cut = () => outgoing.socket?.resetAndDestroy();
    if (fault?.kind === 'drop-before') return void cut();
    if (fault?.kind === 'answer') {
      outgoing.writeHead(fault.status, fault.headers ?? {}).end(fault.body ?? '');
      return;
    }
    if (fault?.kind === 'late-request') {
      cut();
      await sleep(fault.ms, undefined, { signal: closing.signal });
    }
    const answer = await forward(upstream.port, incoming, body, closing.signal);
    entry.status = answer.status;
    if (fault?.kind === 'delay') await sleep(fault.ms, undefined, { signal: closing.signal });
    if (fault?.kind === 'drop-answer') return void cut();
    if (outgoing.destroyed) return;
    outgoing.writeHead(answer.status, answer.headers);
    if (fault?.kind !== 'half-answer') return void outgoing.end(answer.body);
    // The head announces the whole length, so a client can tell.
    outgoing.write(answer.body.subarray(0, Math.floor(answer.body.length / 2)), cut);
  }

  const server = createServer((incoming, outgoing) => {
    const trip = carry(incoming, outgoing).catch(() => {
      // The client or the server has gone; a proxy can only cut the other side too.
      outgoing.socket?.destroy();
    });
    underWay.add(trip);
    void trip.finally(() => underWay.delete(trip));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    next: (fault, when = () => true) => void faults.push({ fault, when }),
    waiting: () => faults.length,
    idle: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    close: async () => {
      closing.abort();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer;
}

/** One connection for each request: a pooled one could be closed under it, and the request be sent again or lost. */
function forward(
  port: number,
  incoming: IncomingMessage,
  body: Buffer,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method, url: path, rawHeaders } = incoming;
    const hopByHop = new Set(['connection', 'transfer-encoding', 'content-length', 'expect', 'keep-alive']);
    const headers: string[] = ['connection', 'close'];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
      if (!hopByHop.has(name.toLowerCase())) headers.push(name, value);
    }
    if (body.length > 0 || method === 'POST' || method === 'PUT')
      headers.push('content-length', String(body.length));
    const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false, signal });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      bytesOf(response).then((answer) => resolve(answerOf(response, answer, method)), reject);
    });
    outgoing.end(body);
  });
}

function answerOf({ statusCode = 502, headers }: IncomingMessage, body: Buffer, method?: string): Answer {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && name !== 'transfer-encoding' && name !== 'connection') kept[name] = value;
  }
  if (method !== 'HEAD' && statusCode !== 204 && statusCode !== 304)
    kept['content-length'] = String(body.length);
  return { status: statusCode, headers: kept, body };
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
