/**
 * A character that is drawn: no white space, control or format character, nor any that fonts leave blank, such as the
 * Hangul fillers, variation selectors and the empty braille pattern.
 */
const DRAWN = /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

export const isDrawn = (text: string): boolean => DRAWN.test(text);

/** What white space parts, where it is drawn: a text in Chinese or Japanese has few of them. */
export const countWords = (text: string): number => (text.match(/\S+/g) ?? []).filter(isDrawn).length;
