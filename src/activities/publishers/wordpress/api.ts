import { z } from 'zod';
import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import { jsonOf, placeOf, sendHttp, type HttpAnswer, type HttpRequest } from '../../http/request.js';
import type { PublisherContext } from '../publisher.js';
import type { WordPressOptions } from './options.js';
import { codeIn, wordpressRefusal } from './refusal.js';
import {
  POST_FIELDS,
  postSchema,
  publicSchema,
  termSchema,
  userSchema,
  type Post,
  type PublicObject,
  type Term,
  type User,
} from './schemas.js';

/** Fields of a post that we write. The author is never among them. */
export interface PostFields {
  readonly title?: string;
  readonly slug?: string;
  readonly status?: string;
  readonly content?: string;
  readonly excerpt?: string;
  readonly categories?: readonly number[];
  readonly tags?: readonly number[];
  readonly meta?: Readonly<Record<string, string>>;
}

/** Posts that a user may edit, lowest id first. */
export interface Listing {
  readonly posts: readonly Post[];
  /** How many more match that this user may not see. WordPress counts before it leaves them out. */
  readonly unseen: number;
}

/** `forbidden`: it is there, and this user may not edit it. */
export type PostById =
  { readonly kind: 'post'; readonly post: Post } | { readonly kind: 'gone' } | { readonly kind: 'forbidden' };

export type Taxonomy = 'categories' | 'tags';
type Query = Readonly<Record<string, string>>;

/** Without `trash`: that `any` leaves it out is easily missed. */
const STATES = 'publish,future,draft,pending,private';
const EVERY_STATE = `${STATES},trash`;
const PAGE_SIZE = 100;
const PAGES_MAX = 50;

export type WordPressApi = ReturnType<typeof wordpressApi>;

/** The requests that this publisher sends; each once. */
export function wordpressApi(options: WordPressOptions, context: PublisherContext) {
  async function send(method: HttpRequest['method'], path: string, query: Query = {}, body?: PostFields) {
    const request: HttpRequest = {
      method,
      url: endpoint(options, path, query),
      headers: {
        authorization: `Basic ${Buffer.from(`${options.username}:${options.password}`).toString('base64')}`,
        accept: 'application/json',
        'cache-control': 'no-cache',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeoutMs: durationMs(options.timeout),
      signal: context.signal,
      turn: context.turn,
    };
    return { request, answer: await sendHttp(request) };
  }

  async function list<T>(schema: z.ZodType<T>, path: string, query: Query) {
    const found: T[] = [];
    for (let page = 1; page <= PAGES_MAX; page++) {
      const paged = { ...query, per_page: String(PAGE_SIZE), page: String(page) };
      const { request, answer } = await send('GET', path, paged);
      found.push(...bodyOf(z.array(schema), answer, request));
      if (page >= (Number(answer.headers.get('x-wp-totalpages')) || 1)) {
        return { found, total: Number(answer.headers.get('x-wp-total')) || found.length };
      }
    }
    throw new AdapterError('conflict', `${path} has more than ${PAGES_MAX * PAGE_SIZE} matches`, {
      sent: 'no',
    });
  }

  async function listPosts(query: Query): Promise<Listing> {
    const { found, total } = await list(postSchema, 'posts', {
      context: 'edit',
      orderby: 'id',
      order: 'asc',
      _fields: POST_FIELDS,
      ...query,
    });
    return { posts: found.sort((a, b) => a.id - b.id), unseen: Math.max(0, total - found.length) };
  }

  return {
    /** Posts of any state that have the slug, or had it before they were trashed. */
    postsNamed: (slug: string) => listPosts({ slug: `${slug},${slug}__trashed`, status: EVERY_STATE }),
    /** The same without the trash. */
    livePostsNamed: (slug: string) => listPosts({ slug, status: STATES }),
    /** Posts of any state that hold a text. */
    postsWith: (text: string) => listPosts({ search: text, status: EVERY_STATE }),

    async post(id: string): Promise<PostById> {
      const { request, answer } = await send('GET', `posts/${id}`, { context: 'edit', _fields: POST_FIELDS });
      const code = codeIn(answer);
      if (code === 'rest_post_invalid_id') return { kind: 'gone' };
      if (code === 'rest_forbidden_context' || code === 'rest_forbidden') return { kind: 'forbidden' };
      return { kind: 'post', post: bodyOf(postSchema, answer, request) };
    },

    async create(fields: PostFields): Promise<Post> {
      const { request, answer } = await send('POST', 'posts', { _fields: POST_FIELDS }, fields);
      return bodyOf(postSchema, answer, request);
    },

    async change(id: string, fields: PostFields): Promise<Post> {
      const { request, answer } = await send('POST', `posts/${id}`, { _fields: POST_FIELDS }, fields);
      if (codeIn(answer) === 'rest_post_invalid_id')
        throw new AdapterError('unknown', `post ${id} was deleted a moment ago`, { sent: 'rejected' });
      return bodyOf(postSchema, answer, request);
    },

    /** One already gone counts as removed. */
    async remove(id: string): Promise<void> {
      const { request, answer } = await send('DELETE', `posts/${id}`, { force: 'true' });
      if (codeIn(answer) !== 'rest_post_invalid_id') bodyOf(z.unknown(), answer, request);
    },

    /** One already there, or gone, counts as trashed. @returns false where the site has no trash */
    async trash(id: string): Promise<boolean> {
      const { request, answer } = await send('DELETE', `posts/${id}`);
      const code = codeIn(answer);
      if (code === 'rest_trash_not_supported') return false;
      if (code !== 'rest_post_invalid_id' && code !== 'rest_already_trashed')
        bodyOf(z.unknown(), answer, request);
      return true;
    },

    /** What the public finds under a slug. */
    async publicNamed(type: 'posts' | 'pages' | 'media', slug: string): Promise<readonly PublicObject[]> {
      const { found } = await list(publicSchema, type, { slug, _fields: 'id,slug,link' });
      return found.filter((one) => one.slug === slug);
    },

    async termsById(taxonomy: Taxonomy, ids: readonly number[]): Promise<readonly Term[]> {
      return (await list(termSchema, taxonomy, { include: ids.join(','), _fields: 'id,name,slug' })).found;
    },

    async termsLike(taxonomy: Taxonomy, text: string): Promise<readonly Term[]> {
      return (await list(termSchema, taxonomy, { search: text, _fields: 'id,name,slug' })).found;
    },

    async me(): Promise<User> {
      const query = { context: 'edit', _fields: 'username,roles,capabilities' };
      const { request, answer } = await send('GET', 'users/me', query);
      return bodyOf(userSchema, answer, request);
    },
  };
}

function endpoint({ url, restPath }: WordPressOptions, path: string, query: Query): string {
  const site = url.replace(/\/+$/, '');
  if (!restPath.startsWith('?')) {
    return `${site}/${restPath.replace(/^\/+|\/+$/g, '')}/wp/v2/${path}?${new URLSearchParams(query).toString()}`;
  }
  return `${site}/?${new URLSearchParams({ rest_route: `/wp/v2/${path}`, ...query }).toString()}`;
}

/**
 * The answer's body, as it must be.
 * @throws AdapterError by status, or `transient` (`unknown` after a change) where a 2xx is not what WordPress answers
 */
function bodyOf<T>(schema: z.ZodType<T>, answer: HttpAnswer, request: HttpRequest): T {
  if (answer.status < 200 || answer.status > 299) throw wordpressRefusal(answer, request);
  const parsed = schema.safeParse(jsonOf(answer));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw new AdapterError(
    request.method === 'GET' ? 'transient' : 'unknown',
    `${request.method} ${placeOf(request.url)} was answered ${answer.status} with something that is not WordPress’s REST API${where}`,
    { sent: 'maybe', code: String(answer.status) },
  );
}
