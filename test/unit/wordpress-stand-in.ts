/** A WordPress made of memory, behind a real socket: the manners of version 6.5.5 that a publisher must know. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StoredPost {
  readonly id: number;
  readonly author: string;
  slug: string;
  status: string;
  title: string;
  content: string;
  excerpt: string;
  categories: readonly number[];
  tags: readonly number[];
  meta: Record<string, string>;
  modified: string;
}

type Role = 'author' | 'contributor' | 'administrator';
interface Manners {
  /** Meta keys that the site has registered. */
  readonly metaKeys?: readonly string[];
  /** A plugin takes comments out of what is stored. */
  readonly dropsComments?: boolean;
  /** A plugin answers searches itself, and knows nothing. */
  readonly searchIsBlind?: boolean;
  /** A plugin hides drafts from REST queries. */
  readonly hidesDrafts?: boolean;
  readonly permalinks?: 'name' | 'date';
  readonly hasTrash?: boolean;
}
type Fields = Partial<Omit<StoredPost, 'id' | 'author' | 'modified'>> & { readonly force?: boolean };

const OWN_WORDS = new Set(['feed', 'embed']);

export class WordPressStandIn {
  readonly posts: StoredPost[] = [];
  readonly pages: { readonly slug: string; readonly link: string }[] = [];
  readonly media: { readonly slug: string; readonly link: string }[] = [];
  readonly terms = {
    categories: [{ id: 1, name: 'Uncategorized', slug: 'uncategorized' }],
    tags: [] as { id: number; name: string; slug: string }[],
  };
  /** Ids of all posts that the public has ever been able to see, with the slugs they had. */
  readonly everPublic = new Set<string>();
  readonly requests: string[] = [];
  readonly users = new Map<string, Role>([
    ['robot', 'author'],
    ['other', 'author'],
    ['helper', 'contributor'],
    ['boss', 'administrator'],
  ]);
  /** Permalinks answer 404 while true. */
  permalinksBroken = false;
  private ids = 0;
  private race: { waiting: (() => void)[]; left: number } | undefined;
  private readonly server = createServer((request, response) => void this.answer(request, response));

  constructor(private readonly manners: Manners = {}) {}

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this.port;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The next `count` creations choose their slug before any of them is stored, as parallel workers do. */
  raceOf(count: number): void {
    this.race = { waiting: [], left: count };
  }

  /** What a person does in the editor. */
  async write(author: string, fields: Fields): Promise<StoredPost> {
    return this.store(author, { status: 'publish', title: 'By hand', content: '<p>By hand</p>', ...fields });
  }

  change(id: number | string, fields: Fields): void {
    const post = this.byId(Number(id));
    if (!post) throw new Error(`no post ${id}`);
    Object.assign(post, fields, { modified: new Date().toISOString() });
    this.note(post);
  }

  /** As WordPress does: the slug is freed. */
  trash(id: number | string): void {
    const post = this.byId(Number(id));
    if (post && post.status !== 'trash') this.change(id, { status: 'trash', slug: `${post.slug}__trashed` });
  }

  delete(id: number | string): void {
    const at = this.posts.findIndex((post) => post.id === Number(id));
    if (at >= 0) this.posts.splice(at, 1);
  }

  public(): StoredPost[] {
    return this.posts.filter(({ status }) => status === 'publish');
  }

  private byId = (id: number): StoredPost | undefined => this.posts.find((post) => post.id === id);

  private note({ id, slug, status }: StoredPost): void {
    if (status === 'publish') this.everPublic.add(`${id}:${slug}`);
  }

  private freeSlug(wished: string): string {
    const taken = (slug: string) => OWN_WORDS.has(slug) || this.posts.some((post) => post.slug === slug);
    const cut = wished.slice(0, 200);
    if (!taken(cut)) return cut;
    for (let number = 2; ; number++) if (!taken(`${cut}-${number}`)) return `${cut}-${number}`;
  }

  private async store(author: string, fields: Fields): Promise<StoredPost> {
    const slug = this.freeSlug(fields.slug ?? '');
    await this.racers();
    const post: StoredPost = {
      id: ++this.ids,
      author,
      status: 'draft',
      title: '',
      excerpt: '',
      categories: [],
      tags: [],
      ...fields,
      content: this.filtered(author, fields.content ?? ''),
      slug,
      meta: this.registered(fields.meta),
      modified: new Date().toISOString(),
    };
    this.posts.push(post);
    this.note(post);
    return post;
  }

  private async racers(): Promise<void> {
    const { race } = this;
    if (!race) return;
    if (--race.left === 0) {
      this.race = undefined;
      for (const go of race.waiting) go();
      return;
    }
    await new Promise<void>((resolve) => race.waiting.push(resolve));
  }

  private registered(meta: Record<string, string> = {}): Record<string, string> {
    const known = this.manners.metaKeys ?? [];
    return Object.fromEntries(Object.entries(meta).filter(([key]) => known.includes(key)));
  }

  /** Administrators may store anything; of others scripts are taken out and entities rewritten. */
  private filtered(author: string, content: string): string {
    const kept = this.manners.dropsComments ? content.replace(/<!--.*?-->/g, '') : content;
    if (this.users.get(author) === 'administrator') return kept;
    return kept.replace(/<script>.*?<\/script>/g, '').replace(/&#(\d\d);/g, '&#0$1;');
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const method = request.method ?? 'GET';
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const path = url.searchParams.get('rest_route') ?? url.pathname.replace(/^\/wp-json/, '');
    this.requests.push(`${method} ${path}`);
    const send = (status: number, body: unknown, headers: Record<string, string> = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(typeof body === 'string' ? body : JSON.stringify(body));
    const refuse = (status: number, code: string) => send(status, { code, message: `no: ${code}` });
    if (!path.startsWith('/wp/v2/')) return void send(this.pageStatus(url.pathname), '<html></html>');

    const user = this.userOf(request.headers.authorization);
    if (user === undefined) return void refuse(401, 'rest_cannot_create');
    const fields = text === '' ? {} : (JSON.parse(text) as Fields);
    const [type = '', id] = path.slice('/wp/v2/'.length).split('/');
    if (type === 'users') return void send(200, this.userObject(user));
    if (type === 'categories' || type === 'tags') return void this.answerTerms(type, url, send);
    if (type === 'pages' || type === 'media') {
      const found = this[type].filter(({ slug }) => slug === url.searchParams.get('slug'));
      return void send(
        200,
        found.map((one, at) => ({ ...one, id: 9000 + at })),
      );
    }
    if (type !== 'posts') return void refuse(404, 'rest_no_route');
    if (id === undefined && method === 'POST')
      return void send(201, this.shown(await this.store(user, fields)));
    if (id === undefined) return void this.answerPosts(user, url, send);

    const post = this.byId(Number(id));
    if (!post) return void refuse(404, 'rest_post_invalid_id');
    if (!this.mayEdit(user, post)) return void refuse(403, 'rest_forbidden_context');
    if (method === 'GET') return void send(200, this.shown(post));
    if (method === 'DELETE') {
      if (url.searchParams.get('force') === 'true') {
        this.delete(post.id);
        return void send(200, { deleted: true });
      }
      if (this.manners.hasTrash === false) return void refuse(501, 'rest_trash_not_supported');
      if (post.status === 'trash') return void refuse(410, 'rest_already_trashed');
      this.trash(post.id);
      return void send(200, this.shown(post));
    }
    if (fields.status === 'publish' && this.users.get(user) === 'contributor')
      return void refuse(403, 'rest_cannot_publish');
    const content = fields.content === undefined ? {} : { content: this.filtered(user, fields.content) };
    this.change(post.id, {
      ...fields,
      ...content,
      ...(fields.meta && { meta: this.registered(fields.meta) }),
    });
    send(200, this.shown(post));
  }

  private userOf(header = ''): string | undefined {
    const [name = '', password] = Buffer.from(header.replace('Basic ', ''), 'base64').toString().split(':');
    return this.users.has(name) && password === 'pass word' ? name : undefined;
  }

  private userObject(user: string) {
    const role = this.users.get(user) ?? 'author';
    const capabilities = {
      edit_posts: true,
      delete_posts: true,
      ...(role !== 'contributor' && { publish_posts: true, edit_published_posts: true }),
      ...(role === 'administrator' && { unfiltered_html: true }),
    };
    return { username: user, roles: [role], capabilities };
  }

  private mayEdit = (user: string, { author, status }: StoredPost): boolean =>
    this.users.get(user) === 'administrator' ||
    (user === author && (this.users.get(user) === 'author' || status !== 'publish'));

  private answerPosts(
    user: string,
    url: URL,
    send: (status: number, body: unknown, headers?: Record<string, string>) => unknown,
  ): void {
    const listed = (name: string) => url.searchParams.get(name)?.split(',');
    const [slugs, statuses, [search] = []] = [
      listed('slug'),
      listed('status') ?? ['publish'],
      listed('search'),
    ];
    const matching = this.posts.filter(
      (post) =>
        (slugs?.includes(post.slug) ?? true) &&
        statuses.includes(post.status) &&
        (search === undefined ||
          (!this.manners.searchIsBlind && `${post.title}${post.content}`.includes(search))),
    );
    const readable = matching.filter(
      (post) =>
        (post.status === 'publish' || this.mayEdit(user, post)) &&
        !(this.manners.hidesDrafts && post.status === 'draft'),
    );
    send(
      200,
      readable.map((post) => this.shown(post)),
      {
        // Counted before those that the user may not see are left out.
        'x-wp-total': String(this.manners.hidesDrafts ? readable.length : matching.length),
        'x-wp-totalpages': '1',
      },
    );
  }

  private answerTerms(
    taxonomy: 'categories' | 'tags',
    url: URL,
    send: (status: number, body: unknown) => unknown,
  ): void {
    const include = url.searchParams.get('include')?.split(',').map(Number);
    const search = url.searchParams.get('search')?.toLowerCase();
    send(
      200,
      this.terms[taxonomy].filter(
        ({ id, name }) =>
          (include?.includes(id) ?? true) && (search === undefined || name.toLowerCase().includes(search)),
      ),
    );
  }

  private template(): string {
    return this.manners.permalinks === 'name'
      ? `${this.url}/%postname%/`
      : `${this.url}/2026/11/23/%postname%/`;
  }

  private shown(post: StoredPost) {
    const { id, slug, status, title, content, excerpt, meta, modified } = post;
    const link = status === 'publish' ? this.template().replace('%postname%', slug) : `${this.url}/?p=${id}`;
    return {
      id,
      slug,
      status,
      link,
      title: { raw: title },
      content: { raw: content },
      excerpt: { raw: excerpt },
      meta,
      modified_gmt: modified.replace('Z', ''),
      permalink_template: this.template(),
    };
  }

  private pageStatus(path: string): number {
    const slug = path.split('/').filter(Boolean).at(-1);
    return !this.permalinksBroken && this.public().some((post) => post.slug === slug) ? 200 : 404;
  }
}
