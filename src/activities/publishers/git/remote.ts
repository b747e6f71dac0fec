import { createHash } from 'node:crypto';
import { AdapterError } from '../../../contract/errors.js';

export interface Remote {
  /** As git takes it; free of secrets. */
  readonly url: string;
  readonly scheme: 'https' | 'http' | 'ssh' | 'git' | 'file';
  /** Name for a folder: the same for the same URL. */
  readonly hash: string;
}

const SCHEMES: ReadonlySet<string> = new Set(['https', 'http', 'ssh', 'git', 'file']);
/** `user@host:path`, the short form of ssh. */
const SCP = /^(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*:(?!\/\/)[^:\\]/;

/**
 * Reads a target. Sign-in data in it are refused: targets stand in keys, history and reports.
 * @throws AdapterError `config`
 */
export function parseRemote(target: string): Remote {
  const refuse = (why: string) =>
    new AdapterError(
      'config',
      `target ${why} [use=git]; write https://…, ssh://…, git://…, file:///… or user@host:path`,
      {
        sent: 'no',
      },
    );
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]/u.test(target)) throw refuse('has a space or a control character');
  // `ext::sh -c …` and its like would run programs.
  if (target.startsWith('-') || /^[^/]*::/.test(target)) throw refuse('is no address of a repository');
  const [, scheme] = /^([a-z]+):\/\//.exec(target) ?? [];
  const hash = createHash('sha256').update(target).digest('hex').slice(0, 32);
  if (scheme === undefined) {
    if (!SCP.test(target)) throw refuse('is no address of a repository');
    return { url: target, scheme: 'ssh', hash };
  }
  if (!SCHEMES.has(scheme) || !URL.canParse(target)) throw refuse('is no address of a repository');
  const { username, password, hostname, search } = new URL(target);
  if (password !== '' || (username !== '' && scheme !== 'ssh')) {
    throw refuse('holds a user or password; put them in with.user and with.token');
  }
  if (search !== '') throw refuse('has a query');
  if (hostname.startsWith('-')) throw refuse('has a host that begins with "-"');
  return { url: target, scheme: scheme as Remote['scheme'], hash };
}

/** Hosts whose addresses of files are known. */
const PAGES: Readonly<Record<string, string>> = {
  'github.com': 'blob',
  'gitlab.com': '-/blob',
  'codeberg.org': 'src/branch',
};

/** Where a person sees a file of a branch; undefined where the host's addresses are not known. */
export function pageOf({ url }: Remote, branch: string, path: string): string | undefined {
  const [, host, repository] =
    /^(?:https:\/\/|ssh:\/\/(?:[^@/]+@)?|(?:[^@/:]+@))([a-z0-9.-]+)[/:](.+?)(?:\.git)?\/?$/.exec(url) ?? [];
  const infix = host === undefined ? undefined : PAGES[host];
  if (host === undefined || repository === undefined || infix === undefined) return undefined;
  const encode = (text: string) => text.split('/').map(encodeURIComponent).join('/');
  return `https://${host}/${repository}/${infix}/${encode(branch)}/${encode(path)}`;
}

/**
 * A token goes to https only: elsewhere it would be of no use, or could be read on its way.
 * @throws AdapterError `config`
 */
export function assertTokenFits(
  { url, scheme }: Remote,
  { token }: { readonly token?: string | undefined },
): void {
  if (token === undefined || scheme === 'https' || isLoopback(url)) return;
  throw new AdapterError('config', `with.token is for https; ${url} is ${scheme} [use=git]`, { sent: 'no' });
}

export const isLoopback = (url: string): boolean =>
  /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(url);
