/**
 * A Ghost of a test's own: private folder and database, free port on loopback, an owner who is signed in, and a
 * custom integration with its key. No mail leaves it.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { startLoopbackProcess } from './loopback-process.js';

export interface GhostServer {
  readonly url: string;
  /** Admin API key of the integration, `id:secret`. */
  readonly key: string;
  /** Rows of one statement, read from Ghost's own database file. */
  rows<Row>(sql: string, ...values: readonly (string | number)[]): Row[];
  /** What the owner does in Ghost's editor: a request to the Admin API by session, not by key. Retried by nobody. */
  asOwner(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  /** What the public sees at a path of the site. */
  page(path: string): Promise<{ status: number; html: string }>;
  /** Ends it and removes its data. Repeatable. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 90_000;
const VERSION_HEADER = { 'accept-version': 'v5.0' };
const OWNER = { name: 'Owner', email: 'owner@example.org', password: 'a long enough passphrase' };

/**
 * Starts an empty site. The caller stops it, also when its test failed.
 * @param program folder of the installation, from `folderOfServer('ghost')`
 */
export async function startGhost(program: string): Promise<GhostServer> {
  const home = mkdtempSync(join(tmpdir(), 'nightshift-ghost-'));
  const clean = () => rmSync(home, { recursive: true, force: true });
  process.once('exit', clean);
  fillHome(home, program);
  const running = await startLoopbackProcess({
    name: 'ghost',
    command: process.execPath,
    args: (port) => [join(program, 'index.js'), `--url=http://127.0.0.1:${port}`, `--server:port=${port}`],
    cwd: home, // where it looks for its configuration
    env: { NODE_ENV: 'development', HOME: home },
  });
  const stop = async () => {
    await running.stop();
    process.off('exit', clean);
    clean();
  };
  const url = `http://127.0.0.1:${running.port}`;
  try {
    await booted(`${url}/ghost/api/admin/site/`);
    const cookie = await setUp(url);
    const asOwner: GhostServer['asOwner'] = (method, path, body) => call(url, method, path, body, { cookie });
    const key = await adminKey(asOwner);
    const rows = <Row>(sql: string, ...values: readonly (string | number)[]): Row[] => {
      const database = new Database(join(home, 'ghost.db'), { readonly: true });
      try {
        return database.prepare(sql).all(...values) as Row[];
      } finally {
        database.close();
      }
    };
    const page: GhostServer['page'] = async (path) => {
      const response = await fetch(new URL(path, url), { redirect: 'manual' });
      return { status: response.status, html: await response.text() };
    };
    return { url, key, rows, asOwner, page, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function fillHome(home: string, program: string): void {
  const content = join(home, 'content');
  mkdirSync(content);
  for (const name of ['adapters', 'data', 'images', 'logs', 'public', 'settings'])
    cpSync(join(program, 'content', name), join(content, name), { recursive: true });
  symlinkSync(join(program, 'content', 'themes'), join(content, 'themes'));
  symlinkSync(program, join(home, 'current')); // where Ghost looks for itself beside its configuration
  writeFileSync(
    join(home, 'config.development.json'),
    JSON.stringify({
      server: { host: '127.0.0.1' },
      database: {
        client: 'sqlite3',
        connection: { filename: join(home, 'ghost.db') },
        useNullAsDefault: true,
      },
      paths: { contentPath: content },
      privacy: { useUpdateCheck: false, useGravatar: false, useRpcPing: false },
      mail: { transport: 'stub' },
      logging: { transports: ['stdout'], level: 'error' },
      security: { staffDeviceVerification: false },
    }),
  );
}

/** Ghost answers 503 until its database is filled. */
async function booted(url: string): Promise<void> {
  for (const giveUpAt = Date.now() + START_TIMEOUT_MS; ; await sleep(100)) {
    const response = await fetch(url, { headers: VERSION_HEADER, redirect: 'manual' });
    const said = await response.text();
    if (response.ok) return;
    if (Date.now() > giveUpAt) throw new Error(`Ghost still answers ${response.status}: ${said}`);
  }
}

/** Makes the owner and signs in. @returns the session's cookie */
async function setUp(url: string): Promise<string> {
  expectStatus(
    201,
    await call(url, 'POST', '/authentication/setup/', {
      setup: [{ ...OWNER, blogTitle: 'A site' }],
    }),
  );
  const { email: username, password } = OWNER;
  const session = await call(url, 'POST', '/session/', { username, password });
  expectStatus(201, session);
  if (session.cookie === undefined) throw new Error('Ghost gave no session');
  return session.cookie;
}

async function adminKey(asOwner: GhostServer['asOwner']): Promise<string> {
  const made = await asOwner('POST', '/integrations/?include=api_keys', {
    integrations: [{ name: 'nightshift' }],
  });
  expectStatus(201, made);
  const { integrations } = made.body as { integrations: { api_keys: { type: string; secret: string }[] }[] };
  const key = integrations[0]?.api_keys.find(({ type }) => type === 'admin');
  if (!key) throw new Error(`no admin key in ${JSON.stringify(made.body)}`);
  return key.secret;
}

/** Ghost takes a session only from its own origin. */
async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await fetch(`${url}/ghost/api/admin${path}`, {
    method,
    headers: { ...VERSION_HEADER, origin: url, 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    redirect: 'manual',
  });
  const text = await response.text();
  const cookie = response.headers.get('set-cookie')?.split(';')[0];
  return { status: response.status, body: parsed(text), cookie };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function expectStatus(status: number, answer: { readonly status: number; readonly body: unknown }): void {
  if (answer.status !== status)
    throw new Error(`Ghost answered ${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`);
}
