import { effectIdOf } from '../batch/effects.js';
import type { Effect, Job } from '../contract/job.js';
import type { PublishEnd, PublishRequest } from '../contract/messages.js';
import type { ErrorClass } from '../contract/errors.js';
import { activityWriter, type Deps } from './deps.js';
import { knownJob } from '../ledger/known-job.js';
import { requestSha256Of } from './try-effect.js';

/**
 * Asks whether an effect may leave, where its batch wants a person's yes; undefined when it may. What has a receipt
 * already changes nothing outside, and is not asked for.
 */
export async function approvalOf(
  request: PublishRequest,
  job: Job,
  effect: Effect,
  deps: Deps,
): Promise<PublishEnd | undefined> {
  const { approval } = effect;
  if (approval === undefined) return undefined;
  const { ledger } = deps;
  const { work, batchId } = request;
  const reached = (await knownJob(ledger, { work, jobKey: job.key }))?.effects.get(effect.key);
  if (reached?.state === 'landed' && reached.revision >= job.revision) return undefined;
  const asked = await ledger.askApproval(
    {
      ...effectIdOf(work, job, effect),
      requestSha256: requestSha256Of(effect, request.artifact, job.revision),
      artifact: request.artifact,
      batchId,
      ...approval,
    },
    activityWriter(batchId, deps).workflowId,
  );
  switch (asked.kind) {
    case 'approved':
      return undefined;
    case 'waiting':
      return { kind: 'approval', why: asked.message, delayMs: asked.delayMs };
    case 'held':
      return { ...asked, errorClass: asked.errorClass satisfies ErrorClass, decided: true };
  }
}
