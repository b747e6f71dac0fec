import { AdapterError } from '../../../contract/errors.js';
import { durationMs } from '../../../contract/batch-file.js';
import { placeOf, sendHttp } from '../../http/request.js';
import type { EffectRequest, FoundEffect, PublisherContext } from '../publisher.js';
import type { Listing, WordPressApi } from './api.js';
import type { WordPressOptions } from './options.js';
import type { Post, PublicObject } from './schemas.js';
import { judge, markOn, stageOf, type Seen } from './standing.js';

/**
 * Asks WordPress for an effect, with several questions, because none of them tells all: by slug (misses renamed
 * posts), by key (finds those, and drafts of a crash), by id (finds what a search left out, and what has just been made).
 * @param madeId id of the post that this very try made
 */
export async function lookFor(
  options: WordPressOptions,
  api: WordPressApi,
  { effectKey, receipt, takenBack = false }: EffectRequest,
  madeId: string | undefined,
  context: PublisherContext,
): Promise<FoundEffect> {
  const { slug, status, metaKey } = options;
  // After its own creation a try has searched already; what racers make meanwhile under numbered names is theirs to
  // take away, or twenty of them would each take away all others.
  const searching = madeId === undefined ? api.postsWith(effectKey) : NOTHING;
  const [named, marked] = await Promise.all([api.postsNamed(slug), searching]);
  const known = byId([...named.posts, ...marked.posts]);
  const isOurs = (post: Post): boolean => markOn(post, metaKey)?.effectKey === effectKey;

  const made = await addById(api, madeId, known);
  const anyOurs = [...known.values()].some((post) => isOurs(post));
  const receipted = anyOurs ? 'none' : await addById(api, receipt?.id, known);
  const posts = [...known.values()].sort((a, b) => a.id - b.id);
  const ours = posts.filter(isOurs);
  const winner = ours.find((post) => post.slug === slug && post.status !== 'trash');
  const unseenNamed = named.unseen === 0 ? 0 : (await api.livePostsNamed(slug)).unseen;
  const isRenamed = typeof made === 'object' && made.slug !== slug;

  const seen: Seen = {
    posts,
    unseen: { named: unseenNamed, marked: marked.unseen },
    publicNamed: await publicNamed(api, slug, ours, unseenNamed > 0, isRenamed && !winner),
    pageInTheWay: await pageInTheWay(api, options, winner),
    receipted: typeof receipted === 'object' && isOurs(receipted) ? 'none' : receipted,
    made: typeof made === 'object' ? made : undefined,
  };
  const found = judge(seen, { effectKey, slug, status, metaKey, receiptId: receipt?.id, takenBack });
  const isNews = receipt === undefined || winner === undefined || receipt.id !== String(winner.id);
  if (found.kind === 'ours' && found.placed.visible && winner?.status === 'publish' && isNews)
    await assertPublic(options, winner, context);
  return found;
}

const NOTHING: Listing = { posts: [], unseen: 0 };

const byId = (posts: readonly Post[]): Map<number, Post> => new Map(posts.map((post) => [post.id, post]));

async function addById(
  api: WordPressApi,
  id: string | undefined,
  known: Map<number, Post>,
): Promise<Seen['receipted']> {
  if (id === undefined || !/^[1-9]\d{0,14}$/.test(id)) return 'none';
  const found = known.get(Number(id));
  if (found) return found;
  const answer = await api.post(id);
  if (answer.kind !== 'post') return answer.kind;
  known.set(answer.post.id, answer.post);
  return answer.post;
}

/** Who has the name, for the message; a draft of somebody else stays unknown. */
async function publicNamed(
  api: WordPressApi,
  slug: string,
  ours: readonly Post[],
  post: boolean,
  anything: boolean,
): Promise<readonly PublicObject[]> {
  const types = anything ? (['posts', 'pages', 'media'] as const) : post ? (['posts'] as const) : [];
  const found = await Promise.all(types.map((type) => api.publicNamed(type, slug)));
  return found.flat().filter(({ id }) => !ours.some((own) => own.id === id));
}

/** With permalinks that are the bare name a page of that name is shown in the post’s place. */
async function pageInTheWay(
  api: WordPressApi,
  { slug, status }: WordPressOptions,
  winner: Post | undefined,
): Promise<PublicObject | undefined> {
  if (!winner?.permalink_template || status === 'draft' || stageOf(winner.status, status) !== 'hidden')
    return undefined;
  const address = winner.permalink_template.replace(/%(?:post|page)name%/, slug);
  return (await api.publicNamed('pages', slug)).find(({ link }) => link === address);
}

/**
 * A post that WordPress calls published and the public can't open has not landed.
 * @throws AdapterError `transient`
 */
async function assertPublic(
  { url, timeout }: WordPressOptions,
  { id, link }: Post,
  { signal, turn }: PublisherContext,
): Promise<void> {
  // Only where we were sent anyway: an answer must not choose whom we call.
  if (!URL.canParse(link) || new URL(link).host !== new URL(url).host) return;
  const { status } = await sendHttp({
    method: 'GET',
    url: link,
    timeoutMs: durationMs(timeout),
    signal,
    turn,
  });
  // Other refusals are the site's own choice: a log-in, a "coming soon" page, a redirect to another host.
  if (status !== 404 && status !== 410) return;
  const message = `post ${id} is published, but ${placeOf(link)} answers ${status}; are the site’s permalinks working?`;
  throw new AdapterError('transient', message, { sent: 'maybe', code: String(status) });
}
