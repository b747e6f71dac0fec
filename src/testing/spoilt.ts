/** A word of the same form that names nothing: its last letter or digit is another one. */
export const spoilt = (word: string): string =>
  word.replace(/[0-9a-z](?=[^0-9a-z]*$)/i, (last) => (last === '0' ? '1' : '0'));
