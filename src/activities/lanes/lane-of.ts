import type { Definition } from '../../contract/batch-file.js';
import { AdapterError, isOurs, type ErrorClass, type ErrorFacts } from '../../contract/errors.js';
import type { Effect } from '../../contract/job.js';
import type { JobRef } from '../../contract/messages.js';
import type { LookVia } from '../adopt.js';
import type { Deps } from '../deps.js';
import type { Passing } from '../providers/provider.js';
import type { PublisherContext } from '../publishers/publisher.js';
import type { Excuse } from '../../policy/retry.js';
import { agentAccount, laneIdOf } from './lane-key.js';
import { LANE_CLOSED, LaneClosed, openLane, type Lane } from './lane.js';

type User = Pick<JobRef, 'key' | 'batchId'>;

/** The lane of the account that a batch's agent works on. */
export const agentLane = (
  { work, agent, limits }: Definition,
  { key, batchId }: User,
  { ledger }: Pick<Deps, 'ledger'>,
): Lane =>
  openLane(
    laneIdOf(agentAccount(agent)),
    // By its key alone, a job would have the place of the one that does another work for the same identity.
    { who: `${work}:${key}`, batchId, limits: agent.limits ?? {}, priority: limits.priority },
    ledger,
  );

/** The lane of the account at a destination; none for folders of this machine, which throttle nobody. */
export function effectLane(
  { effects, limits: { priority } }: Definition,
  effect: Effect,
  { batchId }: Pick<User, 'batchId'>,
  { ledger }: Pick<Deps, 'ledger'>,
): Lane | undefined {
  if (effect.use === 'folder') return undefined;
  const spec = effects.find(({ name }) => name === effect.name);
  return openLane(
    laneIdOf({ name: effect.use, options: spec?.with ?? {}, filled: effect.with, target: effect.target }),
    { who: effect.key, batchId, limits: spec?.limits ?? {}, priority },
    ledger,
  );
}

/** Each request of a look-up takes its turn in its destination's lane, which is told how that went. */
export const lookInLane =
  (definition: Definition, ref: JobRef, context: PublisherContext, deps: Deps): LookVia =>
  async (effect, look) => {
    const lane = effectLane(definition, effect, ref, deps);
    if (lane === undefined) return look(context);
    try {
      const found = await look({ ...context, turn: () => lane.turn(context.signal) });
      await lane.report('ok');
      return found;
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      const excuse = await reportTrouble(lane, error);
      throw excuse?.kind === 'down' ? new ServiceDown(error, excuse) : error;
    }
  };

/**
 * Trouble of the service, not of the job: what all users of the account should hear of. Beside these, what the service
 * itself has answered with a 5xx: after a write, which may have been carried out all the same, its class is `unknown`.
 */
export const SERVICE_TROUBLE: ReadonlySet<ErrorClass> = new Set(['transient', 'throttled', 'exhausted']);

/**
 * Tells a lane of an error. Wrong credentials and options are not told: they stop the batch, and the next start, once
 * they are put right, shall not have to wait. Nor is a quota that does not say when it comes back.
 * @returns why the job is not to blame for it, where the lane knows
 */
export async function reportTrouble(lane: Lane, error: AdapterError): Promise<Excuse | undefined> {
  if (isServiceTrouble(error) && !TOLD.has(error.facts)) await lane.report(error);
  return excuseFor(error, lane);
}

/**
 * What goes with each request of a provider: its turn, and that the lane hears at once where the service has had enough. What
 * the provider tidies up after it waits for turns, which others would be given meanwhile. All else is told once for a whole
 * verb, as breakers count.
 */
export const passingIn = (lane: Lane, turn: NonNullable<Passing['turn']>): Passing => ({
  turn,
  refused: async (error) => {
    if (!HAD_ENOUGH.has(error.errorClass) || !isServiceTrouble(error)) return;
    try {
      await lane.report(error);
      TOLD.add(error.facts);
    } catch {
      // Trouble of the ledger takes nothing away from what the service has answered: the verb tells it in the end.
    }
  },
});

const HAD_ENOUGH: ReadonlySet<ErrorClass> = new Set(['throttled', 'exhausted']);

/** By their facts, which an error keeps whatever it is wrapped in. */
const TOLD = new WeakSet<ErrorFacts>();

function isServiceTrouble(error: AdapterError): boolean {
  const { errorClass, facts } = error;
  if (facts.code === LANE_CLOSED || isOurs(error)) return false;
  if (!SERVICE_TROUBLE.has(errorClass) && facts.serverFault !== true) return false;
  return errorClass !== 'exhausted' || facts.retryAfterMs !== undefined;
}

/** As `reportTrouble`, of an error that the lane was told of before. */
export function excuseFor(error: AdapterError, lane: Lane): Excuse | undefined {
  const shared = isServiceTrouble(error) ? lane.shared() : undefined;
  if (shared === undefined) return excuseOf(error);
  const { delayMs, why, closure } = shared;
  return { kind: 'down', failing: true, delayMs, why, ...(closure && { backInMs: closure.backInMs }) };
}

/** Trouble that a destination has with several jobs alike. */
class ServiceDown extends AdapterError {
  constructor(
    cause: AdapterError,
    readonly excuse: Excuse,
  ) {
    super(cause.errorClass, cause.message, cause.facts, { cause });
  }
}

/** Why a job is not to blame for an error, where that says so itself. */
export const excuseOf = (error: AdapterError): Excuse | undefined =>
  error instanceof ServiceDown ? error.excuse : keptBackBy(error);

/** Where it was a lane that sent nothing: neither the job nor the service has failed. */
export function keptBackBy(error: AdapterError): Excuse | undefined {
  const { facts, message } = error;
  if (facts.code !== LANE_CLOSED) return undefined;
  const { closure, down: failing } =
    error instanceof LaneClosed ? error : { closure: undefined, down: false };
  const delayMs = facts.retryAfterMs ?? 1000;
  return { kind: 'closed', failing, delayMs, why: message, ...(closure && { backInMs: closure.backInMs }) };
}
