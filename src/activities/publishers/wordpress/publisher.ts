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
  type PublisherVerb,
} from '../publisher.js';
import { wordpressApi } from './api.js';
import { lookFor } from './look.js';
import { wordpressOptionsSchema, type WordPressOptions } from './options.js';
import { probeWordPress } from './probe.js';
import { hashOf, hasOurHead, markOn, placedOf, stageOf } from './standing.js';
import type { Post } from './schemas.js';
import { resolveTerms } from './terms.js';
import { checkedSlug, wishedPost } from './wished-post.js';

/**
 * Posts of a WordPress site, through its REST API. Class 3: nothing there is unique, not even a slug, so each post
 * carries our mark, is made as a draft, and is shown only after a second look has found it the first of its name.
 *
 *  W1. Nothing of ours becomes public under a name that WordPress has changed.
 *  W2. Of twins the lowest id wins; every racer comes to the same one.
 *  W3. A post that a person edited, renamed, took back or trashed is neither changed nor published again.
 *  W4. What comes from an artifact is shown, never carried out, unless `sanitise` is off.
 *
 * Not promised: that an edit made in the moment of an update survives it; WordPress has no conditional write.
 * Source: WordPress 6.5.5, tried with one and with four PHP workers.
 */
export const wordpress = definePublisher<WordPressOptions>({
  name: 'wordpress',
  version: '1',
  handling: ['username', 'password', 'metaKey', 'unpublish', 'timeout', 'settle', 'race'],
  options: wordpressOptionsSchema,
  create: (setup) => wordpressPublisher(setup),
});

/** @throws AdapterError `invalid` for a slug that WordPress would change */
export function wordpressPublisher({
  options,
}: Pick<PublisherSetup<WordPressOptions>, 'options'>): Publisher {
  const { status, metaKey } = options;
  const slug = checkedSlug(options.slug);
  /** What this try has made; the look-up that follows must know, whatever name it got. */
  const made = new Map<string, string>();
  const apiOf = (context: PublisherContext) => wordpressApi(options, context);
  const placed = (post: Post): Placed => placedOf(post, markOn(post, metaKey), status);

  const lookup = (request: EffectRequest, context: PublisherContext): Promise<FoundEffect> =>
    lookFor(options, apiOf(context), request, made.get(request.effectKey), context);

  async function create(request: BodyRequest, context: PublisherContext): Promise<FoundEffect> {
    const api = apiOf(context);
    const fields = {
      ...(await wishedPost(options, request, context)),
      ...(await resolveTerms(options, api)),
    };
    const post = await api.create({ slug, status: 'draft', ...fields });
    made.set(request.effectKey, String(post.id));
    if (markOn(post, metaKey)?.effectKey === request.effectKey) return { kind: 'ours', placed: placed(post) };
    // Without it no look-up would know the post again, and each run would make another.
    await api.remove(String(post.id));
    throw new AdapterError(
      'config',
      `WordPress took the mark out of post ${post.id}, which was deleted unseen; a plugin seems to remove HTML comments`,
      { sent: 'rejected' },
    );
  }

  async function update(
    request: BodyRequest,
    before: Receipt,
    context: PublisherContext,
  ): Promise<FoundEffect> {
    const api = apiOf(context);
    const fields = {
      ...(await wishedPost(options, request, context)),
      ...(await resolveTerms(options, api)),
    };
    const now = await api.post(before.id);
    const location = before.url ?? before.id;
    if (now.kind === 'gone') return { kind: 'removed', location, why: 'somebody deleted it' };
    if (now.kind === 'forbidden')
      return { kind: 'theirs', location, why: 'this user may not edit it any more' };
    const { post } = now;
    if (post.status === 'trash') return { kind: 'removed', location, why: 'somebody put it in the trash' };
    const fault = changeSince(post, before, request.effectKey) ?? faultOfName(post);
    if (fault !== undefined) return { kind: 'theirs', location: post.link, why: fault };
    const mark = markOn(post, metaKey);
    if (mark && mark.revision >= request.revision) return { kind: 'ours', placed: placed(post) };
    return { kind: 'ours', placed: placed(await api.change(before.id, fields)) };
  }

  const faultOfName = (post: Post): string | undefined =>
    post.slug === slug ? undefined : `it has the slug ${post.slug}, and the batch asks for ${slug}`;

  /** What a person did to a post since the receipt; undefined where it is as we left it. */
  function changeSince(post: Post, { sha256 }: Receipt, effectKey: string): string | undefined {
    const mark = markOn(post, metaKey);
    if (mark?.effectKey !== effectKey) return 'our mark is gone from it: somebody changed it';
    if (hashOf(post) !== sha256) return 'its content was changed since it was published';
    return hasOurHead(post, mark) ? undefined : 'its title or excerpt was changed since it was published';
  }

  async function discard(extra: Placed, request: EffectRequest, context: PublisherContext): Promise<void> {
    const api = apiOf(context);
    const now = await api.post(extra.id);
    if (now.kind === 'gone') return;
    if (now.kind === 'forbidden' || markOn(now.post, metaKey)?.effectKey !== request.effectKey)
      throw conflict(`post ${extra.id} is not ours any more; it was left as it is`);
    if (now.post.status === 'trash') return;
    // A draft that nobody has touched or seen can go for good; anything else a person may want back.
    if (now.post.status === 'draft' && hashOf(now.post) === extra.sha256) await api.remove(extra.id);
    else if (!(await api.trash(extra.id))) await api.change(extra.id, { status: 'draft' });
  }

  async function unpublish(request: EffectRequest, receipt: Receipt, context: PublisherContext) {
    const api = apiOf(context);
    const now = await api.post(receipt.id);
    if (now.kind === 'gone') return;
    if (now.kind === 'forbidden')
      throw conflict(`post ${receipt.id} may not be edited by this user; nothing was taken back`);
    const { post } = now;
    // What was to end as a draft is not hidden by being one.
    const asDraft = options.unpublish === 'draft' && status !== 'draft';
    if (post.status === 'trash' || (asDraft && post.status === 'draft')) return;
    const fault = changeSince(post, receipt, request.effectKey);
    if (fault !== undefined) throw conflict(`${post.link}: ${fault}; nothing was taken back`);
    if (asDraft) await api.change(receipt.id, { status: 'draft' });
    else if (!(await api.trash(receipt.id))) throw noTrash(status);
  }

  return {
    facts: {
      name: 'wordpress',
      class: 3,
      lookup: 'exact',
      settleMs: durationMs(options.settle),
      raceMs: durationMs(options.race),
      unpublish: 'hide',
    },
    lookup,
    create,
    update,
    discard,
    unpublish,
    async reveal(hidden, _request, context) {
      if (stageOf('draft', status) === 'shown') return { ...hidden, visible: true };
      return placed(await apiOf(context).change(hidden.id, { status }));
    },
    probe: (context) => probeWordPress(options, apiOf(context), context),
    classify: asAdapterError,
  };
}

function noTrash(status: WordPressOptions['status']): AdapterError {
  const fix = status === 'draft' ? 'delete the draft by hand' : 'use with.unpublish: draft';
  const message = `the site has no trash, so nothing was taken back; ${fix}`;
  return new AdapterError('config', message, { sent: 'rejected' });
}

const conflict = (message: string): AdapterError =>
  new AdapterError('conflict', message, { sent: 'rejected' });

function asAdapterError(error: unknown, during: PublisherVerb): AdapterError {
  if (error instanceof AdapterError) return error;
  const said = messageOf(error);
  return new AdapterError('bug', `${during} failed [use=wordpress]: ${said}`, {}, { cause: error });
}
