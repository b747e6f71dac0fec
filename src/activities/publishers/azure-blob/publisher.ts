import { definePublisher, type Publisher, type PublisherFacts, type PublisherSetup } from '../publisher.js';
import { encodeName, objectName, publicUrlOf } from '../objects/object-name.js';
import { objectPublisher } from '../objects/object-publisher.js';
import type { ObjectStore } from '../objects/object-store.js';
import { probeStore } from '../objects/probe-store.js';
import { connect, secretsIn } from './client.js';
import { azureBlobOptions, type AzureBlobOptions } from './options.js';
import { azureStore } from './store.js';
import { placeOfTarget } from './target.js';

/**
 * Block blobs in Azure Storage. Class 1: `If-None-Match: *` refuses a name that is taken.
 * Source: Azure Storage REST API, "Put Blob" and "Specifying conditional headers for Blob service operations".
 */
export const azureBlob = definePublisher<AzureBlobOptions>({
  name: 'azure-blob',
  version: '1',
  handling: ['connectionString', 'accountKey', 'sasToken', 'publicUrl'],
  options: azureBlobOptions,
  create: (setup) => azureBlobPublisher(setup),
});

const FACTS: PublisherFacts = {
  name: 'azure-blob',
  class: 1,
  lookup: 'exact',
  looksByPlace: true,
  settleMs: 0, // a late request meets its condition, or finds it no longer true
  unpublish: 'delete',
};

const FIXES = {
  read: 'allow reading blobs in the container',
  write: 'allow creating and writing blobs in the container',
  remove: 'allow deleting blobs in the container if effects are to be unpublished',
};

export function azureBlobPublisher({
  options,
  target,
}: Pick<PublisherSetup<AzureBlobOptions>, 'options' | 'target'>): Publisher {
  const { key, publicUrl, contentType, cacheControl } = options;
  const place = placeOfTarget(target, options.container);
  const name = objectName(place.prefix, key);

  const store = async (): Promise<ObjectStore> =>
    azureStore(await connect(options, place), secretsIn(options));

  return objectPublisher({
    facts: FACTS,
    store,
    name,
    url: ({ idBase }) =>
      publicUrl === undefined ? `${idBase}${encodeName(name)}` : publicUrlOf(publicUrl, key),
    contentType,
    cacheControl,
    conditional: true,
    assertHonours: async () => undefined, // one service, which does
    probe: async ({ signal }) => probeStore(await store(), place.prefix, FIXES, true, signal),
  });
}
