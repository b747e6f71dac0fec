/**
 * What the publisher `ghost` must do at a site, whatever stands behind it: run against the stand-in with the unit
 * tests, and against a real Ghost with the destination tests. So the stand-in is held to what Ghost does.
 */
import { randomInt } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { CrashPoint } from '../../src/activities/crash-points.js';
import { ghostApi } from '../../src/activities/publishers/ghost/api.js';
import { ghostOptionsSchema, type GhostOptions } from '../../src/activities/publishers/ghost/options.js';
import { ghostPublisher } from '../../src/activities/publishers/ghost/publisher.js';
import type { BodyRequest } from '../../src/activities/publishers/publisher.js';
import { LOST, land, receiptIn } from '../support/land.js';
import { startLossyProxy, type LossyProxy } from '../support/lossy-proxy.js';
import { bodyRequest, context, keyOf, ours, sha256 } from './folder-fixture.js';

/** A row of Ghost's database, read past its API. */
export interface StoredPost {
  readonly id: string;
  readonly slug: string;
  readonly type: string;
  readonly status: string;
  readonly title: string;
  readonly html: string | null;
  readonly custom_excerpt: string | null;
  readonly updated_at: string;
  readonly published_at: string | null;
}

export interface GhostSite {
  readonly url: string;
  readonly port: number;
  readonly key: string;
  /** Posts and pages, oldest first. */
  posts(): StoredPost[];
  /** Names of the tags that something has, or had. */
  tags(): string[];
  /** Names of a post's tags, in their order. */
  tagsOf(id: string): string[];
  /** A request that the owner's editor sends. @throws where it is refused */
  asOwner(method: string, path: string, body?: unknown): Promise<OwnersAnswer>;
  /** Ghost keeps whole seconds. */
  passTime(ms: number): Promise<void>;
}

export interface OwnersAnswer {
  readonly posts?: readonly { readonly id: string; readonly updated_at: string }[];
}

let slugs = 0;

export function ghostCases(site: () => GhostSite): void {
  const proxies: LossyProxy[] = [];
  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
  });
  const behindProxy = async (): Promise<LossyProxy> => {
    const proxy = await startLossyProxy({ port: site().port });
    proxies.push(proxy);
    return proxy;
  };

  const aSlug = (word = 'post') => `${word}-${++slugs}-${randomInt(1e9)}`;
  const options = (slug: string, fields: Partial<Record<keyof GhostOptions, unknown>> = {}): GhostOptions =>
    ghostOptionsSchema.parse({ url: site().url, key: site().key, title: 'On bicycles', slug, ...fields });
  const at = (slug: string, fields: Partial<Record<keyof GhostOptions, unknown>> = {}) =>
    ghostPublisher({ options: options(slug, fields) });
  const about = (slug: string, text = 'Some *words*.', fields: Partial<BodyRequest> = {}) =>
    bodyRequest(text, { effectKey: keyOf(slug), ...fields });
  const second = (slug: string, text = 'Other words.') =>
    about(slug, text, { revision: 2, fingerprint: sha256('payload 2') });
  const stored = (slug: string) =>
    site()
      .posts()
      .filter((post) => post.slug.startsWith(slug));
  const shown = (slug: string) => stored(slug).map(({ slug: name, status }) => [name, status]);
  /** What somebody saves in the editor. */
  async function personSaves(id: string, fields: object): Promise<void> {
    await site().passTime(3000);
    const { posts } = await site().asOwner('GET', `/posts/${id}/`);
    const body = { posts: [{ ...fields, updated_at: posts?.[0]?.updated_at }] };
    await site().asOwner('PUT', `/posts/${id}/?source=html`, body);
  }
  const personWrites = async (fields: object): Promise<string> => {
    const { posts } = await site().asOwner('POST', '/posts/?source=html', { posts: [fields] });
    return posts?.[0]?.id ?? '';
  };

  test('a post is published under its name, with its marks behind the tags asked for', async () => {
    const slug = aSlug();
    const fields = { tags: 'Bikes, Repair', excerpt: 'In short.' };
    const request = about(slug, '## Flat\n\nSome *words*<script>alert(1)</script>, 日本 🚲.');
    const end = await land(at(slug, fields), request);
    expect(end).toMatchObject({ kind: 'landed', receipt: { url: `${site().url}/${slug}/` } });
    const [post] = stored(slug);
    expect(post).toMatchObject({
      id: receiptIn(end).id,
      status: 'published',
      title: 'On bicycles',
      custom_excerpt: 'In short.',
    });
    expect(post?.html).toContain('<em>words</em>, 日本 🚲.');
    expect(post?.html).not.toContain('script');
    const mark = `#ns-${request.effectKey.slice(0, 8)}-r1-${request.fingerprint}-${request.sha256}`;
    expect(site().tagsOf(post?.id ?? '')).toEqual(['Bikes', 'Repair', `#ns-${request.effectKey}`, mark]);
  });

  test('publishing again without a ledger adopts the post and sends nothing', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    const before = stored(slug);
    for (let time = 0; time < 3; time++) {
      const end = await land(at(slug), about(slug));
      expect(end).toMatchObject({
        kind: 'adopted',
        sent: false,
        receipt: { id: first.id, sha256: first.sha256 },
      });
    }
    expect(stored(slug)).toEqual(before);
  });

  test('revision and fingerprint come back from the post alone', async () => {
    const slug = aSlug();
    const request = about(slug);
    await land(at(slug), request);
    expect(ours(await at(slug).lookup?.(request, context))).toMatchObject({
      revision: 1,
      fingerprint: request.fingerprint,
      visible: true,
    });
  });

  test('twenty tries at once, without locks, leave one published post and nothing else', async () => {
    const slug = aSlug('race');
    const ends = await Promise.allSettled(Array.from({ length: 20 }, () => land(at(slug), about(slug))));
    // Whoever lost may be told to look again; here everybody does, as Temporal would.
    const again = await Promise.all(
      Array.from({ length: 3 }, () => land(at(slug), about(slug), { row: LOST })),
    );
    const ids = [...ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : [])), ...again].map(
      (end) => receiptIn(end).id,
    );
    expect(shown(slug)).toEqual([[slug, 'published']]);
    expect(new Set(ids)).toEqual(new Set([stored(slug)[0]?.id]));
    expect(ids.length).toBeGreaterThan(3);
  }, 300_000);

  describe('somebody else has the name', () => {
    test.each(['published', 'draft'])(
      'a %s post of a person stays byte for byte, and nothing stands beside it',
      async (status) => {
        const slug = aSlug();
        await personWrites({ title: 'Mine', slug, status, html: '<p>My own words.</p>' });
        const before = stored(slug);
        for (const row of [{}, LOST]) {
          const end = await land(at(slug), about(slug), { row });
          expect(end).toMatchObject({ kind: 'held', errorClass: 'conflict', sent: false });
          expect(end.kind === 'held' && end.message).toContain(
            `${site().url}/ghost/#/editor/post/${before[0]?.id}`,
          );
        }
        expect(stored(slug)).toEqual(before);
      },
    );

    test('a page holds the name as well', async () => {
      const slug = aSlug();
      await site().asOwner('POST', '/pages/', { pages: [{ title: 'Page', slug, status: 'published' }] });
      const before = stored(slug);
      expect(await land(at(slug), about(slug))).toMatchObject({
        kind: 'held',
        message: expect.stringContaining('a page has this name') as string,
      });
      expect(stored(slug)).toEqual(before);
    });

    test('taken between look-up and creation: our draft under a changed name goes unseen', async () => {
      const slug = aSlug();
      const end = await land(at(slug), about(slug), {
        reached: async (point) => {
          if (point === 'E3')
            await personWrites({ title: 'Mine', slug, status: 'published', html: '<p>x</p>' });
        },
      });
      expect(end).toMatchObject({ kind: 'held', errorClass: 'conflict' });
      expect(shown(slug)).toEqual([[slug, 'published']]);
      expect(stored(slug)[0]).toMatchObject({ title: 'Mine', html: '<p>x</p>' });
    });

    test('another effect has it: that one is named', async () => {
      const slug = aSlug();
      await land(at(slug), about(slug, 'words', { effectKey: keyOf('other') }));
      expect(await land(at(slug), about(slug))).toMatchObject({
        kind: 'held',
        message: expect.stringContaining(keyOf('other')) as string,
      });
      expect(stored(slug)).toHaveLength(1);
    });
  });

  test('a name that Ghost keeps for itself is found out before anybody sees the post', async () => {
    const before = site().posts();
    expect(await land(at('rss'), about(aSlug()))).toMatchObject({
      kind: 'held',
      message: expect.stringContaining('another name') as string,
    });
    expect(site().posts()).toEqual(before);
  });

  test('names of 185 and of digits are kept', async () => {
    const digits = String(randomInt(1e12));
    for (const slug of [aSlug().padEnd(185, 'x'), digits]) {
      expect((await land(at(slug), about(slug))).kind).toBe('landed');
      expect(stored(slug)).toMatchObject([{ slug, status: 'published' }]);
    }
  });

  // --- Crashes and lost answers ------------------------------------------------------------------------

  class Died extends Error {}

  test.each<CrashPoint>(['E1', 'E2', 'E3', 'E5', 'E8', 'E9', 'E10', 'E11'])(
    'a worker that dies at %s leaves at most one draft, and the next one uses it',
    async (dieAt) => {
      const slug = aSlug();
      const dying = land(at(slug), about(slug), {
        reached: (point) => {
          if (point === dieAt) throw new Died(point);
        },
      });
      await expect(dying).rejects.toThrow(Died);
      const left = stored(slug);
      expect(left.length).toBeLessThanOrEqual(1);
      const end = await land(at(slug), about(slug), { row: LOST });
      if (left[0]) expect(receiptIn(end).id).toBe(left[0].id);
      expect(shown(slug)).toEqual([[slug, 'published']]);
    },
  );

  /** `look, create, look, reveal, look`, in requests. */
  const REQUESTS = ['GET', 'GET', 'POST', 'GET', 'GET', 'GET', 'PUT', 'GET', 'GET'];

  test('the requests of one landing are these, and none of them mails', async () => {
    const slug = aSlug();
    const proxy = await behindProxy();
    await land(at(slug, { url: proxy.url }), about(slug));
    expect(proxy.seen.map(({ method }) => method)).toEqual(REQUESTS);
    expect(proxy.seen.some(({ path }) => /newsletter|email/.test(path))).toBe(false);
  });

  test.each(REQUESTS.map((method, index) => ({ method, index })))(
    'the answer to request $index ($method) is lost: one post, no twin',
    async ({ index }) => {
      for (const kind of ['drop-answer', 'half-answer', 'drop-before'] as const) {
        const slug = aSlug();
        const proxy = await behindProxy();
        let count = 0;
        proxy.next({ kind }, () => count++ === index);
        const publisher = at(slug, { url: proxy.url });
        await expect(land(publisher, about(slug))).rejects.toMatchObject({ facts: { sent: 'maybe' } });
        await proxy.idle();
        await land(publisher, about(slug), { row: LOST });
        expect(shown(slug)).toEqual([[slug, 'published']]);
      }
    },
  );

  test('an answer that comes from a proxy instead of Ghost is no proof of absence', async () => {
    const slug = aSlug();
    const { id } = receiptIn(await land(at(slug), about(slug)));
    const proxy = await behindProxy();
    const publisher = at(slug, { url: proxy.url });
    const answers = [
      { kind: 'answer', status: 404, body: '<html>not found</html>' },
      { kind: 'answer', status: 200, body: '<html>sign in</html>' },
      { kind: 'answer', status: 302, headers: { location: 'https://example.org/' } },
    ] as const;
    for (const answer of answers) {
      proxy.next(answer);
      await expect(publisher.lookup?.(about(slug), context)).rejects.toMatchObject({ name: 'AdapterError' });
      proxy.next(answer, ({ path }) => path.includes(id));
      await expect(publisher.lookup?.(about(slug), context)).rejects.toMatchObject({ name: 'AdapterError' });
    }
  });

  // --- Revisions ---------------------------------------------------------------------------------------

  test('a higher revision replaces the text and keeps id, address and a person’s tags', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug, { tags: ['Bikes'] }), about(slug)));
    const { id } = first;
    const mine = site()
      .tagsOf(id)
      .map((name) => ({ name }));
    await personSaves(id, { tags: [{ name: 'Editor’s choice' }, ...mine] });
    const end = await land(at(slug, { title: 'On bicycles, again' }), second(slug), {
      row: { receipt: first },
    });
    expect(end).toMatchObject({ kind: 'landed', receipt: { id, revision: 2, url: first.url } });
    expect(stored(slug)).toMatchObject([
      { id, status: 'published', title: 'On bicycles, again', html: '<p>Other words.</p>' },
    ]);
    const tags = site().tagsOf(id);
    expect(tags.slice(0, 3)).toEqual(['Editor’s choice', 'Bikes', `#ns-${keyOf(slug)}`]);
    expect(tags[3]).toContain('-r2-');
    expect(tags).toHaveLength(4);
    // The mark of the first revision is not left lying about.
    expect(
      site()
        .tags()
        .filter((name) => name.startsWith(`#ns-${keyOf(slug).slice(0, 8)}-`)),
    ).toEqual([tags[3]]);
  });

  test('a higher revision finds the post without a ledger', async () => {
    const slug = aSlug();
    const { id } = receiptIn(await land(at(slug), about(slug)));
    await site().passTime(3000);
    expect(receiptIn(await land(at(slug), second(slug))).id).toBe(id);
    expect(stored(slug)).toMatchObject([{ id, html: '<p>Other words.</p>' }]);
  });

  test('an update whose answer was lost is not made twice', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    const proxy = await behindProxy();
    const publisher = at(slug, { url: proxy.url });
    proxy.next({ kind: 'drop-answer' }, ({ method }) => method === 'PUT');
    const updating = land(publisher, second(slug), { row: { receipt: first } });
    await expect(updating).rejects.toMatchObject({ errorClass: 'unknown' });
    await land(publisher, second(slug), { row: { ...LOST, receipt: first } });
    expect(proxy.seen.filter(({ method }) => method === 'PUT')).toHaveLength(1);
    expect(stored(slug)).toMatchObject([{ id: first.id, html: '<p>Other words.</p>' }]);
  });

  test('an older revision does not replace a newer one', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    await land(at(slug), second(slug), { row: { receipt: first } });
    const old = about(slug, 'Old words.', { revision: 1, receipt: first });
    expect(await at(slug).update?.(old, first, context)).toMatchObject({
      kind: 'theirs',
      why: expect.stringContaining('revision 2') as string,
    });
  });

  test('a save that Ghost refuses because somebody came first is worth another look', async () => {
    const slug = aSlug();
    const { id } = receiptIn(await land(at(slug), about(slug)));
    const api = ghostApi(options(slug), context);
    const read = await api.read(id);
    await personSaves(id, { title: 'Edited' });
    if (!read) throw new Error('it is gone');
    await expect(api.edit(read, { title: 'Ours' })).rejects.toMatchObject({
      errorClass: 'transient',
      facts: { sent: 'rejected', code: '409' },
    });
    expect(stored(slug)).toMatchObject([{ title: 'Edited' }]);
  });

  // --- What people do ----------------------------------------------------------------------------------

  test.each([
    ['text', { html: '<p>Edited.</p>' }],
    ['title', { title: 'Edited' }],
    ['excerpt', { custom_excerpt: 'Edited' }],
  ])('a post whose %s a person edited is not updated', async (_, edit) => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    await personSaves(first.id, edit);
    const before = stored(slug);
    // With the ledger, and without it.
    for (const row of [{ receipt: first }, {}]) {
      expect(await land(at(slug), second(slug), { row })).toMatchObject({
        kind: 'held',
        errorClass: 'conflict',
      });
    }
    expect(stored(slug)).toEqual(before);
  });

  test('a post that a person renamed is found, with its new address, and updated under it', async () => {
    const slug = aSlug();
    const renamed = aSlug('renamed');
    const first = receiptIn(await land(at(slug), about(slug)));
    await personSaves(first.id, { slug: renamed });
    const url = `${site().url}/${renamed}/`;
    expect(await land(at(slug), about(slug))).toMatchObject({
      kind: 'adopted',
      receipt: { id: first.id, url },
    });
    const end = await land(at(slug), second(slug), { row: { receipt: first } });
    expect(end).toMatchObject({ kind: 'landed', receipt: { id: first.id, url, revision: 2 } });
    expect(stored(slug)).toEqual([]);
    expect(stored(renamed)).toMatchObject([{ slug: renamed, html: '<p>Other words.</p>' }]);
  });

  test('a post that a person took the marks from is found by its receipt', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    await personSaves(first.id, { tags: [] });
    const end = await land(at(slug), second(slug), { row: { receipt: first } });
    // Nothing says which revision it has, and what it has is what was published.
    expect(end).toMatchObject({ kind: 'landed', receipt: { id: first.id, revision: 2 } });
  });

  test('a post that a person deleted stays deleted', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    await site().asOwner('DELETE', `/posts/${first.id}/`);
    expect(await land(at(slug), second(slug), { row: { receipt: first } })).toMatchObject({
      kind: 'held',
      sent: false,
      message: expect.stringContaining('gone') as string,
    });
    expect(stored(slug)).toEqual([]);
  });

  test('a post that a person put back to draft stays a draft', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    await personSaves(first.id, { status: 'draft' });
    for (const [request, row] of [
      [second(slug), { receipt: first }],
      [about(slug), {}],
    ] as const) {
      expect(await land(at(slug), request, { row })).toMatchObject({
        kind: 'held',
        sent: false,
        message: expect.stringContaining('back to draft') as string,
      });
    }
    expect(shown(slug)).toEqual([[slug, 'draft']]);
  });

  test('a copy that a person made of a post carries our marks and is left alone', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    const known = new Set(
      site()
        .posts()
        .map(({ id }) => id),
    );
    await site().asOwner('POST', `/posts/${first.id}/copy/`);
    const [copy] = site()
      .posts()
      .filter(({ id }) => !known.has(id));
    const copies = () =>
      site()
        .posts()
        .filter(({ id }) => id === copy?.id);
    expect(copies()).toMatchObject([{ status: 'draft' }]);
    const before = copies();
    expect(await land(at(slug), about(slug))).toMatchObject({ kind: 'adopted', receipt: { id: first.id } });
    await land(at(slug), second(slug), { row: { receipt: first } });
    expect(copies()).toEqual(before);
    // The original goes: the copy is not taken for it.
    await site().asOwner('DELETE', `/posts/${first.id}/`);
    const third = about(slug, 'Third.', { revision: 3 });
    expect((await land(at(slug), third, { row: { receipt: { ...first, revision: 2 } } })).kind).toBe('held');
    expect((await land(at(slug), third)).kind).toBe('held');
    expect(copies()).toEqual(before);
  });

  test('a copy under a name that looks like a leftover of ours is no leftover', async () => {
    const title = aSlug('copied');
    const slug = `${title}-copy`;
    const first = receiptIn(await land(at(slug, { title }), about(slug)));
    await site().asOwner('POST', `/posts/${first.id}/copy/`);
    await land(at(slug, { title }), about(slug));
    expect(shown(slug)).toEqual([
      [slug, 'published'],
      [`${slug}-2`, 'draft'],
    ]);
  });

  test('a copy that was given the name of a deleted post is not shown', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    const copied = await site().asOwner('POST', `/posts/${first.id}/copy/`);
    await site().asOwner('DELETE', `/posts/${first.id}/`);
    await personSaves(copied.posts?.[0]?.id ?? '', { slug });
    expect(await land(at(slug), second(slug), { row: { receipt: first } })).toMatchObject({
      kind: 'held',
      sent: false,
      message: expect.stringContaining('copy') as string,
    });
    expect(shown(slug)).toEqual([[slug, 'draft']]);
  });

  test('a draft of ours that a person has begun to edit is not deleted', async () => {
    const slug = aSlug();
    await personWrites({ title: 'Mine', slug, status: 'draft', html: '<p>x</p>' });
    const left = ours(await at(slug).create(about(slug), context));
    await personSaves(left.id, { html: '<p>Edited.</p>' });
    const before = stored(slug);
    expect((await land(at(slug), about(slug), { row: LOST })).kind).toBe('held');
    await at(slug).discard?.(left, about(slug), context);
    expect(stored(slug)).toEqual(before);
    expect(before).toHaveLength(2);
  });

  // --- Taking back, and drafts -------------------------------------------------------------------------

  test('unpublish puts the post back to draft, once or twice, and a later revision shows it again', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    for (let time = 0; time < 2; time++) {
      await at(slug).unpublish?.(about(slug), first, context);
      expect(shown(slug)).toEqual([[slug, 'draft']]);
    }
    const row = { receipt: first, unpublishedRevision: 1 };
    const end = await land(at(slug), second(slug), { row });
    expect(end).toMatchObject({ kind: 'landed', receipt: { id: first.id, revision: 2 } });
    expect(stored(slug)).toMatchObject([{ status: 'published', html: '<p>Other words.</p>' }]);
    expect(site().tagsOf(first.id)).not.toContain('#ns-hidden');
  });

  test('unpublish leaves alone what a person has changed, and what is gone', async () => {
    const slug = aSlug();
    const first = receiptIn(await land(at(slug), about(slug)));
    await personSaves(first.id, { html: '<p>Edited.</p>' });
    await expect(at(slug).unpublish?.(about(slug), first, context)).rejects.toMatchObject({
      errorClass: 'conflict',
      facts: { sent: 'no' },
    });
    expect(shown(slug)).toEqual([[slug, 'published']]);
    await site().asOwner('DELETE', `/posts/${first.id}/`);
    await at(slug).unpublish?.(about(slug), first, context);
  });

  test('with status: draft, one draft stands there and is never shown, however often it is tried', async () => {
    const slug = aSlug();
    const publisher = () => at(slug, { status: 'draft' });
    await Promise.allSettled(Array.from({ length: 5 }, () => land(publisher(), about(slug))));
    const end = await land(publisher(), about(slug), { row: LOST });
    expect(shown(slug)).toEqual([[slug, 'draft']]);
    expect(receiptIn(end)).toMatchObject({
      id: stored(slug)[0]?.id,
      url: `${site().url}/ghost/#/editor/post/${stored(slug)[0]?.id}`,
    });
    expect(stored(slug)[0]?.published_at).toBeNull();
    const updated = await land(publisher(), second(slug), { row: { receipt: receiptIn(end) } });
    expect(updated.kind).toBe('landed');
    expect(stored(slug)).toMatchObject([{ slug, status: 'draft', html: '<p>Other words.</p>' }]);
  });

  test('a draft that was to stay one can be taken back too, once or twice, and a later revision puts it there again', async () => {
    const slug = aSlug();
    const publisher = () => at(slug, { status: 'draft' });
    const first = receiptIn(await land(publisher(), about(slug)));
    for (let time = 0; time < 2; time++) {
      await publisher().unpublish?.(about(slug), first, context);
      const request = about(slug, undefined, { receipt: first });
      expect(ours(await publisher().lookup?.(request, context)).visible).toBe(false);
    }
    expect(shown(slug)).toEqual([[slug, 'draft']]);
    const row = { receipt: first, unpublishedRevision: 1 };
    const end = await land(publisher(), second(slug), { row });
    expect(end).toMatchObject({ kind: 'landed', receipt: { id: first.id, revision: 2 } });
    expect(stored(slug)).toMatchObject([{ slug, status: 'draft', html: '<p>Other words.</p>' }]);
    expect(site().tagsOf(first.id)).not.toContain('#ns-hidden');
    expect(stored(slug)[0]?.published_at).toBeNull();
  });

  // --- Sign-in, probe, rehearsal -----------------------------------------------------------------------

  test('a wrong key is trouble of the sign-in, sends nothing, and is not shown', async () => {
    const [id = ''] = site().key.split(':');
    const secret = sha256('wrong');
    for (const key of [`${id}:${secret}`, `${'0'.repeat(24)}:${secret}`]) {
      const slug = aSlug();
      const error: unknown = await land(at(slug, { key }), about(slug)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ errorClass: 'auth', facts: { sent: 'rejected' } });
      expect(String(error)).not.toContain(secret);
      expect(stored(slug)).toEqual([]);
    }
  });

  test('characters are counted as Ghost counts them', async () => {
    const slug = aSlug();
    const [title, excerpt] = ['🚲'.repeat(255), 'é'.repeat(300)];
    await at(slug, { title, excerpt }).create(about(slug), context);
    expect(stored(slug)).toMatchObject([{ title, custom_excerpt: excerpt }]);
  });

  test('a text that Ghost refuses is the job’s fault', async () => {
    const slug = aSlug();
    const refused = ghostApi(options(slug), context).add({ title: 'x'.repeat(256), slug, html: '<p>x</p>' });
    await expect(refused).rejects.toMatchObject({ errorClass: 'invalid', facts: { sent: 'rejected' } });
    expect(stored(slug)).toEqual([]);
  });

  test('a look-up and a probe only read', async () => {
    const slug = aSlug();
    const proxy = await behindProxy();
    const publisher = at(slug, { url: proxy.url });
    expect(await publisher.lookup?.(about(slug), context)).toEqual({ kind: 'absent' });
    const findings = await publisher.probe?.(context);
    expect(findings?.map(({ status }) => status)).toEqual(['ok', 'ok']);
    expect(findings?.[0]?.detail).toMatch(/^Ghost 5\./);
    expect(new Set(proxy.seen.map(({ method }) => method))).toEqual(new Set(['GET']));
  });

  test('a probe says what is wrong', async () => {
    const [id = ''] = site().key.split(':');
    const wrong = await at('x', { key: `${id}:${sha256('wrong')}` }).probe?.(context);
    expect(wrong).toMatchObject([{ status: 'ok' }, { status: 'fail', detail: /401.*with\.key/ }]);
    const elsewhere = await at('x', { url: `${site().url}/nowhere` }).probe?.(context);
    expect(elsewhere).toMatchObject([{ status: 'fail', detail: /with\.url/ }]);
  });
}
