import type { Definition } from '../contract/batch-file.js';
import type { Effect, Job } from '../contract/job.js';
import type { Trouble } from '../contract/messages.js';
import { effectIdOf, effectsOf } from '../batch/effects.js';
import { landedBefore } from '../batch/landed-before.js';
import type { Receipt } from '../contract/receipt.js';
import { knownJob } from '../ledger/known-job.js';
import type { By, EffectRow, Ledger } from '../ledger/ledger.js';
import { asked } from './ask-publisher.js';
import { effectRequest, receiptOf } from './land-effect.js';
import { withNamedOwner } from './named-owner.js';
import type { FoundEffect, Placed, PublisherContext } from './publishers/publisher.js';
import { publisherFor, type PublisherDeps } from './publishers/publisher-for.js';

export interface AskedJob {
  readonly definition: Definition;
  readonly job: Job;
  readonly context: PublisherContext;
}

export interface AskedEffect {
  readonly effect: Effect;
  /** Undefined where the destination can't be asked, or did not find it and may have missed it. */
  readonly found: FoundEffect | undefined;
}

/** Carries out one look-up, at the time that suits its destination. */
export type LookVia = (
  effect: Effect,
  look: (context: PublisherContext) => Promise<FoundEffect>,
) => Promise<FoundEffect>;

/**
 * Asks every destination of a job for its effects. Sends nothing but look-ups, and touches no ledger.
 * @param receipts of the job: some destinations find what landed by its id alone
 */
export async function askDestinations(
  { definition, job, context }: AskedJob,
  deps: PublisherDeps & { readonly ledger: Pick<Ledger, 'effectOf'> },
  receipts: readonly Receipt[] = [],
  via: LookVia = (_effect, look) => look(context),
): Promise<AskedEffect[]> {
  const answers: AskedEffect[] = [];
  for (const effect of effectsOf(definition, job)) {
    const publisher = await publisherFor(effect, definition.baseDir, deps);
    const lookup = publisher.lookup?.bind(publisher);
    const before = landedBefore(receipts, effect, { work: definition.work, jobKey: job.key });
    const request = { ...effectRequest(definition, job, effect), ...before };
    const look = lookup && ((at: PublisherContext) => asked(publisher, 'lookup', () => lookup(request, at)));
    const found = look && (await withNamedOwner(await via(effect, look), deps.ledger));
    const proves = publisher.facts.lookup === 'exact' || found?.kind !== 'absent';
    answers.push({ effect, found: proves ? found : undefined });
  }
  return answers;
}

export type Adopted = { readonly kind: 'adopted' } | ({ readonly kind: 'held' } & Trouble);

/**
 * Takes over what the destinations have said of a job already claimed, before anything is paid: the ledger may have been
 * lost or restored from an older copy.
 * @param ranUnseen whether the job was run before and the ledger does not know; told whether any effect was found
 * @returns adopted when every effect is there; held when one is there that is not this payload's, or somebody
 *   else's; undefined when the agent has to run (effects found are recorded all the same)
 */
export async function adoptFromDestinations(
  answers: readonly AskedEffect[],
  { definition, job, context }: AskedJob,
  ledger: Ledger,
  by: By,
  ranUnseen: (someAreThere: boolean) => Promise<boolean> = async () => false,
): Promise<Adopted | undefined> {
  const settles = {
    work: definition.work,
    jobKey: job.key,
    effectKeys: answers.map(({ effect }) => effect.key),
    revision: job.revision,
    state: 'adopted',
  } as const;
  const someAreThere = answers.some(({ found }) => found?.kind === 'ours');
  let missing = 0;
  for (const { effect, found } of answers) {
    const standing = standingOf(found, job);
    if (standing.kind === 'taken') return hold(effect, standing.why);
    if (found === undefined && (await ranUnseen(someAreThere))) return holdUnknown(effect);
    if (standing.kind === 'missing' || (await mayBeOlder(effect, standing.placed))) {
      missing++;
      continue;
    }
    const { fence } = await begin(effect);
    const receipt = receiptOf(standing.placed, effect.key, job.revision, context.now(), true);
    await ledger.landEffect(receipt, settles, fence);
  }
  return missing === 0 ? { kind: 'adopted' } : undefined;

  /** It has a revision that the destination does not keep, and the ledger knows of an older one. */
  async function mayBeOlder({ key }: Effect, { revision, fingerprint }: Placed): Promise<boolean> {
    if (job.revision === 1 || revision !== undefined || fingerprint !== undefined) return false;
    const known = (await knownJob(ledger, { work: definition.work, jobKey: job.key }))?.effects.get(key);
    return known !== undefined && !(known.state === 'landed' && known.revision === job.revision);
  }

  function begin(effect: Effect): Promise<EffectRow> {
    return ledger.beginEffect(effectIdOf(definition.work, job, effect), by);
  }

  /** As if it had been sent: what an earlier run did only a person can find out. */
  async function holdUnknown(effect: Effect): Promise<Adopted> {
    const message =
      `${effect.name}: this job was run before, and the ledger has no record of that; ` +
      'whether that run sent it, nobody can tell but you';
    const end = { errorClass: 'unknown', message } as const;
    const { fence } = await begin(effect);
    await ledger.attemptingEffect(effect.key, { sha256: UNKNOWN_REQUEST, revision: job.revision }, fence);
    await ledger.stopEffect(effect.key, { state: 'unknown', ...end, job: { state: 'held', ...end } }, fence);
    return { kind: 'held', ...end };
  }

  async function hold(effect: Effect, why: string): Promise<Adopted> {
    const end = { errorClass: 'conflict', message: `${effect.name}: ${why}` } as const;
    const { fence } = await begin(effect);
    await ledger.stopEffect(effect.key, { state: 'held', ...end, job: { state: 'held', ...end } }, fence);
    return { kind: 'held', ...end };
  }
}

/** Equal to no request that is ever made. */
const UNKNOWN_REQUEST = '0'.repeat(64);

/** What a destination's answer means for a job that is to be done at its revision. */
export type Standing =
  | { readonly kind: 'there'; readonly placed: Placed }
  | { readonly kind: 'missing' }
  | { readonly kind: 'taken'; readonly why: string };

export function standingOf(found: FoundEffect | undefined, { revision, fingerprint }: Job): Standing {
  if (found?.kind === 'theirs' || found?.kind === 'removed')
    return { kind: 'taken', why: `${found.location}: ${found.why}` };
  if (found?.kind !== 'ours' || !found.placed.visible || (found.placed.revision ?? revision) < revision)
    return { kind: 'missing' };
  const { placed } = found;
  if (placed.fingerprint === undefined || placed.fingerprint === fingerprint)
    return { kind: 'there', placed };
  return {
    kind: 'taken',
    why:
      `${placed.url ?? placed.id} was made from fingerprint ${placed.fingerprint}, the batch asks for ${fingerprint}; ` +
      'raise revision to publish the new version',
  };
}
