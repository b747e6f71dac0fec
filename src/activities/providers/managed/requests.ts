import { AsyncLocalStorage } from 'node:async_hooks';
import { timeLimit, within, type TimeLimit } from '../../../time-limit.js';
import type { ProviderSetup } from '../provider.js';

/** One call of a vendor's library. */
export interface LibraryCall {
  /** For each request of it; what it waits for its turn does not count. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Done when its turn has come, right before it leaves; nothing leaves when it fails. */
  readonly before?: (() => Promise<void>) | undefined;
  /** What an error of the library means. */
  readonly judge: (error: unknown) => Error;
}

interface UnderWay {
  readonly limit: TimeLimit;
  /** The turn of its first request is taken before the library has a say in it. */
  sent: number;
  heldBack?: Error;
}

/**
 * What a vendor's library sends to a service. A call of it may be several requests, such as an upload, so each takes its
 * turn where it leaves: in the `fetch` that the library is made with.
 */
export function requestsInTurn(turn: ProviderSetup<unknown>['turn']) {
  const calls = new AsyncLocalStorage<UnderWay>();

  /** The turn of a request that the library sends by itself. */
  async function furtherTurn(call: UnderWay): Promise<void> {
    call.limit.hold();
    try {
      await turn?.();
    } catch (error) {
      call.heldBack = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
    call.limit.signal.throwIfAborted();
    call.limit.refresh();
  }

  return {
    /** Follows no redirect, so that the key stays with the service. */
    fetch: async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const call = calls.getStore();
      if (call === undefined) await turn?.();
      else if (call.sent++ > 0) await furtherTurn(call);
      return fetch(input, { ...init, redirect: 'manual' });
    },

    /** @throws what `judge` makes of an error; as it is where a turn or `before` has thrown it */
    call: async <T>(
      { timeoutMs, signal, before, judge }: LibraryCall,
      send: (signal: AbortSignal) => PromiseLike<T>,
    ): Promise<T> => {
      await turn?.();
      await before?.();
      const call: UnderWay = { limit: timeLimit(timeoutMs, signal), sent: 0 };
      try {
        return await within(call.limit, (until) => calls.run(call, async () => send(until)));
      } catch (error) {
        throw call.heldBack ?? judge(error);
      }
    },
  };
}
