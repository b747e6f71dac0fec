import type { Element, Nodes, Properties } from 'hast';
import { toHtml } from '../activities/publishers/html/to-html.js';
import { AdapterError } from '../contract/errors.js';
import { isHtml, type CheckedArtifact } from './artifact.js';
import { isDrawn } from './drawn.js';
import { splitFrontMatter } from './front-matter.js';
import { slugger } from './slug.js';

/**
 * A book has 20,000. The parser takes about a tenth of a millisecond for each, as long as it is no line of a list within a
 * quote or the like: of those, made to be slow, 4,000 take it ten seconds. The thread's time is the limit there.
 */
const LINES_MAX = 50_000;

/** What a reader would see of a Markdown or HTML text, and where it points. */
export interface DocumentParts {
  readonly headings: readonly { readonly level: number; readonly text: string }[];
  /** Addresses as a browser would take them, in order, each once. */
  readonly links: readonly string[];
  /** Names that `#name` can point to. */
  readonly anchors: ReadonlySet<string>;
  /** The text outside code, one line for each block. */
  readonly prose: string;
  /** The text that a reader sees, code included, one line for each block. */
  readonly seen: string;
  /** What is shown in place of images, and on pointing at something. */
  readonly labels: readonly string[];
  /** It shows something beside text: an image, a film, a form. */
  readonly hasMedia: boolean;
}

/**
 * Parts of a text, its front matter left out. Markdown is read as GitHub reads it, HTML inside it too.
 * @returns a sentence instead when the text can't be parsed in a reasonable time
 */
export async function readDocument(
  artifact: CheckedArtifact,
): Promise<{ readonly parts: DocumentParts } | { readonly problem: string }> {
  const { body } = splitFrontMatter(artifact.text ?? '');
  if (longerThan(body, LINES_MAX))
    return { problem: `it has more than ${LINES_MAX} lines, too many to be read` };
  const format = isHtml(artifact) ? 'html' : 'markdown';
  try {
    const html = await toHtml(body, { format, sanitise: false });
    const [{ unified }, { default: parse }] = await Promise.all([import('unified'), import('rehype-parse')]);
    return { parts: partsOf(unified().use(parse, { fragment: true }).parse(html)) };
  } catch (error) {
    if (error instanceof AdapterError && error.errorClass === 'invalid') return { problem: error.message };
    if (error instanceof RangeError) return { problem: 'it is nested too deeply to be read' };
    throw error;
  }
}

function longerThan(text: string, lines: number): boolean {
  let seen = 0;
  for (let at = text.indexOf('\n'); at >= 0 && seen <= lines; at = text.indexOf('\n', at + 1)) seen++;
  return seen > lines;
}

/** What is seldom drawn: comments and the like, tags, blanks by name, and what links elsewhere refer to. */
const MARKUP =
  /<!--[^]*?(?:-->|$)|<(script|style|template|title)\b[^]*?(?:<\/\1\s*>|$)|<[/!?a-z][^<>]*>|&(?:nbsp|#160|#xa0|ensp|emsp|thinsp|zwnj|zwj|lrm|rlm|shy);?|^ {0,3}\[[^\]\n]+\]:.*/gim;
const MAY_HIDE = /\bhidden\b|\bdisplay\s*:/i;

/** True where a text surely has something to read, so that nobody needs to parse it. */
export const surelySeen = (text: string): boolean =>
  !MAY_HIDE.test(text) && isDrawn(splitFrontMatter(text).body.replace(MARKUP, ''));

const BLOCKS = /^(p|h[1-6]|li|td|th|dt|dd|div|section|article|blockquote|figcaption|br|tr|pre)$/;
const CODE = /^(code|pre|kbd|samp)$/;
const UNSEEN = /^(script|style|template|title)$/;
const MEDIA = /^(img|picture|video|audio|iframe|object|embed|svg|canvas|math|input|button|select|textarea)$/;

/** Where a node stands: in code, which is no prose, and in what no reader gets to see. */
interface Within {
  readonly code: boolean;
  readonly unseen: boolean;
}

function partsOf(root: Nodes): DocumentParts {
  const headings: { level: number; text: string }[] = [];
  const links = new Set<string>();
  const anchors = new Set<string>();
  const prose: string[] = [];
  const seen: string[] = [];
  const labels: string[] = [];
  let hasMedia = false;
  const slug = slugger();

  const say = (text: string, { code, unseen }: Within): void => {
    if (!code && !unseen) prose.push(text);
    if (!unseen) seen.push(text);
  };
  const visit = (node: Nodes, within: Within): void => {
    if (node.type === 'text') say(node.value, within);
    if (node.type !== 'element') {
      if ('children' in node) for (const child of node.children) visit(child, within);
      return;
    }
    const { tagName, properties } = node;
    for (const name of [properties['id'], properties['name']])
      if (typeof name === 'string') anchors.add(name);
    for (const link of addressesOf(properties)) links.add(link);
    for (const label of [properties['alt'], properties['title']])
      if (typeof label === 'string') labels.push(label);
    // GitHub's footnotes come under a heading of the parser's own making.
    if (/^h[1-6]$/.test(tagName) && properties['id'] !== 'footnote-label') {
      const text = textIn(node).trim();
      headings.push({ level: Number(tagName[1]), text });
      anchors.add(slug(text));
    }
    const inner = {
      code: within.code || CODE.test(tagName),
      unseen: within.unseen || UNSEEN.test(tagName) || isHidden(properties),
    };
    if (!inner.unseen && MEDIA.test(tagName)) hasMedia = true;
    const edge = BLOCKS.test(tagName) ? '\n' : '';
    say(edge, within);
    for (const child of node.children) visit(child, inner);
    say(edge, within);
  };
  visit(root, { code: false, unseen: false });
  return {
    headings,
    links: [...links],
    anchors,
    prose: prose.join(''),
    seen: seen.join(''),
    labels,
    hasMedia,
  };
}

const isHidden = ({ hidden, style }: Properties): boolean =>
  (hidden !== undefined && hidden !== null && hidden !== false) ||
  (typeof style === 'string' && /(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(style));

function addressesOf({ href, src, poster, srcSet }: Properties): string[] {
  const each = [href, src, poster, ...candidatesOf(srcSet)];
  return each.flatMap((address) => (typeof address === 'string' ? [asTaken(address)] : []));
}

/** Images among which a browser chooses: `small.png 1x, large.png 2x`. */
const candidatesOf = (srcSet: Properties[string]): string[] =>
  typeof srcSet === 'string'
    ? [...srcSet.matchAll(/(\S*[^\s,])(?:\s[^,]*)?(?:,|$)/g)].map(([, address = '']) => address)
    : [];

/** Without blanks around it, and without line breaks and tabs in it: neither keeps a browser from going there. */
const asTaken = (address: string): string => address.replace(/^[\0-\x20]+|[\0-\x20]+$|[\t\n\r]+/g, '');

const textIn = (node: Element | Element['children'][number]): string => {
  if (node.type === 'text') return node.value;
  return 'children' in node ? node.children.map(textIn).join('') : '';
};
