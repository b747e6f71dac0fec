import { AdapterError } from '../../../contract/errors.js';
import { textOf } from '../html/text-of.js';
import { toHtmlInThread } from '../html/to-html-in-thread.js';
import type { BodyRequest, PublisherContext } from '../publisher.js';
import type { PostFields } from './api.js';
import { escapeText } from './entities.js';
import { headDigest, markComment, markText, type Mark } from './mark.js';
import type { WordPressOptions } from './options.js';

/** WordPress keeps names of up to 200, but cuts those over 191 to have room for `__trashed`. */
const SLUG_MAX = 185;
/** Not a limit of WordPress: the column is a text. A longer one is a mistake in a template. */
const TITLE_MAX = 1000;
const EXCERPT_MAX = 10_000;

/**
 * Names that WordPress keeps as they are; it would change any other without a word.
 * @throws AdapterError `invalid`
 */
export function checkedSlug(slug: string): string {
  if (slug.length > SLUG_MAX)
    throw invalid(`with.slug is ${slug.length} long; WordPress keeps ${SLUG_MAX} for certain`);
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug)) return slug;
  throw invalid(`with.slug ${JSON.stringify(slug)} may have only a-z, 0-9 and single "-" between them`);
}

/**
 * Title, excerpt and content as they are sent, with the mark.
 * @throws AdapterError `invalid` for texts that can't be published
 */
export async function wishedPost(
  options: WordPressOptions,
  { effectKey, revision, fingerprint, sha256, body }: BodyRequest,
  { signal }: Pick<PublisherContext, 'signal'>,
): Promise<Pick<PostFields, 'title' | 'excerpt' | 'content' | 'meta'>> {
  const { format, sanitise, linkHosts, imageHosts, metaKey } = options;
  const title = line('title', options.title, TITLE_MAX);
  if (title === '') throw invalid('with.title is empty');
  const excerpt = line('excerpt', options.excerpt ?? '', EXCERPT_MAX);
  const page = { format, sanitise, linkHosts, imageHosts, softBreaks: 'space' } as const;
  const html = await toHtmlInThread(textOf(body), page, signal);
  if (html === '') throw invalid('the artifact has no content that may be published');

  const mark: Mark = { effectKey, revision, fingerprint, sha256, head: headDigest(title, excerpt) };
  return {
    title: escapeText(title),
    ...(excerpt !== '' && { excerpt: inert(escapeText(excerpt)) }),
    content: sanitise ? classicBlock(mark, inert(html)) : `${markComment(mark)}\n${html}`,
    ...(metaKey !== undefined && { meta: { [metaKey]: markText(mark) } }),
  };
}

/**
 * The mark in the first line. Inside a block WordPress adds no paragraphs: outside, the mark would stand in an empty
 * one at the top of the page. In its editor this is a classic block. Source: WordPress 6.5.5, `do_blocks`.
 */
const classicBlock = (mark: Mark, html: string): string =>
  `<!-- wp:freeform -->${markComment(mark)}\n${html}\n<!-- /wp:freeform -->`;

/**
 * What WordPress would carry out when it shows a text is written so that it shows it: `[shortcodes]` of plugins, and
 * addresses alone in a line or paragraph, for which it asks that server for a frame to embed. Browsers see no
 * difference. Source: WordPress 6.5.5, `do_shortcode` and `WP_Embed::autoembed`.
 */
export const inert = (html: string): string =>
  html.replaceAll('[', '&#91;').replace(/(^|<p(?:\s[^>]*)?>)(\s*https?):\/\//gim, '$1$2&#58;//');

function line(option: string, text: string, max: number): string {
  const trimmed = text.trim().normalize('NFC');
  if (/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(trimmed))
    throw invalid(`with.${option} has a line break or control character`);
  const { length } = [...trimmed];
  if (length > max) throw invalid(`with.${option} is ${length} characters long; ${max} are the most`);
  return trimmed;
}

const invalid = (message: string): AdapterError => new AdapterError('invalid', message, { sent: 'no' });
