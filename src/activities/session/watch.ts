import { cancellationSignal, log, sleep } from '@temporalio/activity';
import { durationMs } from '../../contract/batch-file.js';
import { AdapterError } from '../../contract/errors.js';
import { awakeMs } from '../../host-sleep.js';
import { jitterOf } from '../../policy/jitter.js';
import { afterStep } from '../../policy/retry.js';
import { triesIn } from '../failure.js';
import { longerThanTimeout } from '../providers/longer-than-timeout.js';
import type { SessionHandle, SessionProgress } from '../providers/provider.js';
import { keptBackBy } from '../lanes/lane-of.js';
import { KEEP_EVERY_MS } from '../lanes/place-keeper.js';
import { failedSoFar, failingSince, noteFailure, notePassed } from '../heartbeat.js';
import { frozen } from './admit.js';
import { ask, struck, type SessionScope } from './scope.js';

/** A lane may be opened at any moment, by a person or by a probe: so often it is asked again, and the service is not. */
const ASK_LANE_MS = 60_000;

export type SessionOver = Exclude<SessionProgress, { kind: 'running' }>;

/** Everything stands still: the session is left to its service, which nobody asks any more. */
export class Unwatched extends Error {}

/**
 * Looks at a session until it is over.
 *
 *  W1. A look that fails says nothing of the session, which goes on and costs: it is looked at again, for as long as
 *      patience lasts.
 *  W2. A session that is past its deadline, or that its service shows standing still for `agent.quiet`, is cancelled.
 *      Its time counts from when it was sent off, not from the intent: what its start had waited for is not its time.
 *      It may have ended well before its deadline, while nobody looked or looks failed: only a look that was asked for
 *      after the deadline, and went well, tells that it did not. An answer is as old as its question: the host may have
 *      slept in between. What runs on the host sleeps with it, and has that time left.
 *  W3. While its jobs are frozen it is neither looked at, nor collected, nor cancelled. @throws Unwatched
 *  W4. It keeps its place in the lane however far away the next look is, and whether or not looks go well: it runs.
 */
export async function watchSession(scope: SessionScope, handle: SessionHandle): Promise<SessionOver> {
  const { provider, context, deps } = scope;
  const stillness = new Stillness(scope);
  const looks = new FailedLooks(scope);
  let sleptMs = 0;
  const leftMs = (atMs = deps.now().getTime()): number => scope.deadline().getTime() + sleptMs - atMs;
  for (;;) {
    let waitMs: number;
    let isOverdue = false;
    await standStill();
    const askedMs = deps.now().getTime();
    try {
      const progress = await ask(scope, 'poll', () => provider.poll(handle, context));
      looks.passed();
      // Whatever failed before has passed, and what follows a session has not begun to fail.
      if (progress.kind === 'running') notePassed('step');
      await scope.reached('A6');
      if (progress.kind !== 'running') {
        await standStill();
        return progress;
      }
      if (stillness.isTooLong(progress.sign, askedMs)) return await giveUp('made no progress for too long');
      sleptMs = progress.sleptMs ?? 0;
      isOverdue = leftMs(askedMs) <= 0;
      waitMs = Math.min(progress.nextPollMs, leftMs());
    } catch (error) {
      if (cancellationSignal().aborted || !(error instanceof AdapterError)) throw error; // and W3
      const keptBack = keptBackBy(error);
      waitMs = keptBack ? Math.min(keptBack.delayMs, ASK_LANE_MS) : looks.failed(error); // W1
      if (leftMs() > 0) waitMs = Math.min(waitMs, leftMs());
    }
    if (isOverdue) return await giveUp(`ran ${longerThanTimeout(sleptMs)}`);
    await rest(Math.max(1, waitMs));
  }

  /** W4 */
  async function rest(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= KEEP_EVERY_MS) {
      await sleep(Math.min(left, KEEP_EVERY_MS));
      await scope.lane.keep();
    }
  }

  /** W3 */
  async function standStill(): Promise<void> {
    if (await frozen(scope.gate, deps.ledger)) throw new Unwatched('frozen');
  }

  /** W2 */
  async function giveUp(what: string): Promise<SessionOver> {
    await ask(scope, 'cancel', () => provider.cancel(handle, context));
    return { kind: 'failed', errorClass: 'timeout', message: `the session ${what} and was cancelled` };
  }
}

/** Looks that failed since the last one that did not, also those of earlier tries. */
class FailedLooks {
  constructor(private readonly scope: SessionScope) {}

  passed(): void {
    notePassed('look');
  }

  /** @returns how long to wait; @throws the reason where looking again would not help */
  failed(reason: AdapterError): number {
    const { deps, retry, session } = this.scope;
    const nowMs = deps.now().getTime();
    const { errorClass, message, facts } = reason;
    noteFailure(errorClass, nowMs, 'look');
    const since = failingSince('look') ?? nowMs; // an earlier try may have begun to count
    const tried = { ...triesIn(failedSoFar('look'), errorClass), elapsedMs: awakeMs(since, nowMs) };
    const jitter = jitterOf(`${session.runKey}:${session.attempt}:look:${tried.tries}`);
    // The session goes on whatever is asked of those who look.
    const leftMs = Math.max(0, retry.patienceMs - tried.elapsedMs);
    const { retryAfterMs = 0 } = facts;
    const hintMs = errorClass === 'exhausted' ? retryAfterMs : Math.min(retryAfterMs, leftMs);
    const next = afterStep({ errorClass, ...tried, jitter, hintMs }, retry);
    if (next.kind !== 'again') throw struck('the session could not be looked at', reason);
    log.info('a session could not be looked at', { reason: message });
    return next.delayMs;
  }
}

/** How long a service has shown the very same sign of life. */
class Stillness {
  private readonly mostMs: number;
  private sign: string | undefined;
  private since = 0;

  constructor(scope: SessionScope) {
    const { quiet } = scope.definition.agent;
    this.mostMs = quiet === undefined ? Infinity : durationMs(quiet);
  }

  /** @param askedMs when the service was asked for that sign */
  isTooLong(sign: string | undefined, askedMs: number): boolean {
    if (sign === undefined) return false;
    if (sign !== this.sign) {
      this.sign = sign;
      this.since = askedMs;
    }
    return askedMs - this.since >= this.mostMs;
  }
}
