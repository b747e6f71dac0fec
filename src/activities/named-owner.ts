import { jobTitle } from '../contract/job.js';
import type { Ledger } from '../ledger/ledger.js';
import type { FoundEffect } from './publishers/publisher.js';

/** Adapters know another effect by its key alone. Where the ledger knows it too, people are told what it is. */
export async function withNamedOwner(
  found: FoundEffect,
  ledger: Pick<Ledger, 'effectOf'>,
): Promise<FoundEffect> {
  if (found.kind !== 'theirs' || found.owner === undefined) return found;
  const { owner, why } = found;
  const effect = await ledger.effectOf(owner);
  if (!effect) return found;
  const { name, identity, batch } = effect;
  // In quotes, so that reports count what differs from job to job in its name alone as one cause.
  return { ...found, why: why.replaceAll(owner, `${name} of "${jobTitle(identity)}", batch ${batch}`) };
}
