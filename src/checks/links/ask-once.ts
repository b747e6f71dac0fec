import type { LookupAddress } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';

export interface Asked {
  readonly status: number;
  readonly location: string | undefined;
  /** A browser would be known by it when it asks again. */
  readonly setsCookie: boolean;
}

/**
 * One request to one of the given addresses, whatever the name means by now. Not through `sendHttp`: fetch looks names
 * up by itself, and offers no way to say where to connect. Nothing of the body is read.
 */
export function askOnce(
  method: 'HEAD' | 'GET',
  url: URL,
  addresses: readonly LookupAddress[],
  signal: AbortSignal,
): Promise<Asked> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(
      {
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: `${url.pathname}${url.search}`,
        method,
        // A connection kept from before could lead somewhere else.
        agent: false,
        lookup: lookupOf(addresses),
        headers: { 'user-agent': 'nightshift-link-check', accept: '*/*' },
        signal,
      },
      (response) => {
        const { location, 'set-cookie': cookies = [] } = response.headers;
        resolve({ status: response.statusCode ?? 0, location, setsCookie: cookies.length > 0 });
        response.destroy();
      },
    );
    request.on('error', reject);
    request.end();
  });
}

const lookupOf =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_host, options, callback) => {
    const [first] = addresses;
    if (first === undefined) return callback(new Error('no address'), '', 0);
    if (options.all) return callback(null, [...addresses]);
    callback(null, first.address, first.family);
  };
