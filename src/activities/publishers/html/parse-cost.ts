import { AdapterError } from '../../../contract/errors.js';

/**
 * The sum of squares that is let through. Markdown parsers match emphasis and brackets in a time that grows with the
 * square of the marks in one paragraph; 20,000 of them, which no text for people has, take about 4 seconds.
 * Source: measured with micromark 4 on `_*` repeated, 40,000 marks in 14 s.
 */
const COST_MAX = 20_000 ** 2;

/** Quotes and lists within one another, on one line. Each costs the parser again the whole line. */
const DEPTH_MAX = 100;
const CONTAINERS = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t])))+/;

/**
 * Elements left open. Browsers' rules, which the HTML parser follows, look through all of them at each tag: 3,000 `<b>`
 * take a quarter of a second, 50,000 a minute.
 */
const OPEN_MAX = 200;
/** Elements that stay open until they are closed. `<p>` or `<li>` end by themselves; `<T>` in a code listing is none. */
const STAYING = new RegExp(
  '<(/?)(a|abbr|b|bdi|bdo|big|blockquote|center|cite|code|del|details|dfn|div|dl|em|fieldset|figure|font|form|' +
    'h[1-6]|i|ins|kbd|mark|menu|nobr|ol|pre|q|ruby|s|samp|section|small|span|strike|strong|sub|summary|sup|svg|' +
    'table|template|tt|u|ul|var)(?=[\\s/>])',
  'gi',
);

/** Elements within one another, of whatever names. Each is followed on the stack, which thousands of them overflow. */
const NESTED_MAX = 1000;
/** Comments and what is no HTML inside, as a whole; tags. Each match ends where the next begins its search. */
const TAGS =
  /<!--(?:-?>|[^]*?(?:--!?>|$))|<(script|style|textarea|title|xmp)(?=[\s/>])[^]*?(?:<\/\1(?=[\s/>])[^>]*>|$)|<(\/?)([a-z][^\s/>]*)[^>]*>/gi;
/** Elements that hold nothing, or that end where the next of their kind begins, or what is around them ends. */
const ENDING =
  /^(area|base|basefont|bgsound|body|br|button|caption|col|colgroup|dd|dt|embed|frame|head|hr|html|image|img|input|keygen|li|link|meta|optgroup|option|p|param|r[bpt]|rtc|source|tbody|td|tfoot|th|thead|tr|track|wbr)$/;

/** @throws AdapterError `invalid` for a text that is made to be slow to parse */
export function assertParsable(text: string, format: 'markdown' | 'html'): void {
  let open = 0;
  for (const [, slash] of text.matchAll(STAYING)) {
    open = slash === '/' ? Math.max(0, open - 1) : open + 1;
    if (open > OPEN_MAX) throw refused(`more than ${OPEN_MAX} elements that are not closed`);
  }
  if (format === 'markdown') assertMarkdownParsable(text);
  else assertShallow(text);
}

/**
 * About as a browser counts; what gets around it overflows the stack and is refused, too.
 * @param html of Markdown, the parts that are HTML: `Map<K>` in its code is no element
 * @throws AdapterError `invalid`
 */
export function assertShallow(html: string): void {
  let depth = 0;
  let drawings = 0; // in there "/>" ends an element
  for (const [tag, , slash, written = ''] of html.slice(0, html.lastIndexOf('>') + 1).matchAll(TAGS)) {
    const name = written.toLowerCase();
    if (name === '' || ENDING.test(name) || (drawings > 0 && tag.endsWith('/>'))) continue;
    const step = slash === '/' ? -1 : 1;
    if (name === 'svg' || name === 'math') drawings = Math.max(0, drawings + step);
    depth = Math.max(0, depth + step);
    if (depth > NESTED_MAX) throw refused(`more than ${NESTED_MAX} elements within one another`);
  }
}

function assertMarkdownParsable(markdown: string): void {
  let cost = 0;
  for (const paragraph of markdown.split(/\n[ \t\r]*\n/)) {
    cost += (paragraph.match(/\*+|_+|~+|\[/g)?.length ?? 0) ** 2;
  }
  if (cost > COST_MAX)
    throw refused('more *, _, ~ and [ without a blank line between them than can be parsed in time');
  if (markdown.split('\n').some((line) => depthOf(line) > DEPTH_MAX))
    throw refused(`a line with more than ${DEPTH_MAX} quotes and lists within one another`);
}

function depthOf(line: string): number {
  const [containers = ''] = CONTAINERS.exec(line) ?? [];
  return containers.match(/\S+/g)?.reduce((depth, marks) => depth + (marks.match(/>/g)?.length || 1), 0) ?? 0;
}

const refused = (what: string): AdapterError =>
  new AdapterError('invalid', `the artifact can’t be made into HTML: it has ${what}`, { sent: 'no' });
