/**
 * A blog in a process of its own. It publishes whatever it is sent, as often as it is sent: it keeps the key that came
 * with a post and can be asked for it, but never refuses a second post. It counts what a visitor would see.
 */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { Weathers } from './weather.js';
import { bodyOf, kill, reply, serveFake, settingsOfProcess, whoseRequest, type Whose } from './wire.js';

export interface Post {
  readonly id: number;
  readonly slug: string;
  readonly key: string;
  readonly bytes: number;
  /** The article comes to its end. */
  readonly whole: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Posts by `<world>/<night>`. */
export type Posts = Readonly<Record<string, readonly Post[]>>;

export interface DestinationCounts {
  readonly posts: Posts;
  /** By `<world>/<night>`: calls that went wrong by the draw. */
  readonly struck: Readonly<Record<string, number>>;
}

const settings = settingsOfProcess();
const weathers = new Weathers(settings);
const posts = new Map<string, Post[]>();

const shelf = ({ world, night }: Whose): Post[] => {
  const name = `${world}/${night}`;
  const found = posts.get(name) ?? [];
  posts.set(name, found);
  return found;
};

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const whose = whoseRequest(request.url ?? '');
  if (!whose) return reply(response, 404, { message: 'no such page' });
  const url = new URL(whose.rest, 'http://blog');
  const weather = weathers.of(whose);
  const isPost = request.method === 'POST';
  const slug = url.searchParams.get('slug') ?? '';
  const number = /\d+$/.exec(slug)?.[0];
  const job = number === undefined ? undefined : Number(number); // a look-up names a key alone
  const body = await bodyOf(request);
  if (isPost) weather.beginWith('down', job, weather.faults.destinationDown);
  if (weather.leftMs('down') > 0) return void response.destroy();
  const fault = weather.call(job, isPost ? 'publish' : 'look-up');
  if (fault === '503-before') return reply(response, 503, { message: 'try again' });
  if (fault === 'reset-before') return void response.destroy();

  const answer = isPost
    ? publish(whose, slug, url.searchParams.get('key') ?? headerKey(request), body)
    : lookUp(whose, url.searchParams.get('key'));
  if (isPost && weather.once('kill', weather.faults.killedAfterEffect === job)) {
    return kill(whose, response); // no answer: nobody is there any more to read it
  }
  if (fault === '503-after') return reply(response, 503, { message: 'try again' });
  if (fault === 'reset-after') return void response.destroy();
  reply(response, answer.status, answer.body);
}

const headerKey = ({ headers }: IncomingMessage): string => String(headers['idempotency-key'] ?? '');

function publish(whose: Whose, slug: string, key: string, body: Buffer) {
  const shown = shelf(whose);
  const id = shown.length + 1;
  // The writer of the agent server makes five sections and a closing line.
  const whole = (body.toString().match(/^## /gm) ?? []).length === 5 && body.toString().endsWith('\n');
  shown.push({ id, slug, key, bytes: body.length, whole, at: Date.now() });
  return { status: 201, body: { id } };
}

function lookUp(whose: Whose, key: string | null) {
  const found = shelf(whose).find((post) => post.key === key);
  return found ? { status: 200, body: found } : { status: 404, body: { message: 'no such post' } };
}

serveFake(handle, {
  morning: (whose) => weathers.of(whose).dawn(),
  counts: () => ({ posts: Object.fromEntries(posts), struck: weathers.struck() }) satisfies DestinationCounts,
});
