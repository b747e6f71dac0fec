import type { Definition } from '../contract/batch-file.js';
import type { Effect } from '../contract/job.js';
import type { LeftToDo } from '../policy/left-to-do.js';
import { agentRefuses, destinationsRefuse, type PlacesAhead } from './ask-ahead.js';
import { contextOf, type Deps } from './deps.js';
import { agentLane, effectLane } from './lanes/lane-of.js';
import type { Lane } from './lanes/lane.js';
import { lacksHere, refusalFor, type Trouble } from './lacks-here.js';

/** What a run has to do, as far as it says what is needed for that. */
export interface Ahead {
  /** Effects of any one job. */
  readonly effects: readonly Effect[];
  readonly places: PlacesAhead;
  readonly left: LeftToDo;
}

/**
 * Whether this worker can do what is left of a batch: it has what it takes, and those whom it needs let it in. Whoever
 * started the batch may be on another host, where nobody can tell: so it is looked at here, while no job has begun.
 * @throws AdapterError `config` or `auth` naming this worker and all that is in its way
 */
export async function mustBeAbleTo(definition: Definition, ahead: Ahead, deps: Deps): Promise<void> {
  const lacks = await lacksHere(definition, ahead, deps);
  const trouble = lacks.length > 0 ? lacks : await refusals(definition, ahead, deps);
  if (trouble.length === 0) return;
  throw refusalFor(
    trouble,
    (what) =>
      `the worker ${deps.worker} can’t run this batch, and no job was begun: ${what}. Put that right where workers run, and start the batch again`,
  );
}

/** A service that is closed to us is asked for nothing before its time, not even whether it would let us in. */
const isOpen = async (lane: Lane | undefined): Promise<boolean> => (await lane?.closed()) === undefined;

/** All of them are asked at once: a night does not begin later for it. */
async function refusals(
  definition: Definition,
  { places, left }: Ahead,
  deps: Deps,
): Promise<readonly Trouble[]> {
  const on = { env: deps.env, stateDir: deps.stateDir, context: contextOf(deps) };
  const user = { key: '', batchId: '' }; // only looks, and takes nothing
  const agentAsks = async () =>
    left === 'sessions' && (await isOpen(agentLane(definition, user, deps)))
      ? agentRefuses(definition, on)
      : undefined;
  const open = await places.only(({ effect }) => isOpen(effectLane(definition, effect, user, deps)));
  const [agent, destinations] = await Promise.all([agentAsks(), destinationsRefuse(definition, open, on)]);
  return agent ? [agent, ...destinations] : destinations;
}
