import { publisherFor } from '../activities/publishers/publisher-for.js';
import type { PublisherFacts } from '../activities/publishers/publisher.js';
import { unsetReferences } from '../batch/secrets.js';
import { AdapterError } from '../contract/errors.js';
import type { Effect } from '../contract/job.js';
import type { Connections } from './connections.js';

/** Whether nothing takes an effect back once it has landed; `unknown` where its publisher can't be made here. */
export type Irreversible = true | 'unknown';

/**
 * What stands for a secret that is not set where somebody only looks: what a publisher declares comes from its options,
 * and never from a credential. In the forms that publishers want.
 */
const STAND_INS: readonly string[] = [
  'unset',
  'sk_test_unset',
  `${'0'.repeat(24)}:${'0'.repeat(64)}`,
  `whsec_${'A'.repeat(32)}`,
  'https://unset.invalid',
  'postgres://unset.invalid/unset',
  'DefaultEndpointsProtocol=https;AccountName=unset;AccountKey=AAAA;EndpointSuffix=unset.invalid',
];

/** What an effect's publisher declares, also without its secrets; undefined where it can't be made here. Sends nothing. */
export async function factsOf(
  effect: Effect,
  baseDir: string,
  { config }: Pick<Connections, 'config'>,
): Promise<PublisherFacts | undefined> {
  const unset = unsetReferences(effect.with, config.env);
  for (const standIn of unset.length === 0 ? [''] : STAND_INS) {
    const env = { ...config.env, ...Object.fromEntries(unset.map(({ name }) => [name, standIn])) };
    try {
      return (await publisherFor(effect, baseDir, { env, stateDir: config.stateDir })).facts;
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error; // a run says the others, where it matters
    }
  }
  return undefined;
}

/** The same as a word; undefined where `unpublish` takes it back. */
export const irreversibleOf = (facts: PublisherFacts | undefined): Irreversible | undefined =>
  facts === undefined ? 'unknown' : facts.unpublish === undefined ? true : undefined;
