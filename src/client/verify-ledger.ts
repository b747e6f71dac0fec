import { askDestinations, type AskedEffect } from '../activities/adopt.js';
import { effectsOf } from '../batch/effects.js';
import { landedBefore } from '../batch/landed-before.js';
import { AdapterError } from '../contract/errors.js';
import { jobTitle } from '../contract/job.js';
import type { Receipt } from '../contract/receipt.js';
import type { BatchRow } from '../ledger/ledger.js';
import { compare, type Drift } from '../policy/drift.js';
import { lookContext } from './look-context.js';
import type { Connections } from './connections.js';
import { jobsOf, type DescribedJob } from './described-jobs.js';
import { eachAtOnce } from './each-at-once.js';

export interface VerifiedEffect {
  readonly work: string;
  readonly jobKey: string;
  readonly title: string;
  readonly name: string;
  readonly use: string;
  readonly target: string;
  readonly effectKey: string;
  readonly drift: Drift | 'failed';
  /** Where it is, by the receipt or by the destination. */
  readonly place: string | undefined;
  readonly why: string | undefined;
}

export interface Verification {
  readonly jobs: number;
  readonly counts: Readonly<Record<Drift | 'failed', number>>;
  /** All that is not as the receipts say, and all that could not be asked. */
  readonly findings: readonly VerifiedEffect[];
}

/** Look-ups at once: enough to hide their latency, few enough for any destination. */
const AT_ONCE = 8;

/**
 * Asks every destination of the given batches for every effect, and compares with the receipts. Sends look-ups only.
 * @param onJob told after each job
 */
export async function verifyLedger(
  batches: readonly BatchRow[],
  connections: Connections,
  onJob: (jobs: number) => void = () => undefined,
): Promise<Verification> {
  const ledger = await connections.ledger();
  const counts: Record<Drift | 'failed', number> = {
    same: 0,
    missing: 0,
    drifted: 0,
    extra: 0,
    none: 0,
    unasked: 0,
    failed: 0,
  };
  const findings: VerifiedEffect[] = [];
  let jobs = 0;

  await eachAtOnce(jobsOf(batches, connections), AT_ONCE, async (described) => {
    const { definition, job } = described;
    const id = { work: definition.work, jobKey: job.key };
    const receipts = await ledger.receipts(id);
    for (const { effect, ...answer } of await answersOf(described, receipts, connections)) {
      const { receipt, takenBack } = landedBefore(receipts, effect, id);
      const { drift, why } =
        'failure' in answer
          ? { drift: 'failed' as const, why: answer.failure }
          : compare(receipt, answer.found, takenBack);
      counts[drift]++;
      if (drift === 'same' || drift === 'none') continue;
      const { name, use, target, key: effectKey } = effect;
      const placed = 'found' in answer && answer.found?.kind === 'ours' ? answer.found.placed : undefined;
      const place = receipt?.url ?? receipt?.id ?? placed?.url ?? placed?.id;
      findings.push({
        ...id,
        title: jobTitle(job.identity),
        name,
        use,
        target,
        effectKey,
        drift,
        place,
        why,
      });
    }
    onJob(++jobs);
  });
  return { jobs, counts, findings };
}

type Answer = AskedEffect | { readonly effect: AskedEffect['effect']; readonly failure: string };

/** One destination that is down must not hide what the others say. */
async function answersOf(
  { definition, job }: DescribedJob,
  receipts: readonly Receipt[],
  { config }: Connections,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const spec of definition.effects) {
    const one = { ...definition, effects: [spec] };
    try {
      const asking = { definition: one, job, context: lookContext() };
      answers.push(...(await askDestinations(asking, config, receipts)));
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      for (const effect of effectsOf(one, job))
        answers.push({ effect, failure: `${error.errorClass}: ${error.message}` });
    }
  }
  return answers;
}
