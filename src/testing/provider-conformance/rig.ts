import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseOptions } from '../../activities/adapter-options.js';
import { loadProvider } from '../../activities/load-adapter.js';
import type {
  Provider,
  ProviderContext,
  ProviderFacts,
  ProviderModule,
  ProviderVerb,
  SessionHandle,
  SessionRequest,
} from '../../activities/providers/provider.js';
import { resolveSecrets, type Environment } from '../../batch/secrets.js';
import { AdapterError, type ErrorClass } from '../../contract/errors.js';
import { messageOf } from '../../contract/thrown.js';
import { DAY_MS } from '../../contract/units.js';
import { carry, type Carried } from './carry.js';
import type { AgentPlace, Behaviour, RunName, SessionsCounted } from './subject.js';

const LOOK_MS_MAX = 100;
/** Beyond the end of any cell, also where time goes thousands of times as fast. */
const DEADLINE_MS = 365 * DAY_MS;

/** What a ledger would hold of one paid attempt. */
export interface Memory {
  readonly request: SessionRequest;
  readonly behaviour: Behaviour;
  opened: boolean;
  handle?: SessionHandle;
}

/** Goes around each call of a verb. */
export type Around = <T>(verb: ProviderVerb, call: () => Promise<T>) => Promise<T>;

const PLAIN: Around = (_verb, call) => call();

/** A place, and what drives a provider in it; each cell has a run key of its own. */
export class ProviderRig {
  /** Every handle that was saved, and everything that was said of a failure: no secret may be in them. */
  readonly handles: SessionHandle[] = [];
  readonly messages: string[] = [];
  around = PLAIN;
  private readonly beganMs = Date.now();

  private constructor(
    readonly place: AgentPlace,
    readonly module: ProviderModule,
    readonly facts: ProviderFacts,
    readonly dir: string,
  ) {}

  static async open(place: AgentPlace): Promise<ProviderRig> {
    const dir = await mkdtemp(join(tmpdir(), 'nightshift-conformance-'));
    const module = await loadProvider(place.use, process.cwd());
    const { facts } = await made(module, place.options('good'), dir, place.env ?? {});
    return new ProviderRig(place, module, facts, dir);
  }

  /** By the clock of the service. */
  readonly now = (): Date => new Date(this.beganMs + (Date.now() - this.beganMs) * (this.place.speed ?? 1));

  /** A provider as a worker makes it that has just been started. */
  provider(behaviour: Behaviour = 'good', env: Environment = this.place.env ?? {}): Promise<Provider> {
    return made(this.module, this.place.options(behaviour), this.dir, env);
  }

  /** One that has not been opened yet. */
  async memory(label: string, behaviour: Behaviour = 'good', attempt = 1, of?: Memory): Promise<Memory> {
    const runKey =
      of?.request.runKey ??
      createHash('sha256').update(`${label}:${randomUUID()}`).digest('hex').slice(0, 32);
    const now = this.now().getTime();
    await this.place.arrange?.(behaviour, { runKey, attempt });
    return {
      request: {
        runKey,
        attempt,
        work: 'conformance',
        jobKey: runKey,
        identity: { slug: label },
        input: { title: label },
        revision: 1,
        prompt: `Write a short article about ${label}.`,
        openedAt: new Date(now).toISOString(),
        deadlineAt: new Date(now + DEADLINE_MS).toISOString(),
        baseDir: this.dir,
      },
      behaviour,
      opened: false,
    };
  }

  /** What a worker gives to a provider. @param onSave called with each handle before it is kept; may never return */
  context(
    memory: Memory,
    onSave: (handle: SessionHandle) => Promise<void> = async () => undefined,
  ): ProviderContext {
    return {
      save: async (handle) => {
        const plain = JSON.parse(JSON.stringify(handle)) as SessionHandle;
        this.handles.push(plain);
        await onSave(plain);
        memory.handle = plain;
      },
      signal: new AbortController().signal,
      now: this.now,
      sleep: async (ms) => {
        await sleep(ms / (this.place.speed ?? 1));
      },
    };
  }

  /** What a verb throws, as a worker sees it. */
  classified(provider: Provider, error: unknown, during: ProviderVerb): AdapterError {
    let said: AdapterError;
    try {
      said = provider.classify(error, during);
    } catch (thrown) {
      said = new AdapterError('bug', `classify throws: ${textOf(thrown)}`, {}, { cause: thrown });
    }
    this.messages.push(said.message);
    return said;
  }

  /** Carries an attempt to its end, as often as it takes, by a new worker each time. */
  carry(memory: Memory): Promise<Carried> {
    return carry(this, memory);
  }

  /** The same until an attempt has made something: those that the provider gave up for lost are followed by others. */
  async carryJob(
    memory: Memory,
    { attemptsMax = 4, around = PLAIN }: { readonly attemptsMax?: number; readonly around?: Around } = {},
  ): Promise<{ readonly ends: readonly Carried[] }> {
    const ends: Carried[] = [];
    let now = memory;
    this.around = around;
    try {
      for (;;) {
        ends.push(await this.carry(now));
        const { attempt } = now.request;
        if (ends.at(-1)?.kind === 'made' || attempt >= attemptsMax) return { ends };
        now = await this.memory('', memory.behaviour, attempt + 1, memory);
      }
    } finally {
      this.around = PLAIN;
    }
  }

  /** Looks until the session is over. */
  async watch(provider: Provider, handle: SessionHandle, context: ProviderContext, forMs = 60_000) {
    const end = Date.now() + forMs;
    for (;;) {
      const progress = await this.around('poll', () => provider.poll(handle, context));
      if (progress.kind !== 'running' || Date.now() > end) return progress;
      await sleep(Math.min(progress.nextPollMs, LOOK_MS_MAX));
    }
  }

  count(run: RunName): Promise<SessionsCounted> {
    return this.place.count(run);
  }

  async close(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** Of whatever was thrown; some of it bites. */
export function textOf(error: unknown): string {
  try {
    return messageOf(error);
  } catch {
    return 'something that can’t be looked at';
  }
}

async function made(
  module: ProviderModule,
  options: unknown,
  stateDir: string,
  env: Environment,
): Promise<Provider> {
  return module.create({
    options: parseOptions(module, options, 'agent'),
    stateDir,
    secret: (text) => resolveSecrets(text, env),
  });
}

/** Classes in which a worker tries the same attempt again. */
export const PASSES: ReadonlySet<ErrorClass> = new Set(['transient', 'throttled', 'unknown', 'bug']);
