import type {
  FoundEffect,
  Placed,
  Publisher,
  PublisherVerb,
} from '../../src/activities/publishers/publisher.js';
import { AdapterError } from '../../src/contract/errors.js';

/** A destination made of memory, with a clock that moves only when somebody waits. */
export abstract class Destination {
  readonly calls: PublisherVerb[] = [];
  private losing: PublisherVerb | undefined;
  protected elapsed = 0;

  abstract publisher(): Publisher;

  /** The next request of this verb is done, and its answer is lost. */
  loseAnswer(verb: PublisherVerb): void {
    this.losing = verb;
  }

  async passTime(ms: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // others who wait are at the same point now
    this.elapsed += ms;
  }

  /** Every verb is a journey: what happens there happens after all others have set out. */
  protected async travel<T>(verb: PublisherVerb, act: () => T): Promise<T> {
    this.calls.push(verb);
    await new Promise((resolve) => setImmediate(resolve));
    const answer = act();
    if (this.losing === verb) {
      this.losing = undefined;
      throw new AdapterError('unknown', 'the connection broke', { sent: 'maybe' });
    }
    return answer;
  }
}

const classify = (error: unknown): AdapterError =>
  error instanceof AdapterError ? error : new AdapterError('bug', String(error), {}, { cause: error });

interface Post {
  readonly id: string;
  name: string;
  readonly key: string | undefined;
  visible: boolean;
  trashed?: boolean;
  readonly revision?: number;
}

/** Class 3, with the manners of a blog: drafts, names with a number behind them, a bin. */
export class Blog extends Destination {
  readonly posts: Post[] = [];
  /** Ids of all that the public has ever seen. */
  readonly everVisible: string[] = [];
  private ids = 0;
  private blindFor = 0;
  private arriving: { at: number; post: Omit<Post, 'id'> }[] = [];

  constructor(
    private readonly manners: {
      sharesNames?: boolean;
      keepsNames?: boolean;
      settleMs?: number;
      requestMs?: number;
    } = {},
  ) {
    super();
  }

  add(post: Omit<Post, 'id'>): Post {
    const added = { ...post, id: String(++this.ids) };
    this.posts.push(added);
    if (added.visible) this.everVisible.push(added.id);
    return added;
  }

  trash(id: string): void {
    for (const post of this.posts) if (post.id === id) Object.assign(post, { trashed: true, visible: false });
  }

  /** The next look-ups find nothing. */
  blind(times: number): void {
    this.blindFor = times;
  }

  arriveAfter(ms: number, post: Omit<Post, 'id'>): void {
    this.arriving.push({ at: this.elapsed + ms, post });
  }

  override async passTime(ms: number): Promise<void> {
    await super.passTime(ms);
    for (const { post } of this.arriving.filter(({ at }) => at <= this.elapsed)) this.add(post);
    this.arriving = this.arriving.filter(({ at }) => at > this.elapsed);
  }

  visible(): string[] {
    return this.posts.filter((post) => post.visible).map(({ name }) => name);
  }

  publisher(): Publisher {
    const { settleMs = 0, requestMs = 0 } = this.manners;
    return {
      facts: { name: 'blog', class: 3, lookup: 'exact', settleMs, requestMs, raceMs: 10 },
      lookup: ({ effectKey }) => this.travel('lookup', () => this.find(effectKey)),
      create: ({ effectKey, revision }) =>
        this.travel('create', () => {
          const post = this.add({ name: this.nameGiven(), key: effectKey, visible: false, revision });
          return { kind: 'ours', placed: placedOf(post) };
        }),
      reveal: ({ id }) =>
        this.travel('reveal', () => {
          const post = this.posts.find((one) => one.id === id);
          if (!post) throw new AdapterError('lost', `no post ${id}`, { sent: 'rejected' });
          post.visible = true;
          this.everVisible.push(id);
          return placedOf(post);
        }),
      discard: ({ id }) =>
        this.travel('discard', () => {
          const at = this.posts.findIndex((one) => one.id === id);
          if (at >= 0) this.posts.splice(at, 1);
        }),
      classify,
    };
  }

  private nameGiven(): string {
    const { sharesNames = false, keepsNames = true } = this.manners;
    if (!keepsNames) return 'post-2';
    const taken = this.posts.filter(({ name }) => name.startsWith('post')).length;
    return sharesNames || taken === 0 ? 'post' : `post-${taken + 1}`;
  }

  private find(effectKey: string): FoundEffect {
    if (this.blindFor-- > 0) return { kind: 'absent' };
    const ours = this.posts.filter(({ key }) => key === effectKey);
    const named = this.posts.filter(({ name }) => name === 'post');
    const foreign = named.find(({ key }) => key !== effectKey);
    const binned = ours.find(({ trashed }) => trashed === true);
    const winner = foreign ? undefined : ours.find(({ name }) => name === 'post');
    const extras = ours.filter((post) => post !== winner && post.trashed !== true).map(placedOf);
    if (binned) return { kind: 'removed', location: binned.id, why: 'it is in the bin' };
    if (foreign) return { kind: 'theirs', location: foreign.id, why: 'another post has this name', extras };
    return winner ? { kind: 'ours', placed: placedOf(winner), extras } : { kind: 'absent', extras };
  }
}

const placedOf = ({ id, visible, revision = 1 }: Post): Placed => ({
  id,
  sha256: '0'.repeat(64),
  revision,
  visible,
});

/** What can't be asked: class 4, or class 2 where it remembers keys. */
export class Mailbox extends Destination {
  /** Keys of the mails, in the order of their arrival. */
  readonly received: string[] = [];

  constructor(private readonly manners: { keyWindowMs?: number } = {}) {
    super();
  }

  publisher(): Publisher {
    const { keyWindowMs } = this.manners;
    const remembers = keyWindowMs !== undefined;
    return {
      facts: {
        name: 'mailbox',
        class: remembers ? 2 : 4,
        lookup: 'none',
        settleMs: 0,
        ...(remembers && { keyWindowMs }),
      },
      create: ({ effectKey, sha256 }) =>
        this.travel('create', () => {
          if (!remembers || !this.received.includes(effectKey)) this.received.push(effectKey);
          return { kind: 'ours', placed: { id: effectKey, sha256, visible: true } };
        }),
      classify,
    };
  }
}
