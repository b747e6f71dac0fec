import { AdapterError } from '../../../contract/errors.js';
import { nameFault } from '../objects/object-name.js';

export interface ContainerPlace {
  /** Undefined where the connection string says it. */
  readonly accountUrl: string | undefined;
  /** Undefined where the connection string says it. */
  readonly account: string | undefined;
  readonly container: string;
  /** Without slashes at its ends; empty for the whole container. */
  readonly prefix: string;
}

/** Azure's rule, and its three reserved names. Source: "Naming and Referencing Containers, Blobs, and Metadata". */
const CONTAINER = /^(?:[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){2,62}|\$root|\$web|\$logs)$/;

/**
 * `https://account.blob.core.windows.net/container/prefix`, or `container/prefix`, or the prefix alone where the
 * container is an option.
 * @throws AdapterError `invalid`
 */
export function placeOfTarget(target: string, container?: string): ContainerPlace {
  const isUrl = /^https?:\/\//i.test(target);
  if (isUrl && container !== undefined)
    throw refused(target, 'names a container, and so does with.container');
  if (isUrl) return placeOfUrl(target);
  const [first = '', ...rest] = (container === undefined ? target : `${container}/${target}`).split('/');
  return { accountUrl: undefined, account: undefined, ...placeOf(target, first, rest) };
}

function placeOfUrl(target: string): ContainerPlace {
  if (!URL.canParse(target)) throw refused('', 'is no URL that can be read');
  const { origin, hostname, pathname, search, username, password } = new URL(target);
  if (search !== '' || username !== '' || password !== '') {
    throw refused('', 'has something after "?" or before "@"; signatures belong into with.sasToken');
  }
  const parts = pathname.split('/').slice(1).map(decodePart);
  // Emulators have no host of their own for an account, and put it first in the path.
  const inPath = /^[\d.]+$/.test(hostname) || hostname === 'localhost' || hostname.startsWith('[');
  const account = inPath ? (parts.shift() ?? '') : (hostname.split('.')[0] ?? '');
  const [first = '', ...rest] = parts;
  const accountUrl = inPath ? `${origin}/${account}` : origin;
  return { accountUrl, account, ...placeOf(target, first, rest) };
}

function placeOf(target: string, container: string, rest: readonly string[]) {
  if (!CONTAINER.test(container))
    throw refused(target, 'has no container’s name: 3 to 63 of a-z, 0-9 and "-"');
  const prefix = rest.join('/').replace(/\/$/, '');
  const fault = prefix === '' ? undefined : nameFault(prefix);
  if (fault !== undefined) throw refused(target, `has a prefix that ${fault}`);
  return { container, prefix: prefix.normalize('NFC') };
}

/** As it stands where it can’t be decoded. */
export function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @param target empty where it may hold a secret */
const refused = (target: string, fault: string): AdapterError =>
  new AdapterError('invalid', `target ${target === '' ? '' : `${JSON.stringify(target)} `}${fault}`, {
    sent: 'no',
  });
