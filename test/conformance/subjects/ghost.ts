import type { ConformanceSubject } from '../../../src/testing/conformance/index.js';
import { startLossyProxy } from '../../support/lossy-proxy.js';
import { startGhost } from '../../support/servers/ghost.js';
import { faultsBy } from './http-faults.js';

/** Tables of what a site says; others, such as when a key was last seen, change with every request. */
const CONTENT = ['posts', 'posts_meta', 'posts_tags', 'posts_authors', 'tags', 'post_revisions'];

interface Row {
  readonly id: string;
  readonly slug: string;
  readonly status: string;
  readonly html: string | null;
  readonly updated_at: string;
}

/** Ghost, counted in its database. */
export const ghostSubject = (program: string): ConformanceSubject => ({
  name: 'ghost',
  open: async () => {
    const server = await startGhost(program);
    const proxy = await startLossyProxy({ port: Number(new URL(server.url).port) });
    const named = (slug: string) =>
      server.rows<Row>(
        'select id, slug, status, html, updated_at from posts where slug = ? or slug glob ?',
        slug,
        `${slug}-[0-9]`,
      );
    const foreign = new Set<string>();
    const ourRow = (slug: string) => named(slug).find(({ id }) => !foreign.has(id));
    return {
      use: 'ghost',
      target: server.url,
      env: { GHOST_KEY: server.key },
      options: (slug) => ({ url: proxy.url, key: '${env:GHOST_KEY}', title: `About ${slug}`, slug }),
      count: async ({ slug }) => {
        const ours = named(slug).filter(({ id }) => !foreign.has(id));
        const visible = ours.filter(({ status }) => status === 'published').length;
        return { visible, hidden: ours.length - visible };
      },
      read: async ({ slug }) => ourRow(slug)?.html ?? undefined,
      foreign: async (slug) => {
        const post = { title: 'Somebody else’s', slug, status: 'published' };
        await server.asOwner('POST', '/posts/', { posts: [post] });
        const before = named(slug);
        for (const { id } of before) foreign.add(id);
        return async () =>
          JSON.stringify(named(slug).filter(({ id }) => foreign.has(id))) === JSON.stringify(before);
      },
      edit: async ({ slug }) => {
        const id = ourRow(slug)?.id ?? '';
        const { body } = await server.asOwner('GET', `/posts/${id}/`);
        const updated_at = (body as { posts: [{ updated_at: string }] }).posts[0].updated_at;
        const post = { html: '<p>edited by a person</p>', updated_at };
        await server.asOwner('PUT', `/posts/${id}/?source=html`, { posts: [post] });
      },
      remove: async ({ slug }) => void (await server.asOwner('DELETE', `/posts/${ourRow(slug)?.id ?? ''}/`)),
      dump: async () =>
        JSON.stringify(CONTENT.map((table) => server.rows(`select * from ${table} order by id`))),
      methods: () => proxy.seen.map(({ method }) => method),
      faults: faultsBy(proxy),
      close: async () => {
        await proxy.close();
        await server.stop();
      },
    };
  },
});
