import { AdapterError } from '../contract/errors.js';

/**
 * Names a database to people: `host:port/database`, without user and password.
 * @throws AdapterError `config` when it is not a URL; the text given is not repeated, for it may hold a password
 */
export function postgresPlace(url: string): string {
  const parsed = parse(url);
  // A "@" or "#" behind the host is the rest of a password that was not encoded; it would be shown as a path.
  if (parsed === undefined || parsed.hash !== '' || /@/.test(parsed.pathname + parsed.search)) {
    throw new AdapterError(
      'config',
      'the ledger is named by something that is not a PostgreSQL URL: write ' +
        'postgres://user:password@host:5432/database, with the special characters of a password percent-encoded',
    );
  }
  const host = parsed.host === SOCKET ? (parsed.searchParams.get('host') ?? 'localhost') : parsed.host;
  return `${host}${parsed.pathname}`;
}

const SOCKET = 'socket';

function parse(url: string): URL | undefined {
  try {
    return new URL(url.replace(/(@|:\/\/)\//, `$1${SOCKET}/`)); // a socket's folder is named in a parameter
  } catch {
    return undefined;
  }
}
