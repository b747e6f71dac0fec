import { stripVTControlCharacters } from 'node:util';

/** Controls, marks that turn the direction of writing, and what else a reader could not see. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Frames of a stack and the runtime's signature: they push the message that matters out of sight. */
const NOISE = /^\s+at |^Node\.js v\d/;

const MESSAGE_LENGTH_MAX = 500;
const MESSAGE_LINES_MAX = 5;
const NOTE_LENGTH_MAX = 120;

/** One line that no terminal obeys and no report is broken by, whatever a program wrote. */
export const plainLine = (text: string): string =>
  stripVTControlCharacters(text).replace(INVISIBLE, ' ').replace(/ {2,}/g, ' ').trim();

/** The last line of what a program is writing. */
export function lastLine(text: string): string | undefined {
  const line = linesOf(text).at(-1);
  return line === undefined ? undefined : cut(line, NOTE_LENGTH_MAX);
}

/** What a program said last, in one line; empty when it said nothing. */
export const lastWords = (text: string): string =>
  cutFront(linesOf(text).slice(-MESSAGE_LINES_MAX).join(' | '), MESSAGE_LENGTH_MAX);

/** A program's own message, cut. */
export const messageText = (text: string): string => cut(plainLine(text), MESSAGE_LENGTH_MAX);

// A carriage return without a line feed is how progress bars write over themselves.
const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n|\r/)
    .filter((line) => !NOISE.test(line))
    .map(plainLine)
    .filter((line) => /[^\ufffd]/.test(line));

const cut = (text: string, lengthMax: number): string => {
  const characters = [...text];
  return characters.length <= lengthMax ? text : `${characters.slice(0, lengthMax - 1).join('')}…`;
};

const cutFront = (text: string, lengthMax: number): string => {
  const characters = [...text];
  return characters.length <= lengthMax ? text : `…${characters.slice(1 - lengthMax).join('')}`;
};
