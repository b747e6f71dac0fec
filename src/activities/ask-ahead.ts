import type { Definition } from '../contract/batch-file.js';
import { AdapterError } from '../contract/errors.js';
import type { Effect, Job } from '../contract/job.js';
import type { KnownJob } from '../ledger/ledger.js';
import { refusesAll } from '../policy/refuses-all.js';
import { hasLanded } from '../policy/verdict.js';
import { asked } from './ask-publisher.js';
import type { Deps } from './deps.js';
import { asAdapterError } from './failure.js';
import { effectRequest } from './land-effect.js';
import { providerFor } from './providers/provider-for.js';
import { lookerFor } from './publishers/looker.js';
import type { PublisherContext } from './publishers/publisher.js';
import { rehearsing } from './rehearsal/no-writes.js';

/** A service that takes longer is slow, which refuses nobody. Its library is loaded in that time, too. */
const ANSWER_MS = 10_000;

/** More places of one batch are not asked: a refusal of those comes to light with their first job. */
const PLACES_MAX = 16;

interface Ask {
  readonly job: Job;
  readonly effect: Effect;
}

/** Where the jobs of a batch will send something: one effect for each place. */
export class PlacesAhead {
  private readonly asks = new Map<string, Ask>();

  /** Adds what is still to land of a job. */
  add(job: Job, effects: readonly Effect[], known: Pick<KnownJob, 'effects'> | undefined): void {
    for (const effect of effects) {
      const place = `${effect.name} ${effect.target}`;
      if (this.asks.size >= PLACES_MAX || this.asks.has(place)) continue;
      if (!hasLanded(known, effect.key, job.revision)) this.asks.set(place, { job, effect });
    }
  }

  values(): Iterable<Ask> {
    return this.asks.values();
  }
}

/** What asking takes. */
export interface AheadDeps extends Pick<Deps, 'env' | 'stateDir'> {
  readonly context: PublisherContext;
  /** Longest that anybody is waited for. */
  readonly answerMs?: number;
}

/**
 * Asks the destinations of a batch, all at once, for what its jobs would ask them for anyway. Nothing that may change
 * something leaves: publishers can only look here.
 * @returns what would refuse every job
 */
export async function destinationsRefuse(
  definition: Definition,
  places: PlacesAhead,
  { context, answerMs, ...deps }: AheadDeps,
): Promise<readonly AdapterError[]> {
  const answers = [...places.values()].map(({ job, effect }) =>
    refusal(
      `effect "${effect.name}" (${effect.use} ${effect.target})`,
      async (signal) => {
        const looker = await lookerFor(effect, definition.baseDir, deps);
        const { lookup } = looker;
        if (!lookup) return;
        const request = effectRequest(definition, job, effect);
        await asked(looker, 'lookup', () => lookup(request, { ...context, signal }));
      },
      context.signal,
      answerMs,
    ),
  );
  return (await Promise.all(answers)).filter((found) => found !== undefined);
}

/** Asks the agent's service for something that costs nothing. @returns what would refuse every job */
export async function agentRefuses(
  definition: Definition,
  { context, answerMs, ...deps }: AheadDeps,
): Promise<AdapterError | undefined> {
  const ask = async (signal: AbortSignal) => {
    const provider = await providerFor(definition, deps);
    try {
      await provider.probe?.({ ...context, signal, save: async () => undefined });
    } catch (error) {
      throw provider.classify(error, 'probe');
    }
  };
  return refusal(`agent ${definition.agent.use}`, ask, context.signal, answerMs);
}

async function refusal(
  who: string,
  ask: (signal: AbortSignal) => Promise<void>,
  stopped: AbortSignal,
  answerMs = ANSWER_MS,
): Promise<AdapterError | undefined> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(answerMs)]);
  const late = new Promise<undefined>((resolve) =>
    signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  const looked = await Promise.race([rehearsing(() => ask(signal)), late]);
  stopped.throwIfAborted();
  if (looked?.error === undefined) return undefined;
  const error = asAdapterError(looked.error);
  const errorClass = refusesAll(error);
  return errorClass && new AdapterError(errorClass, `${who}: ${error.message}`, error.facts);
}
