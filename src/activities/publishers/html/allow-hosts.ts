import type { Element, ElementContent, Root, RootContent } from 'hast';

/**
 * Hosts that a text may name: `example.com` is that host alone, `*.example.com` each below it. Absent: all.
 * An image is fetched by every reader, so its URL can carry something out.
 */
export interface AllowedHosts {
  readonly linkHosts?: readonly string[] | undefined;
  readonly imageHosts?: readonly string[] | undefined;
}

/**
 * Places of our own to resolve against: what still has this host afterwards named none. Two, because `https:host` is
 * a path on a page that is https itself, and a host on one that is not.
 */
const OWN_SITES = ['https://own-site.invalid', 'http://own-site.invalid'];

/**
 * Links to other hosts lose their address and keep their text; images of other hosts leave their alternative text.
 * Addresses within the site (`/about`, `#top`) and mail addresses stay.
 */
export function allowHosts({ linkHosts, imageHosts }: AllowedHosts): (tree: Root) => void {
  const rules: Rule[] = [];
  if (linkHosts)
    rules.push(({ tagName, properties }) => isBadLink(tagName, properties, linkHosts) && 'unwrap');
  if (imageHosts) rules.push((element) => badImage(element, imageHosts));
  return (tree) => {
    if (rules.length > 0) tree.children = keepAllowed(tree.children, rules);
  };
}

type Rule = (element: Element) => 'unwrap' | 'alt' | 'drop' | false;

function keepAllowed(children: readonly (RootContent | ElementContent)[], rules: readonly Rule[]) {
  return children.flatMap((child): (RootContent | ElementContent)[] => {
    if (child.type !== 'element') return [child];
    child.children = keepAllowed(child.children, rules) as ElementContent[];
    const verdict = rules.map((rule) => rule(child)).find((said) => said !== false) ?? false;
    if (verdict === false) return [child];
    if (verdict === 'unwrap') return child.children;
    const { alt } = child.properties;
    return verdict === 'alt' && typeof alt === 'string' && alt !== '' ? [{ type: 'text', value: alt }] : [];
  });
}

const isBadLink = (tagName: string, { href }: Element['properties'], hosts: readonly string[]): boolean =>
  (tagName === 'a' || tagName === 'area') && href !== undefined && !isAllowed(href, hosts);

function badImage({ tagName, properties }: Element, hosts: readonly string[]): ReturnType<Rule> {
  // A set of sources is a second way to name hosts; the picture still has its `src`.
  if (tagName === 'source') return 'drop';
  if (tagName !== 'img') return false;
  delete properties['srcSet'];
  return properties['src'] === undefined || isAllowed(properties['src'], hosts) ? false : 'alt';
}

/** Reads the address as browsers do: `//host`, `\\host` and `https:host` name a host too. */
const isAllowed = (address: unknown, hosts: readonly string[]): boolean =>
  OWN_SITES.every((own) => isAllowedOn(own, address, hosts));

function isAllowedOn(own: string, address: unknown, hosts: readonly string[]): boolean {
  if (typeof address !== 'string' || !URL.canParse(address, own)) return false;
  const { protocol, host, hostname, origin } = new URL(address, own);
  if (origin === own || protocol === 'mailto:') return true;
  return hosts.some((allowed) => {
    const wanted = allowed.toLowerCase();
    if (wanted.startsWith('*.')) return hostname.endsWith(wanted.slice(1));
    return wanted === host || wanted === hostname;
  });
}
