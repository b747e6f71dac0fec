import { sleep } from '@temporalio/activity';
import type { UpstreamWait } from '../contract/messages.js';
import { upstreamStanding } from '../nights/upstream.js';
import type { Deps } from './deps.js';
import { keepAlive } from './heartbeat.js';

const POLL_MS = 2_000;

/** Waits until the night that another one comes after is done, or the time for it is over. */
export const awaitUpstream =
  ({ ledger, now }: Pick<Deps, 'ledger' | 'now'>) =>
  async ({ untilAt, ...upstream }: UpstreamWait): Promise<void> => {
    const stopHeartbeat = keepAlive(() => upstream.schedule);
    try {
      while (now().toISOString() < untilAt) {
        if ((await upstreamStanding(upstream, ledger)).kind === 'done') return;
        await sleep(Math.max(1, Math.min(POLL_MS, Date.parse(untilAt) - now().getTime())));
      }
    } finally {
      stopHeartbeat();
    }
  };
