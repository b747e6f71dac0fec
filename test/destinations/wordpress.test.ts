/**
 * The publisher `wordpress` against a real WordPress with four PHP workers. What is there in the end is read from its
 * table of posts, not through the publisher.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CrashPoint } from '../../src/activities/crash-points.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import { startLossyProxy, type Fault, type LossyProxy } from '../support/lossy-proxy.js';
import { folderOfServer } from '../support/servers/loopback-process.js';
import { startWordPress, type PostRow, type WordPressServer } from '../support/servers/wordpress.js';
import { keyOf, sha256 } from '../unit/folder-fixture.js';
import { Died, Effect, context, publisherWith, receiptIn } from '../unit/wordpress-fixture.js';

const program = await folderOfServer('wordpress');
const RACERS = 20;

describe.runIf(program !== undefined)('a real WordPress', { timeout: 600_000 }, () => {
  let wordpress: WordPressServer;
  let proxy: LossyProxy;
  beforeAll(async () => {
    wordpress = await startWordPress(program ?? '');
    proxy = await startLossyProxy(wordpress);
  }, 300_000);
  afterAll(async () => {
    await proxy?.close();
    await wordpress?.stop();
  });

  const publisherFor = (slug: string, options: Readonly<Record<string, unknown>> = {}): Publisher => {
    const { username, password } = wordpress.author;
    return publisherWith({
      url: wordpress.url,
      ...{ username, password, slug },
      title: `About ${slug}`,
      race: '500ms',
      settle: '2s',
      timeout: '200s', // a busy machine takes its time over twenty at once
      ...options,
    });
  };
  const anEffect = (slug: string, options: Readonly<Record<string, unknown>> = {}): Effect =>
    new Effect(() => publisherFor(slug, options), keyOf(`effect of ${slug}`));
  const rowsOf = async (slug: string): Promise<readonly PostRow[]> =>
    (await wordpress.rows()).filter((row) => row.slug.startsWith(slug) && row.type === 'post');
  const states = async (slug: string): Promise<string[]> =>
    (await rowsOf(slug)).map((row) => `${row.slug} ${row.status}`);

  test('a post lands once, is public, and is adopted when the ledger is lost', async () => {
    const effect = anEffect('once');
    const receipt = receiptIn(
      await effect.land({
        text: '# Words\n\nTwo\nlines, [gallery] and <script>bad()</script>.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<p>https://example.org/x</p>',
      }),
    );
    expect(await wordpress.count(effect.key)).toEqual({ publish: 1 });
    const [row] = await rowsOf('once');
    expect(receipt).toMatchObject({ id: String(row?.id), sha256: sha256(row?.content ?? '') });
    expect(row).toMatchObject({ author: wordpress.author.id, title: 'About once' });

    const { status, html } = await wordpress.page(receipt.url ?? '');
    expect(status).toBe(200);
    expect(html).toContain('<p>Two lines, &#091;gallery] and .</p>');
    expect(html).toContain('<td>1</td>');
    expect(html).not.toMatch(/<p>\s*<!-- nightshift|bad\(\)/); // no empty paragraph around the mark

    expect(await effect.forgotten().land()).toMatchObject({ kind: 'adopted', receipt: { id: receipt.id } });
    expect(await effect.land()).toMatchObject({ kind: 'adopted' });
    expect(await wordpress.count(effect.key)).toEqual({ publish: 1 });
  });

  test(`${RACERS} attempts at once without any lock leave one public post and no draft`, async () => {
    // Nothing in WordPress keeps them from it: without a second look there is a post for each.
    const careless = Array.from({ length: 8 }, () => publisherFor('control'));
    await Promise.all(careless.map((one) => one.create(anEffect('control').request(), context)));
    expect(await rowsOf('control')).toHaveLength(8);

    // Longer than twenty at once take to get in, on a busy machine too.
    const racer = () => anEffect('race', { race: '20s' }).landSomehow();
    const ends = await Promise.all(Array.from({ length: RACERS }, racer));
    expect(await states('race')).toEqual(['race publish']);
    expect(await wordpress.count(keyOf('effect of race'))).toEqual({ publish: 1 });
    const [row] = await rowsOf('race');
    expect(new Set(ends.map((end) => receiptIn(end).id))).toEqual(new Set([String(row?.id)]));
  });

  test.each(['publish', 'draft'])(
    'a person’s %s of that slug stays, nothing of ours is shown',
    async (status) => {
      const slug = `taken-${status}`;
      const fields = { slug, status, title: 'By hand', content: 'By hand' };
      await wordpress.as(wordpress.otherAuthor, 'POST', '/wp/v2/posts', fields);
      const before = await rowsOf(slug);
      expect(await anEffect(slug).land()).toMatchObject({ kind: 'held', errorClass: 'conflict' });
      expect(await rowsOf(slug)).toEqual(before);
    },
  );

  test('a person who takes the slug between look-up and creation keeps it; -2 is never shown', async () => {
    const publisher = publisherFor('overtaken');
    const request = anEffect('overtaken').request();
    await publisher.lookup?.(request, context);
    const fields = { slug: 'overtaken', status: 'publish', title: 'By hand', content: 'By hand' };
    await wordpress.as(wordpress.otherAuthor, 'POST', '/wp/v2/posts', fields);
    await publisher.create(request, context);
    expect(await states('overtaken')).toEqual(['overtaken publish', 'overtaken-2 draft']);
    const found = await publisher.lookup?.(request, context);
    expect(found).toMatchObject({ kind: 'theirs', extras: [{ visible: false }] });
    // The next try, in another process, clears it away.
    expect(await anEffect('overtaken').land()).toMatchObject({ kind: 'held' });
    expect(await states('overtaken')).toEqual(['overtaken publish']);
  });

  test.each<CrashPoint>(['E3', 'E5', 'E8', 'E9', 'E11'])(
    'a worker that dies at %s leaves at most one draft, and the next attempt uses it',
    async (dieAt) => {
      const slug = `dies-${dieAt.toLowerCase()}`;
      const effect = anEffect(slug);
      await expect(effect.land({ dieAt })).rejects.toThrow(Died);
      const left = await rowsOf(slug);
      expect(left.length).toBe(dieAt === 'E3' ? 0 : 1);
      const receipt = receiptIn(await effect.land());
      if (left[0]) expect(receipt.id).toBe(String(left[0].id));
      expect(await states(slug)).toEqual([`${slug} publish`]);
    },
  );

  test.each<[string, Fault, (method: string) => boolean]>([
    ['of the creation', { kind: 'drop-answer' }, (method) => method === 'POST'],
    ['half of the creation', { kind: 'half-answer' }, (method) => method === 'POST'],
    ['to a creation that is carried out later', { kind: 'late-request', ms: 1000 }, (m) => m === 'POST'],
    ['of a look-up', { kind: 'drop-answer' }, (method) => method === 'GET'],
  ])('a lost answer %s leads to no twin', async (what, fault, when) => {
    const slug = `lost-${sha256(what).slice(0, 6)}`;
    const effect = anEffect(slug, { url: proxy.url });
    proxy.next(fault, ({ method, path }) => path.includes('/posts') && when(method));
    await expect(effect.land()).rejects.toMatchObject({ facts: { sent: 'maybe' } });
    expect(proxy.waiting()).toBe(0);
    receiptIn(await effect.landSomehow());
    await proxy.idle();
    expect(await states(slug)).toEqual([`${slug} publish`]);
    expect(await wordpress.count(effect.key)).toEqual({ publish: 1 });
  });

  test('a lost answer of the reveal is resolved by looking', async () => {
    const effect = anEffect('lost-reveal', { url: proxy.url });
    proxy.next({ kind: 'drop-answer' }, ({ method, path }) => method === 'POST' && /posts\/\d+/.test(path));
    await expect(effect.land()).rejects.toMatchObject({ errorClass: 'unknown' });
    receiptIn(await effect.landSomehow());
    expect(await states('lost-reveal')).toEqual(['lost-reveal publish']);
  });

  test('a revision keeps the id; an edit by a person is not overwritten', async () => {
    const effect = anEffect('revised');
    const first = receiptIn(await effect.land({ text: 'First.' }));
    const second = receiptIn(await effect.land({ text: 'Second.', revision: 2 }));
    expect(second).toMatchObject({ id: first.id, revision: 2 });
    const [row] = await rowsOf('revised');
    expect(row?.content).toContain('<p>Second.</p>');

    for (const fields of [{ title: 'A better title' }, { content: `${row?.content} And more.` }]) {
      await wordpress.as(wordpress.administrator, 'POST', `/wp/v2/posts/${first.id}`, fields);
      const before = await rowsOf('revised');
      expect(await effect.land({ text: 'Third.', revision: 3 })).toMatchObject({ kind: 'held' });
      expect(await rowsOf('revised')).toEqual(before);
    }
  });

  test('trashed or renamed by a person: held, with and without the ledger, and nothing new', async () => {
    const trashed = anEffect('trashed');
    const renamed = anEffect('renamed');
    const ids = [receiptIn(await trashed.land()).id, receiptIn(await renamed.land()).id];
    await wordpress.as(wordpress.administrator, 'DELETE', `/wp/v2/posts/${ids[0]}`);
    await wordpress.as(wordpress.administrator, 'POST', `/wp/v2/posts/${ids[1]}`, { slug: 'other-name' });
    for (const effect of [trashed, renamed]) {
      expect(await effect.land({ revision: 2, text: 'New.' })).toMatchObject({ kind: 'held' });
      expect(await effect.forgotten().land()).toMatchObject({ kind: 'held' });
    }
    expect(await states('trashed')).toEqual(['trashed__trashed trash']);
    expect(await states('renamed')).toEqual([]);
    expect(await wordpress.count(renamed.key)).toEqual({ publish: 1 });
  });

  test.each(['draft', 'trash'])('unpublishing twice hides the post once, as %s', async (unpublish) => {
    const slug = `hidden-${unpublish}`;
    const effect = anEffect(slug, { unpublish });
    const receipt = receiptIn(await effect.land());
    for (let times = 0; times < 2; times++)
      await publisherFor(slug, { unpublish }).unpublish?.(effect.request(), receipt, context);
    expect((await rowsOf(slug)).map(({ status }) => status)).toEqual([unpublish]);
    expect((await wordpress.page(receipt.url ?? '')).status).not.toBe(200);
  });

  test('a registered meta field holds the mark a second time', async () => {
    const effect = anEffect('meta', { metaKey: 'nightshift_mark' });
    const { id } = receiptIn(await effect.land());
    await wordpress.as(wordpress.administrator, 'POST', `/wp/v2/posts/${id}`, { content: 'Rewritten.' });
    const found = await publisherFor('meta', { metaKey: 'nightshift_mark' }).lookup?.(
      effect.request(),
      context,
    );
    expect(found).toMatchObject({ kind: 'ours', placed: { id, sha256: sha256('Rewritten.') } });
  });

  test('categories and tags by name; what is missing is told before anything is sent', async () => {
    await wordpress.as(wordpress.administrator, 'POST', '/wp/v2/categories', { name: 'Bikes & more' });
    const effect = anEffect('terms', { categories: 'Bikes & more' });
    const { id } = receiptIn(await effect.land());
    const post = (await wordpress.as(wordpress.administrator, 'GET', `/wp/v2/posts/${id}`)) as {
      categories: number[];
    };
    expect(post.categories).toHaveLength(1);
    expect(post.categories).not.toContain(1);
    await expect(anEffect('no-terms', { tags: 'missing' }).land()).rejects.toMatchObject({
      errorClass: 'invalid',
    });
    expect(await states('no-terms')).toEqual([]);
  });

  test.each([
    ['that WordPress keeps for itself', 'feed'],
    ['of 185 letters', 'a'.repeat(185)],
  ])('a slug %s is kept exactly or refused, never changed', async (_, slug) => {
    const end = await anEffect(slug).land();
    expect(await states(slug)).toEqual(end.kind === 'held' ? [] : [`${slug} publish`]);
    expect(end.kind).toBe(slug === 'feed' ? 'held' : 'landed');
  });

  test('the probe tells an author from an administrator and from a wrong password, and leaves nothing', async () => {
    const probed = async ({ username, password }: { username: string; password: string }) =>
      ((await publisherFor('probe', { username, password }).probe?.(context)) ?? []).map(
        ({ status }) => status,
      );
    expect(await probed(wordpress.author)).toEqual(['ok', 'ok', 'ok']);
    expect(await probed(wordpress.administrator)).toContain('warn');
    expect(await probed({ ...wordpress.author, password: 'wrong' })).toEqual(['fail']);
    expect((await wordpress.rows()).filter(({ slug }) => slug.startsWith('nightshift-probe'))).toEqual([]);
  });
});
