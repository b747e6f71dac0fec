/**
 * An S3 as some compatible stores are: it reads `If-None-Match` and `If-Match` and obeys neither. In this process,
 * in memory, bucket in the path; GET, HEAD, PUT, DELETE of objects, and the list of a bucket.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { plainS3, type S3Server } from './s3.js';

interface Kept {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export async function startUnconditionalS3(): Promise<S3Server> {
  const kept = new Map<string, Kept>();
  const server = createServer((request, response) => {
    answer(kept, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...plainS3((server.address() as AddressInfo).port),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(kept: Map<string, Kept>, request: IncomingMessage, response: ServerResponse) {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://s3');
  const body = await bytesOf(request);
  if (searchParams.has('list-type')) {
    const names = [...kept.keys()].filter((path) => path.startsWith(`${pathname}/`));
    const keys = names.map((path) => `<Key>${path.slice(pathname.length + 1)}</Key>`);
    return void response.end(`<ListBucketResult>${keys.join('')}</ListBucketResult>`);
  }
  switch (request.method) {
    case 'PUT':
      kept.set(pathname, { body, headers: keptHeaders(request, body) });
      return void response.writeHead(200, { etag: etagOf(body) }).end();
    case 'DELETE':
      kept.delete(pathname);
      return void response.writeHead(204).end();
    default: {
      const found = kept.get(pathname);
      if (!found) return void response.writeHead(404).end();
      const length = String(found.body.length);
      response.writeHead(200, { ...found.headers, 'content-length': length });
      return void response.end(request.method === 'HEAD' ? undefined : found.body);
    }
  }
}

const etagOf = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;

function keptHeaders({ headers }: IncomingMessage, body: Buffer): Record<string, string> {
  const own = Object.entries(headers).filter(
    ([name]) => name.startsWith('x-amz-meta-') || name === 'content-type',
  );
  return { ...Object.fromEntries(own.map(([name, value]) => [name, String(value)])), etag: etagOf(body) };
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
