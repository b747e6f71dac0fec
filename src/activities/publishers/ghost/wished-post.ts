import { AdapterError } from '../../../contract/errors.js';
import { textOf } from '../html/text-of.js';
import { toHtmlInThread } from '../html/to-html-in-thread.js';
import type { BodyRequest, PublisherContext } from '../publisher.js';
import { isOurTag } from './mark.js';
import type { GhostOptions } from './options.js';

/** What the post is to be, in Ghost's terms. */
export interface WishedPost {
  readonly title: string;
  readonly html: string;
  readonly custom_excerpt?: string;
  /** Names. */
  readonly tags: readonly string[];
}

// Ghost's schema of posts and tags.
const TITLE_MAX = 255;
const EXCERPT_MAX = 300;
const TAG_MAX = 191;
/** Ghost keeps names of up to 191, but cuts them to 185 to have room for a number. */
const SLUG_MAX = 185;

/**
 * Names that Ghost keeps as they are; it would change any other without a word.
 * @throws AdapterError `invalid`
 */
export function checkedSlug(slug: string): string {
  if (slug.length > SLUG_MAX) throw invalid(`with.slug is ${slug.length} long; Ghost cuts it at ${SLUG_MAX}`);
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug)) return slug;
  throw invalid(`with.slug ${JSON.stringify(slug)} may have only a-z, 0-9 and single "-" between them`);
}

/** @throws AdapterError `invalid`, for texts that Ghost would refuse or cut */
export async function wishedPost(
  { title, excerpt = '', tags, format, sanitise, linkHosts, imageHosts }: GhostOptions,
  { body }: BodyRequest,
  { signal }: Pick<PublisherContext, 'signal'>,
): Promise<WishedPost> {
  const names = tags.filter((name) => name !== '');
  for (const name of names) checkTag(name);
  const wished = {
    title: line('title', title, TITLE_MAX),
    html: await toHtmlInThread(textOf(body), { format, sanitise, linkHosts, imageHosts }, signal),
    ...(excerpt.trim() !== '' && { custom_excerpt: line('excerpt', excerpt, EXCERPT_MAX) }),
    tags: names,
  };
  if (wished.title === '') throw invalid('with.title is empty');
  // Ghost takes an empty text for "no change".
  if (wished.html === '') throw invalid('the artifact has no content that may be published');
  return wished;
}

function line(option: string, text: string, max: number): string {
  const trimmed = text.trim();
  if (/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(trimmed))
    throw invalid(`with.${option} has a line break or control character`);
  const { length } = [...trimmed];
  if (length > max) throw invalid(`with.${option} is ${length} characters long; Ghost takes ${max}`);
  return trimmed;
}

function checkTag(name: string): void {
  const shown = JSON.stringify(name);
  if (isOurTag(name)) throw invalid(`the tag ${shown} begins with "#ns-", which is how posts are marked`);
  if (name.includes(',')) throw invalid(`the tag ${shown} has a comma in it`);
  if (line('tags', name, TAG_MAX) !== name) throw invalid(`the tag ${shown} begins or ends with a space`);
}

const invalid = (message: string): AdapterError => new AdapterError('invalid', message, { sent: 'no' });
