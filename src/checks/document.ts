import type { Element, Nodes } from 'hast';
import { toHtml } from '../activities/publishers/html/to-html.js';
import { AdapterError } from '../contract/errors.js';
import { isHtml, type CheckedArtifact } from './artifact.js';
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
  /** As written, in order, each once. */
  readonly links: readonly string[];
  /** Names that `#name` can point to. */
  readonly anchors: ReadonlySet<string>;
  /** The text outside code, one line for each block. */
  readonly prose: string;
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

const BLOCKS = /^(p|h[1-6]|li|td|th|dt|dd|div|section|article|blockquote|figcaption|br|tr)$/;
const UNSEEN = /^(code|pre|script|style|template|kbd|samp)$/;

function partsOf(root: Nodes): DocumentParts {
  const headings: { level: number; text: string }[] = [];
  const links = new Set<string>();
  const anchors = new Set<string>();
  const prose: string[] = [];
  const slug = slugger();

  const visit = (node: Nodes, inCode: boolean): void => {
    if (node.type === 'text' && !inCode) prose.push(node.value);
    if (!('children' in node)) return;
    if (node.type === 'element') {
      const { tagName, properties } = node;
      for (const name of [properties['id'], properties['name']])
        if (typeof name === 'string') anchors.add(name);
      for (const link of [properties['href'], properties['src']])
        if (typeof link === 'string') links.add(link);
      // GitHub's footnotes come under a heading of the parser's own making.
      if (/^h[1-6]$/.test(tagName) && properties['id'] !== 'footnote-label') {
        const text = textIn(node).trim();
        headings.push({ level: Number(tagName[1]), text });
        anchors.add(slug(text));
      }
      if (BLOCKS.test(tagName)) prose.push('\n');
    }
    const code = inCode || (node.type === 'element' && UNSEEN.test(node.tagName));
    for (const child of node.children) visit(child, code);
    if (node.type === 'element' && BLOCKS.test(node.tagName)) prose.push('\n');
  };
  visit(root, false);
  return { headings, links: [...links], anchors, prose: prose.join('') };
}

const textIn = (node: Element | Element['children'][number]): string => {
  if (node.type === 'text') return node.value;
  return 'children' in node ? node.children.map(textIn).join('') : '';
};
