import { publisherFor } from '../activities/publishers/publisher-for.js';
import { effectsOf } from '../batch/effects.js';
import type { Batch } from '../batch/read-batch.js';
import { AdapterError } from '../contract/errors.js';
import type { Effect } from '../contract/job.js';
import type { Connections } from './connections.js';
import type { Finding } from './doctor.js';
import { lookContext } from './look-context.js';

/** Each destination of a batch once: what would go wrong tonight. */
export async function probeDestinations(
  { definition, jobs }: Batch,
  { config }: Pick<Connections, 'config'>,
): Promise<Finding[]> {
  const places = new Map<string, Effect>();
  for (const job of jobs) {
    for (const effect of effectsOf(definition, job)) {
      const place = `${effect.name} ${effect.target}`;
      if (!places.has(place)) places.set(place, effect);
    }
  }
  const findings: Finding[] = [];
  for (const effect of places.values()) {
    const subject = `${effect.name}: ${effect.use} ${effect.target}`;
    for (const finding of await probe(effect, definition.baseDir, config))
      findings.push({ subject, ...finding });
  }
  return findings;
}

async function probe(
  effect: Effect,
  baseDir: string,
  config: Connections['config'],
): Promise<readonly Omit<Finding, 'subject'>[]> {
  try {
    const publisher = await publisherFor(effect, baseDir, config);
    try {
      return (
        (await publisher.probe?.(lookContext())) ?? [
          { status: 'warn', detail: `publisher ${publisher.facts.name} has no probe; nothing was checked` },
        ]
      );
    } catch (error) {
      throw publisher.classify(error, 'probe');
    }
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return [{ status: 'fail', detail: `${error.errorClass}: ${error.message}` }];
  }
}
