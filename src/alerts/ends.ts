import type { Definition } from '../contract/batch-file.js';
import { isUnderWay, type BatchState } from '../contract/states.js';
import type { AlertRow } from '../ledger/alert-rows.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import { endOf, type AlertEndFacts } from '../policy/alert-end.js';
import { isAbout } from '../policy/alert-rules.js';
import { alertCauses, type AlertStanding } from '../policy/alerts.js';
import { ARTIFACTS } from '../policy/own-artifacts.js';
import { standingAsStored, type StandingDeps } from './standing.js';

interface Looked {
  readonly batch: BatchRow;
  readonly definition: Definition;
  readonly standing: AlertStanding;
}

/**
 * Asks the ledger what decides the end of alerts whose cause was not found.
 * @returns the end of each, as it is when that is asked for; of any other alert: not over
 */
export async function endsOf(
  unfound: readonly AlertRow[],
  looked: Looked,
  deps: StandingDeps,
): Promise<(alert: AlertRow) => boolean | 'untold'> {
  const facts = new Map<string, AlertEndFacts>();
  for (const alert of unfound) facts.set(alert.fingerprint, await factsOf(alert, looked, deps));
  return (alert) => {
    const known = facts.get(alert.fingerprint);
    return known !== undefined && endOf(alert, known);
  };
}

async function factsOf(alert: AlertRow, looked: Looked, deps: StandingDeps): Promise<AlertEndFacts> {
  const { id, state, closedAt } = looked.batch;
  const own = await stateOf(alert.batchId, looked.batch, deps.ledger);
  const isMended = await hasBeenMended(alert, looked, deps.ledger);
  return {
    looked: { id, state, closedAt, settled: looked.standing.settled === true },
    own,
    isMended,
    isElsewhere:
      (isMended || own === 'cancelled' || !isUnderWay(state)) &&
      (await isElsewhere(alert, looked.batch, deps)),
  };
}

const stateOf = async (id: string, looked: BatchRow, ledger: Ledger): Promise<BatchState | undefined> =>
  id === looked.id ? looked.state : (await ledger.batch(id))?.state;

async function hasBeenMended(alert: AlertRow, looked: Looked, ledger: Ledger): Promise<boolean> {
  if (alert.rule === 'approval') return !(await isAsking(looked.batch.name, ledger));
  if (looked.batch.state !== 'running') return false;
  if (alert.rule === 'stop-loss') return alert.batchId === looked.batch.id; // resumed
  if (alert.rule === 'budget') return hasRoomAgain(looked, ledger);
  return isAbout(alert.rule, 'service') && hasWorkedSince(alert, looked, ledger);
}

/** Whether a run of that name that is under way waits for a yes, be it to a job that is at work again just now. */
async function isAsking(name: string, ledger: Ledger): Promise<boolean> {
  for (const { id } of await ledger.openBatchesNamed(name))
    if ((await ledger.approvals({ batchId: id })).length > 0) return true;
  return false;
}

/** Sessions are under way, and no job is refused one: the day is over, or the budget was raised. */
const hasRoomAgain = async ({ batch, standing }: Looked, ledger: Ledger): Promise<boolean> =>
  standing.unfinished.every(({ error }) => error?.class !== 'budget') &&
  (await ledger.inHand({ kind: 'batch', name: batch.id })).sessions > 0;

async function hasWorkedSince(
  { subject, lastSeen }: AlertRow,
  { batch: { id }, definition: { agent, effects } }: Looked,
  ledger: Ledger,
): Promise<boolean> {
  if (subject === '' || subject === ARTIFACTS) return ledger.worksSince(id, lastSeen);
  if (subject === agent.use) return ledger.worksSince(id, lastSeen, { provider: agent.use });
  const effect = effects.find(({ name, use }) => subject === name || subject === `${name} (${use})`);
  return effect !== undefined && ledger.worksSince(id, lastSeen, { effect: effect.name });
}

/** AE5. A run whose file can't be read keeps what is about it. */
async function isElsewhere(
  { fingerprint, batchId }: AlertRow,
  { id, name }: BatchRow,
  deps: StandingDeps,
): Promise<boolean> {
  for (const other of await deps.ledger.openBatchesNamed(name)) {
    if (other.id === id) continue;
    const standing = await standingAsStored(other, deps);
    if (standing === undefined && other.id === batchId) return true;
    if (standing && alertCauses(standing).some((cause) => cause.fingerprint === fingerprint)) return true;
  }
  return false;
}
