import { AdapterError } from '../../contract/errors.js';
import type { Publisher } from './publisher.js';

/**
 * What a publisher declares has to fit the verbs that it brings: the algorithm relies on both.
 * @throws AdapterError `config` that says what does not fit
 */
export function checkFacts(publisher: Publisher): void {
  const { facts } = publisher;
  const has = (verb: 'lookup' | 'reveal' | 'discard' | 'unpublish') => publisher[verb] !== undefined;
  const faults = [
    !['exact', 'scan', 'none'].includes(facts.lookup) && 'facts.lookup must be exact, scan or none',
    has('lookup') !== (facts.lookup !== 'none') &&
      `facts.lookup is ${facts.lookup}, and it has ${has('lookup') ? 'a' : 'no'} lookup()`,
    (facts.class === 1 || facts.class === 3) &&
      facts.lookup !== 'exact' &&
      `class ${facts.class} needs an exact look-up`,
    facts.class === 2 && facts.keyWindowMs === undefined && 'class 2 needs facts.keyWindowMs',
    facts.class === 4 && facts.lookup !== 'none' && 'class 4 means that there is no look-up',
    has('reveal') &&
      !has('discard') &&
      'who hides objects before they are revealed has to be able to discard them',
    has('unpublish') !== (facts.unpublish !== undefined) && 'facts.unpublish and unpublish() go together',
  ].filter((fault) => fault !== false);
  if (faults.length === 0) return;
  throw new AdapterError(
    'config',
    `publisher ${facts.name} declares what it does not do: ${faults.join('; ')}`,
    {
      sent: 'no',
    },
  );
}
