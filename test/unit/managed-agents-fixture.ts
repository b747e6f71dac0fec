// What the tests of both providers of managed agents share: a worker's side without Temporal, whose time is the
// server's, and which can be made to die between any two steps.
import { createHash } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import { AdapterError, type ErrorClass } from '../../src/contract/errors.js';
import { resolveSecrets } from '../../src/batch/secrets.js';
import type { Usage } from '../../src/ledger/ledger.js';
import type {
  Provider,
  ProviderContext,
  ProviderModule,
  ProviderSetup,
  SessionHandle,
  SessionProgress,
  SessionRequest,
} from '../../src/activities/providers/provider.js';
import { antigravity } from '../../src/activities/providers/antigravity/provider.js';
import { claude } from '../../src/activities/providers/claude/provider.js';
import { textId } from '../../src/activities/providers/managed/handle.js';
import type { AgentServer, AgentServerOptions } from '../../src/testing/agent-server/index.js';
import { anAgent, anthropicAt, aServer, RUN_KEY } from './agent-server-fixture.js';

/** Must be seen nowhere but in headers. */
export const PLANTED_KEY = 'planted-key-0f4c1d9e7b';

export type Which = 'antigravity' | 'claude';

type Turn = ProviderSetup<unknown>['turn'];
type Refused = ProviderSetup<unknown>['refused'];
type Make = (options?: object, turn?: Turn, refused?: Refused) => Promise<Provider>;

/** What a stage needs of a server; one in another process answers later. */
export interface SteppedServer {
  advance(ms: number): void | Promise<void>;
  now(): number;
}

export interface Stage<Server extends SteppedServer = AgentServer> {
  readonly server: Server;
  /** A provider as a worker that has just started makes it. */
  readonly make: Make;
}

/** A stepped server and a maker of providers that talk to it. */
export async function aStage(which: Which, options: Partial<AgentServerOptions> = {}): Promise<Stage> {
  const server = await aServer(options);
  return { server, make: await makerFor(which, server) };
}

export async function makerFor(
  which: Which,
  { geminiUrl, anthropicUrl }: Pick<AgentServer, 'geminiUrl' | 'anthropicUrl'>,
  ids?: { agent: string; environment: string },
): Promise<Make> {
  if (which === 'antigravity') {
    return (more = {}, turn, refused) => created(antigravity, { baseUrl: geminiUrl, ...more }, turn, refused);
  }
  const set = ids ?? (await claudeIds(anthropicUrl));
  return (more = {}, turn, refused) =>
    created(claude, { baseUrl: anthropicUrl, ...set, ...more }, turn, refused);
}

/** What an operator sets up once: an agent and a cloud environment. */
export async function claudeIds(anthropicUrl: string): Promise<{ agent: string; environment: string }> {
  const { agentId, environmentId } = await anAgent(anthropicAt(anthropicUrl));
  return { agent: agentId, environment: environmentId };
}

const ENV = { GEMINI_API_KEY: PLANTED_KEY, ANTHROPIC_API_KEY: PLANTED_KEY };

async function created<Options>(
  module: ProviderModule<Options>,
  options: object,
  turn: Turn,
  refused: Refused,
): Promise<Provider> {
  return module.create({
    options: module.options.parse(options),
    stateDir: '/nowhere',
    secret: (text) => resolveSecrets(text, ENV),
    turn,
    refused,
  });
}

export const requestOf = (more: Partial<SessionRequest> = {}): SessionRequest => ({
  runKey: RUN_KEY,
  attempt: 1,
  work: 'article',
  jobKey: 'b'.repeat(32),
  identity: { slug: 'lighthouses' },
  input: {},
  revision: 1,
  prompt: 'Write an article about lighthouses.',
  deadlineAt: '2999-01-01T00:00:00Z',
  baseDir: '/nowhere',
  ...more,
});

export interface Saved {
  readonly context: ProviderContext;
  /** Every handle that was saved, oldest first. */
  readonly handles: SessionHandle[];
}

/** A context whose waits move the server's clock instead of taking time. */
export function aContext(server: SteppedServer): Saved {
  const handles: SessionHandle[] = [];
  const context: ProviderContext = {
    save: async (handle) => {
      expect(JSON.stringify(handle).length).toBeLessThan(2048);
      handles.push(JSON.parse(JSON.stringify(handle)) as SessionHandle);
    },
    signal: new AbortController().signal,
    now: () => new Date(server.now()),
    sleep: async (ms) => {
      await server.advance(ms);
    },
  };
  return { context, handles };
}

/** Looks until the session has ended, as often as the provider asks to. */
export async function watched(
  provider: Provider,
  handle: SessionHandle,
  context: ProviderContext,
  server: Pick<SteppedServer, 'advance'>,
): Promise<Exclude<SessionProgress, { kind: 'running' }> & { notes: readonly (string | undefined)[] }> {
  const notes: (string | undefined)[] = [];
  for (let looks = 0; looks < 2000; looks++) {
    const progress = await provider.poll(handle, context);
    if (progress.kind !== 'running') return { ...progress, notes };
    notes.push(progress.note);
    await server.advance(progress.nextPollMs);
  }
  throw new Error('it never ended');
}

export async function bytesOf(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<Buffer> {
  if (content instanceof Uint8Array) return Buffer.from(content);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An id at the service, as a handle holds it. */
export const idIn = (handle: SessionHandle, name: string): string => textId(handle, name) ?? '';

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What a call throws, as the provider classifies it; fails when it throws nothing. */
export async function thrown(
  provider: Provider,
  during: Parameters<Provider['classify']>[1],
  call: () => Promise<unknown>,
): Promise<AdapterError> {
  try {
    await call();
  } catch (error) {
    const classified = provider.classify(error, during);
    mustHideKey(classified, error);
    return classified;
  }
  throw new Error('nothing was thrown');
}

/** The planted key is in none of these, however deep one looks. */
export function mustHideKey(...values: readonly unknown[]): void {
  const seen = new Set<unknown>();
  const texts: string[] = [];
  const look = (value: unknown, depth: number): void => {
    if (typeof value === 'string') texts.push(value);
    if (typeof value !== 'object' || value === null || depth > 8 || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Headers) texts.push([...value].join());
    for (const name of Object.getOwnPropertyNames(value)) {
      look((value as Record<string, unknown>)[name], depth + 1);
    }
  };
  for (const value of values) look(value, 0);
  expect(texts.filter((text) => text.includes(PLANTED_KEY))).toEqual([]);
}

/** Everything that this process prints from now on must be free of the key; checked at the end of the test. */
export function watchOutput(): void {
  const printed: string[] = [];
  const streams = [process.stdout, process.stderr] as const;
  const restores = streams.map((stream) => {
    const write = stream.write.bind(stream);
    stream.write = (chunk: string | Uint8Array, ...rest: never[]) => {
      printed.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
      return write(chunk, ...rest);
    };
    return () => (stream.write = write);
  });
  onTestFinished(() => {
    for (const restore of restores) restore();
    expect(printed.join('').includes(PLANTED_KEY)).toBe(false);
  });
}

/** The worker was killed: nothing after this happens any more. */
export class Killed extends Error {}

/** Kills the worker after the n-th thing that it does: a save, or an answer that it gets. */
export class Killer {
  private count = 0;
  private dead = false;
  private removed = false;
  private readonly fetch = globalThis.fetch;

  constructor(private readonly after: number) {
    globalThis.fetch = async (input, init) => {
      this.mustLive();
      const answer = await this.fetch(input, init);
      this.step();
      return answer;
    };
    onTestFinished(() => this.remove());
  }

  get struck(): boolean {
    return this.dead;
  }

  /** Has struck, and the worker that took over has not begun yet. */
  get strikes(): boolean {
    return this.dead && !this.removed;
  }

  step(): void {
    if (this.removed) return;
    this.mustLive();
    this.count += 1;
    if (this.count !== this.after) return;
    this.dead = true;
    throw new Killed('the worker was killed');
  }

  /** Another worker takes over; this one strikes no more. */
  remove(): void {
    globalThis.fetch = this.fetch;
    this.removed = true;
  }

  private mustLive(): void {
    if (this.dead) throw new Killed('the worker is dead');
  }
}

export interface JobEnd {
  readonly kind: 'made' | 'parked';
  readonly attempts: number;
  readonly errorClass?: ErrorClass;
  readonly content?: Buffer;
  /** Of every session, in order. */
  readonly usage: readonly Usage[];
}

interface Row {
  readonly attempt: number;
  handle?: SessionHandle;
}

const ATTEMPTS_MAX = 4;
const TRIES_MAX = 40;
const GIVING_UP: ReadonlySet<ErrorClass> = new Set([
  'invalid',
  'budget',
  'conflict',
  'config',
  'auth',
  'exhausted',
]);

/**
 * One job, carried by the same rules as the Activity `runAgent`: intent, start or attach, watch, collect, book,
 * release; a try that dies is followed by another on what was saved.
 * @param goOn whether a handle of phase `prepared` is handed to `start` again, or is only attached to
 */
export async function runJob(
  { server, make }: Stage<SteppedServer>,
  { goOn, killer, request = {} }: { goOn: boolean; killer?: Killer; request?: Partial<SessionRequest> },
): Promise<JobEnd> {
  const usage: Usage[] = [];
  let row: Row | undefined;
  let attempts = 0;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const provider = await make();
    const { context } = aContext(server);
    const fresh: Row = row ?? { attempt: ++attempts };
    const open = row !== undefined;
    row = fresh;
    const asked = requestOf({
      ...request,
      attempt: fresh.attempt,
      openedAt: new Date(server.now()).toISOString(),
    });
    const saving: ProviderContext = {
      ...context,
      save: async (handle) => {
        await context.save(handle);
        fresh.handle = handle;
        killer?.step();
      },
    };
    try {
      const handle = await opened(provider, asked, open ? fresh : undefined, saving, goOn);
      await saving.save(handle);
      const end = await watched(provider, handle, saving, server);
      if (end.kind === 'succeeded') {
        try {
          const output = await provider.collect(handle, saving);
          const content = await bytesOf(output.content);
          usage.push(await provider.usage(handle, saving));
          await released(provider, handle, saving);
          return { kind: 'made', attempts, content, usage };
        } catch (error) {
          if (!(error instanceof AdapterError) || error.errorClass !== 'rejected') throw error;
        }
      }
      usage.push(await provider.usage(handle, saving));
      row = undefined;
      await released(provider, handle, saving);
      const errorClass = end.kind === 'failed' ? end.errorClass : 'lost';
      if (GIVING_UP.has(errorClass) || attempts >= ATTEMPTS_MAX) {
        return { kind: 'parked', attempts, errorClass, usage };
      }
    } catch (error) {
      if (killer?.strikes) {
        killer.remove();
        continue;
      }
      mustHideKey(error);
      if (error instanceof NotStarted) {
        row = undefined;
        const { errorClass } = error.reason;
        if (GIVING_UP.has(errorClass) || attempts >= ATTEMPTS_MAX) {
          return { kind: 'parked', attempts, errorClass, usage };
        }
      } else if (!(error instanceof AdapterError)) {
        throw error;
      }
      await server.advance(31_000); // as long as most hints ask to wait
    }
  }
  throw new Error('it never came to an end');
}

/** The end of the session is booked by now: that its release fails, or that the worker dies, changes nothing. */
async function released(provider: Provider, handle: SessionHandle, context: ProviderContext): Promise<void> {
  try {
    await provider.release?.(handle, context);
  } catch (error) {
    mustHideKey(error);
  }
}

class NotStarted extends Error {
  constructor(readonly reason: AdapterError) {
    super(reason.message);
  }
}

async function opened(
  provider: Provider,
  request: SessionRequest,
  row: Row | undefined,
  context: ProviderContext,
  goOn: boolean,
): Promise<SessionHandle> {
  if (row?.handle && !(goOn && row.handle.phase === 'prepared')) return row.handle;
  if (row) {
    const found = await provider.find(request, row.handle, context);
    if (found.kind === 'session') return found.handle;
    expect(found.kind).toBe('none');
  }
  try {
    return await provider.start(request, row?.handle, context);
  } catch (error) {
    if (error instanceof Killed) throw error;
    const reason = provider.classify(error, 'start');
    if (reason.facts.sent === 'maybe') throw reason;
    throw new NotStarted(reason);
  }
}

/** At the server: no attempt was paid for twice, and nothing is left open. @returns how many were paid for */
export function mustHavePaidOnce(server: Pick<AgentServer, 'ledger' | 'requests'>): number {
  const { runs, totals } = server.ledger();
  for (const { attempt, runs: paid, paidTurns } of runs) {
    expect.soft({ attempt, paid, paidTurns }).toEqual({
      attempt,
      paid: Math.min(1, paid),
      paidTurns: Math.min(1, paidTurns),
    });
  }
  for (const { complaints, call } of server.requests())
    expect({ call, complaints }).toEqual({ call, complaints: [] });
  return totals.runs;
}
