import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import type { Receipt } from '../../../contract/receipt.js';
import { messageOf } from '../../../contract/thrown.js';
import {
  definePublisher,
  type BodyRequest,
  type EffectRequest,
  type FoundEffect,
  type Placed,
  type Publisher,
  type PublisherContext,
  type PublisherSetup,
} from '../publisher.js';
import { ghostApi, type GhostApi } from './api.js';
import { effectTagSlug, markOf, wasHiddenByUs } from './mark.js';
import { ghostOptionsSchema, type GhostOptions } from './options.js';
import { probeGhost } from './probe.js';
import { contentSha256, idSchema, type Entry, type Post } from './schemas.js';
import { isLeftover, isVisible, standingOf, wasTouched } from './standing.js';
import { hideTags, revealTags, tagsOfNew, tagsOfUpdate } from './post-tags.js';
import { checkedSlug, wishedPost } from './wished-post.js';

/**
 * Posts of a Ghost 5 site, through its Admin API. Class 3: Ghost takes any name, and gives a number to one that is
 * taken; what is ours, and whether it got its name, a look-up tells.
 *
 *  GP1. A post is a draft until a second look-up has shown that it has the name asked for.
 *  GP2. Posts without our mark are only read. Drafts of ours that a person has touched are not deleted.
 *  GP3. Nobody is mailed: a newsletter is an effect of its own, of class 4.
 *  GP4. Each write names the `updated_at` that was read just before, and Ghost refuses it if somebody saved since.
 *       Its clock has whole seconds: a save within the same second is not seen.
 *
 * Source: Ghost Admin API 5.x, and what Ghost 5.130.6 was seen to do.
 */
export const ghost = definePublisher<GhostOptions>({
  name: 'ghost',
  version: '1',
  handling: ['key', 'timeout', 'settle'],
  options: ghostOptionsSchema,
  create: (setup) => ghostPublisher(setup),
});

/** How long two creations at once take to see each other: both are stored before either is answered. */
const RACE_MS = 1000;

export function ghostPublisher({ options }: Pick<PublisherSetup<GhostOptions>, 'options'>): Publisher {
  const slug = checkedSlug(options.slug);
  const reveals = options.status === 'published';
  const api = (context: PublisherContext): GhostApi => ghostApi(options, context);
  const adminUrl = (id: string, type = 'post') =>
    `${options.url.replace(/\/+$/, '')}/ghost/#/editor/${type}/${id}`;
  const placeOf = (post: Entry) =>
    isVisible(post) ? `${post.url} (${adminUrl(post.id)})` : adminUrl(post.id);

  function placedOf(post: Post, { effectKey }: EffectRequest): Placed {
    const mark = markOf(post, effectKey);
    return {
      id: post.id,
      url: isVisible(post) ? post.url : adminUrl(post.id),
      sha256: contentSha256(post),
      ...(mark && { revision: mark.revision, fingerprint: mark.fingerprint }),
      visible: isVisible(post) || isFinalDraft(post),
    };
  }

  /** Of posts that will go; nobody needs their content. */
  const placedUnread = (post: Entry): Placed => ({
    id: post.id,
    url: adminUrl(post.id),
    sha256: contentSha256({ ...post, custom_excerpt: null, html: null }),
    visible: isVisible(post),
  });

  /** A draft that is to stay one is as visible as it will be, unless we took it back. */
  const isFinalDraft = (post: Entry): boolean => !reveals && !wasHiddenByUs(post);

  async function lookup(request: EffectRequest, context: PublisherContext): Promise<FoundEffect> {
    const { effectKey, receipt } = request;
    const posts = await api(context).list(filterOf(effectKey, slug, receipt));
    const standing = standingOf(posts, { effectKey, slug, receipt, reveals });
    const extras = standing.extras.length > 0 ? { extras: standing.extras.map(placedUnread) } : {};
    switch (standing.kind) {
      case 'theirs': {
        const { kind, post, extras: _, ...foreign } = standing;
        return { kind, location: placeOf(post), ...foreign, ...extras };
      }
      case 'removed':
        return { kind: 'removed', location: placeOf(standing.post), why: standing.why, ...extras };
      case 'ours': {
        const post = await api(context).read(standing.post.id);
        if (post) return { kind: 'ours', placed: placedOf(post, request), ...extras };
        throw new AdapterError('transient', `${standing.post.url} was deleted while we looked`, {
          sent: 'no',
        });
      }
      case 'free': {
        const page = await api(context).pageAt(slug);
        if (!page) return { kind: 'absent', ...extras };
        const location = `${page.url} (${adminUrl(page.id, 'page')})`;
        return { kind: 'theirs', location, why: 'a page has this name', ...extras };
      }
    }
  }

  async function create(request: BodyRequest, context: PublisherContext): Promise<FoundEffect> {
    const { tags, ...wished } = await wishedPost(options, request, context);
    const post = await api(context).add({
      ...wished,
      slug,
      status: 'draft', // GP1
      tags: tagsOfNew(tags, request),
    });
    return { kind: 'ours', placed: { ...placedOf(post, request), visible: false } };
  }

  async function reveal(placed: Placed, request: BodyRequest, context: PublisherContext): Promise<Placed> {
    const post = await api(context).read(placed.id);
    if (!post) throw new AdapterError('transient', `${adminUrl(placed.id)} was deleted`, { sent: 'no' });
    if (isVisible(post) || isFinalDraft(post)) return placedOf(post, request);
    if (post.slug !== slug && request.receipt?.id !== post.id) {
      const message = `${adminUrl(post.id)} has the name "${post.slug}", not "${slug}"; it stays a draft`;
      throw new AdapterError('conflict', message, { sent: 'no' }); // GP1
    }
    const status = reveals ? 'published' : 'draft';
    const shown = await api(context).edit(post, { status, ...revealTags(post) });
    if (shown) return placedOf(shown, request);
    throw new AdapterError('transient', `${adminUrl(placed.id)} was deleted`, { sent: 'rejected' });
  }

  async function update(
    request: BodyRequest,
    before: Receipt,
    context: PublisherContext,
  ): Promise<FoundEffect> {
    const { effectKey, revision } = request;
    const post = await api(context).read(checkedId(before.id));
    if (!post) return { kind: 'absent' };
    const theirs = (why: string): FoundEffect => ({ kind: 'theirs', location: placeOf(post), why });
    const mark = markOf(post, effectKey);
    if (mark && mark.revision > revision) return theirs(`has revision ${mark.revision}, this is ${revision}`);
    const isDone = mark?.revision === revision && mark.fingerprint === request.fingerprint;
    if (isDone) return { kind: 'ours', placed: placedOf(post, request) };
    if (isEdited(post, before, request)) return theirs('changed by somebody since it was published');

    const { tags, ...wished } = await wishedPost(options, request, context);
    const updated = await api(context).edit(post, { ...wished, tags: tagsOfUpdate(post, tags, request) });
    if (!updated) return { kind: 'absent' };
    if (mark) await api(context).removeTagWithoutPosts(mark.tag.id);
    return { kind: 'ours', placed: placedOf(updated, request) };
  }

  async function discard(
    { id }: Placed,
    { effectKey }: EffectRequest,
    context: PublisherContext,
  ): Promise<void> {
    const post = await api(context).read(checkedId(id));
    if (post && isLeftover(post, { effectKey, slug })) await api(context).remove(post.id); // GP2
  }

  async function unpublish(
    _request: EffectRequest,
    receipt: Receipt,
    context: PublisherContext,
  ): Promise<void> {
    const post = await api(context).read(checkedId(receipt.id));
    if (!post || !(isVisible(post) || isFinalDraft(post))) return;
    if (contentSha256(post) !== receipt.sha256) {
      const stays = isVisible(post) ? 'stays public' : 'stays as it is';
      const message = `${placeOf(post)} was changed by somebody since it was published; it ${stays}`;
      throw new AdapterError('conflict', message, { sent: 'no' });
    }
    await api(context).edit(post, { status: 'draft', tags: hideTags(post) });
  }

  return {
    facts: {
      name: 'ghost',
      class: 3,
      lookup: 'exact',
      raceMs: RACE_MS,
      settleMs: durationMs(options.settle),
      unpublish: 'hide',
    },
    lookup,
    create,
    reveal,
    update,
    discard,
    unpublish,
    probe: (context) => probeGhost(options, api(context)),
    classify,
  };
}

/** NQL; every value in it has been checked to be free of quotes. */
function filterOf(effectKey: string, slug: string, receipt: Receipt | undefined): string {
  const landed = receipt && idSchema.safeParse(receipt.id).success ? [`id:'${receipt.id}'`] : [];
  return [`tag:'${effectTagSlug(effectKey)}'`, `slug:'${slug}'`, ...landed].join(',');
}

/** Ids become part of a path. */
function checkedId(id: string): string {
  if (idSchema.safeParse(id).success) return id;
  throw new AdapterError('bug', `${JSON.stringify(id)} is no id of a Ghost post`, { sent: 'no' });
}

const isEdited = (post: Post, before: Receipt, { receipt, effectKey }: BodyRequest): boolean =>
  contentSha256(post) !== before.sha256 || (receipt === undefined && wasTouched(post, effectKey));

function classify(error: unknown): AdapterError {
  if (error instanceof AdapterError) return error;
  const message = messageOf(error);
  const isStopped = error instanceof Error && /^(AbortError|CancelledFailure)$/.test(error.name);
  return new AdapterError(
    isStopped ? 'transient' : 'bug',
    `ghost: ${message}`,
    isStopped ? { sent: 'no' } : {},
    { cause: error },
  );
}
