import { createHash } from 'node:crypto';
import type * as BlobSdk from '@azure/storage-blob';
import { Lru } from '../../../batch/lru.js';
import { AdapterError } from '../../../contract/errors.js';
import type { AzureBlobOptions } from './options.js';
import { decodePart, type ContainerPlace } from './target.js';

const CLIENTS_MAX = 32;
/** Whoever loses its place here goes on working, and closes its idle connections by itself. */
const clients = new Lru<BlobSdk.ContainerClient>(CLIENTS_MAX);

/** What is sent once, goes to the address that the operator named, and nowhere else. */
const PIPELINE: BlobSdk.StoragePipelineOptions & {
  readonly redirectOptions: { readonly maxRetries: number };
} = {
  retryOptions: { maxTries: 1 },
  redirectOptions: { maxRetries: 0 }, // passed through to the pipeline, though the type does not name it
};

/**
 * One client for each container and credentials. The SDK is loaded with the first.
 * @throws AdapterError `config` for credentials that can't be read
 */
export async function connect(
  options: AzureBlobOptions,
  place: ContainerPlace,
): Promise<BlobSdk.ContainerClient> {
  const key = createHash('sha256')
    .update(JSON.stringify([place, credentialsOf(options)]))
    .digest('hex');
  const known = clients.get(key);
  if (known) return known;
  const client = containerClient(await import('@azure/storage-blob'), options, place);
  clients.set(key, client);
  return client;
}

const credentialsOf = ({ connectionString, accountKey, sasToken }: AzureBlobOptions): string[] =>
  [connectionString, accountKey, sasToken].filter((secret) => secret !== undefined);

/** The credentials, and the parts of them that somebody might repeat by themselves, encoded and not. */
export function secretsIn(options: AzureBlobOptions): string[] {
  const whole = credentialsOf(options);
  const parts = whole.flatMap((text) =>
    [...text.matchAll(/(?:^|[;&?=])(?:AccountKey|sig)=([^;&]+)/g)].flatMap(([, part]) => part ?? []),
  );
  const decoded = parts.map((part) => decodePart(part));
  return [...whole, ...parts, ...decoded];
}

function containerClient(
  sdk: typeof BlobSdk,
  { connectionString, accountKey, sasToken }: AzureBlobOptions,
  { accountUrl, account, container }: ContainerPlace,
): BlobSdk.ContainerClient {
  if (connectionString !== undefined) {
    const service = byConnectionString(sdk, connectionString);
    if (accountUrl !== undefined && baseOf(service.url) !== accountUrl)
      throw refused('target names another account than with.connectionString');
    return service.getContainerClient(container);
  }
  if (accountUrl === undefined || account === undefined)
    throw refused('target is no URL, so the account is not known; write https://… or give connectionString');
  if (sasToken !== undefined) {
    const url = `${accountUrl}/${container}?${sasToken.replace(/^\?/, '')}`;
    return new sdk.ContainerClient(url, sdk.newPipeline(new sdk.AnonymousCredential(), PIPELINE));
  }
  const credential = new sdk.StorageSharedKeyCredential(account, accountKey ?? '');
  return new sdk.ContainerClient(`${accountUrl}/${container}`, sdk.newPipeline(credential, PIPELINE));
}

function byConnectionString(sdk: typeof BlobSdk, connectionString: string): BlobSdk.BlobServiceClient {
  try {
    return sdk.BlobServiceClient.fromConnectionString(connectionString, PIPELINE);
  } catch {
    // Its own message may hold parts of the string.
    throw refused('with.connectionString can’t be read; copy it whole from "Access keys" of the account');
  }
}

/** An URL without query, where a shared access signature may stand, and without a slash at its end. */
export const baseOf = (url: string): string => {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`.replace(/\/$/, '');
};

const refused = (message: string): AdapterError => new AdapterError('config', message, { sent: 'no' });
