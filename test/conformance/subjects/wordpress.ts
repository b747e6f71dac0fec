import type { ConformanceSubject } from '../../../src/testing/conformance/index.js';
import { startLossyProxy } from '../../support/lossy-proxy.js';
import { startWordPress } from '../../support/servers/wordpress.js';
import { faultsBy } from './http-faults.js';

/** WordPress with four PHP workers, counted in its table of posts. */
export const wordpressSubject = (program: string): ConformanceSubject => ({
  name: 'wordpress',
  open: async () => {
    const server = await startWordPress(program);
    const proxy = await startLossyProxy(server);
    const { author, otherAuthor } = server;
    const ours = async (effectKey: string) =>
      (await server.rows()).filter(({ content }) => content.includes(effectKey));
    const asAuthor = async (effectKey: string, method: string, change?: unknown) => {
      for (const { id } of await ours(effectKey))
        await server.as(author, method, `/wp/v2/posts/${id}`, change);
    };
    return {
      use: 'wordpress',
      target: server.url,
      env: { WP_PASSWORD: author.password },
      options: (slug) => ({
        url: proxy.url,
        username: author.username,
        password: '${env:WP_PASSWORD}',
        title: `About ${slug}`,
        slug,
        settle: '2s',
      }),
      count: async ({ effectKey }) => {
        const states = (await ours(effectKey))
          .map(({ status }) => status)
          .filter((status) => status !== 'trash');
        const visible = states.filter((status) => status === 'publish').length;
        return { visible, hidden: states.length - visible };
      },
      read: async ({ effectKey }) =>
        (await ours(effectKey)).find(({ status }) => status === 'publish')?.content,
      foreign: async (slug) => {
        const post = { title: 'Somebody else’s', slug, status: 'publish', content: 'theirs' };
        const { id } = (await server.as(otherAuthor, 'POST', '/wp/v2/posts', post)) as { id: number };
        const look = async () => JSON.stringify((await server.rows()).find((row) => row.id === id));
        const before = await look();
        return async () => (await look()) === before;
      },
      edit: ({ effectKey }) =>
        asAuthor(effectKey, 'POST', { content: `<!-- nightshift ${effectKey} --> edited by a person` }),
      remove: ({ effectKey }) => asAuthor(effectKey, 'DELETE'),
      dump: () => server.content(),
      methods: () => proxy.seen.map(({ method }) => method),
      faults: faultsBy(proxy),
      close: async () => {
        await proxy.close();
        await server.stop();
      },
    };
  },
});
