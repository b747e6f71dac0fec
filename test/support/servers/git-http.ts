/** Smart HTTP in front of a bare repository: `git http-backend` behind a server that asks for a token. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { BareRepository } from './git.js';

export interface GitHttpServer {
  /** Of the repository. */
  readonly url: string;
  /** The `Authorization` of every request. */
  readonly seen: readonly (string | undefined)[];
  stop(): Promise<void>;
}

const backend = (): string =>
  join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');

/** Some packages of git leave it out; then that is said, and false returned, for `test.runIf`. */
export function hasGitHttp(): boolean {
  if (existsSync(backend())) return true;
  process.stderr.write('git-http-backend is not installed; the test over http is left out\n');
  return false;
}

/** @param redirectTo answers every request with a redirect there */
export async function startGitHttp(
  repository: BareRepository,
  {
    user,
    token,
    redirectTo,
  }: { readonly user: string; readonly token: string; readonly redirectTo?: string },
): Promise<GitHttpServer> {
  const seen: (string | undefined)[] = [];
  const wanted = `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    if (redirectTo !== undefined) {
      response.writeHead(302, { location: `${redirectTo}${request.url ?? ''}` }).end();
    } else if (request.headers.authorization === wanted) {
      serve(repository, request, response);
    } else {
      response
        .writeHead(401, { 'www-authenticate': 'Basic realm="git"' })
        .end(`no: ${request.headers.authorization}`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${repository.name}.git`,
    seen,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** CGI as git-http-backend(1) wants it. */
function serve(repository: BareRepository, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const child = spawn(backend(), {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: dirname(repository.dir),
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: request.headers['git-protocol']?.toString(),
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      REMOTE_USER: 'writer',
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const whole = Buffer.concat(chunks);
    const end = whole.indexOf('\r\n\r\n');
    const headers = whole.subarray(0, end).toString('latin1').split('\r\n');
    const status = headers.find((line) => line.startsWith('Status: '));
    for (const line of headers) {
      const [name = '', value = ''] = line.split(': ');
      if (name !== '' && name !== 'Status') response.setHeader(name, value);
    }
    response.writeHead(status === undefined ? 200 : Number(status.slice(8, 11))).end(whole.subarray(end + 4));
  });
}
