import { AdapterError } from '../contract/errors.js';
import { shown } from './shown.js';

/** Scheme and host stand in the template itself, or come from a secret; nothing of a job can change them. */
const FIXED_ORIGIN = /^\s*([a-z][a-z0-9+.-]*:\/\/[^\s/?#{}]+([/?#]|$)|\$\{env:\w+\}([/?#]|$))/i;
/** An URL, or a repository as ssh takes it: `user@host:path`. */
const ABSOLUTE = /^\s*([a-z][a-z0-9+.-]*:\/\/|[^/\s@]+@[^/\s:]+:)/i;
const PLACES: ReadonlySet<string> = new Set(['url', 'endpoint', 'host']);

/**
 * Where an effect goes is the operator's to say: a job whose text becomes the host of an URL would be sent the
 * credentials that stand beside it. So a host that comes from a job has to be among those that the effect lists.
 *
 * @param field name of the option, or `target`
 * @param template as it stands in the batch file
 * @param text filled in
 * @throws AdapterError `invalid` that names the host
 */
export function assertHost(
  field: string,
  template: string,
  text: string,
  hosts: readonly string[] = [],
): void {
  if (template === text || !isPlace(field, text)) return;
  if (/[?#]/.test(text) && !/[?#]/.test(template)) {
    throw new AdapterError(
      'invalid',
      `a field of the job adds a query to ${field} (${shown(text)}); write "?" in the batch file`,
    );
  }
  if (FIXED_ORIGIN.test(template)) return;
  const host = field === 'host' ? text.trim() : hostOf(text);
  if (host !== undefined && hosts.some((allowed) => matches(host, allowed))) return;
  throw new AdapterError(
    'invalid',
    `the host of ${field} comes from the job (${shown(host ?? text)}), and the effect does not list it; ` +
      'write the host in the batch file, or list those allowed: hosts: [blog.example.com, "*.example.com"]',
  );
}

const isPlace = (field: string, text: string): boolean =>
  PLACES.has(field) || (field === 'target' && ABSOLUTE.test(text));

function hostOf(text: string): string | undefined {
  try {
    return new URL(text).hostname;
  } catch {
    return undefined;
  }
}

/** `*.example.com` stands for its subdomains, at any depth, not for itself. */
const matches = (host: string, allowed: string): boolean =>
  allowed.startsWith('*.')
    ? host.toLowerCase().endsWith(allowed.slice(1).toLowerCase())
    : host.toLowerCase() === allowed.toLowerCase();
