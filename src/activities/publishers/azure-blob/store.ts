import { createHash } from 'node:crypto';
import type { BlobRequestConditions, ContainerClient } from '@azure/storage-blob';
import type { Condition, ObjectStore } from '../objects/object-store.js';
import { sender } from '../objects/send-once.js';
import { baseOf } from './client.js';
import { azureError, azureRefusal } from './errors.js';

/** A container as an object store. Each call is one request of the SDK, which sends it once. */
export function azureStore(container: ContainerClient, secrets: readonly string[]): ObjectStore {
  const idBase = `${baseOf(container.url)}/`;

  const send = sender(idBase, {
    refusalIn: azureRefusal,
    toAdapterError: (error, request) => azureError(error, request, secrets),
  });

  return {
    idBase,
    separator: '_',

    async head(name, signal) {
      const blob = container.getBlobClient(name);
      const found = await send('HEAD', name, signal, isMissing, (abortSignal) =>
        blob.getProperties({ abortSignal }),
      );
      if (!found) return undefined;
      const { etag = '', contentMD5, metadata = {} } = found;
      return { etag, md5: contentMD5 && Buffer.from(contentMD5).toString('hex'), metadata };
    },

    async sha256(name, etag, signal) {
      const blob = container.getBlobClient(name);
      const isGone = (status: number, code: string) => status === 412 || isMissing(status, code);
      return send('GET', name, signal, isGone, async (abortSignal) => {
        // Without its own retries: half a body would be taken up where it was cut, whatever stands there now.
        const options = { abortSignal, maxRetryRequests: 0, conditions: { ifMatch: etag } };
        const { readableStreamBody } = await blob.download(0, undefined, options);
        const hash = createHash('sha256');
        for await (const part of readableStreamBody ?? []) hash.update(part);
        return hash.digest('hex');
      });
    },

    async put(name, { body, contentType, cacheControl, metadata }, when, signal) {
      const blob = container.getBlockBlobClient(name);
      const stored = await send('PUT', name, signal, isNotMet(when), (abortSignal) =>
        blob.upload(Buffer.from(body.buffer, body.byteOffset, body.byteLength), body.byteLength, {
          abortSignal,
          conditions: conditionsOf(when),
          blobHTTPHeaders: {
            blobContentType: contentType,
            ...(cacheControl !== undefined && { blobCacheControl: cacheControl }),
          },
          metadata: { ...metadata },
        }),
      );
      return stored !== undefined;
    },

    async remove(name, when, signal) {
      const blob = container.getBlobClient(name);
      let missing = false;
      const answered = await send(
        'DELETE',
        name,
        signal,
        (status, code) => (missing = isMissing(status, code)) || isNotMet(when)(status, code),
        (abortSignal) => blob.delete({ abortSignal, conditions: conditionsOf(when) }),
      );
      return answered !== undefined || missing;
    },
  };
}

const conditionsOf = (when: Condition): BlobRequestConditions => {
  if (when === 'always') return {};
  return when === 'absent' ? { ifNoneMatch: '*' } : { ifMatch: when.etag };
};

const isMissing = (status: number, code: string): boolean =>
  status === 404 && (code === 'BlobNotFound' || code === '');

/** A lease answers 412 as well, and is no lost race. A signature that may only create is refused in its own words. */
const isNotMet =
  (when: Condition) =>
  (status: number, code: string): boolean => {
    if (when === 'absent' && (code === 'BlobAlreadyExists' || code === 'UnauthorizedBlobOverwrite'))
      return true;
    return when !== 'always' && status === 412 && (code === 'ConditionNotMet' || code === '');
  };
