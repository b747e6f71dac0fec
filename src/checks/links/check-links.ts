import { durationMs } from '../../contract/duration-ms.js';
import { AdapterError } from '../../contract/errors.js';
import type { LinksCheck } from '../../contract/checks.js';
import { shown } from '../../batch/shown.js';
import { timeLimit } from '../../time-limit.js';
import type { DocumentParts } from '../document.js';
import { openLink, type LinkEnd, type Resolve } from './open-link.js';

/** Links asked at once: enough for a night, too few to trouble one server. */
const AT_ONCE = 4;

export interface LinkFindings {
  readonly problems: readonly string[];
  /** What could not be told, and fails nothing. */
  readonly notes: readonly string[];
}

/**
 * Looks whether the links of a document lead somewhere: `#name` inside it, `http` and `https` at their servers.
 * Relative paths and other schemes are not looked at: where the document will stand is not known here.
 * @throws AdapterError `transient` when this machine has no network, so that nothing can be said of any link
 */
export async function checkLinks(
  { links, anchors }: Pick<DocumentParts, 'links' | 'anchors'>,
  spec: LinksCheck,
  { signal, resolve }: { readonly signal: AbortSignal; readonly resolve?: Resolve | undefined },
): Promise<LinkFindings> {
  const problems = anchorProblems(links, anchors);
  const urls = outward(links);
  const bad = links.filter((link) => /^https?:/i.test(link) && !URL.canParse(link));
  problems.push(...bad.map((link) => `the link ${shown(link)} is no address`));
  if (urls.length > spec.max) {
    problems.push(`it has ${urls.length} links to other places, at most ${spec.max} are allowed`);
    return { problems, notes: [] };
  }

  const within = timeLimit(durationMs(spec.within), signal);
  const rules = {
    hosts: spec.hosts,
    timeoutMs: durationMs(spec.timeout),
    signal: within.signal,
    resolve,
  };
  const ends = await inTurn(urls, async (url): Promise<LinkEnd> => {
    if (within.signal.aborted) return { kind: 'unclear', why: 'no time was left for it' };
    try {
      return await openLink(url, rules);
    } catch (error) {
      signal.throwIfAborted();
      if (within.signal.aborted) return { kind: 'unclear', why: 'no time was left for it' };
      throw error;
    }
  }).finally(within.end);
  signal.throwIfAborted();
  assertOnline(ends);

  const notes: string[] = [];
  for (const [at, end] of ends.entries()) {
    if (end.kind === 'there') continue;
    const sentence = `the link ${shown(urls[at])} ${SAYS[end.kind]}: ${end.why}`;
    const fails = end.kind === 'gone' || end.kind === 'refused' || spec.unclear === 'fail';
    (fails ? problems : notes).push(sentence);
  }
  return { problems, notes };
}

const SAYS = {
  gone: 'leads nowhere',
  refused: 'is none for readers',
  unclear: 'could not be checked',
  offline: 'could not be checked',
} as const;

function assertOnline(ends: readonly LinkEnd[]): void {
  const [first] = ends;
  if (first?.kind !== 'offline' || !ends.every(({ kind }) => kind === 'offline')) return;
  throw new AdapterError(
    'transient',
    `the links of the artifact can’t be checked, no network answers (${first.why}); nothing is published until then`,
    { sent: 'no', code: first.why },
  );
}

/** Addresses with a host of their own, without what stands behind `#`, each once. */
function outward(links: readonly string[]): string[] {
  const urls = links
    .map((link) => (link.startsWith('//') ? `https:${link}` : link))
    .filter((link) => /^https?:/i.test(link) && URL.canParse(link))
    .map((link) => {
      const url = new URL(link);
      url.hash = '';
      // Nothing that an agent wrote is sent as credentials.
      url.username = '';
      url.password = '';
      return url.href;
    });
  return [...new Set(urls)];
}

const anchorProblems = (links: readonly string[], anchors: ReadonlySet<string>): string[] =>
  links
    .filter((link) => link.startsWith('#') && link !== '#' && link !== '#top')
    .filter((link) => !anchors.has(link.slice(1)) && !anchors.has(decoded(link.slice(1))))
    .map((link) => `the link ${shown(link)} leads to no heading or name in it`);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not percent-encoded: as it is
  }
}

/** Results in the order of what was asked, a few at a time. */
async function inTurn<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = all.entries();
  const lane = async (): Promise<void> => {
    for (const [at, one] of queue) results[at] = await work(one);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, lane));
  return results;
}
