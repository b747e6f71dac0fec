import type { Effect } from '../../contract/job.js';
import { refuseInRehearsal } from '../rehearsal/no-writes.js';
import type { Publisher, PublisherVerb } from './publisher.js';
import { publisherFor, type PublisherDeps } from './publisher-for.js';

/** All that a rehearsal has of a publisher: what asks, and nothing that acts. */
export interface Looker extends Pick<Publisher, 'facts' | 'lookup' | 'probe' | 'classify'> {
  /** A run could bring what is there to a higher revision. */
  readonly canUpdate: boolean;
}

const ACTING = [
  'create',
  'reveal',
  'update',
  'discard',
  'unpublish',
] as const satisfies readonly PublisherVerb[];

/** Makes a publisher that can only look. To be called inside `rehearsing`. @throws as `publisherFor` */
export async function lookerFor(
  effect: Effect,
  baseDir: string,
  deps: PublisherDeps,
  artifact?: Uint8Array,
): Promise<Looker> {
  return disarmed(await publisherFor(effect, baseDir, deps, artifact));
}

/**
 * The acting verbs are taken from the object itself, so that a look-up that calls one of them gets nowhere either.
 * @param publisher made for this call: nobody else has it
 */
export function disarmed(publisher: Publisher): Looker {
  const canUpdate = publisher.update !== undefined;
  for (const verb of ACTING) {
    // One that is sealed keeps its verbs, which nobody can reach through a Looker.
    Reflect.defineProperty(publisher, verb, {
      configurable: true,
      value: () => refuseInRehearsal(`the verb ${verb} of publisher ${publisher.facts.name}`),
    });
  }
  const { facts } = publisher;
  const lookup = publisher.lookup?.bind(publisher);
  const probe = publisher.probe?.bind(publisher);
  return {
    facts,
    ...(lookup && { lookup }),
    ...(probe && { probe }),
    classify: (error, during) => publisher.classify(error, during),
    canUpdate,
  };
}
