import { createHash } from 'node:crypto';
import { AdapterError } from '../../../contract/errors.js';
import { messageOf } from '../../../contract/thrown.js';
import { refusal } from '../../http/refusal.js';
import { codeOf, isNotSent, placeOf } from '../../http/request.js';
import { timeLimit, type TimeLimit } from '../../../time-limit.js';
import type { Passing } from '../provider.js';
import type { ManifestFile } from './manifest.js';
import { saidText } from './said.js';

export interface DownloadRequest extends Passing {
  readonly url: string;
  /** With the key: redirects are not followed, so that it stays with the service. */
  readonly headers: Readonly<Record<string, string>>;
  /** Until the last byte is read. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly secrets: readonly string[];
}

const ERROR_BYTES_MAX = 64 * 1024;

/**
 * Opens a file of the service: the vendors' libraries read files into memory as a whole.
 * @returns undefined where the answer is 404
 * @throws AdapterError as for any read: `transient` for trouble that passes
 */
export async function openDownload(request: DownloadRequest): Promise<AsyncIterable<Uint8Array> | undefined> {
  const { url, headers, timeoutMs, signal, secrets, turn, refused } = request;
  await turn?.();
  const limit = timeLimit(timeoutMs, signal);
  let response: Response;
  try {
    response = await fetch(url, { headers, redirect: 'manual', signal: limit.signal });
  } catch (error) {
    limit.end();
    throw brokenOff(error, url, secrets);
  }
  const body = chunksOf(response, limit, url, secrets);
  if (response.ok) return body;
  const text = await readText(body, ERROR_BYTES_MAX).catch(() => ''); // the status says enough
  if (response.status === 404) return undefined;
  const answer = { status: response.status, headers: response.headers, body: text };
  const error = refusal(answer, { method: 'GET', url }, saidText(text, secrets));
  await refused?.(error);
  throw error;
}

/** A text that may not be longer than that. @throws AdapterError `rejected` when it is */
export async function readText(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new AdapterError('rejected', `the answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Passes a file on and checks it on the way. @throws AdapterError `rejected` at its end where it is not the one promised */
export async function* verified(
  body: AsyncIterable<Uint8Array>,
  { path, bytes, sha256 }: ManifestFile,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let seen = 0;
  for await (const chunk of body) {
    seen += chunk.byteLength;
    if (seen > bytes) break;
    hash.update(chunk);
    yield chunk;
  }
  if (seen !== bytes) {
    const size = seen > bytes ? 'more' : `${seen}`;
    throw new AdapterError('rejected', `${path} has ${size} bytes; the agent’s manifest promised ${bytes}`);
  }
  if (hash.digest('hex') !== sha256) {
    throw new AdapterError('rejected', `${path} has another hash than the agent’s manifest promised`);
  }
}

/** No more than the beginning of it. */
export async function* upTo(body: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array> {
  let left = bytesMax;
  for await (const chunk of body) {
    yield chunk.subarray(0, left);
    left -= chunk.byteLength;
    if (left <= 0) return;
  }
}

async function* chunksOf(
  response: Response,
  limit: TimeLimit,
  url: string,
  secrets: readonly string[],
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    throw brokenOff(error, url, secrets);
  } finally {
    limit.end();
  }
}

function brokenOff(error: unknown, url: string, secrets: readonly string[]): AdapterError {
  const code = codeOf(error);
  const said = saidText(code ?? messageOf(error), secrets);
  return new AdapterError('transient', `reading ${placeOf(url)} broke off: ${said}`, {
    sent: isNotSent(error) ? 'no' : 'maybe',
    ...(code !== undefined && { code }),
  });
}
