import { createHash } from 'node:crypto';
import { ofAnother } from '../of-another.js';
import type { FoundEffect, Placed } from '../publisher.js';
import { decodeEntities } from './entities.js';
import { headDigest, markIn, markOf, type Mark } from './mark.js';
import type { WordPressOptions } from './options.js';
import type { Post, PublicObject } from './schemas.js';

export type FinalStatus = WordPressOptions['status'];

/** Our mark on a post: in its content, or in its meta field where a person took the comment away. */
export function markOn({ content, meta }: Post, metaKey: string | undefined): Mark | undefined {
  const inContent = markIn(content.raw);
  if (inContent !== undefined || metaKey === undefined) return inContent;
  if (typeof meta !== 'object' || meta === null) return undefined;
  const value: unknown = (meta as Readonly<Record<string, unknown>>)[metaKey];
  return typeof value === 'string' ? markOf(value) : undefined;
}

export const hashOf = ({ content }: Post): string => createHash('sha256').update(content.raw).digest('hex');

/** True when title and excerpt are those that we sent. */
export const hasOurHead = ({ title, excerpt }: Post, { head }: Mark): boolean =>
  headDigest(title.raw, excerpt?.raw ?? '') === head;

/**
 * What a state of a post of ours means. We set `draft` first and the final state at the end; any other was set by a
 * person. `withdrawn`: taken back from where we put it, or never let there.
 */
export function stageOf(status: string, wished: FinalStatus): 'hidden' | 'shown' | 'withdrawn' | 'trashed' {
  if (status === 'trash') return 'trashed';
  if (wished === 'draft') return 'shown'; // where a draft is the end, what a person makes of it is theirs
  if (status === 'draft') return 'hidden';
  if (status === wished || status === 'publish' || status === 'future') return 'shown';
  return wished === 'pending' && status === 'private' ? 'shown' : 'withdrawn';
}

export function placedOf(post: Post, mark: Mark | undefined, wished: FinalStatus): Placed {
  return {
    id: String(post.id),
    url: post.link,
    sha256: hashOf(post),
    ...(mark !== undefined && { revision: mark.revision, fingerprint: mark.fingerprint }),
    visible: stageOf(post.status, wished) === 'shown',
  };
}

/** All that a look-up has seen. */
export interface Seen {
  /** Posts of any state with our slug or our key in them, each once, lowest id first. */
  readonly posts: readonly Post[];
  /** Posts that have our slug, or hold our key, and that this user may not see. */
  readonly unseen: { readonly named: number; readonly marked: number };
  /** What the public finds under our slug, where a post of ours does not. */
  readonly publicNamed: readonly PublicObject[];
  /** A page whose address is the one that our draft is going to have. */
  readonly pageInTheWay: PublicObject | undefined;
  /** The receipt's object, looked at by its id where no look-up found it. */
  readonly receipted: 'none' | 'gone' | 'forbidden' | Post;
  /** The post that this very try made. */
  readonly made: Post | undefined;
}

export interface Wanted {
  readonly effectKey: string;
  readonly slug: string;
  readonly status: FinalStatus;
  readonly metaKey: string | undefined;
  readonly receiptId: string | undefined;
  /** The receipt's post was taken back by us. */
  readonly takenBack: boolean;
}

/** Which posts are ours, and what they are. Pure. */
export function judge(seen: Seen, wanted: Wanted): FoundEffect {
  const { slug, status } = wanted;
  const marked = seen.posts.map((post) => ({ post, mark: markOn(post, wanted.metaKey) }));
  const ours = marked.filter(({ mark }) => mark?.effectKey === wanted.effectKey);
  const live = ours.filter(({ post }) => post.status !== 'trash');
  const placed = ({ post, mark }: (typeof ours)[number]): Placed => placedOf(post, mark, status);

  const named = live.filter(({ post }) => post.slug === slug);
  const leftovers = live.filter(({ post }) => isNumbered(post, slug) && post.status === 'draft');
  const foreign = marked.find(
    (one) => one.post.slug === slug && one.post.status !== 'trash' && !ours.includes(one),
  );

  const [winner, ...twins] = named; // lowest id
  const extras = [...twins, ...leftovers].map(placed);
  const taken = theirsAt(seen, foreign, slug);
  if (winner) {
    const stage = stageOf(winner.post.status, status);
    const inTheWay = taken ?? pageAt(seen.pageInTheWay);
    if (stage === 'hidden' && inTheWay) return { ...inTheWay, extras: [placed(winner), ...extras] };
    const wasShown = String(winner.post.id) === wanted.receiptId && !wanted.takenBack;
    if (stage === 'withdrawn' || (stage === 'hidden' && wasShown)) {
      const why = `somebody set it to ${winner.post.status}: it is not to be seen as it was published`;
      return { kind: 'removed', location: winner.post.link, why, extras };
    }
    return { kind: 'ours', placed: placed(winner), ...(extras.length > 0 && { extras }) };
  }

  const drafts = leftovers.map(placed);
  const withExtras = drafts.length > 0 && { extras: drafts };
  const renamed = live.find((one) => !leftovers.includes(one))?.post;
  if (renamed) return { ...renamedTo(renamed, slug, taken), ...withExtras };
  if (taken) return { ...taken, why: alsoOurs(taken.why, leftovers[0]?.post), ...withExtras };
  const trashed = ours.find(({ post }) => post.status === 'trash')?.post;
  if (trashed && !wanted.takenBack)
    return { kind: 'removed', location: trashed.link, why: 'somebody put it in the trash', ...withExtras };
  const known = byReceipt(seen.receipted);
  if (known) return { ...known, ...withExtras };
  if (seen.unseen.marked > 0) {
    const why = 'a post with this effect’s key belongs to another user; use the credentials that made it';
    return { kind: 'theirs', location: slug, why, ...withExtras };
  }
  if (seen.made && seen.made.slug !== slug) {
    const why = `WordPress named it ${seen.made.slug}: it keeps this name for itself, or something that this user can’t see has it; ours was ${seen.made.link}`;
    return { kind: 'theirs', location: slug, why, ...withExtras };
  }
  return { kind: 'absent', ...withExtras };
}

type Theirs = Extract<FoundEffect, { kind: 'theirs' }>;

/** The name with a number behind it: what WordPress makes of one that is taken. */
const isNumbered = ({ slug }: Post, wished: string): boolean =>
  slug.startsWith(`${wished}-`) && /^\d+$/.test(slug.slice(wished.length + 1));

function theirsAt(
  { publicNamed, unseen }: Seen,
  foreign: { readonly post: Post; readonly mark: Mark | undefined } | undefined,
  slug: string,
): Theirs | undefined {
  const held = 'has this slug and is not ours; rename one of them';
  if (foreign) {
    const { post, mark } = foreign;
    if (mark === undefined) return { kind: 'theirs', location: post.link, why: `${titleOf(post)} ${held}` };
    const said = ofAnother(mark.effectKey, `put ${titleOf(post)} under this slug`);
    return { kind: 'theirs', location: post.link, ...said };
  }
  const [first] = publicNamed;
  if (first) return { kind: 'theirs', location: first.link, why: `it ${held}` };
  if (unseen.named === 0) return undefined;
  return { kind: 'theirs', location: slug, why: `a post that this user may not see ${held}` };
}

const pageAt = (page: PublicObject | undefined): Theirs | undefined =>
  page && { kind: 'theirs', location: page.link, why: 'a page has the address that the post would get' };

function renamedTo({ link, slug, status }: Post, wished: string, taken: Theirs | undefined): Theirs {
  const also = taken === undefined ? '' : `; ${wished} is ${taken.location} now`;
  const why = `our post (${status}) has the slug ${slug} and not ${wished}: somebody renamed it, or with.slug was changed${also}`;
  return { kind: 'theirs', location: link, why };
}

const alsoOurs = (why: string, draft: Post | undefined): string =>
  draft === undefined ? why : `${why}; ours was ${draft.link}`;

function byReceipt(receipted: Seen['receipted']): FoundEffect | undefined {
  if (receipted === 'none' || receipted === 'gone') return undefined;
  const where = receipted === 'forbidden' ? 'the receipt’s post' : receipted.link;
  const why =
    receipted === 'forbidden'
      ? 'this user may not edit it any more'
      : 'our mark is gone from it: somebody changed it';
  return { kind: 'theirs', location: where, why };
}

const titleOf = ({ title }: Post): string => JSON.stringify(decodeEntities(title.raw).slice(0, 80));
