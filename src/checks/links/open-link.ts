import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { promisify } from 'node:util';
import { isIP } from 'node:net';
import { codeOf } from '../../activities/http/request.js';
import { aborted, timeLimit } from '../../time-limit.js';
import { isPublicAddress } from './public-address.js';
import { askOnce, type Asked } from './ask-once.js';

/** All addresses of a host. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

const systemResolve: Resolve = (host) => promisify(systemLookup)(host, { all: true, verbatim: true });

export type LinkEnd =
  | { readonly kind: 'there' }
  | { readonly kind: 'gone'; readonly why: string }
  /** It leads to a place that readers can't reach and that we must not. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'unclear'; readonly why: string }
  /** This machine could not ask: nothing is known about the link. */
  | { readonly kind: 'offline'; readonly why: string };

export interface LinkRules {
  readonly hosts: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly resolve?: Resolve | undefined;
}

const REDIRECTS_MAX = 4;
const OFFLINE: ReadonlySet<string> = new Set(['EAI_AGAIN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL']);

/**
 * Follows one link to its end. An agent wrote it, so each host on the way is looked up once, all of its addresses are
 * held against the public ranges, and the connection goes to the address that was looked at: a name that changes its
 * answer afterwards (DNS rebinding) gains nothing. No credentials, cookies or bodies are sent, and none are read.
 */
export async function openLink(link: string, rules: LinkRules): Promise<LinkEnd> {
  const limit = timeLimit(rules.timeoutMs, rules.signal);
  const { signal } = limit;
  let url = new URL(link);
  const been = new Set<string>();
  let cookies = false;
  try {
    for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
      const allowed = await addressesOf(url, rules, signal);
      if ('kind' in allowed) return allowed;
      const asked = await ask(url, allowed, signal);
      const next = locationOf(asked, url);
      if (next === undefined) return endOf(asked.status);
      been.add(withoutHash(url));
      cookies ||= asked.setsCookie;
      // Who is let in by a cookie, as readers may be, gets out of it.
      if (been.has(withoutHash(next)) && !cookies) return { kind: 'gone', why: 'it redirects in a circle' };
      url = next;
    }
    return { kind: 'unclear', why: `it redirects more than ${REDIRECTS_MAX} times` };
  } catch (error) {
    rules.signal.throwIfAborted();
    if (signal.aborted) return { kind: 'unclear', why: 'no answer in time' };
    const code = codeOf(error);
    if (code === 'ENOTFOUND') return { kind: 'gone', why: 'there is no such host' };
    if (code !== undefined && OFFLINE.has(code)) return { kind: 'offline', why: code };
    return { kind: 'unclear', why: code ?? 'the connection failed' };
  } finally {
    limit.end();
  }
}

const withoutHash = ({ href }: URL): string => href.split('#', 1).join();

/** Some servers do not know HEAD, or answer it otherwise than GET. */
async function ask(url: URL, addresses: readonly LookupAddress[], signal: AbortSignal): Promise<Asked> {
  const asked = await askOnce('HEAD', url, addresses, signal);
  return asked.status < 400 || asked.status === 429 ? asked : askOnce('GET', url, addresses, signal);
}

function endOf(status: number): LinkEnd {
  if (status === 404 || status === 410) return { kind: 'gone', why: `answered ${status}` };
  return status >= 200 && status < 300 ? { kind: 'there' } : { kind: 'unclear', why: `answered ${status}` };
}

function locationOf({ status, location }: Asked, base: URL): URL | undefined {
  if (status < 300 || status >= 400 || status === 304 || location === undefined) return undefined;
  return URL.canParse(location, base.href) ? new URL(location, base.href) : undefined;
}

async function addressesOf(
  url: URL,
  { hosts, resolve = systemResolve }: LinkRules,
  signal: AbortSignal,
): Promise<readonly LookupAddress[] | LinkEnd> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { kind: 'refused', why: `it leads to a ${url.protocol} address` };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  // A look-up of the system can't be interrupted; it is left to end by itself.
  const addresses =
    family === 0 ? await Promise.race([resolve(host), aborted(signal)]) : [{ address: host, family }];
  if (isListed(url.hostname, hosts)) return addresses;
  // One private address among public ones is how a check of only the first is passed by.
  if (addresses.length === 0 || !addresses.every(({ address }) => isPublicAddress(address)))
    return { kind: 'refused', why: 'it leads into a private network' };
  const port = Number(url.port);
  // Old services of low ports would read a request as commands.
  return port === 0 || port >= 1024
    ? addresses
    : { kind: 'refused', why: `it leads to port ${port}, which is none of the web` };
}

const isListed = (host: string, hosts: readonly string[]): boolean =>
  hosts.some((listed) => {
    const wanted = listed.toLowerCase();
    return wanted.startsWith('*.')
      ? host.endsWith(wanted.slice(1))
      : host === wanted || host === `[${wanted}]`;
  });
