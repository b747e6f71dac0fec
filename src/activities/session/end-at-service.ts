import { log } from '@temporalio/activity';
import { isOurs, type AdapterError, type ErrorClass } from '../../contract/errors.js';
import { NOTHING_USED, type Usage } from '../../ledger/ledger.js';
import { longer } from '../../policy/longer.js';
import { reportTrouble } from '../lanes/lane-of.js';
import { pause } from '../providers/managed/pause.js';
import type { Provider, ProviderContext, ProviderVerb, SessionHandle } from '../providers/provider.js';
import type { Ending } from './ending.js';
import { isRemote } from './scope.js';
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
 * No more of them, for somebody waits, be it the job's next session or whoever cancels a batch; but a service that only
 * had enough takes them later. How long one may take is the adapter's business: a session that is slow to stop is not given
 * up for that.
 */
const TRIES = 3;
const PAUSE_MS = 1_000;

/**
 * Ends a session at its service, books it, and frees it. A service that does not answer is tried a few times, then the
 * session is booked all the same: `doctor --orphans` finds what is left, where the service can list it.
 * @param book in the ledger what it has cost, before the service forgets it
 */
export async function endAtService(
  ending: Ending,
  handle: SessionHandle,
  book: (left: LeftSession) => Promise<void>,
): Promise<void> {
  const left = await end(ending, handle);
  await book(left);
  if (left.mayRunOn === undefined) await release(ending.provider, handle, ending.context);
}

async function end(ending: Ending, handle: SessionHandle): Promise<LeftSession> {
  const { provider, context } = ending;
  const ended = await tried(ending, 'cancel', () => provider.cancel(handle, context));
  if ('why' in ended) {
    const left = notEnded(provider.facts.name, handle, ended.why, provider.sweep !== undefined);
    return { ...left, ...reserveOf(provider, handle) };
  }
  const used = await tried(ending, 'usage', () => provider.usage(handle, context));
  if ('answer' in used) return { usage: used.answer };
  log.warn('what a session that was ended has used could not be learnt', { reason: used.why });
  return { usage: NOTHING_USED, ...reserveOf(provider, handle) };
}

const reserveOf = (
  { facts: { capMicros, reserveMicros = capMicros } }: Provider,
  { phase }: SessionHandle,
): Pick<LeftSession, 'reserveMicros'> =>
  phase === 'prepared' || reserveMicros === undefined ? {} : { reserveMicros };

/**
 * A verb for a session that nobody goes on with: its answer, or why there is none after a few tries. What goes wrong there
 * is told to the lane, as whoever else uses it should hear it.
 * @throws the reason of its signal; trouble of the ledger, which says nothing of the session
 */
export async function tried<T>(
  { provider, context, lane, heldUntil }: Ending,
  verb: ProviderVerb,
  call: () => Promise<T>,
): Promise<{ readonly answer: T } | { readonly why: string }> {
  let waitMs: number | undefined = 0;
  for (let tries = 1; ; tries++) {
    try {
      if (waitMs > 0) await pause(waitMs, context);
      return { answer: await call() };
    } catch (error) {
      context.signal.throwIfAborted();
      if (isOurs(error)) throw error;
      const trouble = provider.classify(error, verb);
      if (isRemote(provider)) await reportTrouble(lane, trouble);
      waitMs = pauseAfter(trouble, tries, heldUntil - performance.now());
      if (waitMs === undefined) return { why: trouble.message };
    }
  }
}

/**
 * As long as the service asks to wait, where that is soon enough.
 * @returns undefined where there is no other try
 */
function pauseAfter(
  { errorClass, facts: { retryAfterMs } }: AdapterError,
  tries: number,
  leftMs: number,
): number | undefined {
  if (!PASSES.has(errorClass)) return undefined;
  const own = longer(PAUSE_MS, tries - 1);
  const asked = Math.max(PAUSE_MS, retryAfterMs ?? own);
  const isSoon = asked <= leftMs;
  if (tries >= TRIES && !(errorClass === 'throttled' && isSoon)) return undefined;
  return isSoon ? asked : own;
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
