import { createHash } from 'node:crypto';
import type * as S3Sdk from '@aws-sdk/client-s3';
import { Lru } from '../../../batch/lru.js';
import type { S3Options } from './options.js';

export interface S3Connection {
  readonly sdk: typeof S3Sdk;
  readonly client: S3Sdk.S3Client;
}

const CONNECT_TIMEOUT_MS = 10_000;
const CLIENTS_MAX = 32;
/** Whoever loses its place here goes on working, and closes its idle connections by itself. */
const clients = new Lru<S3Sdk.S3Client>(CLIENTS_MAX);

type ClientOptions = Pick<
  S3Options,
  'endpoint' | 'region' | 'forcePathStyle' | 'accessKeyId' | 'secretAccessKey' | 'sessionToken'
>;

/** One client, and so one set of connections, for each store and credentials. The SDK is loaded with the first. */
export async function connect(options: S3Options): Promise<S3Connection> {
  const sdk = await import('@aws-sdk/client-s3');
  const key = connectionKey(options);
  const client = clients.get(key) ?? new sdk.S3Client(configOf(options));
  clients.set(key, client);
  return { sdk, client };
}

/** The same for two effects that may share a connection. A hash, so that no secret lies about as a key. */
export function connectionKey(options: ClientOptions): string {
  const { endpoint, region, forcePathStyle, accessKeyId, secretAccessKey, sessionToken } = options;
  const parts = [endpoint, region, forcePathStyle, accessKeyId, secretAccessKey, sessionToken];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function configOf(options: S3Options): S3Sdk.S3ClientConfig {
  const { endpoint, accessKeyId, secretAccessKey, sessionToken } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  // Amazon asks for a checksum where Object Lock is on; some compatible stores refuse one that they don't know.
  // The signature covers the body's SHA-256 in both cases.
  const checksums = endpoint === undefined ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  return {
    maxAttempts: 1,
    followRegionRedirects: false,
    expectContinueHeader: false, // stores that don't know it would cost 6 seconds for each body
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS },
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && {
        credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
      }),
  };
}
