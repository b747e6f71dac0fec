import { AdapterError } from '../../../contract/errors.js';
import type { ProbeFinding, PublisherContext } from '../publisher.js';
import type { WordPressApi } from './api.js';
import type { WordPressOptions } from './options.js';
import type { Post, User } from './schemas.js';
import { resolveTerms } from './terms.js';

const PROBE = 'nightshift-probe';
/** Drafts of a probe that was cut short are taken away by a later one; a younger one may still be at work. */
const LEFTOVER_MS = 10 * 60_000;

/** What would go wrong tonight. Makes one draft, which nobody but its author can see, and deletes it. */
export async function probeWordPress(
  options: WordPressOptions,
  api: WordPressApi,
  context: PublisherContext,
): Promise<readonly ProbeFinding[]> {
  const findings = aboutAddress(options.url);
  try {
    const user = await api.me();
    findings.push(...aboutUser(user, options));
    if (!may(user, 'edit_posts')) return findings;
    findings.push(...(await aboutLookups(options, api, context)));
    await resolveTerms(options, api);
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    findings.push({ status: 'fail', detail: error.message });
  }
  return findings;
}

function aboutAddress(url: string): ProbeFinding[] {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || /^(localhost|127\.|\[::1\])/.test(hostname)) return [];
  return [
    {
      status: 'warn',
      detail: `${url} is not encrypted: whoever is on the way can read the password`,
      fix: 'use https',
    },
  ];
}

const may = ({ capabilities }: User, what: string): boolean => capabilities[what] === true;

function aboutUser(user: User, { status }: WordPressOptions): ProbeFinding[] {
  const findings: ProbeFinding[] = [];
  const who = `${user.username} (${user.roles.join(', ') || 'no role'})`;
  if (!may(user, 'edit_posts'))
    return [{ status: 'fail', detail: `${who} may not write posts`, fix: 'give the user the role author' }];
  findings.push({ status: 'ok', detail: `signed in as ${who}, who may write posts` });
  const publishes = status === 'publish' || status === 'private';
  if (publishes && !may(user, 'publish_posts'))
    findings.push({
      status: 'fail',
      detail: `${who} may not publish`,
      fix: 'give the user the role author, or use with.status: pending',
    });
  if (publishes && !may(user, 'edit_published_posts'))
    findings.push({
      status: 'warn',
      detail: `${who} may not change a post that is published: revisions and unpublish will fail`,
      fix: 'give the user the role author',
    });
  if (!may(user, 'delete_posts'))
    findings.push({
      status: 'fail',
      detail: `${who} may not delete drafts, which is how twins are taken away`,
      fix: 'give the user the role author',
    });
  if (may(user, 'unfiltered_html') || user.roles.includes('administrator'))
    findings.push({
      status: 'warn',
      detail: `${who} may store scripts: WordPress itself filters nothing of what an agent wrote`,
      fix: 'use a user with the role author',
    });
  return findings;
}

/** A look-up that is blind to one's own drafts says "absent" for ever, and each run would make a twin. */
async function aboutLookups(
  { metaKey }: WordPressOptions,
  api: WordPressApi,
  context: PublisherContext,
): Promise<ProbeFinding[]> {
  const before = await api.postsWith(PROBE);
  for (const leftover of before.posts.filter((post) => isLeftover(post, context.now())))
    await api.remove(String(leftover.id));

  const name = `${PROBE}-${crypto.randomUUID()}`;
  const draft = await api.create({
    slug: name,
    status: 'draft',
    title: name,
    content: `<!-- ${name} -->\n<p>A test by nightshift; may be deleted.</p>`,
    ...(metaKey !== undefined && { meta: { [metaKey]: name } }),
  });
  try {
    const [named, marked] = await Promise.all([api.postsNamed(name), api.postsWith(name)]);
    return [
      finding(
        has(named.posts, draft),
        'a look-up by slug sees this user’s own drafts',
        'use the user that writes, and let no plugin filter REST queries',
      ),
      finding(
        has(marked.posts, draft),
        'a look-up by mark sees this user’s own drafts',
        'a plugin takes comments out of posts, or changes how WordPress searches: turn that off',
      ),
      ...(metaKey === undefined ? [] : [aboutMeta(draft, metaKey, name)]),
    ];
  } finally {
    await api.remove(String(draft.id));
  }
}

const isLeftover = ({ slug, status, modified_gmt: at }: Post, now: Date): boolean =>
  slug.startsWith(`${PROBE}-`) &&
  status === 'draft' &&
  at !== undefined &&
  now.getTime() - Date.parse(`${at}Z`) > LEFTOVER_MS;

const has = (posts: readonly Post[], { id }: Post): boolean => posts.some((post) => post.id === id);

const finding = (isSo: boolean, detail: string, fix: string): ProbeFinding =>
  isSo ? { status: 'ok', detail } : { status: 'fail', detail: `not so: ${detail}`, fix };

function aboutMeta({ meta }: Post, metaKey: string, value: string): ProbeFinding {
  const kept =
    typeof meta === 'object' &&
    meta !== null &&
    (meta as Readonly<Record<string, unknown>>)[metaKey] === value;
  return kept
    ? { status: 'ok', detail: `meta field ${metaKey} is kept` }
    : {
        status: 'warn',
        detail: `meta field ${metaKey} is dropped by the site; the mark in the content remains`,
        fix: 'register it with register_post_meta, show_in_rest and an auth_callback, or leave with.metaKey out',
      };
}
