import type { Definition } from '../contract/batch-file.js';
import { AdapterError } from '../contract/errors.js';
import type { Effect, Job } from '../contract/job.js';
import type { JsonObject } from '../contract/json.js';
import type { KnownJob } from '../ledger/ledger.js';
import { refusesAll } from '../policy/refuses-all.js';
import { hasLanded } from '../policy/verdict.js';
import { aborted, timeLimit } from '../time-limit.js';
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

  /** Those of them that may be asked. */
  async only(mayAsk: (ask: Ask) => Promise<boolean>): Promise<PlacesAhead> {
    const all = [...this.asks];
    const may = await Promise.all(all.map(([, ask]) => mayAsk(ask)));
    const some = new PlacesAhead();
    for (const [at, [place, ask]] of all.entries()) if (may[at]) some.asks.set(place, ask);
    return some;
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
  const refusals = [...places.values()].map(async ({ job, effect }) => {
    const ask = async (signal: AbortSignal) => {
      const looker = await lookerFor(effect, definition.baseDir, deps);
      const { lookup } = looker;
      if (!lookup) return false;
      const request = effectRequest(definition, job, effect);
      await asked(looker, 'lookup', () => lookup(request, { ...context, signal }));
      return true;
    };
    const answer = await answerTo(ask, context.signal, answerMs);
    return refusal(`effect "${effect.name}" (${effect.use} ${effect.target})`, answer);
  });
  return (await Promise.all(refusals)).filter((found) => found !== undefined);
}

/** What became of asking: `late` where no answer came in time. */
export type Answer = 'answered' | 'nobody to ask' | 'late' | AdapterError;

/** Asks the agent's service for something that costs nothing. */
export async function askAgent(
  definition: Definition,
  { context, answerMs, ...deps }: AheadDeps,
): Promise<Answer> {
  const ask = async (signal: AbortSignal) => {
    const provider = await providerFor(definition, deps);
    if (!provider.probe) return false;
    try {
      await provider.probe({ ...context, signal, save: async () => undefined });
      return true;
    } catch (error) {
      throw provider.classify(error, 'probe');
    }
  };
  return answerTo(ask, context.signal, answerMs);
}

/**
 * What the agent's service would take by itself now, as options that say it exactly; why that can't be learnt. Neither
 * where nothing is left to it.
 * @param closed why it is not to be asked
 */
export async function pinOf(
  definition: Definition,
  { context, answerMs, ...deps }: AheadDeps,
  closed?: string,
): Promise<{ readonly options?: JsonObject; readonly why?: string }> {
  let options: JsonObject | undefined;
  const ask = async (signal: AbortSignal) => {
    const provider = await providerFor(definition, deps);
    if (provider.pin === undefined) return false;
    if (closed !== undefined) throw new AdapterError('throttled', `its service is not asked: ${closed}`);
    try {
      options = await provider.pin({ ...context, signal, save: async () => undefined });
      return true;
    } catch (error) {
      throw provider.classify(error, 'pin');
    }
  };
  const answer = await answerTo(ask, context.signal, answerMs);
  if (answer instanceof AdapterError) return { why: answer.message };
  return answer === 'late' ? { why: 'no answer in time' } : { ...(options && { options }) };
}

/** @returns what would refuse every job */
export const agentRefuses = async (
  definition: Definition,
  deps: AheadDeps,
): Promise<AdapterError | undefined> =>
  refusal(`agent ${definition.agent.use}`, await askAgent(definition, deps));

function refusal(who: string, answer: Answer): AdapterError | undefined {
  if (!(answer instanceof AdapterError)) return undefined;
  const errorClass = refusesAll(answer);
  return errorClass && new AdapterError(errorClass, `${who}: ${answer.message}`, answer.facts);
}

/** @param ask tells whether there was anybody to ask; gets a signal that ends it when its time is over */
async function answerTo(
  ask: (signal: AbortSignal) => Promise<boolean>,
  stopped: AbortSignal,
  answerMs = ANSWER_MS,
): Promise<Answer> {
  const limit = timeLimit(answerMs, stopped);
  try {
    const looked = await Promise.race([rehearsing(() => ask(limit.signal)), aborted(limit.signal)]);
    if (looked.error !== undefined) return asAdapterError(looked.error);
    return looked.value ? 'answered' : 'nobody to ask';
  } catch (error) {
    stopped.throwIfAborted();
    if (limit.signal.aborted) return 'late';
    throw error;
  } finally {
    limit.end();
  }
}
