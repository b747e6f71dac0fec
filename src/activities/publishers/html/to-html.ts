import type { Root } from 'hast';
import type { List, ListItem, Nodes, Parents } from 'mdast';
import type { defaultHandlers } from 'remark-rehype';
import { AdapterError } from '../../../contract/errors.js';
import { allowHosts, type AllowedHosts } from './allow-hosts.js';
import { assertParsable, assertShallow } from './parse-cost.js';
import { sanitiseSchema } from './sanitise-schema.js';
import { anchorIds, joinSoftBreaks, plainCharacters } from './tidy.js';

type ListItemHandler = (typeof defaultHandlers)['listItem'];

export interface HtmlOptions extends AllowedHosts {
  readonly format: 'markdown' | 'html';
  /**
   * True: only what GitHub would show is left. Scripts, styles, frames, event handlers, comments, `javascript:` and
   * `data:` URLs are gone, ids get a prefix, control and bidirectional override characters are taken out.
   * False: as the artifact has it. For artifacts that nobody but the operator writes.
   */
  readonly sanitise: boolean;
  /**
   * `space`: a line break inside a paragraph becomes a space, as browsers show it. For destinations that turn each
   * line break into `<br>`. Default `keep`.
   */
  readonly softBreaks?: 'keep' | 'space';
}

/**
 * Turns an artifact into a well-formed HTML fragment. Deterministic: same text and options, same bytes.
 * Markdown is GitHub's (tables, footnotes, task lists, autolinks); HTML inside it is kept as far as `sanitise` allows.
 * It computes for as long as the text makes it, so publishers call `toHtmlInThread`.
 * @throws AdapterError `invalid`, `sent: 'no'`, for a text nested too deeply or made to be slow to parse
 */
export async function toHtml(text: string, options: HtmlOptions): Promise<string> {
  const { format, sanitise, softBreaks = 'keep' } = options;
  assertParsable(text, format);
  const [{ unified }, { default: stringify }, { default: clean, defaultSchema }] = await Promise.all([
    import('unified'),
    import('rehype-stringify'),
    import('rehype-sanitize'),
  ]);
  try {
    const tree = format === 'markdown' ? await markdownTree(text) : await htmlTree(text);
    const finish = unified();
    if (sanitise) finish.use(clean, sanitiseSchema(defaultSchema)).use(anchorIds).use(plainCharacters);
    finish.use(allowHosts, options);
    if (softBreaks === 'space') finish.use(joinSoftBreaks);
    const finished = await finish.run(tree);
    return unified()
      .use(stringify)
      .stringify(finished as Root)
      .trim();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AdapterError(
      'invalid',
      `the artifact can’t be made into HTML: it is nested too deeply`,
      { sent: 'no' },
      { cause: error },
    );
  }
}

async function markdownTree(text: string): Promise<Root> {
  const [
    { unified },
    { default: parse },
    { default: gfm },
    { default: toRehype, defaultHandlers },
    { default: raw },
  ] = await Promise.all([
    import('unified'),
    import('remark-parse'),
    import('remark-gfm'),
    import('remark-rehype'),
    import('rehype-raw'),
  ]);
  // Ids get their prefix when they are sanitised; two prefixes would break the links of footnotes.
  const processor = unified()
    .use(parse)
    .use(gfm)
    .use(toRehype, {
      allowDangerousHtml: true,
      clobberPrefix: '',
      handlers: { listItem: listItemOf(defaultHandlers.listItem) },
    })
    .use(raw);
  const tree = processor.parse(text);
  assertShallow(htmlIn(tree));
  return processor.run(tree);
}

/** The HTML in Markdown, in order. Not recursive: emphasis may be thousands of levels deep. */
function htmlIn(root: Nodes): string {
  const parts: string[] = [];
  const toVisit: Nodes[] = [root];
  for (let node = toVisit.pop(); node !== undefined; node = toVisit.pop()) {
    if (node.type === 'html') parts.push(node.value);
    if ('children' in node) for (const child of node.children.toReversed()) toVisit.push(child);
  }
  return parts.join('\n');
}

/**
 * The same as the handler makes by itself. That one looks through the whole list for each of its items, whether there is
 * a blank line anywhere: 48,000 items took a quarter of a minute.
 */
function listItemOf(handler: ListItemHandler): ListItemHandler {
  const standIns = new Map<Parents, List>();
  return (state, item, parent) => {
    if (parent?.type !== 'list') return handler(state, item, parent);
    let standIn = standIns.get(parent);
    if (standIn === undefined) {
      const spread = parent.spread === true || parent.children.some(isLoose);
      standIn = { type: 'list', spread, children: [] };
      standIns.set(parent, standIn);
    }
    return handler(state, item, standIn);
  };
}

const isLoose = ({ spread, children }: ListItem): boolean => spread ?? children.length > 1;

async function htmlTree(text: string): Promise<Root> {
  const [{ unified }, { default: parse }] = await Promise.all([import('unified'), import('rehype-parse')]);
  return unified().use(parse, { fragment: true }).parse(text);
}
