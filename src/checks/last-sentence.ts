import { shown } from '../batch/shown.js';

/** A shorter last paragraph may be a signature, a date or a call to read on, which need no full stop. */
const WORDS_MIN = 8;
/** The same for scripts without spaces. */
const CHARACTERS_MIN = 20;

// Quotation marks, brackets, emphasis and footnote references may stand behind the end of a sentence.
const CLOSING = /(?:["'”’»›“‘*_~`)\]}）」』】》]|\[\^[^\]\s]+\]|<\/?[a-z][^<>]*>|\s)+$/iu;
const SENTENCE_END = /[\p{Sentence_Terminal}…:]$/u;
/** Nothing ends on one of these. */
const DANGLING = /[,;、，；([{（「『&+=–—-]$/u;
/** How much of a paragraph's end is looked at: a hostile one may be megabytes of marks. */
const END_CHARACTERS = 200;
const NO_FULL_STOPS = /\p{Script=Thai}|\p{Script=Lao}/u;

/** How a Markdown text stops in the middle of a sentence; undefined when it does not, or can't be told. */
export function sentenceProblem(text: string): string | undefined {
  const paragraphs = text.trimEnd().split(/\n[^\S\n]*\n/);
  const last = paragraphs.at(-1)?.trim() ?? '';
  if (!isPlainParagraph(last) || NO_FULL_STOPS.test(last)) return undefined;
  const long = isLong(last);
  if (DANGLING.test(last) && long) return `it ends with ${shown(last.slice(-40))}`;

  const bare = bareEnd(last);
  if (SENTENCE_END.test(bare) || !long) return undefined;
  if (/\p{Extended_Pictographic}\uFE0F?$/u.test(bare) || /(?:https?:\/\/|www\.|#|@)\S+$/.test(bare))
    return undefined;
  // A text that never ends a sentence anywhere, such as a poem or a list of names, has other rules.
  const others = paragraphs.slice(0, -1).filter((paragraph) => SENTENCE_END.test(bareEnd(paragraph.trim())));
  const within = /\p{Sentence_Terminal}["'”’»)\]]*\s/u.test(last);
  if (others.length === 0 && !within && !/[\p{Sentence_Terminal}]\s*\S/u.test(last)) return undefined;
  return `its last sentence has no end: ${shown(last.slice(-40))}`;
}

const bareEnd = (paragraph: string): string => paragraph.slice(-END_CHARACTERS).replace(CLOSING, '');

function isLong(paragraph: string): boolean {
  if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]$/u.test(bareEnd(paragraph)))
    return [...paragraph].length >= CHARACTERS_MIN;
  return (paragraph.match(/\S+/g)?.length ?? 0) >= WORDS_MIN;
}

/** Lists, tables, headings, quotes, listings, link definitions and HTML end as they like. */
function isPlainParagraph(paragraph: string): boolean {
  const lines = paragraph.split('\n');
  if (
    lines.some((line) =>
      /^\s*(?:#{1,6}\s|>|[-*+]\s|\d{1,9}[.)]\s|\||```|~~~|<|\[[^\]]+\]:|:::|\{%)/.test(line),
    )
  )
    return false;
  return /[\p{L}\p{N}]/u.test(paragraph) && !/^(?:[-=*_]\s*){3,}$/.test(lines.at(-1) ?? '');
}
