import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.js';
import type { Reply } from './call.js';
import type { Outcome } from './dispatch.js';

/** Sends what was decided, when it was decided, as much of it as was decided. */
export async function deliver(
  outcome: Outcome,
  response: ServerResponse,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { headers: extraHeaders = {} } = outcome;
  if (outcome.transport === 'none') return void response.destroy();
  await clock.until(outcome.notBefore ?? 0, signal);
  const reply = await held(outcome.reply, clock, signal);
  if (signal.aborted || !reply) return void response.destroy();
  if (reply.events) return stream(reply, response, extraHeaders, signal);
  const { bytes, type } = encoded(reply, extraHeaders);
  response.writeHead(reply.status, {
    ...(type !== undefined && { 'content-type': type }),
    ...extraHeaders,
    ...reply.headers,
    'content-length': String(bytes.length),
  });
  if (outcome.transport === 'whole') return void response.end(bytes);
  // The rest never comes: the connection breaks in the middle of the body.
  response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => response.destroy());
}

async function held(reply: Reply, clock: Clock, signal: AbortSignal): Promise<Reply | undefined> {
  if (!reply.hold) return reply;
  await clock.until(reply.hold.until, signal);
  return reply.hold.late();
}

async function stream(
  { status, events }: Reply,
  response: ServerResponse,
  extraHeaders: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(status, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    ...extraHeaders,
  });
  response.flushHeaders();
  for await (const event of events?.(signal) ?? []) response.write(event);
  response.end();
}

function encoded(
  { body }: Reply,
  { 'request-id': requestId }: Readonly<Record<string, string>>,
): { bytes: Buffer; type?: string } {
  if (body === undefined) return { bytes: Buffer.alloc(0) };
  if (Buffer.isBuffer(body)) return { bytes: body };
  const isError = typeof body === 'object' && body !== null && 'error' in body;
  const shown = isError && requestId !== undefined ? { ...body, request_id: requestId } : body;
  return { bytes: Buffer.from(JSON.stringify(shown)), type: 'application/json' };
}
