import { shown } from '../batch/shown.js';
import { isHtml, isJson, looksLikeJson, type CheckedArtifact } from './artifact.js';
import { sentenceProblem } from './last-sentence.js';
import { splitFrontMatter } from './front-matter.js';
import { jsonBrackets } from './nesting.js';

/** What services and programs write where they stopped. */
const TAIL =
  /(?:[[(<{]\s*(?:output |response |text |content )?(?:truncated|continued|continues|cut off|max[ _-]?tokens[^\])>}]{0,40})\s*[\])>}]|\bfinish_reason\W{1,4}(?:length|max_tokens)\W*|\bto be continued)[\s.…*_]*$/i;
const TAIL_CHARACTERS = 300;

/**
 * Signs that a text breaks off. Each says so by itself; `docs/reference/checks.md` has the rules.
 * Made to be quiet in doubt: a text that ends in a list, a table, a listing, a heading, a link or a short line passes.
 */
export function truncationProblems(artifact: CheckedArtifact): string[] {
  const text = artifact.text?.trimEnd() ?? '';
  const found =
    jsonProblem(artifact, text) ??
    tailProblem(text) ??
    (looksLikeJson(text) ? undefined : markupProblem(artifact, text));
  return found === undefined ? [] : [`it breaks off: ${found}`];
}

function jsonProblem(artifact: CheckedArtifact, text: string): string | undefined {
  if (!isJson(artifact) && !looksLikeJson(text)) return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    return jsonBrackets(text).open ? 'its JSON is not closed' : undefined;
  }
}

function tailProblem(text: string): string | undefined {
  const tail = TAIL.exec(text.slice(-TAIL_CHARACTERS))?.[0].trim();
  return tail === undefined ? undefined : `it ends with ${shown(tail)}`;
}

function markupProblem(artifact: CheckedArtifact, text: string): string | undefined {
  if (isHtml(artifact)) {
    if (/<html[\s>]/i.test(text))
      return /<\/html\s*>/i.test(text) ? openTag(text) : 'its <html> is not closed';
    return openTag(text) ?? openElement(text);
  }
  const { frontMatter, body } = splitFrontMatter(text);
  if (frontMatter === undefined && /^---\r?\n[A-Za-z_][\w-]*:/.test(text))
    return 'its front matter is not closed';
  if (openFence(body)) return 'a code block is not closed';
  return openTag(body) ?? unclosedLink(body) ?? sentenceProblem(body);
}

/** `<a href="https://exam` at the very end. */
const openTag = (text: string): string | undefined => {
  const [tag] = /<\/?[a-z][a-z0-9-]*(?:\s[^<>]*)?$/i.exec(text.slice(-TAIL_CHARACTERS)) ?? [];
  if (tag !== undefined && /[="]|^<\//.test(tag)) return `the tag ${shown(tag)} is not closed`;
  return text.lastIndexOf('<!--') > text.lastIndexOf('-->') ? 'a comment is not closed' : undefined;
};

/** Each of them has an end of its own in every text that is whole. */
const BLOCKS = /^(?:div|section|article|main|blockquote|figure|table|ul|ol|dl)$/;
/** Ends of these may be left out: some writers never have any. */
const ENDS_BY_ITSELF = /^(?:p|li|dt|dd|tr|td|th)$/;
const TAGS =
  /<(\/?)(div|section|article|main|blockquote|figure|table|[uod]l|p|li|d[td]|t[rdh]|h[1-6]|a|em|strong)(?=[\s>])/gi;
const NO_TAGS = /<!--[^]*?(?:-->|$)|<(script|style|template)\b[^]*?(?:<\/\1\s*>|$)/gi;

/** Where a part of a page stops within an element; quiet where it may have been written so. */
function openElement(text: string): string | undefined {
  const seen = new Map<string, { open: number; last: 'begin' | 'end'; ends: boolean }>();
  for (const [, slash, tag = ''] of text.replace(NO_TAGS, '').matchAll(TAGS)) {
    const name = tag.toLowerCase();
    const { open = 0, ends = false } = seen.get(name) ?? {};
    if (slash === '/') seen.set(name, { open: Math.max(0, open - 1), last: 'end', ends: true });
    else seen.set(name, { open: open + 1, last: 'begin', ends });
  }
  for (const [name, { open, last, ends }] of seen) {
    const breaksOff = BLOCKS.test(name) ? open > 0 : last === 'begin' && (ends || !ENDS_BY_ITSELF.test(name));
    if (breaksOff) return `its <${name}> is not closed`;
  }
  return undefined;
}

/** `[the tables](https://exam` at the very end. */
const unclosedLink = (text: string): string | undefined => {
  const [link] = /\[[^[\]\n]{1,200}\]\([^\s()]*$/.exec(text.slice(-TAIL_CHARACTERS)) ?? [];
  return link === undefined ? undefined : `the link ${shown(link)} is not closed`;
};

/** A fence may stand in a list or a quote; it is closed by one of its kind, at least as long, with nothing after it. */
function openFence(text: string): boolean {
  let open: string | undefined;
  for (const line of text.split('\n')) {
    const [, fence, rest = ''] = /^(?:[\s>]|[-*+] |\d{1,9}[.)] )*(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (fence === undefined) continue;
    if (open === undefined) {
      if (!(fence.startsWith('`') && rest.includes('`'))) open = fence;
    } else if (fence.startsWith(open) && rest.trim() === '') open = undefined;
  }
  return open !== undefined;
}
