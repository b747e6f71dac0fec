import { looksLikeReference, withoutReferences } from './secrets.js';

/** Names under which credentials stand, in options, headers and queries. */
const CREDENTIAL =
  /authorization|cookie|credential|passphrase|passw|^pass$|^pwd$|secret|token|bearer|signature|^sig$|^sas$|^pat$|[-_]?auth$|api[-_]?key|access[-_]?key|private[-_]?key|account[-_]?key|^key$|connection[-_]?string|^dsn$/i;

/** Any other header may be how a service of its own kind lets somebody in. */
const PLAIN_HEADER =
  /^(accept|accept-language|content-type|content-language|idempotency-key|if-match|if-none-match|prefer|user-agent)$/i;

const HIDDEN = '***';
const URL_LOGIN = /([a-z][a-z0-9+.-]*:\/\/)([^\s/@?#]+)@/gi;
const QUERY_VALUE = /([?&]([^=&#\s]*)=)([^&#\s]*)/g;

/** Whether an option is a credential by its name, or a header that may be one. */
export function isCredentialName(path: readonly PropertyKey[]): boolean {
  if (path.some((part) => CREDENTIAL.test(String(part)))) return true;
  const header = headerIn(path);
  return header !== undefined && !PLAIN_HEADER.test(header);
}

/** Whether it is a header that lets somebody in, by its name. */
export function isCredentialHeader(path: readonly PropertyKey[]): boolean {
  const header = headerIn(path);
  return header !== undefined && CREDENTIAL.test(header) && !PLAIN_HEADER.test(header);
}

function headerIn(path: readonly PropertyKey[]): string | undefined {
  const at = path.indexOf('headers');
  const header = at < 0 ? undefined : path[at + 1];
  return header === undefined ? undefined : String(header);
}

/** Nothing but references, and a word that says of what kind. */
export const isReference = (text: string): boolean =>
  looksLikeReference(text) && /^\s*(basic|bearer|token|bot)?\s*$/i.test(withoutReferences(text));

/** Whether an URL spells out what lets somebody in: a password, or a credential in its query. */
export const hasLogin = (text: string): boolean =>
  [...text.matchAll(URL_LOGIN)].some(([, scheme = '', login = '']) =>
    letsIn(scheme, withoutReferences(login)),
  ) ||
  [...text.matchAll(QUERY_VALUE)].some(
    ([, , name = '', value = '']) => isSignature(name) && value !== '' && !isReference(value),
  );

/** `git@` of ssh is a name that everybody knows; over http a name alone may be a token. */
const letsIn = (scheme: string, login: string): boolean =>
  /^http/i.test(scheme) ? /[^:]/.test(login) : /:./.test(login);

/** `key` may be that of a record. */
const isSignature = (name: string): boolean => CREDENTIAL.test(name) && name.toLowerCase() !== 'key';

/** A text without what lets somebody in: user and password of an URL, credentials in its query, what follows "Bearer". */
export const withoutLogin = (text: string): string =>
  text
    .replace(URL_LOGIN, (whole: string, scheme: string, login: string) =>
      letsIn(scheme, login) ? `${scheme}${HIDDEN}@` : whole,
    )
    .replace(/\b(basic|bearer)\s+(?!\$\{)[\w+/=.~-]{6,}/gi, `$1 ${HIDDEN}`)
    .replace(QUERY_VALUE, (whole: string, lead: string, name: string) =>
      isSignature(name) ? hiddenValue(whole, lead) : whole,
    );

/** The same, and without all other values of a query too: any of them may be a credential. */
export function withoutQueryValues(text: string): string {
  const cleaned = withoutLogin(text);
  if (!/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text)) return cleaned;
  return cleaned.replace(QUERY_VALUE, hiddenValue);
}

const hiddenValue = (whole: string, lead: string): string =>
  isReference(whole.slice(lead.length)) ? whole : `${lead}${HIDDEN}`;
