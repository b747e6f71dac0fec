import { askDestinations, type AskedEffect } from '../activities/adopt.js';
import { loadPublisher } from '../activities/load-adapter.js';
import { effectsOf } from '../batch/effects.js';
import { landedBefore, standing } from '../batch/landed-before.js';
import type { Definition } from '../contract/batch-file.js';
import { AdapterError } from '../contract/errors.js';
import { jobTitle, type Job } from '../contract/job.js';
import type { Receipt } from '../contract/receipt.js';
import { jobSubject } from '../ledger/job-state.js';
import type { BatchRow, ReceiptRow } from '../ledger/ledger.js';
import { compare, type Drift } from '../policy/drift.js';
import { lookContext } from './look-context.js';
import type { Connections } from './connections.js';
import { jobsOf } from './described-jobs.js';
import { eachAtOnce } from './each-at-once.js';

/** `failed`: the destination did not answer · `former`: there is a receipt, and no batch knows its effect any more. */
export type Verified = Drift | 'failed' | 'former';

export interface VerifiedEffect {
  readonly work: string;
  readonly jobKey: string;
  readonly title: string;
  readonly name: string;
  readonly use: string;
  readonly target: string;
  readonly effectKey: string;
  readonly drift: Verified;
  /** Where it is, by the receipt or by the destination. */
  readonly place: string | undefined;
  readonly why: string | undefined;
}

export interface Verification {
  readonly jobs: number;
  readonly counts: Readonly<Record<Verified, number>>;
  /** All that is not as the receipts say, and all that could not be asked. */
  readonly findings: readonly VerifiedEffect[];
}

/** Look-ups at once: enough to hide their latency, few enough for any destination. */
const AT_ONCE = 8;

/**
 * Asks the destinations for every effect of the given batches and for every receipt of their jobs, and compares. Sends
 * look-ups only.
 * @param batches newest first
 * @param onJob told after each job
 */
export async function verifyLedger(
  batches: readonly BatchRow[],
  connections: Connections,
  onJob: (jobs: number) => void = () => undefined,
): Promise<Verification> {
  const ledger = await connections.ledger();
  const counts: Record<Verified, number> = {
    same: 0,
    missing: 0,
    drifted: 0,
    extra: 0,
    none: 0,
    unasked: 0,
    failed: 0,
    former: 0,
  };
  const findings: VerifiedEffect[] = [];
  const left: ReceiptRow[] = [];
  let jobs = 0;

  await eachAtOnce(jobsOf(batches, connections), AT_ONCE, async ({ definition, job }) => {
    const receipts = await ledger.receipts({ work: definition.work, jobKey: job.key });
    const asked = await ask(definition, job, receipts);
    left.push(...standing(receipts).filter(({ effectKey }) => !asked.includes(effectKey)));
    onJob(++jobs);
  });
  for (const [batchId, receipts] of groupedBy(left, (receipt) => receipt.batchId)) {
    const asked = await askAsItLanded(batchId, receipts);
    for (const receipt of receipts)
      if (!asked.has(receipt.effectKey)) noteFormer(receipt, await isNeverAsked(receipt.use));
  }
  return { jobs, counts, findings };

  /**
   * What a job’s newest description does not have any more, that of the batch it landed in may have.
   * @returns keys of the effects asked for
   */
  async function askAsItLanded(batchId: string, receipts: readonly ReceiptRow[]): Promise<Set<string>> {
    const asked = new Set<string>();
    const row = await ledger.batch(batchId);
    if (!row) return asked;
    const byJob = groupedBy(receipts, jobSubject);
    try {
      await askOf(row, byJob, asked);
    } catch (error) {
      // What it was is lost with its list; what all others have answered is not.
      if (!(error instanceof AdapterError && error.errorClass === 'lost')) throw error;
    }
    return asked;
  }

  /** @param asked gets the keys of the effects asked for */
  async function askOf(
    row: BatchRow,
    byJob: ReadonlyMap<string, readonly ReceiptRow[]>,
    asked: Set<string>,
  ): Promise<void> {
    await eachAtOnce(jobsOf([row], connections), AT_ONCE, async ({ definition, job }) => {
      const ofJob = byJob.get(jobSubject({ work: definition.work, jobKey: job.key }));
      if (!ofJob) return;
      const keys = ofJob.map(({ effectKey }) => effectKey);
      for (const key of await ask(definition, job, ofJob, (effectKey) => keys.includes(effectKey)))
        asked.add(key);
    });
  }

  /** @returns keys of the effects asked for */
  async function ask(
    definition: Definition,
    job: Job,
    receipts: readonly ReceiptRow[],
    isMeant: (effectKey: string) => boolean = () => true,
  ): Promise<string[]> {
    const id = { work: definition.work, jobKey: job.key };
    const answers = await answersOf(definition, job, receipts, isMeant, { ...connections.config, ledger });
    for (const { effect, ...answer } of answers) {
      const { receipt, takenBack } = landedBefore(receipts, effect, id);
      const { drift, why } =
        'failure' in answer
          ? { drift: 'failed' as const, why: answer.failure }
          : compare(receipt, answer.found, takenBack);
      const placed = 'found' in answer && answer.found?.kind === 'ours' ? answer.found.placed : undefined;
      const place = receipt?.url ?? receipt?.id ?? placed?.url ?? placed?.id;
      const { name, use, target, key: effectKey } = effect;
      note({ ...id, title: jobTitle(job.identity), name, use, target, effectKey, drift, place, why });
    }
    return answers.map(({ effect }) => effect.key);
  }

  /** Where nobody can be asked of it ever, it is as good as before: no fault that stays for ever. */
  function noteFormer(receipt: ReceiptRow, neverAsked: boolean): void {
    const { work, jobKey, identity, name, use, target, effectKey, id, url } = receipt;
    const why = 'its batch has no such effect any more: nobody was asked';
    const drift = neverAsked ? 'unasked' : 'former';
    const title = jobTitle(identity);
    note({ work, jobKey, title, name, use, target, effectKey, drift, place: url ?? id, why });
  }

  function note(found: VerifiedEffect): void {
    counts[found.drift]++;
    if (found.drift !== 'same' && found.drift !== 'none') findings.push(found);
  }
}

/** Of a module of the operator's own it is not known, where its path is one beside a batch file. */
async function isNeverAsked(use: string): Promise<boolean> {
  try {
    return (await loadPublisher(use, '/')).neverAsked === true;
  } catch (error) {
    if (error instanceof AdapterError) return false;
    throw error;
  }
}

function groupedBy<T>(list: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

type Answer = AskedEffect | { readonly effect: AskedEffect['effect']; readonly failure: string };

/** One destination that is down must not hide what the others say. */
async function answersOf(
  definition: Definition,
  job: Job,
  receipts: readonly Receipt[],
  isMeant: (effectKey: string) => boolean,
  deps: Parameters<typeof askDestinations>[1],
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const spec of definition.effects) {
    const one = { ...definition, effects: [spec] };
    const [effect] = effectsOf(one, job);
    if (!effect || !isMeant(effect.key)) continue;
    try {
      const asking = { definition: one, job, context: lookContext() };
      answers.push(...(await askDestinations(asking, deps, receipts)));
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      answers.push({ effect, failure: `${error.errorClass}: ${error.message}` });
    }
  }
  return answers;
}
