/**
 * moto: an S3 that honours conditional writes, with an own free port. It takes any credentials. What a test sees of
 * it and does to it goes by plain HTTP, not through the adapter or its SDK.
 */
import { tmpdir } from 'node:os';
import { folderOfServer, startLoopbackProcess } from './loopback-process.js';

export interface SeenObject {
  readonly body: Buffer;
  readonly etag: string | undefined;
  /** All of the answer. */
  readonly headers: Headers;
}

export interface S3Server {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  makeBucket(bucket: string): Promise<void>;
  /** Undefined where nothing has this name. */
  object(bucket: string, name: string): Promise<SeenObject | undefined>;
  /** Names of all objects, sorted. */
  names(bucket: string): Promise<string[]>;
  /** What another tool does: writes whatever is there. */
  write(
    bucket: string,
    name: string,
    body: string | Buffer,
    headers?: Readonly<Record<string, string>>,
  ): Promise<void>;
  remove(bucket: string, name: string): Promise<void>;
  stop(): Promise<void>;
}

/** Somebody is signed in; nobody asks how. */
const UNCHECKED =
  'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0';

export const motoFolder = (): Promise<string | undefined> => folderOfServer('moto');

/** The caller stops it, also when its test failed. */
export async function startMoto(folder: string): Promise<S3Server> {
  const running = await startLoopbackProcess({
    name: 'moto',
    command: 'python3',
    args: (port) => ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
    cwd: tmpdir(),
    env: { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
  });
  return { ...plainS3(running.port), stop: running.stop };
}

/** An S3 by plain HTTP, bucket in the path, which does not check signatures. */
export function plainS3(port: number): Omit<S3Server, 'stop'> {
  const endpoint = `http://127.0.0.1:${port}`;
  const urlOf = (bucket: string, name: string) =>
    `${endpoint}/${bucket}/${name.split('/').map(encodeURIComponent).join('/')}`;
  const send = async (
    url: string,
    init: { method?: string; body?: string | Buffer; headers?: Headers } = {},
  ) => {
    const headers = new Headers(init.headers);
    headers.set('authorization', UNCHECKED);
    const response = await fetch(url, { redirect: 'manual', ...init, headers });
    const body = Buffer.from(await response.arrayBuffer());
    if (response.ok || response.status === 404) return { response, body };
    throw new Error(`${init.method ?? 'GET'} ${url} was answered ${response.status}: ${body.toString()}`);
  };

  return {
    port,
    endpoint,
    makeBucket: async (bucket) => {
      await send(`${endpoint}/${bucket}`, { method: 'PUT' });
    },
    object: async (bucket, name) => {
      const { response, body } = await send(urlOf(bucket, name));
      if (response.status === 404) return undefined;
      return { body, etag: response.headers.get('etag') ?? undefined, headers: response.headers };
    },
    names: async (bucket) => {
      const { body } = await send(`${endpoint}/${bucket}?list-type=2&encoding-type=url`);
      return [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)]
        .map(([, name = '']) => decodeURIComponent(name.replaceAll('+', ' ')))
        .sort();
    },
    write: async (bucket, name, body, headers = {}) => {
      await send(urlOf(bucket, name), { method: 'PUT', body, headers: new Headers(headers) });
    },
    remove: async (bucket, name) => {
      await send(urlOf(bucket, name), { method: 'DELETE' });
    },
  };
}
