import { safeText } from '../safe-text.js';

/** HTML that was made here, as against text from anywhere. */
export class Html {
  constructor(readonly source: string) {}
}

type Piece = Html | string | number | undefined | false | readonly Piece[];

/** HTML with values put in: text is escaped and freed of control characters, so nothing it says is obeyed. */
export function markup(strings: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return new Html(strings.reduce((out, string, at) => `${out}${string}${sourceOf(values[at])}`, ''));
}

function sourceOf(piece: Piece): string {
  if (piece === undefined || piece === false) return '';
  if (piece instanceof Html) return piece.source;
  if (typeof piece === 'number') return String(piece);
  if (typeof piece === 'string') return escaped(piece);
  return piece.map(sourceOf).join('');
}

export const escaped = (text: string): string =>
  safeText(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

/** An address that may be followed; undefined for all but http and https, and for those that carry a password. */
export function webAddress(text: string | undefined): string | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const { protocol, username, password, href } = new URL(text);
  if ((protocol !== 'http:' && protocol !== 'https:') || username !== '' || password !== '') return undefined;
  return href;
}
