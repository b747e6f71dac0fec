import { fork, type ChildProcess } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { World } from './night.js';

/** One carrier's night. */
export interface Whose {
  readonly world: World;
  readonly night: number;
}

/** What a fake tells: where it listens, that a script is to be killed now, or the answer to a question. */
export type Told =
  | { readonly kind: 'listening'; readonly port: number }
  | ({ readonly kind: 'kill' } & Whose)
  | { readonly kind: 'answer'; readonly value: unknown };

/** `morning`: spells are over, the key is put right · `counts`: what was counted. */
export type Asked = ({ readonly kind: 'morning' } & Whose) | { readonly kind: 'counts' };

export interface FakeSettings {
  readonly seed: string;
  readonly speed: number;
  /** First night, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

/** Header of a call of nightshift's: when it left its worker, in milliseconds since the epoch. */
export const LEFT_AT = 'x-left-at';

/** A fake service in a process of its own. */
export interface Fake<Counts> {
  readonly url: string;
  morning(whose: Whose): void;
  counts(): Promise<Counts>;
  stop(): void;
}

/** Starts this very harness's file under the loader that this process has. */
export function forkFile(file: string, args: readonly string[], env?: Record<string, string>): ChildProcess {
  const isSource = file.endsWith('.ts');
  const module = fileURLToPath(new URL(isSource ? 'run.mjs' : file, import.meta.url));
  return fork(module, isSource ? [file, ...args] : args, { env: { ...process.env, ...env } });
}

export async function startFake<Counts>(
  file: string,
  settings: FakeSettings,
  onKill: (whose: Whose) => void,
): Promise<Fake<Counts>> {
  const child = forkFile(file, [JSON.stringify(settings)]);
  const answers: ((value: unknown) => void)[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${file} ended [code=${code}]`)));
    child.on('message', (told: Told) => {
      if (told.kind === 'listening') resolve(told.port);
      else if (told.kind === 'kill') onKill(told);
      else answers.shift()?.(told.value);
    });
  });
  const send = (asked: Asked): void => void child.send(asked);
  return {
    url: `http://127.0.0.1:${port}`,
    morning: (whose) => send({ kind: 'morning', ...whose }),
    counts: () =>
      new Promise<unknown>((resolve) => {
        answers.push(resolve);
        send({ kind: 'counts' });
      }) as Promise<Counts>,
    stop: () => void child.kill('SIGKILL'),
  };
}

export const tell = (told: Told): void => void process.send?.(told);

/** Has a carrier killed in the middle of its call. Its connection breaks with it; one that lives on must not wait. */
export function kill({ world, night }: Whose, response: ServerResponse): void {
  tell({ kind: 'kill', world, night });
  setTimeout(() => response.destroy(), 1_000);
}

export const settingsOfProcess = (): FakeSettings => JSON.parse(process.argv[2] ?? '') as FakeSettings;

/** Serves until the parent goes away. A request that can't be handled is broken off, as by a server that crashed. */
export function serveFake(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  handlers: { readonly morning: (whose: Whose) => void; readonly counts: () => unknown },
): void {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      console.error(error);
      response.destroy();
    });
  });
  process.on('message', (asked: Asked) => {
    if (asked.kind === 'morning') handlers.morning(asked);
    else tell({ kind: 'answer', value: handlers.counts() });
  });
  process.on('disconnect', () => process.exit(0));
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () =>
    tell({ kind: 'listening', port: (server.address() as AddressInfo).port }),
  );
}

/** `/<world>/<night>/<rest>` */
export function whoseRequest(url: string): (Whose & { readonly rest: string }) | undefined {
  const found = /^\/(naive|retries|nightshift)\/(\d+)(\/.*)$/.exec(url);
  if (!found) return undefined;
  return { world: found[1] as World, night: Number(found[2]), rest: found[3] ?? '/' };
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

export function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
