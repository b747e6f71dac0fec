import { log } from '@temporalio/activity';
import type { ErrorClass } from '../../contract/errors.js';
import { NOTHING_USED, type Usage } from '../../ledger/ledger.js';
import { pause } from '../providers/managed/pause.js';
import type { Provider, ProviderContext, ProviderVerb, SessionHandle } from '../providers/provider.js';
import { sessionName } from './session-name.js';

/** What is known of a session that nobody goes on with. */
export interface LeftSession {
  readonly usage: Usage;
  /** Of a session that ran, where what it has used could not be learnt. */
  readonly reserveMicros?: number;
  /** Its service could not be brought to end it: which one may run on, and why. */
  readonly mayRunOn?: string;
  /** Nobody knows whether it was ever begun. */
  readonly unseen?: true;
}

/** Trouble that may be over in a moment. */
export const PASSES: ReadonlySet<ErrorClass> = new Set(['transient', 'throttled']);
/**
 * No more of them, for somebody waits, be it the job's next session or whoever cancels a batch. How long one may take is
 * the adapter's business: a session that is slow to stop is not given up for that.
 */
const TRIES = 3;
const PAUSE_MS = 1_000;

/**
 * Ends a session at its service, books it, and frees it. A service that does not answer is tried a few times, then the
 * session is booked all the same: `doctor --orphans` finds what is left, where the service can list it.
 * @param book in the ledger what it has cost, before the service forgets it
 */
export async function endAtService(
  provider: Provider,
  handle: SessionHandle,
  context: ProviderContext,
  book: (left: LeftSession) => Promise<void>,
): Promise<void> {
  const left = await end(provider, handle, context);
  await book(left);
  if (left.mayRunOn === undefined) await release(provider, handle, context);
}

async function end(
  provider: Provider,
  handle: SessionHandle,
  context: ProviderContext,
): Promise<LeftSession> {
  const ended = await tried(provider, 'cancel', context, () => provider.cancel(handle, context));
  if ('why' in ended) {
    const left = notEnded(provider.facts.name, handle, ended.why, provider.sweep !== undefined);
    return { ...left, ...reserveOf(provider, handle) };
  }
  const used = await tried(provider, 'usage', context, () => provider.usage(handle, context));
  if ('answer' in used) return { usage: used.answer };
  log.warn('what a session that was ended has used could not be learnt', { reason: used.why });
  return { usage: NOTHING_USED, ...reserveOf(provider, handle) };
}

const reserveOf = (
  { facts: { capMicros, reserveMicros = capMicros } }: Provider,
  { phase }: SessionHandle,
): Pick<LeftSession, 'reserveMicros'> =>
  phase === 'prepared' || reserveMicros === undefined ? {} : { reserveMicros };

/** A verb for a session that nobody goes on with: its answer, or why there is none after a few tries. */
export async function tried<T>(
  provider: Provider,
  verb: ProviderVerb,
  context: ProviderContext,
  call: () => Promise<T>,
): Promise<{ readonly answer: T } | { readonly why: string }> {
  for (let tries = 1; ; tries++) {
    try {
      return { answer: await call() };
    } catch (error) {
      if (context.signal.aborted) throw error;
      const { errorClass, message } = provider.classify(error, verb);
      if (tries === TRIES || !PASSES.has(errorClass)) return { why: message };
      await pause(PAUSE_MS * tries, context);
    }
  }
}

/**
 * @param why its agent could not be brought to end it
 * @param isListed `doctor --orphans` can find it; taken for so where nobody knows
 */
export function notEnded(provider: string, handle: SessionHandle, why: string, isListed = true): LeftSession {
  if (handle.phase === 'prepared') return { usage: NOTHING_USED }; // it was only made ready, and runs nothing
  const what = `the session at ${provider} (${sessionName(handle).session ?? ''}) could not be ended and may run on`;
  const next = isListed
    ? `see "nightshift doctor FILE --orphans", with a file whose agent is ${provider}`
    : `${provider} can’t list its sessions, so it has to be ended there by hand`;
  log.warn(what, { reason: why });
  return { usage: NOTHING_USED, mayRunOn: `${what}: ${why}; ${next}` };
}

/**
 * What is not freed costs room at the service, and is no reason to lose what was made.
 * @returns whether it was done
 */
export async function release(
  provider: Provider,
  handle: SessionHandle,
  context: ProviderContext,
): Promise<boolean> {
  try {
    await provider.release?.(handle, context);
    return true;
  } catch (error) {
    log.warn('a session could not be released', { reason: provider.classify(error, 'release').message });
    return false;
  }
}
