import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { command } from '../../src/activities/providers/command/provider.js';
import type {
  Provider,
  ProviderContext,
  SessionHandle,
  SessionProgress,
  SessionRequest,
} from '../../src/activities/providers/provider.js';
import { resolveSecrets, type Environment } from '../../src/batch/secrets.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder of the test's own, gone after it. */
export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-test-'));
  folders.push(folder);
  return folder;
}

export const RUN_KEY = '0123456789abcdef0123456789abcdef';

export interface Bench {
  readonly stateDir: string;
  readonly provider: Provider;
  readonly request: SessionRequest;
  readonly context: ProviderContext;
  /** A file of the run directory. */
  readonly fileOf: (name: string) => string;
  readonly read: (name: string) => string;
  /** As a worker that knows nothing but the state directory. */
  readonly another: () => Promise<Provider>;
}

/** A provider over a state directory of its own, and one request. */
export async function bench(
  options: Record<string, unknown>,
  request: Partial<SessionRequest> = {},
  { env = {}, stateDir = aFolder() }: { env?: Environment; stateDir?: string } = {},
): Promise<Bench> {
  const setup = () =>
    command.create({
      options: command.options.parse(options),
      stateDir,
      secret: (text) => resolveSecrets(text, env),
    });
  const fileOf = (name: string) => join(stateDir, 'runs', `${RUN_KEY}-1`, name);
  return {
    stateDir,
    provider: await setup(),
    another: async () => setup(),
    request: {
      runKey: RUN_KEY,
      attempt: 1,
      work: 'article',
      jobKey: 'fedcba9876543210fedcba9876543210',
      identity: { site: 'a', slug: 'b' },
      input: { title: 'T' },
      revision: 1,
      prompt: undefined,
      deadlineAt: new Date(Date.now() + 60_000).toISOString(),
      baseDir: stateDir,
      ...request,
    },
    context: {
      save: async () => undefined,
      signal: new AbortController().signal,
      now: () => new Date(),
    },
    fileOf,
    read: (name) => readFileSync(fileOf(name), 'utf8'),
  };
}

/** Looks until the session is no longer running. */
export async function ended(
  { provider, context }: Bench,
  handle: SessionHandle,
): Promise<Exclude<SessionProgress, { kind: 'running' }>> {
  for (let looks = 0; looks < 2000; looks++) {
    const progress = await provider.poll(handle, context);
    if (progress.kind !== 'running') return progress;
    await sleep(Math.min(progress.nextPollMs, 50));
  }
  throw new Error('the session did not end');
}

export async function runToEnd(of: Bench): Promise<Exclude<SessionProgress, { kind: 'running' }>> {
  return ended(of, await of.provider.start(of.request, undefined, of.context));
}

export async function collected({ provider, request, context }: Bench): Promise<Buffer> {
  const found = await provider.find(request, undefined, context);
  if (found.kind !== 'session') throw new Error(`found ${found.kind}`);
  const { content } = await provider.collect(found.handle, context);
  const parts: Uint8Array[] = [];
  if (content instanceof Uint8Array) parts.push(content);
  else for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

/** Waits for a condition, with a bound. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let looks = 0; looks < 1000; looks++) {
    if (await condition()) return;
    await sleep(10);
  }
  throw new Error(`waited in vain: ${what}`);
}

/** True while a process lives; a dead one that waits to be reaped does not. */
export function lives(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** A program that is a shell script, its text an argument. */
export const sh = (script: string): string[] => ['/bin/sh', '-c', script];
