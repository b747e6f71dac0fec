import { AdapterError } from '../../../contract/errors.js';
import { timeLimit, within } from '../../../time-limit.js';
import type { Passing } from '../provider.js';
import type { CallKind } from './ruling.js';

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** One call of a vendor's library. */
export interface LibraryCall extends Passing {
  readonly kind: CallKind;
  /** For each request of it; what one waits for its turn does not count. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Done when its turn has come, right before it leaves; nothing leaves when it fails. */
  readonly before?: (() => Promise<void>) | undefined;
  /** What an error of the library means. */
  readonly judge: (error: unknown) => Error;
}

/**
 * Makes one call of a vendor's library, and lets no request of it leave without a turn: the first is taken here, and what
 * the library sends after it, such as the bytes of an upload, waits in the `fetch` that it is given.
 * @param send makes the call; a library whose calls may be several requests has to send them by `fetch`
 * @throws what `judge` makes of an error; as it is where a turn or `before` has thrown it
 */
export async function callInTurn<T>(
  { turn, refused, kind, timeoutMs, signal, before, judge }: LibraryCall,
  send: (signal: AbortSignal, fetch: Fetch) => PromiseLike<T>,
): Promise<T> {
  await (kind === 'paid' ? turn?.(kind) : turn?.());
  await before?.();
  const limit = timeLimit(timeoutMs, signal);
  const held: { by?: Error } = {};
  let sent = 0;
  const inTurn: Fetch = async (input, init) => {
    if (sent++ > 0) {
      limit.hold();
      await turn?.().catch((error: unknown) => {
        held.by = error instanceof Error ? error : new Error(String(error));
        throw held.by;
      });
      limit.signal.throwIfAborted();
      limit.refresh();
    }
    return fetchHere(input, init);
  };
  try {
    return await within(limit, (until) => send(until, inTurn));
  } catch (error) {
    if (held.by !== undefined) throw held.by;
    const judged = judge(error);
    if (judged instanceof AdapterError) await refused?.(judged);
    throw judged;
  }
}

/** Follows no redirect, so that the key stays with the service. */
export const fetchHere: Fetch = (input, init) => fetch(input, { ...init, redirect: 'manual' });
