/** A backslash and what it escapes, either kind of quotes (the last may be open), a gap between words, or plain text. */
const PIECE = /\\([\s\S]?)|'([^']*)'?|"((?:\\[\s\S]|[^"\\])*)"?|(\s+)|[^\s'"\\]+/g;

/** What a backslash escapes within double quotes. */
const ESCAPED = /\\([$`"\\])/g;

/**
 * The words of a command line up to the cursor: without their quotes, and without the name of the program. The last
 * one is being typed, and may be empty. Nothing is expanded: `$(…)` is text like any other.
 */
export function typedWords(line: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  for (const [piece, escaped, single, double, gap] of line.trimStart().matchAll(PIECE)) {
    if (gap === undefined) word += escaped ?? single ?? double?.replace(ESCAPED, '$1') ?? piece;
    else {
      words.push(word);
      word = '';
    }
  }
  words.push(word);
  const program = words.findIndex((one) => !/^\w+=/.test(one)); // variables may be set before it
  return words.slice(program + 1);
}
