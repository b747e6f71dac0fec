import { setTimeout as sleep } from 'node:timers/promises';
import { sendDue, type CourierDeps } from './courier.js';
import { lookAtNights, type NightLookDeps } from '../nights/look-at-nights.js';
import { lookAtBatch, type LookDeps } from './look.js';

const LOOK_DELAY_MS = 500;
const ROUND_MS = 10_000;
/** So many rounds after each other, batches under way and nights are looked at although nobody called. */
const LOOK_ROUNDS = 30;
const DRAIN_MS = 15_000;
const BATCHES_MAX = 50;

/** What Activities say to it. */
export interface Alarm {
  /** Something happened in this batch that may be worth an alert. Returns at once. */
  readonly look: (batchId: string) => void;
  /** Messages were queued. Returns at once. */
  readonly wake: () => void;
}

export interface Watchman extends Alarm {
  /** Sends what is due, for so long at most, and goes. */
  stop(): Promise<void>;
}

/**
 * Sends messages beside the work of a worker: no Activity waits for it, and none fails by it. What it has not sent
 * when it goes is in the ledger for the next one.
 */
export function startWatchman(
  deps: CourierDeps & LookDeps & Pick<NightLookDeps, 'isRunOpen'>,
  onTrouble: (what: string) => void = () => undefined,
): Watchman {
  const stopping = new AbortController();
  const sending = new AbortController();
  const toLook = new Set<string>();
  let call: () => void = () => undefined;
  let called = nextCall();
  const done = run();

  return {
    look(batchId) {
      toLook.add(batchId);
      call();
    },
    wake: () => call(),
    async stop() {
      stopping.abort();
      call();
      const timer = setTimeout(() => sending.abort(), DRAIN_MS);
      await done;
      clearTimeout(timer);
    },
  };

  function nextCall(): Promise<void> {
    return new Promise((resolve) => (call = resolve));
  }

  async function run(): Promise<void> {
    for (let round = 0; ; round++) {
      const last = stopping.signal.aborted;
      await safely('look at batches', () => lookRound(last || round % LOOK_ROUNDS === 0));
      if (round % LOOK_ROUNDS === 0) await safely('look at nights', () => lookAtNights(deps));
      await safely('send messages', () => sendDue(deps, sending.signal));
      if (last) return;
      const waiting = await Promise.race([
        called.then(() => false),
        sleep(ROUND_MS, true, { signal: stopping.signal, ref: false }).catch(() => false),
      ]);
      called = nextCall();
      // Calls come in flocks: forty jobs that are refused at once are looked at together.
      if (!waiting && !stopping.signal.aborted) await sleep(LOOK_DELAY_MS);
    }
  }

  async function lookRound(atAll: boolean): Promise<void> {
    await deps.ledger.queueReminders();
    if (atAll) {
      for (const { id, state } of await deps.ledger.batches(BATCHES_MAX))
        if (state === 'running' || state === 'paused') toLook.add(id);
    }
    for (const batchId of [...toLook]) {
      toLook.delete(batchId);
      await lookAtBatch(batchId, deps);
    }
  }

  async function safely(what: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      onTrouble(`could not ${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
