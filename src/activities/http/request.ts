import { setImmediate as nextTurn } from 'node:timers/promises';
import { AdapterError } from '../../contract/errors.js';
import { messageOf } from '../../contract/thrown.js';
import { withTimeLimit } from '../../time-limit.js';
import { refuseWritingMethod } from '../rehearsal/no-writes.js';

/** One request, sent once: no retries, no redirects followed. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Until the answer is read to its end. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Waits until the service's limits have room for one more request. */
  readonly turn?: (() => Promise<void>) | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** An answer longer than this is not read to its end. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * @throws AdapterError `transient` where the request never left (`sent: 'no'`) or only reads; `unknown` where a
 *   request that may change something got no whole answer; `config` for an URL or header that can't be sent
 */
export async function sendHttp(request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, headers = {}, body, timeoutMs, signal } = request;
  signal.throwIfAborted();
  assertSendable(request);
  refuseWritingMethod(method, placeOf(url));
  await request.turn?.();
  // A process that was busy for seconds has not yet heard that the server closed a connection it would now write to.
  await nextTurn();
  await nextTurn();
  signal.throwIfAborted();
  try {
    return await withTimeLimit(timeoutMs, signal, async (within) => {
      const response = await fetch(url, {
        method,
        headers,
        ...(body !== undefined && { body }),
        // A POST answered by 302 would become a GET and "succeed" with nothing created.
        redirect: 'manual',
        signal: within,
      });
      return { status: response.status, headers: response.headers, body: await readText(response) };
    });
  } catch (error) {
    if (signal.aborted && isNotSent(error)) throw error;
    throw transportError(error, request);
  }
}

/** The body as JSON; undefined where it is none, such as the page of a proxy. */
export function jsonOf({ body }: HttpAnswer): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

/** Scheme, host and path of an URL: what a message may show. Queries and user parts hold keys too often. */
export function placeOf(url: string): string {
  try {
    const { origin, pathname } = new URL(url);
    return `${origin}${pathname}`;
  } catch {
    return 'an URL that can’t be read';
  }
}

function assertSendable({ url, headers = {} }: HttpRequest): void {
  const refuse = (why: string) => new AdapterError('config', why, { sent: 'no' });
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw refuse(`${placeOf(url)} is no http or https URL`);
  for (const [name, value] of Object.entries(headers)) {
    if (/[\r\n\0]/.test(value)) throw refuse(`header ${name} has a line break`);
    if (!/^[\x20-\x7e\t\x80-\xff]*$/.test(value))
      throw refuse(`header ${name} has a character outside Latin-1`);
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function transportError(error: unknown, { method, url }: HttpRequest): AdapterError {
  const code = codeOf(error);
  const said = code ?? messageOf(error);
  if (isNotSent(error)) {
    return new AdapterError(
      'transient',
      `${placeOf(url)} can’t be reached: ${said}`,
      { sent: 'no', ...(code !== undefined && { code }) },
      { cause: error },
    );
  }
  const name = error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : said;
  const safe = SAFE.has(method);
  return new AdapterError(
    safe ? 'transient' : 'unknown',
    `${method} ${placeOf(url)}: ${name}`,
    { sent: 'maybe', ...(code !== undefined && { code }) },
    { cause: error },
  );
}

/**
 * Codes after which nothing has left this process. A reset comes as UND_ERR_SOCKET or ECONNRESET and is not among
 * them: the request may have arrived.
 */
const NOT_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const CAUSES_MAX = 8;

/** True when an error proves that no request left. */
export function isNotSent(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && NOT_SENT.has(code);
}

/** The first system code in an error and its causes. */
export function codeOf(error: unknown): string | undefined {
  let at: unknown = error;
  for (let depth = 0; depth < CAUSES_MAX && at instanceof Error; depth++) {
    // Happy Eyeballs: one error for each address tried.
    if (at instanceof AggregateError && at.errors.length > 0) at = at.errors[0];
    if (at instanceof Error && 'code' in at && typeof at.code === 'string') return at.code;
    at = at instanceof Error ? at.cause : undefined;
  }
  return undefined;
}
