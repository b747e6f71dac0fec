import type { ConformanceSubject } from '../../../src/testing/conformance/index.js';
import { startLossyProxy } from '../../support/lossy-proxy.js';
import { startAzurite } from '../../support/servers/azurite.js';
import { faultsBy } from './http-faults.js';

/** azurite, counted by a client of the test's own. */
export const azureBlobSubject = (folder: string): ConformanceSubject => ({
  name: 'azure-blob',
  open: async () => {
    const server = await startAzurite(folder);
    const proxy = await startLossyProxy(server);
    const container = server.container('posts');
    await container.create();
    const foreign = new Set<string>();
    const blob = (slug: string) => container.getBlockBlobClient(`articles/${slug}.md`);
    const textOf = async (slug: string) =>
      (await blob(slug).exists()) ? (await blob(slug).downloadToBuffer()).toString('utf8') : undefined;
    const write = async (slug: string, text: string) =>
      void (await blob(slug).upload(text, Buffer.byteLength(text)));
    return {
      use: 'azure-blob',
      target: 'articles',
      env: { AZURE: server.connectionString(proxy.port) },
      options: (slug) => ({ key: `${slug}.md`, connectionString: '${env:AZURE}', container: 'posts' }),
      count: async ({ slug }) => {
        // By listing: some names that are tried could not be asked for.
        let there = false;
        for await (const { name } of container.listBlobsFlat()) there ||= name === `articles/${slug}.md`;
        return { visible: there && !foreign.has(slug) ? 1 : 0, hidden: 0 };
      },
      read: ({ slug }) => textOf(slug),
      foreign: async (slug) => {
        foreign.add(slug);
        await write(slug, 'somebody else’s');
        return async () => (await textOf(slug)) === 'somebody else’s';
      },
      edit: ({ slug }) => write(slug, 'edited by a person'),
      remove: async ({ slug }) => void (await blob(slug).delete()),
      dump: async () => {
        const blobs: unknown[] = [];
        for await (const { name, properties } of container.listBlobsFlat())
          blobs.push([name, properties.etag, properties.lastModified]);
        return JSON.stringify(blobs);
      },
      methods: () => proxy.seen.map(({ method }) => method),
      faults: faultsBy(proxy),
      close: async () => {
        await proxy.close();
        await server.stop();
      },
    };
  },
});
