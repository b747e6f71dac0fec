import { definePublisher, type Publisher, type PublisherFacts, type PublisherSetup } from '../publisher.js';
import { connect, connectionKey } from './client.js';
import { assertHonours } from '../objects/conditions.js';
import { objectName, publicUrlOf } from '../objects/object-name.js';
import { objectPublisher } from '../objects/object-publisher.js';
import { BODY_TIMEOUT_MS, type ObjectStore } from '../objects/object-store.js';
import { probeStore } from '../objects/probe-store.js';
import { s3Options, type S3Options } from './options.js';
import { s3Store } from './store.js';
import { placeOfTarget } from './target.js';

/**
 * Objects in Amazon S3 or a compatible store. Class 1: `If-None-Match: *` refuses a name that is taken. Not every
 * compatible store honours it, so each is asked once in a process before the first effect is sent (`conditions.ts`).
 * Source: Amazon S3 User Guide, "Conditional requests".
 */
export const s3 = definePublisher<S3Options>({
  name: 's3',
  version: '1',
  handling: [
    'region',
    'forcePathStyle',
    'accessKeyId',
    'secretAccessKey',
    'sessionToken',
    'publicUrl',
    'onUnconditional',
  ],
  options: s3Options,
  create: (setup) => s3Publisher(setup),
});

const CONDITIONAL: PublisherFacts = {
  name: 's3',
  class: 1,
  lookup: 'exact',
  looksByPlace: true,
  settleMs: 0, // a late request meets its condition, or finds it no longer true
  unpublish: 'delete',
};
/** Without conditions a request that is still at work there may overwrite what was written after it. */
const UNCONDITIONAL: PublisherFacts = { ...CONDITIONAL, class: 3, settleMs: BODY_TIMEOUT_MS };

const FIXES = {
  read: 'allow s3:GetObject below the target and s3:ListBucket on the bucket: without the latter a missing object is answered 403',
  write: 'allow s3:PutObject and s3:GetObject below the target',
  remove: 'allow s3:DeleteObject below the target if effects are to be unpublished',
};

export function s3Publisher({
  options,
  target,
}: Pick<PublisherSetup<S3Options>, 'options' | 'target'>): Publisher {
  const { key, publicUrl, contentType, cacheControl } = options;
  const { bucket, prefix } = placeOfTarget(target);
  const conditional = options.onUnconditional === 'refuse';

  const store = async (): Promise<ObjectStore> => s3Store(await connect(options), bucket, secretsOf(options));

  return objectPublisher({
    facts: conditional ? CONDITIONAL : UNCONDITIONAL,
    store,
    name: objectName(prefix, key),
    url: () => (publicUrl === undefined ? undefined : publicUrlOf(publicUrl, key)),
    contentType,
    cacheControl,
    conditional,
    async assertHonours(of, kind) {
      if (conditional) await assertHonours(of, `${connectionKey(options)} ${bucket}`, prefix, kind);
    },
    probe: async ({ signal }) => probeStore(await store(), prefix, FIXES, conditional, signal),
  });
}

const secretsOf = ({ secretAccessKey, sessionToken }: S3Options): string[] =>
  [secretAccessKey, sessionToken].filter((secret) => secret !== undefined);
