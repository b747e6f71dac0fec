import { setTimeout as sleep } from 'node:timers/promises';
import { publisherFor, type PublisherDeps } from '../../activities/publishers/publisher-for.js';
import type { CrashPoint } from '../../activities/crash-points.js';
import { tryEffect, type EffectTried } from '../../activities/try-effect.js';
import type { Effect } from '../../contract/job.js';
import type { By, Ledger } from '../../ledger/ledger.js';
import { DEFAULT_RETRY } from '../../policy/retry.js';
import { WORK, sha256Of, type EffectUnderTest } from './effect-under-test.js';

const ENDS_IN_MS = 15 * 60_000;

export const BY: By = {
  batchId: 'batch',
  workflowId: 'job',
  runId: 'run',
  attempt: 1,
  worker: 'conformance',
};

export interface TryOptions {
  readonly deps: PublisherDeps;
  readonly tries?: number;
  readonly now?: () => Date;
  readonly reached?: (point: CrashPoint) => void | Promise<void>;
}

export const effectOf = ({ effectKey: key, use, target, with: options }: EffectUnderTest): Effect => ({
  key,
  name: 'post',
  use,
  target,
  with: options,
  onUnknown: 'hold',
});

/** One try, by the very code that a worker runs. */
export async function tryOnce(
  tested: EffectUnderTest,
  ledger: Ledger,
  { deps, tries = 1, now = () => new Date(), reached = () => undefined }: TryOptions,
): Promise<EffectTried> {
  const { job, effectKey, text } = tested;
  const { key: jobKey, identity, fingerprint, revision } = job;
  await ledger.claimJob({
    work: WORK,
    jobKey,
    identity,
    fingerprint,
    revision,
    effectKeys: [effectKey],
    by: BY,
  });
  const effect = effectOf(tested);
  return tryEffect(
    {
      work: WORK,
      job,
      effect,
      effectKeys: [effectKey],
      artifact: { sha256: sha256Of(text), read: async () => Buffer.from(text) },
      publisher: (artifact) => publisherFor(effect, process.cwd(), deps, artifact),
      by: BY,
      tried: () => ({ tries, elapsedMs: 0 }),
      retry: DEFAULT_RETRY,
      endsAt: now().getTime() + ENDS_IN_MS,
      context: { signal: new AbortController().signal, now, sleep: (ms) => sleep(ms) },
      reached,
    },
    ledger,
  );
}
