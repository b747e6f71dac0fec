import { effectsOf } from '../batch/effects.js';
import { UsageError } from '../contract/errors.js';
import { keySchema } from '../contract/job.js';
import type { EffectDecision, OpenQuestion, Settles } from '../ledger/ledger.js';
import type { JobState } from '../contract/states.js';
import { asShown, changedSince, shownQuestion } from '../policy/as-shown.js';
import type { Connections } from './connections.js';
import { jobsOf } from './described-jobs.js';

export interface Decided {
  /** Undefined where it was answered before, and in the same way. */
  readonly question: OpenQuestion | undefined;
  readonly jobState: JobState;
}

/**
 * Answers what a person has seen at a destination that can't be asked: did it land or not. Starts nothing: the next
 * start goes on from there.
 * @param name the effect as it was shown, its whole key, or the first characters of it
 * @throws UsageError when no such question is open, or another one by now
 */
export async function decideEffect(
  name: string,
  decision: EffectDecision,
  connections: Connections,
  reason: string,
): Promise<Decided> {
  const ledger = await connections.ledger();
  const {
    key,
    ofKey: [asked],
    same: [question],
  } = asShown(name, await ledger.openQuestions(), shownQuestion);
  if (asked && !question) throw new UsageError(changedSince(name));
  if (!question && keySchema.safeParse(key).success) {
    // The same answer again is no error; the ledger knows what was answered.
    const { jobState } = await ledger.decideEffect(key, decision, connections.who, reason);
    return { question: undefined, jobState };
  }
  if (!question)
    throw new UsageError(
      `no effect ${name} waits for an answer: it was answered before, and an answer is not overwritten, or it was never in doubt; "nightshift approve" lists what waits`,
    );
  const settles = await settlesOf(question, connections);
  const { jobState } = await ledger.decideEffect(
    question.effectKey,
    { ...decision, sentAt: question.lastSentAt },
    connections.who,
    reason,
    settles,
  );
  return { question, jobState };
}

/** What else has to land for the job to be done, as the batch that asked last describes it. */
async function settlesOf(
  { batchId, work, jobKey }: OpenQuestion,
  connections: Connections,
): Promise<Settles | undefined> {
  const row = await (await connections.ledger()).batch(batchId);
  if (!row) return undefined;
  for await (const { definition, job } of jobsOf([row], connections)) {
    if (job.key !== jobKey) continue;
    const effectKeys = effectsOf(definition, job).map(({ key }) => key);
    return { work, jobKey, effectKeys, revision: job.revision, state: 'done' };
  }
  return undefined;
}
