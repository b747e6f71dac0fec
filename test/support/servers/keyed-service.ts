/**
 * A service that makes something of every request it gets, also of one it has had before, and can be asked by key what
 * it has: what lands there twice is seen twice.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface KeyedService {
  readonly url: string;
  /** Key of each that came whole, in the order of their coming. */
  readonly posts: readonly string[];
  /** What each of them said. */
  readonly texts: readonly string[];
  /** When it has been asked, or has done what it was sent; then it answers, with this status if one is given. */
  before: (what: 'look' | 'write') => number | void | Promise<number | void>;
  stop(): Promise<void>;
}

export async function startKeyedService(): Promise<KeyedService> {
  const posts: string[] = [];
  const texts: string[] = [];
  const server = createServer((request, response) => {
    const key = request.url?.split('/').at(-1) ?? '';
    const serve = async (): Promise<void> => {
      const text = await textOf(request);
      if (request.method === 'POST') {
        posts.push(key);
        texts.push(text);
      }
      const isThere = posts.includes(key);
      const status = await service.before(request.method === 'POST' ? 'write' : 'look');
      response.writeHead(status ?? (isThere ? 200 : 404), { 'content-type': 'application/json' });
      response.end(JSON.stringify({ id: key, key }));
    };
    serve().catch(() => response.destroy()); // whoever asked has died
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const service: KeyedService = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    texts,
    before: () => undefined,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return service;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** `effects` of a batch whose articles go there. */
export const effectsAt = ({ url }: KeyedService): string => `effects:
  - name: post
    use: http
    target: "${url}"
    with:
      url: "${url}/{{ effect.key }}"
      lookup: { url: "${url}/{{ effect.key }}", key: /key }
      settle: 500ms
      timeout: 3s`;
