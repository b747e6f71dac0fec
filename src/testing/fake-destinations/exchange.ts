import type { IncomingMessage } from 'node:http';
import { isJsonObject, parseForm } from './form.js';
import type { Json, JsonObject } from '../../contract/json.js';

/** A request as the fake services see it. */
export interface FakeRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Fields of a JSON or form body; empty where it has none. */
  readonly fields: JsonObject;
  /** Which effect it belongs to, as far as can be told; empty where nothing tells. */
  readonly effectKey: string;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Json;
}

/** What a service would do about a request: answer it at once, or carry it out. */
export type Plan =
  | { readonly kind: 'answer'; readonly answer: FakeAnswer; readonly outcome: string }
  | {
      readonly kind: 'execute';
      /** While it runs, another request with this key is in flight. */
      readonly inFlight?: string;
      /** Changes the store; called inside a transaction. */
      readonly execute: () => FakeAnswer;
      /** Stores what a repetition of the key is to be told; called inside the same transaction. */
      readonly remember?: (done: FakeAnswer, told: FakeAnswer) => void;
    };

/** One fake service. */
export interface Surface {
  readonly name: 'stripe' | 'resend' | 'http';
  readonly owns: (path: string) => boolean;
  plan(request: FakeRequest, isInFlight: (key: string) => boolean): Plan;
  /** The service's way to say that it is overloaded, or broken. */
  failure(status: number): FakeAnswer;
  /** Objects that nobody outside has seen yet, by effect key. */
  leftovers(): Record<string, number>;
}

const BODY_BYTES_MAX = 32 * 1024 * 1024;

export async function readRequest(message: IncomingMessage): Promise<FakeRequest> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX) throw new Error(`the body is longer than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  const { pathname: path, searchParams: query } = new URL(message.url ?? '/', 'http://fake.invalid');
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, [value ?? []].flat().join(', ')]),
  );
  const body = Buffer.concat(chunks).toString('utf8');
  const request = {
    method: message.method ?? 'GET',
    path,
    query,
    headers,
    body,
    fields: fieldsOf(headers, body),
  };
  return { ...request, effectKey: effectKeyOf(request) };
}

function fieldsOf({ 'content-type': type = '' }: Readonly<Record<string, string>>, body: string): JsonObject {
  if (type.includes('x-www-form-urlencoded')) return parseForm(body);
  try {
    const value = JSON.parse(body) as Json;
    return isJsonObject(value) ? value : {};
  } catch {
    return {}; // not JSON: a body that nobody asks about
  }
}

const KEY = /[0-9a-f]{32}/;

/** A field says it, else the key that was sent, else the address. */
function effectKeyOf({ headers, fields, path, query }: Omit<FakeRequest, 'effectKey'>): string {
  const metadata = isJsonObject(fields['metadata']) ? fields['metadata'] : {};
  const said = [
    headers['x-effect-key'],
    metadata['nightshift_key'],
    fields['nightshift_key'],
    fields['effectKey'],
    tagged(fields['tags']),
  ].find((value) => typeof value === 'string' && value !== '');
  if (typeof said === 'string') return said;
  const sent = headers['idempotency-key'] ?? headers['webhook-id'] ?? '';
  return KEY.exec(sent)?.[0] ?? KEY.exec(placeOf({ path, query }))?.[0] ?? sent;
}

const tagged = (tags: Json | undefined): Json | undefined =>
  Array.isArray(tags)
    ? tags.filter(isJsonObject).find(({ name }) => name === 'nightshift_key')?.['value']
    : undefined;

/** Method and path with the ids taken out: what chance and counts go by. */
export const callOf = ({ method, path }: Pick<FakeRequest, 'method' | 'path'>): string =>
  `${method} ${path.replace(/\/(?:[a-z]{2,4}_\w+|[0-9a-f-]{32,}|\d+)(?=\/|$)/g, '/:id')}`;

/** Path and query. */
export const placeOf = ({ path, query }: Pick<FakeRequest, 'path' | 'query'>): string =>
  query.size === 0 ? path : `${path}?${query.toString()}`;
