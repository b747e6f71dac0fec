import { createHash } from 'node:crypto';
import type { BodyRequest } from '../publisher.js';
import type { Entry, Tag } from './schemas.js';

/**
 * Our marks are internal tags: Ghost keeps them, filters by them in every state of a post, and gives them no page.
 * Themes put the *slugs* of internal tags among a page's CSS classes, so what a slug says is public; what a name
 * says is not, save to holders of a Content API key.
 *
 *   #ns-<effect key>                               which effect the post is of
 *   #ns-<8 of it>-r<revision>-<fingerprint>-<sha>  what it was made from; one tag for each effect and revision
 *   #ns-hidden                                     unpublish put it back to draft, not a person
 */
export interface Mark {
  readonly revision: number;
  readonly fingerprint: string;
  /** When Ghost stored it: together with the content that it speaks of. */
  readonly storedAt: string;
  readonly tag: Tag;
}

export interface NewTag {
  readonly name: string;
  readonly slug?: string;
}

const PREFIX = '#ns-';
export const HIDDEN_TAG: NewTag = { name: `${PREFIX}hidden` };

export const effectTag = (effectKey: string): NewTag => ({
  name: `${PREFIX}${effectKey}`,
  slug: effectTagSlug(effectKey),
});

export const effectTagSlug = (effectKey: string): string => `hash-ns-${effectKey}`;

export function madeFromTag({ effectKey, revision, fingerprint, sha256 }: BodyRequest): NewTag {
  const name = `${ownPrefix(effectKey)}r${revision}-${fingerprint}-${sha256}`;
  // Without a slug of its own, Ghost would make one of the whole name.
  return { name, slug: `hash-ns-${createHash('sha256').update(name).digest('hex').slice(0, 32)}` };
}

const ownPrefix = (effectKey: string): string => `${PREFIX}${effectKey.slice(0, 8)}-`;

export const isOurs = ({ tags }: Pick<Entry, 'tags'>, effectKey: string): boolean =>
  tags.some(({ slug, name }) => slug === effectTagSlug(effectKey) || name === effectTag(effectKey).name);

/** The effect that a post belongs to, whosever. */
export function effectOf({ tags }: Pick<Entry, 'tags'>): string | undefined {
  return tags.map(({ name }) => /^#ns-([0-9a-f]{32})$/.exec(name)?.[1]).find((key) => key !== undefined);
}

export const wasHiddenByUs = ({ tags }: Pick<Entry, 'tags'>): boolean =>
  tags.some(({ name }) => name === HIDDEN_TAG.name);

/** Of several, the newest revision: an update adds before it takes away. */
export function markOf({ tags }: Pick<Entry, 'tags'>, effectKey: string): Mark | undefined {
  const marks = tags.flatMap((tag): Mark[] => {
    if (!tag.name.startsWith(ownPrefix(effectKey))) return [];
    const parts = /^r(\d{1,10})-([0-9a-f]{64})-[0-9a-f]{64}$/.exec(
      tag.name.slice(ownPrefix(effectKey).length),
    );
    const [, revision = '', fingerprint = ''] = parts ?? [];
    return parts ? [{ revision: Number(revision), fingerprint, storedAt: tag.created_at, tag }] : [];
  });
  return marks.sort((a, b) => b.revision - a.revision)[0];
}

export const isOurTag = (name: string): boolean => name.toLowerCase().startsWith(PREFIX);
