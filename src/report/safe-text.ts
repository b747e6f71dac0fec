import { stripVTControlCharacters } from 'node:util';

// Whatever a terminal would obey or a reader could not see. U+200D stays: it only joins emoji.
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Co}]|(?!\u200d)\p{Cf}/gu;
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

/** Text from files, agents and servers as one harmless line: escape sequences go, line breaks become spaces. */
export const safeText = (text: string): string =>
  stripVTControlCharacters(text).replace(BREAKS, ' ').replace(UNSAFE, '');

/** The same for text that may have several lines. */
export const safeLines = (text: string): string[] => text.split(/\r?\n/).map(safeText);

/** JSON that a terminal may show as it is: what JSON leaves unescaped and a terminal obeys is escaped too. */
export const safeJson = (document: unknown): string =>
  JSON.stringify(document, null, 2).replace(/[\u007f-\u009f]|(?!\u200d)\p{Cf}/gu, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
