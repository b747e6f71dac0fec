import type { z } from 'zod';
import { AdapterError } from '../../../contract/errors.js';
import { durationMs } from '../../../contract/batch-file.js';
import { jsonOf, placeOf, sendHttp, type HttpAnswer, type HttpRequest } from '../../http/request.js';
import type { PublisherContext } from '../publisher.js';
import type { NewTag } from './mark.js';
import type { GhostOptions } from './options.js';
import { ghostRefusal, isGone } from './refusal.js';
import {
  entriesSchema,
  pagesSchema,
  postsSchema,
  siteSchema,
  tagsSchema,
  usersSchema,
  type Entry,
  type Page,
  type Post,
} from './schemas.js';
import { adminToken } from './token.js';

/** In the order that the post is to have; one without an id is made where there is none of its name. */
export type PostTags = readonly (NewTag | { readonly id: string })[];

/** Fields of a post that we write. */
export interface PostFields {
  readonly title?: string;
  readonly slug?: string;
  readonly html?: string;
  readonly custom_excerpt?: string;
  readonly status?: 'draft' | 'published';
  readonly tags?: PostTags;
}

/** The requests that this publisher sends; each once. Ghost's `newsletter` parameter, which mails, is not among them. */
export interface GhostApi {
  /** Posts of any state that meet an NQL filter, oldest first, without their content. */
  list(filter: string): Promise<readonly Entry[]>;
  /** Undefined where Ghost says that there is none. */
  read(id: string): Promise<Post | undefined>;
  add(fields: PostFields): Promise<Post>;
  /** @throws AdapterError `transient` where it was saved by somebody since `of` was read; undefined where it is gone */
  edit(of: Pick<Post, 'id' | 'updated_at'>, fields: PostFields): Promise<Post | undefined>;
  /** One already gone counts as removed. */
  remove(id: string): Promise<void>;
  pageAt(slug: string): Promise<Page | undefined>;
  removeTagWithoutPosts(id: string): Promise<void>;
  version(): Promise<string>;
  /** Roles of the person whose token the key is; undefined for an integration's key. */
  rolesOfKey(): Promise<readonly string[] | undefined>;
}

const LIST_MAX = 100;
const ENTRY_FIELDS = 'id,slug,title,url,status,created_at,updated_at,published_at';
/** Content and tags in every answer about one post. */
const WHOLE = { formats: 'html', include: 'tags' };

type Query = Readonly<Record<string, string>>;

export function ghostApi(options: GhostOptions, context: PublisherContext): GhostApi {
  const root = `${options.url.replace(/\/+$/, '')}/ghost/api/admin`;

  async function ask(method: HttpRequest['method'], path: string, query: Query = {}, body?: unknown) {
    const request = {
      method,
      url: `${root}${path}?${new URLSearchParams(query).toString()}`,
      headers: {
        authorization: `Ghost ${adminToken(options.key, context.now())}`,
        accept: 'application/json',
        'accept-version': 'v5.0',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeoutMs: durationMs(options.timeout),
      signal: context.signal,
      turn: context.turn,
    };
    return { request, answer: await sendHttp(request) };
  }

  async function get<T>(schema: z.ZodType<T>, path: string, query?: Query): Promise<T> {
    const { request, answer } = await ask('GET', path, query);
    return bodyOf(schema, answer, request);
  }

  return {
    async list(filter) {
      const query = {
        filter,
        fields: ENTRY_FIELDS,
        include: 'tags',
        limit: String(LIST_MAX),
        order: 'id asc',
      };
      const all: Entry[] = [];
      for (let page = 1; ; page++) {
        const { posts } = await get(entriesSchema, '/posts/', { ...query, page: String(page) });
        all.push(...posts);
        if (posts.length < LIST_MAX) return all;
      }
    },

    async read(id) {
      const { request, answer } = await ask('GET', `/posts/${id}/`, WHOLE);
      return isGone(answer) ? undefined : bodyOf(postsSchema, answer, request).posts[0];
    },

    async add(fields) {
      const { request, answer } = await ask(
        'POST',
        '/posts/',
        { ...WHOLE, source: 'html' },
        { posts: [fields] },
      );
      return bodyOf(postsSchema, answer, request).posts[0];
    },

    async edit({ id, updated_at }, fields) {
      const query = { ...WHOLE, ...(fields.html !== undefined && { source: 'html' }) };
      const { request, answer } = await ask('PUT', `/posts/${id}/`, query, {
        posts: [{ ...fields, updated_at }],
      });
      return isGone(answer) ? undefined : bodyOf(postsSchema, answer, request).posts[0];
    },

    async remove(id) {
      const { request, answer } = await ask('DELETE', `/posts/${id}/`);
      if (answer.status !== 204 && !isGone(answer)) throw ghostRefusal(answer, request);
    },

    async pageAt(slug) {
      const query = { filter: `slug:'${slug}'`, fields: 'id,slug,url,status', limit: '1' };
      return (await get(pagesSchema, '/pages/', query)).pages[0];
    },

    async removeTagWithoutPosts(id) {
      const found = await ask('GET', `/tags/${id}/`, { include: 'count.posts' });
      if (isGone(found.answer)) return;
      if (bodyOf(tagsSchema, found.answer, found.request).tags[0].count.posts > 0) return;
      const { request, answer } = await ask('DELETE', `/tags/${id}/`);
      if (answer.status !== 204 && !isGone(answer)) throw ghostRefusal(answer, request);
    },

    version: async () => (await get(siteSchema, '/site/')).site.version,

    async rolesOfKey() {
      const { request, answer } = await ask('GET', '/users/me/', { include: 'roles' });
      if (isGone(answer)) return undefined;
      return bodyOf(usersSchema, answer, request).users[0].roles.map(({ name }) => name);
    },
  };
}

function bodyOf<T>(
  schema: z.ZodType<T>,
  answer: HttpAnswer,
  request: Pick<HttpRequest, 'method' | 'url'>,
): T {
  if (answer.status < 200 || answer.status > 299) throw ghostRefusal(answer, request);
  const parsed = schema.safeParse(jsonOf(answer));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const changes = request.method !== 'GET';
  throw new AdapterError(
    changes ? 'unknown' : 'config',
    `${request.method} ${placeOf(request.url)} was answered ${answer.status}, but not as Ghost answers` +
      ` (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}); is with.url the address of a Ghost 5 site?`,
    { sent: changes ? 'maybe' : 'no', code: String(answer.status) },
  );
}
