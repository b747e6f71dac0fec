import { setTimeout as sleep } from 'node:timers/promises';
import { isUnderWay } from '../contract/states.js';
import { messageOf } from '../contract/thrown.js';
import { sendDue, type CourierDeps } from './courier.js';
import { lookAtNights, type NightLookDeps } from '../nights/look-at-nights.js';
import { DELIVERY_MAX_MS } from '../policy/alert-times.js';
import { lookAtBatch, type LookDeps } from './look.js';
import { remind } from './remind.js';
import { UnwritableAlarm, type UnwritableDeps } from './unwritable.js';

const LOOK_DELAY_MS = 500;
const ROUND_MS = 10_000;
/** So many rounds after each other, batches under way and nights are looked at although nobody called, and reminders are sent. */
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
 *
 *  WM1. A look that failed is made up for when batches under way are looked at again, and before the process goes: a batch
 *       that has ended is called by nobody any more.
 *  WM2. One that no process came to make up for is made up for by the next, which begins with what has ended lately.
 */
export function startWatchman(
  deps: CourierDeps & LookDeps & UnwritableDeps & Pick<NightLookDeps, 'isRunOpen'>,
  onTrouble: (what: string) => void = () => undefined,
): Watchman {
  let stopping = false;
  const sending = new AbortController();
  const toLook = new Set<string>();
  const failed = new Set<string>();
  const unwritable = new UnwritableAlarm(deps);
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
      stopping = true;
      call();
      const timer = setTimeout(() => sending.abort(), DRAIN_MS);
      await done;
      clearTimeout(timer);
    },
  };

  function nextCall(): Promise<void> {
    return new Promise((resolve) => (call = resolve));
  }

  /** @returns whether nobody called for as long as a round is */
  async function quietRound(): Promise<boolean> {
    const over = new AbortController();
    const round = sleep(ROUND_MS, true, { signal: over.signal, ref: false }).catch(() => false);
    const wasQuiet = await Promise.race([called.then(() => false), round]);
    over.abort(); // a busy night calls many times in one round, and leaves no timer behind
    called = nextCall();
    return wasQuiet;
  }

  async function run(): Promise<void> {
    for (let round = 0; ; round++) {
      const last = stopping;
      if (last || round % LOOK_ROUNDS === 0) {
        for (const batchId of failed) toLook.add(batchId); // WM1
        failed.clear();
        await safely('list batches', () => listBatches(round === 0));
      }
      for (const batchId of [...toLook]) await lookAt(batchId);
      if (round % LOOK_ROUNDS === 0) await safely('look at nights', () => lookAtNights(deps));
      // Not in each round: what is put off is looked at each time.
      if (last || round % LOOK_ROUNDS === 0) await safely('send reminders', () => remind(deps, onTrouble));
      await safely('tell that nothing can be written', () => unwritable.look(sending.signal));
      await safely('send messages', () => sendDue(deps, sending.signal));
      if (last) return unwritable.close();
      const wasQuiet = await quietRound();
      // Calls come in flocks: forty jobs that are refused at once are looked at together.
      if (!wasQuiet && !stopping) await sleep(LOOK_DELAY_MS);
    }
  }

  /** Those under way, and of the others what was last done under its name, if that was within a day. */
  async function listBatches(endedToo: boolean): Promise<void> {
    const since = new Date(deps.now().getTime() - DELIVERY_MAX_MS).toISOString();
    const names = new Set<string>();
    const batches = await deps.ledger.batches(BATCHES_MAX);
    unwritable.saw(batches);
    for (const { id, name, state, closedAt } of batches) {
      const endedLately = endedToo && !names.has(name) && (closedAt ?? '') > since; // WM2
      if (isUnderWay(state) || endedLately) toLook.add(id);
      names.add(name);
    }
  }

  async function lookAt(batchId: string): Promise<void> {
    toLook.delete(batchId); // first: what happens meanwhile calls for another look
    const isDone = await safely(`look at ${batchId}`, () => lookAtBatch(batchId, deps));
    if (!isDone) failed.add(batchId);
  }

  /** @returns whether it went well */
  async function safely(what: string, act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      onTrouble(`could not ${what}: ${messageOf(error)}`);
      return false;
    }
  }
}
