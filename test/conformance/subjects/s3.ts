import type { ConformanceSubject } from '../../../src/testing/conformance/index.js';
import { startLossyProxy } from '../../support/lossy-proxy.js';
import { startMoto } from '../../support/servers/s3.js';
import { faultsBy } from './http-faults.js';

/** moto, counted by plain HTTP. */
export const s3Subject = (folder: string): ConformanceSubject => ({
  name: 's3',
  open: async () => {
    const server = await startMoto(folder);
    const proxy = await startLossyProxy(server);
    await server.makeBucket('posts');
    const foreign = new Set<string>();
    const nameOf = (slug: string) => `articles/${slug}.md`;
    return {
      use: 's3',
      target: 's3://posts/articles',
      env: { S3_SECRET: 'planted-secret-of-s3' },
      options: (slug) => ({
        key: `${slug}.md`,
        endpoint: proxy.url,
        accessKeyId: 'test',
        secretAccessKey: '${env:S3_SECRET}',
      }),
      count: async ({ slug }) => {
        const named = (await server.names('posts')).filter((name) => name.includes(`/${slug}.`));
        const here = named.includes(nameOf(slug)) ? 1 : 0;
        return { visible: foreign.has(slug) ? 0 : here, hidden: named.length - here };
      },
      read: async ({ slug }) => (await server.object('posts', nameOf(slug)))?.body.toString('utf8'),
      foreign: async (slug) => {
        foreign.add(slug);
        await server.write('posts', nameOf(slug), 'somebody else’s');
        return async () =>
          (await server.object('posts', nameOf(slug)))?.body.toString('utf8') === 'somebody else’s';
      },
      edit: ({ slug }) => server.write('posts', nameOf(slug), 'edited by a person'),
      remove: ({ slug }) => server.remove('posts', nameOf(slug)),
      dump: async () => {
        const names = await server.names('posts');
        const objects = await Promise.all(names.map((name) => server.object('posts', name)));
        return JSON.stringify(
          objects.map((object, at) => [names[at], object?.etag, object?.body.toString('base64')]),
        );
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
