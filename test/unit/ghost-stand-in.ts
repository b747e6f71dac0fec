/**
 * As much of Ghost's Admin API as the publisher uses, in memory, with the manners of Ghost 5.130.6: names get a number
 * where they are taken, saves need the `updated_at` that was read, times are whole seconds, "duplicate" copies tags.
 * `ghost-cases.ts` holds it to what the real one does.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { GhostSite, StoredPost } from './ghost-cases.js';

interface Tag {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly created_at: string;
}
type Post = { -readonly [K in keyof StoredPost]: StoredPost[K] } & { created_at: string; tags: Tag[] };
interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

export interface StandIn extends GhostSite {
  /** Roles of the person whose token the key is to be; undefined makes it an integration's. */
  roles: readonly string[] | undefined;
  close(): Promise<void>;
}

const fieldsSchema = z.object({
  title: z.string().optional(),
  slug: z.string().optional(),
  html: z.string().optional(),
  custom_excerpt: z.string().optional(),
  status: z.string().optional(),
  updated_at: z.string().optional(),
  tags: z
    .array(z.object({ id: z.string().optional(), name: z.string().optional(), slug: z.string().optional() }))
    .optional(),
});
type Fields = z.infer<typeof fieldsSchema>;

const PROTECTED = /^(ghost|rss|amp)$/;
const fault = (status: number, type: string, message = type, code?: string): Answer => ({
  status,
  body: { errors: [{ type, message, context: null, code }] },
});
const GONE = fault(404, 'NotFoundError');

export async function startStandIn(): Promise<StandIn> {
  const [keyId, secret] = [randomBytes(12).toString('hex'), randomBytes(32).toString('hex')];
  const posts: Post[] = [];
  const tags: Tag[] = [];
  let ids = 0;
  let ahead = 0;
  const newId = () => (++ids).toString(16).padStart(24, '0');
  const now = () => new Date(Math.floor((Date.now() + ahead) / 1000) * 1000).toISOString();

  const server = createServer((incoming, outgoing) => {
    const reply = async (): Promise<Answer> => {
      const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://localhost');
      const root = '/ghost/api/admin';
      if (!pathname.startsWith(`${root}/`)) return { status: 404, body: '<html>404</html>' };
      const body = await text(incoming);
      if (pathname !== `${root}/site/` && !isSigned(incoming.headers.authorization ?? '', keyId, secret))
        return fault(401, 'UnauthorizedError', 'Invalid token: invalid signature', 'INVALID_JWT');
      return route(
        incoming.method ?? '',
        pathname.slice(root.length),
        searchParams,
        body && JSON.parse(body),
      );
    };
    void reply().then(({ status, body }) => {
      const said = typeof body === 'string' ? body : JSON.stringify(body);
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(said);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  function route(method: string, path: string, query: URLSearchParams, body: unknown): Answer {
    const [, kind = '', id, verb] = path.split('/');
    if (kind === 'site') return { status: 200, body: { site: { version: '5.130' } } };
    if (kind === 'users') return aboutMe();
    if (kind === 'tags') return method === 'DELETE' ? removeTag(id ?? '') : countOf(id ?? '');
    const type = kind === 'pages' ? 'page' : 'post';
    const fields = () => fieldsSchema.parse((body as Record<string, unknown[]>)[kind]?.[0]);
    const post = posts.find((one) => one.id === id && one.type === type);
    const answer = (one: Post, status = 200): Answer => ({ status, body: { [kind]: [shownTo(one)] } });
    if (method === 'POST' && verb === 'copy') return post ? answer(copy(post), 201) : GONE;
    if (method === 'POST') {
      const added = add(fields(), type);
      return 'errors' in added ? fault(422, 'ValidationError', added.errors) : answer(added, 201);
    }
    if (!id) return { status: 200, body: { [kind]: found(type, query).map(shownTo) } };
    if (!post) return GONE;
    if (method === 'PUT') return edit(post, fields()) ?? answer(post);
    if (method !== 'DELETE') return answer(post);
    posts.splice(posts.indexOf(post), 1);
    return { status: 204 };
  }

  const aboutMe = (): Answer =>
    standIn.roles
      ? { status: 200, body: { users: [{ roles: standIn.roles.map((name) => ({ name })) }] } }
      : GONE;

  const countOf = (id: string): Answer => ({
    status: 200,
    body: {
      tags: [{ count: { posts: posts.filter((post) => post.tags.some((tag) => tag.id === id)).length } }],
    },
  });

  function removeTag(id: string): Answer {
    tags.splice(0, tags.length, ...tags.filter((tag) => tag.id !== id));
    for (const post of posts) post.tags = post.tags.filter((tag) => tag.id !== id);
    return { status: 204 };
  }

  const shownTo = (post: Post) => ({
    ...post,
    url: post.status === 'draft' ? `${url}/p/${post.id}/` : `${url}/${post.slug}/`,
  });

  /** NQL, as far as `name:'value'` with commas between goes: any of them. */
  function found(type: string, query: URLSearchParams): Post[] {
    const any = [...(query.get('filter') ?? '').matchAll(/(\w+):'([^']*)'/g)];
    const size = Number(query.get('limit') ?? 15);
    const from = (Number(query.get('page') ?? 1) - 1) * size;
    const meets = (post: Post, [, name, value]: RegExpMatchArray) =>
      name === 'tag' ? post.tags.some((tag) => tag.slug === value) : post[name as 'id' | 'slug'] === value;
    return posts
      .filter((post) => post.type === type && any.some((one) => meets(post, one)))
      .slice(from, from + size);
  }

  function freeSlug(wanted: string): string {
    const cut = wanted.slice(0, 185);
    const base = PROTECTED.test(cut) ? `${cut}-post` : cut;
    const taken = (slug: string) => posts.some((post) => post.slug === slug);
    for (let number = 2, slug = base; ; slug = `${base}-${number++}`) if (!taken(slug)) return slug;
  }

  function tagsFrom(wanted: NonNullable<Fields['tags']>): Tag[] {
    return wanted.map(({ id, name = '', slug }) => {
      const known = tags.find((tag) => tag.id === id || tag.name === name);
      if (known) return known;
      const made = {
        id: newId(),
        name,
        slug: slug ?? name.replace('#', 'hash-').toLowerCase(),
        created_at: now(),
      };
      tags.push(made);
      return made;
    });
  }

  const contentOf = (html: string): string => html.replace(/<script.*?<\/script>/g, '');

  function add(fields: Fields, type: string): Post | { readonly errors: string } {
    const { title = '', html, custom_excerpt = null, status = 'draft' } = fields;
    if ([...title].length > 255)
      return { errors: 'Value in [posts.title] exceeds maximum length of 255 characters.' };
    const at = now();
    const post: Post = {
      id: newId(),
      type,
      slug: freeSlug(
        fields.slug ??
          title
            .toLowerCase()
            .replace(/[^a-z0-9]+/g, '-')
            .replace(/-$/, ''),
      ),
      status,
      title: title.trim(),
      html: html === undefined ? null : contentOf(html),
      custom_excerpt,
      created_at: at,
      updated_at: at,
      published_at: status === 'published' ? at : null,
      tags: tagsFrom(fields.tags ?? []),
    };
    posts.push(post);
    return post;
  }

  /** @returns what is wrong */
  function edit(post: Post, { updated_at, tags: wanted, ...fields }: Fields): Answer | undefined {
    if (updated_at === undefined) return fault(422, 'ValidationError', 'updated_at is missing');
    if (fields.html !== undefined) fields.html = contentOf(fields.html);
    if (fields.slug !== undefined && fields.slug !== post.slug) fields.slug = freeSlug(fields.slug);
    const names = (list: readonly Tag[]) => list.map(({ id }) => id).join();
    const next = wanted ? tagsFrom(wanted) : post.tags;
    const changes =
      Object.entries(fields).some(([name, value]) => post[name as 'title'] !== value) ||
      names(next) !== names(post.tags);
    if (!changes) return undefined;
    if (Date.parse(updated_at) !== Date.parse(post.updated_at))
      return fault(409, 'UpdateCollisionError', 'Saving failed! Someone else is editing this post.');
    Object.assign(post, fields, { tags: next, updated_at: now() });
    if (post.status === 'published') post.published_at ??= post.updated_at;
    return undefined;
  }

  function copy({ title, html, custom_excerpt, tags: kept }: Post): Post {
    const copied = add({ title: `${title} (Copy)`, ...(html !== null && { html }) }, 'post');
    if ('errors' in copied) throw new Error(copied.errors);
    return Object.assign(copied, { custom_excerpt, tags: kept });
  }

  const standIn: StandIn = {
    url,
    port,
    key: `${keyId}:${secret}`,
    roles: undefined,
    posts: () =>
      posts.map(({ id, slug, type, status, title, html, custom_excerpt, updated_at, published_at }) => {
        return { id, slug, type, status, title, html, custom_excerpt, updated_at, published_at };
      }),
    tags: () => tags.map(({ name }) => name),
    tagsOf: (id) => posts.find((post) => post.id === id)?.tags.map(({ name }) => name) ?? [],
    async asOwner(method, path, body) {
      const { pathname, searchParams } = new URL(path, url);
      const answer = route(method, pathname, searchParams, body);
      if (answer.status >= 300) throw new Error(JSON.stringify(answer));
      return answer.body ?? {};
    },
    passTime: async (ms) => {
      ahead += ms;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return standIn;
}

function isSigned(authorization: string, keyId: string, secret: string): boolean {
  const [, head = '', claims = '', signature] =
    /^Ghost ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization) ?? [];
  const { kid } = partOf(z.object({ kid: z.string() }), head) ?? {};
  const { aud, exp, iat } =
    partOf(z.object({ aud: z.string(), exp: z.number(), iat: z.number() }), claims) ?? {};
  if (kid !== keyId || aud !== '/admin/' || exp === undefined || iat === undefined) return false;
  const seconds = Date.now() / 1000;
  const isFresh = exp > seconds && iat <= seconds + 1 && exp - iat <= 300;
  const right = createHmac('sha256', Buffer.from(secret, 'hex'))
    .update(`${head}.${claims}`)
    .digest('base64url');
  return isFresh && signature === right;
}

function partOf<T>(schema: z.ZodType<T>, part: string): T | undefined {
  return part === '' ? undefined : schema.parse(JSON.parse(Buffer.from(part, 'base64url').toString()));
}
