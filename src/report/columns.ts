/** How many columns text takes in a terminal. Rough: it may count a joined emoji too wide, so lines end early, never late. */

const NONE = /^[\p{Mn}\p{Me}\u200d]$/u;
const EMOJI_STYLE = '\ufe0f'; // makes the character before it two columns wide
const WIDE =
  /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]$/u;
const ASCII = /^[\x20-\x7e]*$/;

const widthOfCharacter = (character: string): number => {
  if (character === EMOJI_STYLE) return 1;
  if (NONE.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
};

export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** At most so many columns; what was cut is marked by an ellipsis. */
export function cutTo(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (widthOf(text) <= columns) return text;
  let cut = '';
  let width = 0;
  for (const character of text) {
    width += widthOfCharacter(character);
    if (width > columns - 1) break;
    cut += character;
  }
  return `${cut}…`;
}

export const padTo = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - widthOf(text)));
