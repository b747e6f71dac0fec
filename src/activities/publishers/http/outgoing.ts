import { durationMs } from '../../../contract/batch-file.js';
import { canonicalJson } from '../../../identity/canonical-json.js';
import type { HttpRequest } from '../../http/request.js';
import type { BodyRequest, PublisherContext } from '../publisher.js';
import { IDEMPOTENCY_HEADER, type HttpOptions } from './options.js';
import { webhookHeaders } from './webhook.js';

export interface Outgoing {
  readonly body: Uint8Array;
  readonly contentType: string;
}

/** The body, the same bytes for the same options and artifact: services compare it with what a key first came with. */
export function outgoing({ body, contentType }: HttpOptions, request: BodyRequest): Outgoing {
  if (body === undefined)
    return { body: request.body, contentType: contentType ?? request.mime ?? 'application/octet-stream' };
  if (typeof body === 'string')
    return { body: Buffer.from(body), contentType: contentType ?? 'text/plain; charset=utf-8' };
  return { body: Buffer.from(canonicalJson(body)), contentType: contentType ?? 'application/json' };
}

/** @param key as the service is to see it, without quotes */
export function creation(
  options: HttpOptions,
  request: BodyRequest,
  key: string,
  context: PublisherContext,
): HttpRequest {
  const { body, contentType } = outgoing(options, request);
  const { effectKey, revision } = request;
  // A receiver that knows the id drops the delivery, so a changed content needs an id of its own.
  const id = revision === 1 ? effectKey : `${effectKey}-r${revision}`;
  return {
    method: options.method,
    url: options.url,
    headers: {
      'content-type': contentType,
      ...withLowerNames(options.headers),
      [options.idempotencyHeader ?? IDEMPOTENCY_HEADER]: options.quoteKey ? `"${key}"` : key,
      ...(options.webhook && webhookHeaders(options.webhook, { id, body, at: context.now() })),
    },
    body,
    timeoutMs: durationMs(options.timeout),
    signal: context.signal,
    turn: context.turn,
  };
}

/** The look-up has the credentials of the creation: weaker ones would see less, and call that absent. */
export function inspection(
  options: HttpOptions,
  { url, method }: { readonly url: string; readonly method: 'GET' | 'HEAD' },
  { signal, turn }: PublisherContext,
): HttpRequest {
  const { 'content-type': _, ...headers } = withLowerNames(options.headers);
  return { method, url, headers, timeoutMs: durationMs(options.timeout), signal, turn };
}

const withLowerNames = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** What no message may show. */
export const secretsOf = ({ headers, webhook }: HttpOptions): string[] => [
  ...Object.values(headers).flatMap((value) => [value, value.replace(/^\w+ +/, '')]),
  ...[webhook?.secret ?? []].flat(),
];
