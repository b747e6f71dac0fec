import { cancellationSignal } from '@temporalio/activity';
import type { Definition } from '../contract/batch-file.js';
import type { Effect, Job } from '../contract/job.js';
import type { AgentEnd, JobRef } from '../contract/messages.js';
import { effectsOf } from '../batch/effects.js';
import type { EffectRow } from '../ledger/ledger.js';
import { writerOf, type Deps } from './deps.js';
import { asked, effectRequest, receiptOf } from './land-effect.js';
import { publisherFor } from './publishers/publisher-for.js';

/**
 * Asks the destinations of a job that the ledger does not know, before anything is paid: the ledger may have been
 * lost or restored from an older copy.
 * @returns adopted when every effect is there; held when one is there that is not this payload's, or somebody
 *   else's; undefined when the agent has to run (effects found are recorded all the same)
 */
export async function adoptFromDestinations(
  deps: Deps,
  ref: JobRef,
  definition: Definition,
  job: Job,
): Promise<AgentEnd | undefined> {
  const { ledger, now } = deps;
  const by = writerOf(ref.batchId, deps);
  const effects = effectsOf(definition, job);
  const settles = {
    work: ref.work,
    jobKey: job.key,
    effectKeys: effects.map(({ key }) => key),
    revision: job.revision,
    state: 'adopted',
  } as const;
  let missing = 0;
  for (const effect of effects) {
    const publisher = await publisherFor(effect, definition.baseDir, deps);
    const context = { signal: cancellationSignal(), now };
    const lookup = publisher.lookup?.bind(publisher);
    const request = effectRequest(ref, job, effect, 0);
    const found = lookup && (await asked(publisher, 'lookup', () => lookup(request, context)));
    if (found?.kind === 'theirs') {
      return hold(effect, `${found.location}: ${found.why}`);
    }
    if (
      found?.kind !== 'ours' ||
      !found.placed.visible ||
      (found.placed.revision ?? job.revision) < job.revision
    ) {
      missing++;
      continue;
    }
    if (found.placed.fingerprint !== undefined && found.placed.fingerprint !== job.fingerprint) {
      const { url, id, fingerprint } = found.placed;
      return hold(
        effect,
        `${url ?? id} was made from fingerprint ${fingerprint}, the batch asks for ${job.fingerprint}; ` +
          'raise revision to publish the new version',
      );
    }
    const { fence } = await begin(effect);
    await ledger.landEffect(receiptOf(found.placed, effect.key, job.revision, now(), true), settles, fence);
  }
  return missing === 0 ? { kind: 'adopted' } : undefined;

  function begin({ key: effectKey, name, target, use }: Effect): Promise<EffectRow> {
    const { key: jobKey, revision } = job;
    return ledger.beginEffect({ effectKey, work: ref.work, jobKey, name, target, use, revision }, by);
  }

  async function hold(effect: Effect, why: string): Promise<AgentEnd> {
    const end = { errorClass: 'conflict', message: `${effect.name}: ${why}` } as const;
    const { fence } = await begin(effect);
    await ledger.stopEffect(effect.key, { state: 'held', ...end, job: { state: 'held', ...end } }, fence);
    return { kind: 'held', ...end };
  }
}
