/** The publisher `wordpress`: what becomes public, what is left alone, what is found again. No real WordPress here. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CrashPoint } from '../../src/activities/crash-points.js';
import { startLossyProxy, type Fault, type LossyProxy } from '../support/lossy-proxy.js';
import { keyOf, sha256 } from './folder-fixture.js';
import { Died, Effect, context, publisherWith, receiptIn } from './wordpress-fixture.js';
import { WordPressStandIn } from './wordpress-stand-in.js';

let site: WordPressStandIn;
const SLUG = 'fix-a-puncture';

async function aSite(...manners: ConstructorParameters<typeof WordPressStandIn>): Promise<WordPressStandIn> {
  await site.stop();
  site = new WordPressStandIn(...manners);
  await site.start();
  return site;
}
beforeEach(async () => {
  site = new WordPressStandIn();
  await site.start();
});
afterEach(() => site.stop());

const anEffect = (options: Readonly<Record<string, unknown>> = {}, key?: string): Effect =>
  new Effect(() => publisherWith({ url: site.url, ...options }), key);
const slugs = (): string[] => site.posts.map(({ slug, status }) => `${slug} ${status}`);
const onlyPost = () => {
  expect(site.posts).toHaveLength(1);
  return site.posts[0]!;
};

describe('a post', () => {
  test('is made as a draft with its mark in the first line, shown, and found again by every look-up', async () => {
    const effect = anEffect();
    const receipt = receiptIn(await effect.land());
    const post = onlyPost();
    const { fingerprint, sha256: artifact } = effect.request();
    expect(post).toMatchObject({ slug: SLUG, status: 'publish', title: 'Fix a puncture', author: 'robot' });
    expect(post.content.split('\n')[0]).toContain(
      `<!-- nightshift ${effect.key} r1 ${fingerprint} ${artifact}`,
    );
    expect(post.content).toContain('<p>More <em>words</em>.</p>');
    expect(receipt).toMatchObject({
      effectKey: effect.key,
      id: String(post.id),
      sha256: sha256(post.content),
      url: `${site.url}/2026/11/23/${SLUG}/`,
    });
    expect(site.requests.filter((line) => line.startsWith('POST'))).toEqual([
      'POST /wp/v2/posts',
      `POST /wp/v2/posts/${post.id}`,
    ]);
    expect(await effect.forgotten().land()).toMatchObject({ kind: 'adopted', receipt: { id: receipt.id } });
    expect(site.posts).toHaveLength(1);

    // What is known to be public is not opened again at each look.
    site.requests.length = 0;
    await publisherWith({ url: site.url }).lookup?.(effect.request(), context);
    expect(site.requests).toEqual(['GET /wp/v2/posts', 'GET /wp/v2/posts']);
  });

  test('reaches a site without permalinks through ?rest_route=', async () => {
    receiptIn(await anEffect({ restPath: '?rest_route=/' }).land());
    expect(onlyPost().status).toBe('publish');
  });

  test.each(['private', 'pending', 'draft'] as const)(
    'ends as %s where the batch says so',
    async (status) => {
      const effect = anEffect({ status });
      receiptIn(await effect.land());
      expect(onlyPost().status).toBe(status);
      expect(await effect.forgotten().land()).toMatchObject({ kind: 'adopted' });
      expect(site.everPublic.size).toBe(0);
    },
  );

  test('what a person makes of a pending post or a draft is theirs', async () => {
    const effect = anEffect({ status: 'draft' });
    receiptIn(await effect.land());
    site.change(1, { status: 'publish' });
    expect(await effect.forgotten().land()).toMatchObject({ kind: 'adopted', receipt: { id: '1' } });
  });

  test('says and does nothing active: shortcodes, bare addresses to embed, scripts', async () => {
    await anEffect().land({
      text: 'a [gallery ids="1"]\n\n<p>https://example.org/x</p>\n\n<script>bad()</script><img src=x onerror=bad()>',
    });
    const { content } = onlyPost();
    expect(content).not.toMatch(/\[gallery|<p>https?:\/\/|script|onerror/);
    expect(content).toContain('&#091;gallery ids="1"]');
  });

  test('gets categories and tags by exact name or id; a missing one is an error before anything is sent', async () => {
    site.terms.categories.push({ id: 7, name: 'Bikes &amp; more', slug: 'bikes' });
    site.terms.tags.push({ id: 8, name: '2026', slug: '2026' }, { id: 9, name: '2026 tour', slug: 't' });
    receiptIn(await anEffect({ categories: ['Bikes & more', 1], tags: '2026, 9' }).land());
    expect(onlyPost()).toMatchObject({ categories: [7, 1], tags: [8, 9] });

    for (const terms of [{ categories: 'Bikes' }, { tags: [99] }, { tags: 'tour' }]) {
      const other = anEffect({ slug: 'other', ...terms }, keyOf('other'));
      await expect(other.land()).rejects.toMatchObject({ errorClass: 'invalid', facts: { sent: 'no' } });
    }
    expect(site.posts).toHaveLength(1);
  });

  test.each(['', 'a'.repeat(186), 'Job', 'a_b', 'a--b', '日本語', '../a', 'a\nb', 'a/b', '-a'])(
    'a slug that WordPress would change is refused before anything is sent: %j',
    async (slug) => {
      await expect(anEffect({ slug }).land()).rejects.toMatchObject({ errorClass: 'invalid' });
      expect(site.requests).toEqual([]);
    },
  );

  test.each(['feed', 'embed'])('the name %s, which WordPress keeps for itself, is held', async (slug) => {
    expect(await anEffect({ slug }).land()).toMatchObject({ kind: 'held', errorClass: 'conflict' });
    expect(site.posts).toEqual([]);
    expect(site.everPublic.size).toBe(0);
  });

  test('a published post that the public can’t open has not landed', async () => {
    site.permalinksBroken = true;
    const effect = anEffect();
    await expect(effect.land()).rejects.toThrow(/answers 404/);
    site.permalinksBroken = false;
    receiptIn(await effect.land());
    expect(slugs()).toEqual([`${SLUG} publish`]);
  });

  test('each of its requests has a turn of its own, the look at the public page included', async () => {
    let turns = 0;
    receiptIn(await anEffect().land({ turn: async () => void turns++ }));
    expect(site.requests.filter((request) => !request.includes(' /wp/v2/'))).toHaveLength(1);
    expect(turns).toBe(site.requests.length);
  });

  test('the mark is kept a second time in a registered meta field, and found there', async () => {
    await aSite({ metaKeys: ['nightshift'] });
    const effect = anEffect({ metaKey: 'nightshift' });
    receiptIn(await effect.land());
    site.change(1, { content: '<p>rewritten</p>' });
    expect(
      await publisherWith({ url: site.url, metaKey: 'nightshift' }).lookup?.(effect.request(), context),
    ).toMatchObject({
      kind: 'ours',
      placed: { id: '1', sha256: sha256('<p>rewritten</p>') },
    });
    const end = await effect.land({ revision: 2, text: 'new' });
    expect(end).toMatchObject({
      kind: 'held',
      message: expect.stringMatching(/content was changed/) as string,
    });
  });

  test('where a plugin takes comments out, nothing stays there and the batch is told', async () => {
    await aSite({ dropsComments: true });
    await expect(anEffect().land()).rejects.toMatchObject({ errorClass: 'config' });
    expect(site.posts).toEqual([]);
  });
});

describe('several at once', () => {
  test.each([2, 4, 20])('%i racers that all get the same slug leave one post and no draft', async (count) => {
    site.raceOf(count);
    const ends = await Promise.all(Array.from({ length: count }, () => anEffect().landSomehow()));
    expect(new Set(ends.map((end) => receiptIn(end).id))).toEqual(new Set(['1']));
    expect(slugs()).toEqual([`${SLUG} publish`]);
    expect([...site.everPublic]).toEqual([`1:${SLUG}`]);
  });

  test('racers that get numbered slugs leave one post and no draft', async () => {
    await Promise.all(Array.from({ length: 6 }, () => anEffect().landSomehow()));
    expect(slugs()).toEqual([`${SLUG} publish`]);
    expect([...site.everPublic]).toEqual([`1:${SLUG}`]);
  });

  test('a person who takes the slug in the same moment keeps it', async () => {
    site.raceOf(2);
    const [end] = await Promise.all([anEffect().land(), site.write('other', { slug: SLUG })]);
    expect(end).toMatchObject({ kind: 'held', errorClass: 'conflict' });
    expect(slugs()).toEqual([`${SLUG} publish`]);
    expect(onlyPost().author).toBe('other');
    expect(site.everPublic.size).toBe(1);
  });

  test('of two visible twins the higher one is hidden, not deleted', async () => {
    const effect = anEffect();
    receiptIn(await effect.land());
    const [first] = site.posts;
    site.raceOf(1);
    await site.write('robot', { slug: 'x', content: first!.content });
    site.change(2, { slug: SLUG });
    receiptIn(await effect.forgotten().land());
    expect(slugs()).toEqual([`${SLUG} publish`, `${SLUG}__trashed trash`]);
  });
});

describe('what is not ours', () => {
  test.each(['publish', 'draft', 'private'])(
    'somebody’s %s of that slug: held, nothing sent',
    async (status) => {
      await site.write('other', { slug: SLUG, status });
      const before = structuredClone(site.posts);
      expect(await anEffect().land()).toMatchObject({ kind: 'held', errorClass: 'conflict' });
      expect(site.posts).toEqual(before);
      expect(site.requests.filter((line) => !line.startsWith('GET'))).toEqual([]);
    },
  );

  test('somebody’s post in the trash does not hold the slug', async () => {
    await site.write('other', { slug: SLUG });
    site.trash(1);
    receiptIn(await anEffect().land());
    expect(slugs()).toEqual([`${SLUG}__trashed trash`, `${SLUG} publish`]);
  });

  test('the message names both when the slug was taken between look-up and creation', async () => {
    const publisher = publisherWith({ url: site.url });
    const request = anEffect().request();
    expect(await publisher.lookup?.(request, context)).toEqual({ kind: 'absent' });
    await site.write('other', { slug: SLUG });
    await publisher.create(request, context);
    expect(await publisher.lookup?.(request, context)).toMatchObject({
      kind: 'theirs',
      location: `${site.url}/2026/11/23/${SLUG}/`,
      why: expect.stringContaining(`${site.url}/?p=2`) as string,
      extras: [{ id: '2', visible: false }],
    });
  });

  test('a page at the very address of the post: held; one of the same slug elsewhere: no matter', async () => {
    await aSite({ permalinks: 'name' });
    site.pages.push({ slug: SLUG, link: `${site.url}/about/${SLUG}/` });
    receiptIn(await anEffect().land());
    site.pages.push({ slug: 'about', link: `${site.url}/about/` });
    const other = anEffect({ slug: 'about' }, keyOf('other'));
    expect(await other.land()).toMatchObject({
      kind: 'held',
      message: expect.stringMatching(/page/) as string,
    });
    expect(slugs()).toEqual([`${SLUG} publish`]);
    expect(site.everPublic.size).toBe(1);
  });

  test('a post that names another effect’s key in its text is not that effect', async () => {
    const effect = anEffect();
    await anEffect({ slug: 'quotes', sanitise: false, format: 'html' }, keyOf('liar')).land({
      text: `<!-- nightshift ${effect.key} r1 ${'0'.repeat(64)} ${'0'.repeat(64)} ${'0'.repeat(16)} --><p>x</p>`,
    });
    receiptIn(await effect.land());
    expect(slugs()).toEqual(['quotes publish', `${SLUG} publish`]);
  });

  test('an effect that other credentials published is not published again', async () => {
    receiptIn(await anEffect({ username: 'boss' }).land());
    site.change(1, { status: 'draft', slug: 'elsewhere' });
    expect(await anEffect().land()).toMatchObject({
      kind: 'held',
      message: expect.stringMatching(/credentials/) as string,
    });
    expect(site.posts).toHaveLength(1);
  });
});

describe('what a person did', () => {
  const landed = async () => {
    const effect = anEffect();
    receiptIn(await effect.land());
    return effect;
  };
  const again = async (effect: Effect) => [
    await effect.land({ revision: 2, text: 'new' }),
    await effect.forgotten().land(),
  ];

  test('trashed: held, never put back', async () => {
    const effect = await landed();
    site.trash(1);
    for (const end of await again(effect)) expect(end).toMatchObject({ kind: 'held' });
    expect(slugs()).toEqual([`${SLUG}__trashed trash`]);
  });

  test.each(['draft', 'private', 'pending'])(
    'taken back to %s: held while the receipt is known',
    async (status) => {
      const effect = await landed();
      site.change(1, { status });
      expect(await effect.land({ revision: 2, text: 'new' })).toMatchObject({ kind: 'held' });
      expect(slugs()).toEqual([`${SLUG} ${status}`]);
    },
  );

  test('deleted for good: held while the receipt is known', async () => {
    const effect = await landed();
    site.delete(1);
    expect(await effect.land({ revision: 2, text: 'new' })).toMatchObject({ kind: 'held' });
    expect(site.posts).toEqual([]);
  });

  test('renamed: named, and no second post', async () => {
    const effect = await landed();
    site.change(1, { slug: 'mend-a-tyre' });
    for (const end of await again(effect)) {
      expect(end).toMatchObject({ kind: 'held', message: expect.stringMatching(/mend-a-tyre/) as string });
    }
    expect(slugs()).toEqual(['mend-a-tyre publish']);
  });

  test.each([
    ['content', { content: 'x' }, /mark is gone|not ours/],
    ['a word of the content', undefined, /content was changed/],
    ['the title', { title: 'Better' }, /title or excerpt/],
    ['the excerpt', { excerpt: 'Better' }, /title or excerpt/],
  ])('edited, %s: an update leaves it alone', async (_, fields, why) => {
    const effect = await landed();
    site.change(1, fields ?? { content: onlyPost().content.replace('words', 'WORDS') });
    const before = structuredClone(onlyPost());
    const end = await effect.land({ revision: 2, text: 'new' });
    expect(end).toMatchObject({ kind: 'held', errorClass: 'conflict' });
    expect(end.kind === 'held' && end.message).toMatch(why);
    expect(onlyPost()).toEqual(before);
  });

  test('nothing: a revision replaces the text, the post keeps its id', async () => {
    const effect = await landed();
    const receipt = receiptIn(await effect.land({ revision: 2, text: 'A *new* text' }));
    expect(receipt).toMatchObject({ id: '1', revision: 2, sha256: sha256(onlyPost().content) });
    expect(onlyPost().content).toMatch(/ r2 [^]*<em>new<\/em>/);
    expect(onlyPost().status).toBe('publish');
  });
});

describe('a site whose search finds nothing', () => {
  beforeEach(() => aSite({ searchIsBlind: true }));

  test('racers leave one post and no draft', async () => {
    await Promise.all(Array.from({ length: 6 }, () => anEffect().landSomehow()));
    expect(slugs()).toEqual([`${SLUG} publish`]);
  });

  test('a draft that got another name is taken away by the try that made it', async () => {
    await site.write('other', { slug: 'x' });
    const publisher = publisherWith({ url: site.url });
    const request = anEffect().request();
    await publisher.create({ ...request }, context);
    site.change(2, { slug: `${SLUG}-2` });
    expect(await publisher.lookup?.(request, context)).toMatchObject({
      kind: 'theirs',
      extras: [{ id: '2' }],
    });
  });

  test('renamed, trashed or rewritten by a person: held while the receipt is known', async () => {
    for (const change of [
      () => site.change(1, { slug: 'mend-a-tyre' }),
      () => site.trash(1),
      () => site.change(1, { slug: 'mend-a-tyre', content: 'x' }),
    ]) {
      await aSite({ searchIsBlind: true });
      const effect = anEffect();
      receiptIn(await effect.land());
      change();
      const end = await effect.land({ revision: 2, text: 'new' });
      expect(end.kind === 'held' && end.message).toMatch(/mend-a-tyre|trash|mark is gone/);
      expect(site.posts).toHaveLength(1);
    }
  });

  test('trashed by a person is seen without the ledger too', async () => {
    const effect = anEffect();
    receiptIn(await effect.land());
    site.trash(1);
    expect(await effect.forgotten().land()).toMatchObject({ kind: 'held' });
    expect(site.posts).toHaveLength(1);
  });
});

describe('taking back', () => {
  test.each(['draft', 'trash'])('hides the post as %s; a second time does nothing', async (unpublish) => {
    const effect = anEffect({ unpublish });
    const receipt = receiptIn(await effect.land());
    for (let times = 0; times < 2; times++)
      await publisherWith({ url: site.url, unpublish }).unpublish?.(effect.request(), receipt, context);
    expect(onlyPost().status).toBe(unpublish);
    expect(site.requests.filter((line) => !line.startsWith('GET'))).toHaveLength(3);
  });

  test('leaves a post that was edited, and says so; one that is gone counts as taken back', async () => {
    const effect = anEffect();
    const receipt = receiptIn(await effect.land());
    const publisher = publisherWith({ url: site.url });
    site.change(1, { title: 'Better' });
    await expect(publisher.unpublish?.(effect.request(), receipt, context)).rejects.toMatchObject({
      errorClass: 'conflict',
    });
    expect(onlyPost().status).toBe('publish');
    site.delete(1);
    await publisher.unpublish?.(effect.request(), receipt, context);
  });

  test.each(['publish', 'private', 'pending', 'draft'] as const)(
    'of a post that ended as %s: it is seen to be gone, and a higher revision is published again',
    async (status) => {
      for (const unpublish of ['draft', 'trash']) {
        await aSite();
        const effect = anEffect({ status, unpublish });
        await effect.land();
        const found = await effect.unpublish();
        expect(found?.kind === 'ours' && found.placed.visible, unpublish).toBe(false);
        expect(onlyPost().status).toBe(status === 'draft' ? 'trash' : unpublish);

        const revised = { text: 'Other words.', revision: 2 };
        expect(receiptIn(await effect.land(revised))).toMatchObject({ revision: 2 });
        const live = site.posts.filter((post) => post.status !== 'trash');
        expect(live).toMatchObject([{ slug: SLUG, status }]);
        expect(live[0]?.content).toContain('Other words.');
      }
    },
  );

  test('what a person took away after a higher revision was published stays away', async () => {
    const effect = anEffect();
    await effect.land();
    await effect.unpublish();
    await effect.land({ revision: 2 });
    site.change(1, { status: 'draft' });
    expect(await effect.land({ revision: 3 })).toMatchObject({ kind: 'held', errorClass: 'conflict' });
    expect(onlyPost().status).toBe('draft');
  });

  test('into a trash that the site does not have: an error, and the post stays', async () => {
    await aSite({ hasTrash: false });
    const effect = anEffect({ unpublish: 'trash' });
    const receipt = receiptIn(await effect.land());
    const publisher = publisherWith({ url: site.url, unpublish: 'trash' });
    await expect(publisher.unpublish?.(effect.request(), receipt, context)).rejects.toThrow(
      /unpublish: draft/,
    );
  });
});

describe('crashes and lost answers', () => {
  test.each<CrashPoint>(['E1', 'E2', 'E3', 'E5', 'E8', 'E9', 'E10', 'E11'])(
    'dying at %s leaves at most one draft, and the next try uses it',
    async (dieAt) => {
      const effect = anEffect();
      await expect(effect.land({ dieAt })).rejects.toThrow(Died);
      expect(site.posts.length).toBeLessThanOrEqual(1);
      const [draft] = site.posts;
      const receipt = receiptIn(await effect.land());
      if (draft) expect(receipt.id).toBe(String(draft.id));
      expect(slugs()).toEqual([`${SLUG} publish`]);
    },
  );

  test('a numbered draft that a crash left is taken away by the next try', async () => {
    const effect = anEffect();
    await expect(effect.land({ dieAt: 'E5' })).rejects.toThrow(Died);
    site.change(1, { slug: `${SLUG}-2` });
    await site.write('other', { slug: SLUG, status: 'publish' });
    expect(await effect.land()).toMatchObject({ kind: 'held' });
    expect(slugs()).toEqual([`${SLUG} publish`]);
    site.delete(2);
    receiptIn(await effect.land());
    expect(slugs()).toEqual([`${SLUG} publish`]);
  });

  test('a draft that a crash left and a person edited is not deleted but trashed', async () => {
    const effect = anEffect();
    await expect(effect.land({ dieAt: 'E5' })).rejects.toThrow(Died);
    const publisher = publisherWith({ url: site.url });
    const found = await publisher.lookup?.(effect.request(), context);
    if (found?.kind !== 'ours') throw new Error('expected ours');
    site.change(1, { content: onlyPost().content.replace('words', 'WORDS') });
    await publisher.discard?.(found.placed, effect.request(), context);
    expect(onlyPost().status).toBe('trash');
  });

  describe('behind a network that loses things', () => {
    let proxy: LossyProxy;
    beforeEach(async () => {
      proxy = await startLossyProxy(site);
    });
    afterEach(() => proxy.close());
    const faults: Fault[] = [
      { kind: 'drop-before' },
      { kind: 'drop-answer' },
      { kind: 'half-answer' },
      { kind: 'late-request', ms: 30 },
      { kind: 'answer', status: 302, headers: { location: '/elsewhere' } },
      { kind: 'answer', status: 200, body: '<p>Hello</p>' },
      { kind: 'answer', status: 503 },
    ];

    test.each(
      faults.flatMap((fault) => [0, 1, 2, 3, 4, 5, 6, 7, 8].map((nth) => [fault.kind, nth, fault] as const)),
    )('%s at request %i: one post, no draft', async (_, nth, fault) => {
      const effect = new Effect(() => publisherWith({ url: proxy.url, settle: '60ms' }));
      let count = 0;
      proxy.next(fault, () => count++ === nth);
      receiptIn(await effect.landSomehow());
      await proxy.idle();
      receiptIn(await effect.forgotten().landSomehow());
      expect(proxy.waiting()).toBe(0);
      expect(slugs()).toEqual([`${SLUG} publish`]);
      expect([...site.everPublic]).toEqual([`1:${SLUG}`]);
    });

    test('an error that was stored all the same is found, not repeated', async () => {
      const effect = new Effect(() => publisherWith({ url: proxy.url }));
      await effect.land({ dieAt: 'E5' }).catch(() => undefined);
      proxy.next({ kind: 'answer', status: 422, body: '{"code":"rest_invalid_param","message":""}' });
      receiptIn(await effect.landSomehow());
      expect(slugs()).toEqual([`${SLUG} publish`]);
    });

    const refused = (details?: { readonly status: { readonly code: string } }) => ({
      kind: 'answer' as const,
      status: 400,
      body: JSON.stringify({
        code: 'rest_invalid_param',
        message: 'Invalid parameter(s): status',
        data: { status: 400, params: { status: 'Status is forbidden.' }, ...(details && { details }) },
      }),
    });

    test.each([
      ['an old version', refused()],
      ['a new one', refused({ status: { code: 'rest_forbidden_status' } })],
    ])(
      'a look refused as to a stranger is a matter of password and role, not of the post (%s)',
      async (_, answer) => {
        for (const _ of ['by slug', 'by key']) proxy.next(answer);
        const effect = new Effect(() => publisherWith({ url: proxy.url }));
        await expect(effect.land()).rejects.toMatchObject({
          errorClass: 'auth',
          message: expect.stringMatching(
            /check username and application password .* the role author/,
          ) as string,
        });
        expect(site.posts).toEqual([]);
      },
    );

    test('a site that knows no such status is none of the password', async () => {
      for (const _ of ['by slug', 'by key']) proxy.next(refused({ status: { code: 'rest_not_in_enum' } }));
      const effect = new Effect(() => publisherWith({ url: proxy.url }));
      await expect(effect.land()).rejects.toMatchObject({ errorClass: 'invalid' });
      expect(site.posts).toEqual([]);
    });

    test('a rehearsal changes nothing', async () => {
      const publisher = publisherWith({ url: proxy.url });
      await publisher.lookup?.(anEffect().request(), context);
      expect(proxy.seen.map(({ method }) => method).filter((method) => method !== 'GET')).toEqual([]);
      expect(site.posts).toEqual([]);
    });
  });
});

describe('credentials and the probe', () => {
  const probe = async (options: Readonly<Record<string, unknown>> = {}) => {
    const findings = (await publisherWith({ url: site.url, ...options }).probe?.(context)) ?? [];
    return findings.map(({ status, detail }) => `${status}: ${detail}`).join('\n');
  };

  test('a wrong password is told before anything is sent, and never shown', async () => {
    const effect = anEffect({ password: 'planted secret' });
    const error: unknown = await effect.land().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ errorClass: 'auth' });
    expect(String(error)).not.toContain('planted secret');
    expect(await probe({ password: 'planted secret' })).toMatch(/^fail: .*401/);
  });

  test('an author is fine, and nothing is left behind', async () => {
    expect(await probe()).not.toMatch(/fail|warn/);
    expect(site.posts).toEqual([]);
    expect(site.everPublic.size).toBe(0);
  });

  test('an administrator gets a warning, a contributor may not publish', async () => {
    expect(await probe({ username: 'boss' })).toMatch(/warn: boss .*scripts/);
    expect(await probe({ username: 'helper' })).toMatch(/fail: helper .*publish/);
    expect(await probe({ username: 'helper', status: 'pending' })).not.toMatch(/fail/);
  });

  test('a look-up that is blind to drafts, and a meta field or term that is missing, are found', async () => {
    await aSite({ hidesDrafts: true });
    expect(await probe()).toMatch(/fail: not so: a look-up by slug/);
    expect(site.posts).toEqual([]);
    await aSite();
    expect(await probe({ metaKey: 'nightshift' })).toMatch(/warn: meta field nightshift is dropped/);
    expect(await probe({ tags: 'nothing' })).toMatch(/fail: .*no "nothing"/);
  });

  test('the draft of a probe that was cut short is taken away later, not at once', async () => {
    await site.write('robot', { slug: 'nightshift-probe-1', status: 'draft', title: 'nightshift-probe-1' });
    await probe();
    expect(site.posts).toHaveLength(1);
    site.posts[0]!.modified = '2020-01-01T00:00:00.000Z';
    await probe();
    expect(site.posts).toEqual([]);
  });

  test('options that make no sense are refused', () => {
    for (const options of [
      { url: 'ftp://example.org' },
      { url: 'https://user:word@example.org' },
      { url: 'https://example.org/?a=1' },
      { author: 3 },
      { sanitise: false, imageHosts: ['example.org'] },
      { restPath: '?q=1' },
    ])
      expect(() => publisherWith({ url: 'https://example.org', ...options })).toThrow();
    expect(() => publisherWith({ url: 'https://example.org/blog/', sanitise: 'false' })).not.toThrow();
  });
});
