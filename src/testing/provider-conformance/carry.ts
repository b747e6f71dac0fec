import { setTimeout as sleep } from 'node:timers/promises';
import type {
  Output,
  Provider,
  ProviderContext,
  SessionHandle,
} from '../../activities/providers/provider.js';
import { AdapterError, type ErrorClass } from '../../contract/errors.js';
import { PASSES, type Memory, type ProviderRig } from './rig.js';

/** How one paid attempt ended. `not-started`: the service surely ran nothing. */
export type Carried =
  | { readonly kind: 'made'; readonly bytes: Buffer }
  | {
      readonly kind: 'lost' | 'failed' | 'not-started';
      readonly errorClass: ErrorClass;
      readonly why: string;
    };

/** Tries of one attempt before it counts as hung. */
const TRIES_MAX = 15;
const PAUSE_MS = 50;

/**
 * One paid attempt by the rules of a worker, without Temporal: what is known is attached to, what is not is looked for,
 * and started only where it surely is not there. Each try is a worker of its own, which knows what was saved.
 */
export async function carry(rig: ProviderRig, memory: Memory): Promise<Carried> {
  let last: AdapterError | undefined;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const provider = await rig.provider(memory.behaviour);
    const context = rig.context(memory);
    try {
      return await once(rig, memory, provider, context);
    } catch (error) {
      if (error instanceof NotStarted) return ended(error.reason, 'not-started');
      if (!(error instanceof AdapterError)) throw error;
      last = error;
      if (!PASSES.has(error.errorClass)) return ended(error, 'failed');
    }
    await sleep(PAUSE_MS);
  }
  return ended(last ?? new AdapterError('bug', 'it never ended'), 'failed');
}

async function once(
  rig: ProviderRig,
  memory: Memory,
  provider: Provider,
  context: ProviderContext,
): Promise<Carried> {
  const handle = await opened(rig, memory, provider, context);
  const over = await asked(rig, provider, 'poll', () => rig.watch(provider, handle, context));
  if (over.kind === 'running') return { kind: 'failed', errorClass: 'timeout', why: 'it never ended' };
  if (over.kind !== 'succeeded') {
    await asked(rig, provider, 'usage', () => provider.usage(handle, context));
    await released(rig, provider, handle, context);
    rig.messages.push(over.message);
    if (over.kind === 'lost') return { kind: 'lost', errorClass: 'lost', why: over.message };
    return { kind: 'failed', errorClass: over.errorClass, why: over.message };
  }
  const bytes = await asked(rig, provider, 'collect', async () =>
    bytesOf(await provider.collect(handle, context)),
  );
  await asked(rig, provider, 'usage', () => provider.usage(handle, context));
  // Booked: from here on nothing may fail, and what is not freed is freed by another release.
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (await released(rig, provider, handle, context)) break;
    await sleep(PAUSE_MS);
  }
  return { kind: 'made', bytes };
}

/** Attaches to what is there, and starts only what surely is not. */
async function opened(
  rig: ProviderRig,
  memory: Memory,
  provider: Provider,
  context: ProviderContext,
): Promise<SessionHandle> {
  const { request, handle: known } = memory;
  if (memory.opened) {
    if (known !== undefined && known.phase !== 'prepared') return known;
    const found = await asked(rig, provider, 'find', () => provider.find(request, known, context));
    if (found.kind === 'session') {
      await context.save(found.handle);
      return found.handle;
    }
    const { find, startIsIdempotent } = provider.facts;
    if (!startIsIdempotent && !(found.kind === 'none' && find === 'exact')) {
      throw new NotStarted(new AdapterError('lost', 'it may have run unseen'));
    }
  }
  memory.opened = true;
  let handle;
  try {
    handle = await rig.around('start', () => provider.start(request, known, context));
  } catch (error) {
    const reason = rig.classified(provider, error, 'start');
    throw reason.facts.sent === 'maybe' ? reason : new NotStarted(reason);
  }
  await context.save(handle);
  return handle;
}

class NotStarted extends Error {
  constructor(readonly reason: AdapterError) {
    super(reason.message);
  }
}

async function asked<T>(
  rig: ProviderRig,
  provider: Provider,
  verb: 'find' | 'poll' | 'collect' | 'usage',
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await (verb === 'poll' ? call() : rig.around(verb, call)); // each look is a call of its own
  } catch (error) {
    throw rig.classified(provider, error, verb);
  }
}

/** @returns whether it is freed */
async function released(
  rig: ProviderRig,
  provider: Provider,
  handle: SessionHandle,
  context: ProviderContext,
): Promise<boolean> {
  try {
    await rig.around('release', async () => provider.release?.(handle, context));
    return true;
  } catch {
    return false;
  }
}

const ended = ({ errorClass, message }: AdapterError, kind: 'failed' | 'not-started'): Carried => ({
  kind: errorClass === 'lost' ? 'lost' : kind,
  errorClass,
  why: message,
});

export async function bytesOf({ content }: Output): Promise<Buffer> {
  if (content instanceof Uint8Array) return Buffer.from(content);
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}
