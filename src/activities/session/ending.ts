import type { Definition } from '../../contract/batch-file.js';
import { MINUTE_MS } from '../../contract/units.js';
import type { Deps } from '../deps.js';
import { passingIn } from '../lanes/lane-of.js';
import type { Lane } from '../lanes/lane.js';
import { endingContext } from '../providers/ending-context.js';
import { providerFor } from '../providers/provider-for.js';
import type { Provider, ProviderContext } from '../providers/provider.js';

/**
 * Longest that limits and hints of its service hold back the end of a session, all its requests together: it costs until
 * then, and somebody may wait. The tries of the Activities that end sessions have three times as long.
 */
export const HELD_MAX_MS = 5 * MINUTE_MS;

/**
 * What the end of one session that nobody goes on with takes. Each request has a turn of its lane (LN4), for a batch that
 * is cancelled ends a hundred at once.
 */
export interface Ending {
  readonly provider: Provider;
  readonly context: ProviderContext;
  readonly lane: Lane;
  /** Until when it may be held back; by `performance.now()`. */
  readonly heldUntil: number;
}

/**
 * @param definition that the session was begun under
 * @param signal by default nothing interrupts it but the end of its worker, which leaves the session to the next one
 * @throws as `providerFor`
 */
export async function beginEnding(
  definition: Definition,
  lane: Lane,
  { now, graceOver, ...deps }: Pick<Deps, 'now' | 'graceOver' | 'stateDir' | 'env'>,
  signal = graceOver,
  heldMaxMs = HELD_MAX_MS,
): Promise<Ending> {
  const context = endingContext(now, signal);
  const heldUntil = performance.now() + heldMaxMs;
  const passing = passingIn(lane, () => lane.turn(context.signal, { heldUntil }));
  const provider = await providerFor(definition, deps, passing);
  return { provider, context, lane, heldUntil };
}
