import { createHash } from 'node:crypto';
import type { S3Connection } from './client.js';
import { s3Error, s3Refusal } from './errors.js';
import type { Condition, ObjectStore } from '../objects/object-store.js';
import { sender } from '../objects/send-once.js';

/** A bucket as an object store. Each call is one request of the SDK, which sends it once. */
export function s3Store(
  { sdk, client }: S3Connection,
  bucket: string,
  secrets: readonly string[],
): ObjectStore {
  const idBase = `s3://${bucket}/`;

  const send = sender(idBase, {
    refusalIn: s3Refusal,
    toAdapterError: (error, request) => s3Error(error, request, secrets),
  });

  return {
    idBase,
    separator: '-',

    async head(name, signal) {
      const found = await send('HEAD', name, signal, isMissing, (abortSignal) =>
        client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: name }), { abortSignal }),
      );
      if (!found) return undefined;
      const etag = found.ETag ?? '';
      return { etag, md5: md5In(etag), metadata: found.Metadata ?? {} };
    },

    async sha256(name, etag, signal) {
      const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: name, IfMatch: etag });
      const isGone = (status: number) => status === 404 || status === 412;
      return send('GET', name, signal, isGone, async (abortSignal) => {
        const { Body, ETag } = await client.send(command, { abortSignal });
        const hash = createHash('sha256');
        for await (const part of (Body ?? []) as AsyncIterable<Uint8Array>) hash.update(part);
        // A store that does not know the condition gives another version than the one that was looked at.
        return ETag === etag ? hash.digest('hex') : undefined;
      });
    },

    async put(name, { body, contentType, cacheControl, metadata }, when, signal) {
      const command = new sdk.PutObjectCommand({
        Bucket: bucket,
        Key: name,
        Body: body,
        ContentType: contentType,
        ...(cacheControl !== undefined && { CacheControl: cacheControl }),
        Metadata: { ...metadata },
        ...conditionOf(when),
      });
      const stored = await send('PUT', name, signal, isNotMet(when), (abortSignal) =>
        client.send(command, { abortSignal }),
      );
      return stored !== undefined;
    },

    async remove(name, when, signal) {
      const command = new sdk.DeleteObjectCommand({ Bucket: bucket, Key: name, ...conditionOf(when) });
      let missing = false;
      const answered = await send(
        'DELETE',
        name,
        signal,
        (status, code) => (missing = isMissing(status, code)) || isNotMet(when)(status, code),
        (abortSignal) => client.send(command, { abortSignal }),
      );
      return answered !== undefined || missing;
    },
  };
}

const conditionOf = (when: Condition): { IfNoneMatch?: string; IfMatch?: string } => {
  if (when === 'always') return {};
  return when === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: when.etag };
};

/** A HEAD has no body to say whether it is the object or the bucket that is missing. */
const isMissing = (status: number, code: string): boolean => status === 404 && code !== 'NoSuchBucket';

/** 412: the name is taken, or the version was replaced; 404: the version to be replaced is gone. */
const isNotMet =
  (when: Condition) =>
  (status: number, code: string): boolean =>
    (when !== 'always' && status === 412) || (typeof when === 'object' && isMissing(status, code));

/** Where an object was put in one request and is not encrypted by a key of the customer, its ETag is its MD5. */
const md5In = (etag: string): string | undefined => /^"?([0-9a-f]{32})"?$/.exec(etag)?.[1];
