import type { Receipt } from '../../../contract/receipt.js';
import { ofAnother, type Foreign } from '../of-another.js';
import { effectOf, isOurs, markOf, wasHiddenByUs } from './mark.js';
import type { Entry } from './schemas.js';

/** What is asked of Ghost. */
export interface Wanted {
  readonly effectKey: string;
  readonly slug: string;
  readonly receipt: Receipt | undefined;
  /** False where posts stay drafts until a person publishes them. */
  readonly reveals: boolean;
}

export type Standing = (
  | { readonly kind: 'ours'; readonly post: Entry }
  | ({ readonly kind: 'theirs'; readonly post: Entry } & Foreign)
  | { readonly kind: 'removed'; readonly post: Entry; readonly why: string }
  /** No post in the way; a page may be. */
  | { readonly kind: 'free' }
) & { readonly extras: readonly Entry[] };

/** A number, or "-post" for a word that Ghost keeps for itself. */
const CHANGED_BY_GHOST = /^(-post)?(-\d+)?$/;
/** What Ghost's "duplicate" puts behind a title. */
const COPY = /\(Copy\)$/;
/** Creation and save are stored in whole seconds, and not from one look at the clock. */
const UNTOUCHED_MS = 2000;

/**
 * Who has the name, and which post is the effect's.
 *
 *  GS1. What the receipt names is ours under any name. Without a receipt, the holder of the slug with our mark, else
 *       what was published with our mark: a person has renamed it.
 *  GS2. Of other posts with our mark, only drafts that we left behind are extras. Ghost's "duplicate" copies tags,
 *       so a mark alone may be on a person's copy.
 *  GS3. A post that was public and is a draft again was taken back by a person, unless `unpublish` did it.
 */
export function standingOf(posts: readonly Entry[], wanted: Wanted): Standing {
  const { slug, receipt } = wanted;
  const marked = posts.filter((post) => isOurs(post, wanted.effectKey));
  const landed = receipt && posts.find(({ id }) => id === receipt.id);
  const holder = posts.find((post) => post.slug === slug);
  const ours =
    landed ?? marked.find((post) => post === holder) ?? (receipt ? undefined : marked.find(wasPublic));
  const extras = marked.filter((post) => post !== ours && isLeftover(post, wanted));

  if (!ours) {
    if (holder) return { kind: 'theirs', post: holder, ...whyTheirs(holder), extras };
    const renamed = receipt ? undefined : marked.find((post) => !extras.includes(post));
    const why = `a draft with our mark has this name instead of "${slug}"; rename it back, or delete it`;
    return renamed ? { kind: 'theirs', post: renamed, why, extras } : { kind: 'free', extras };
  }
  if (!landed && receipt && (markOf(ours, wanted.effectKey)?.revision ?? 0) <= receipt.revision) {
    const why = `it has our mark, but what was published is ${receipt.id}, which is gone; is this a copy of it?`;
    return { kind: 'theirs', post: ours, why, extras };
  }
  if (wanted.reveals && ours.status === 'draft' && wasPublic(ours) && !wasHiddenByUs(ours)) {
    return { kind: 'removed', post: ours, why: 'it was public, and somebody put it back to draft', extras };
  }
  return { kind: 'ours', post: ours, extras };
}

/** A draft of ours that was never public and that nobody has touched: what a crash or a lost race leaves. */
export function isLeftover(post: Entry, { effectKey, slug }: Pick<Wanted, 'effectKey' | 'slug'>): boolean {
  return (
    isOurs(post, effectKey) &&
    post.status === 'draft' &&
    !wasPublic(post) &&
    post.slug.startsWith(slug) &&
    CHANGED_BY_GHOST.test(post.slug.slice(slug.length)) &&
    !COPY.test(post.title) &&
    Date.parse(post.updated_at) - Date.parse(post.created_at) <= UNTOUCHED_MS
  );
}

export const isVisible = (post: Pick<Entry, 'status'>): boolean => post.status !== 'draft';

/**
 * True where somebody saved the post after our last write to it. For the case that the ledger with the hash is lost;
 * errs towards "edited".
 */
export function wasTouched(post: Entry, effectKey: string): boolean {
  const ours = [markOf(post, effectKey)?.storedAt, post.published_at ?? undefined].map((at) =>
    at === undefined ? 0 : Date.parse(at),
  );
  return Date.parse(post.updated_at) > Math.max(...ours) + UNTOUCHED_MS;
}

const wasPublic = (post: Entry): boolean => isVisible(post) || post.published_at !== null;

function whyTheirs(post: Entry): Foreign {
  const effect = effectOf(post);
  const what = isVisible(post) ? 'post' : 'draft';
  return effect === undefined
    ? { why: `a ${what} that nightshift did not put there has this name` }
    : ofAnother(effect, `put a ${what} under this name`);
}
