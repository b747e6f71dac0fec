/**
 * The publisher `ghost` against a real Ghost. Posts are counted in Ghost's own database file.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { ghostOptionsSchema } from '../../src/activities/publishers/ghost/options.js';
import { ghostPublisher } from '../../src/activities/publishers/ghost/publisher.js';
import { land, receiptIn } from '../support/land.js';
import { startGhost, type GhostServer } from '../support/servers/ghost.js';
import { folderOfServer } from '../support/servers/loopback-process.js';
import { bodyRequest, keyOf } from '../unit/folder-fixture.js';
import { ghostCases, type GhostSite, type OwnersAnswer, type StoredPost } from '../unit/ghost-cases.js';

const program = await folderOfServer('ghost');

describe.runIf(program !== undefined)('Ghost 5', () => {
  let server: GhostServer;
  let site: GhostSite;

  beforeAll(async () => {
    server = await startGhost(program ?? '');
    site = siteOf(server);
  });
  afterAll(async () => {
    await server?.stop();
  });

  ghostCases(() => site);

  const at = (slug: string, fields: object = {}) =>
    ghostPublisher({
      options: ghostOptionsSchema.parse({
        url: server.url,
        key: server.key,
        title: 'On bicycles',
        slug,
        ...fields,
      }),
    });

  test('readers get the text; of the marks they get no more than names that say nothing', async () => {
    const request = bodyRequest('# Flat\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet x = 1;\n```\n', {
      effectKey: keyOf('public'),
    });
    await land(at('what-readers-get', { tags: ['Bikes'] }), request);
    const { status, html } = await server.page('/what-readers-get/');
    expect(status).toBe(200);
    expect(html).toContain('<td>1</td>');
    expect(html).toContain('let x = 1;');
    for (const secret of [request.fingerprint, request.sha256]) expect(html).not.toContain(secret);
    for (const path of ['/', '/rss/', '/sitemap-tags.xml', '/tag/bikes/'])
      expect((await server.page(path)).html).not.toContain(request.fingerprint);
    for (const tag of server.rows<{ slug: string }>(`SELECT slug FROM tags WHERE name LIKE '#ns-%'`))
      expect((await server.page(`/tag/${tag.slug}/`)).status).toBe(404);
  });

  test('a draft is not public', async () => {
    const end = await land(
      at('not-yet', { status: 'draft' }),
      bodyRequest('Words', { effectKey: keyOf('not-yet') }),
    );
    expect(receiptIn(end).url).toContain('/ghost/#/editor/post/');
    expect((await server.page('/not-yet/')).status).toBe(404);
  });

  test('two megabytes arrive whole', async () => {
    const words = 'words and words '.repeat(125_000).trim();
    const slug = 'two-megabytes';
    await land(at(slug), bodyRequest(words, { effectKey: keyOf(slug) }));
    const [post] = site.posts().filter((one) => one.slug === slug);
    expect(post).toMatchObject({ status: 'published', html: `<p>${words}</p>` });
  }, 300_000);
});

function siteOf(server: GhostServer): GhostSite {
  return {
    url: server.url,
    port: Number(new URL(server.url).port),
    key: server.key,
    posts: () =>
      server.rows<StoredPost>(
        `SELECT id, slug, type, status, title, html, custom_excerpt, updated_at, published_at FROM posts ORDER BY id`,
      ),
    tags: () => server.rows<{ name: string }>('SELECT name FROM tags').map(({ name }) => name),
    tagsOf: (id) =>
      server
        .rows<{ name: string }>(
          `SELECT name FROM tags JOIN posts_tags ON tag_id = tags.id WHERE post_id = ? ORDER BY sort_order`,
          id,
        )
        .map(({ name }) => name),
    async asOwner(method, path, body) {
      const answer = await server.asOwner(method, path, body);
      if (answer.status >= 300) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
      return (answer.body === '' ? {} : answer.body) as OwnersAnswer;
    },
    passTime: async (ms) => sleep(ms),
  };
}
