/** Shorter values are words rather than secrets, and messages would suffer. */
const SECRET_LENGTH_MIN = 6;

/**
 * A text without the secrets in it, also in the forms in which servers like to send them back. To be done before the
 * text is cut, or half of one would stay.
 * @param lengthMin shorter secrets are left where they are
 */
export const masked = (
  text: string,
  secrets: readonly string[],
  lengthMin: number = SECRET_LENGTH_MIN,
): string =>
  secrets
    .filter(({ length }) => length >= lengthMin)
    .flatMap(formsOf)
    // Longest first: of one that begins with another, the end would stay.
    .sort((a, b) => b.length - a.length)
    .reduce((shown, secret) => shown.replaceAll(secret, '***'), text);

/** As it is, percent-encoded, in base64 (Basic sign-in), in hex, and as it stands in JSON. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(bytes.toString()), // of half a character it would throw
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('hex'),
    JSON.stringify(secret).slice(1, -1),
  ];
}
