import { publisherFor } from '../activities/publishers/publisher-for.js';
import type { PublisherFacts } from '../activities/publishers/publisher.js';
import { AdapterError } from '../contract/errors.js';
import type { Effect } from '../contract/job.js';
import type { Connections } from './connections.js';

/** What an effect's publisher declares; undefined where it can't be made here, such as for a missing variable. */
export async function factsOf(
  effect: Effect,
  baseDir: string,
  { config }: Pick<Connections, 'config'>,
): Promise<PublisherFacts | undefined> {
  try {
    return (await publisherFor(effect, baseDir, config)).facts;
  } catch (error) {
    if (error instanceof AdapterError) return undefined; // a run says it, where it matters
    throw error;
  }
}
