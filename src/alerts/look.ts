import { budgetInForce } from '../batch/budget-in-force.js';
import { readDefinition } from '../batch/manifest.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import type { Definition } from '../contract/batch-file.js';
import type { AlertRow } from '../ledger/alert-rows.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import { isAbout } from '../policy/alert-rules.js';
import {
  alertCauses,
  onlyApprovalsLeft,
  overNights,
  type AlertCause,
  type AlertStanding,
} from '../policy/alerts.js';
import { routesOf } from './courier.js';
import { deadlineLook } from './deadline.js';
import { jobsLeft } from './jobs-left.js';
import { spendingOf } from './spending.js';
import { standingAsStored, standingOf, type StandingDeps } from './standing.js';

export interface LookDeps extends StandingDeps {
  /** While a run goes on, causes are gathered for so long; `GATHER_MS` unless given. Who does not stay to tell gives 0. */
  readonly gatherMs?: number;
}

/** Until causes are told: forty jobs hit at once are one message. */
const GATHER_MS = 5_000;

/**
 * Looks at a batch as the ledger has it, and brings its alerts up to date. What is to be told is queued, not sent.
 * Nothing is handed over: a look that never came is made up for by the next one.
 * @param causes `open`: those of open alerts alone, for what an earlier night has left may be settled by a later one
 */
export async function lookAtBatch(
  batchId: string,
  deps: LookDeps,
  { causes: wanted = 'all' }: { readonly causes?: 'all' | 'open' } = {},
): Promise<void> {
  const { ledger, artifacts, gatherMs = GATHER_MS } = deps;
  const batch = await ledger.batch(batchId);
  if (batch === undefined) return;
  const manifest = readManifestRef(batch.manifest);
  const definition = await readDefinition(manifest, artifacts);
  const over = batch.state !== 'running' && batch.state !== 'paused';
  const standing = await standingOf(batch, definition, deps);
  const { status: statusCommand } = standing.commands;
  const budget = await budgetInForce(batchId, definition, deps);
  const spending = await spendingOf(batch, budget, { ledger, now: deps.now(), statusCommand });
  const open = await ledger.alerts({ open: true, batchName: batch.name });
  const deadline = await deadlineLook(batch, definition, open, {
    ledger,
    now: deps.now(),
    commands: standing.commands,
  });
  const own = alertCauses(standing);
  const left = await jobsLeft({ batch, standing, causes: own }, open, deps);
  const causes = [
    ...own.filter(({ rule }) => !isAbout(rule, 'jobs')),
    ...spending,
    ...deadline.causes,
    ...overNights(left),
  ];
  const answered = await isAllAnswered(batch, standing, deps);
  const roomAgain = await hasRoomAgain(batch, standing, deps);
  const working = await worksAgain(batch, definition, own, open, deps);
  const known = new Set(open.map(({ fingerprint }) => fingerprint));
  await ledger.noteAlerts({
    batchName: batch.name,
    batchId,
    causes: wanted === 'all' ? causes : causes.filter(({ fingerprint }) => known.has(fingerprint)),
    isOver: (alert) =>
      isAbout(alert.rule, 'deadline')
        ? deadline.isOver(alert)
        : (alert.rule === 'approval' && answered) ||
          (alert.rule === 'budget' && roomAgain) ||
          working.has(alert.fingerprint) ||
          isOver(batch, alert) ||
          isCalledOff(batch, alert),
    routes: { definition: manifest.definition, routes: routesOf(definition.alerts) },
    // Who carries the batch may go when it stands still.
    gatherMs: over || batch.state === 'paused' || onlyApprovalsLeft(standing) ? 0 : gatherMs,
  });
}

/**
 * Only a run that came to its end proves that a cause is gone; one that somebody cancelled proves nothing, nor does one
 * that had ended before the cause was last seen in another.
 */
const isOver = ({ id, state, closedAt }: BatchRow, alert: AlertRow): boolean =>
  (state === 'completed' || state === 'incomplete') &&
  !isAbout(alert.rule, 'nights') &&
  (alert.batchId === id || (closedAt ?? '') >= alert.lastSeen);

/** A stop-loss stands before nothing any more when its batch was cancelled, which is no recovery. */
const isCalledOff = ({ id, state }: BatchRow, { rule, batchId }: AlertRow): false | 'untold' =>
  rule === 'stop-loss' && batchId === id && state === 'cancelled' ? 'untold' : false;

/** Nothing of that name waits for a person's yes any more, neither here nor in another run that is under way. */
async function isAllAnswered(
  { id, name }: BatchRow,
  { approvals }: AlertStanding,
  { ledger }: LookDeps,
): Promise<boolean> {
  if (approvals.waiting > 0) return false;
  for (const other of await ledger.openBatchesNamed(name)) {
    if (other.id !== id && (await ledger.approvals({ batchId: other.id })).length > 0) return false;
  }
  return true;
}

/** Sessions are under way, and no job is refused one: the day is over, or the budget was raised. */
async function hasRoomAgain(
  { id, state }: BatchRow,
  { unfinished }: AlertStanding,
  { ledger }: LookDeps,
): Promise<boolean> {
  if (state !== 'running' || unfinished.some(({ error }) => error?.class === 'budget')) return false;
  return (await ledger.inHand({ kind: 'batch', name: id })).sessions > 0;
}

/** Alerts whose cause is gone while the run goes on: it was resumed, or what did not work has worked since, in every run of the name. */
async function worksAgain(
  batch: BatchRow,
  definition: Definition,
  own: readonly AlertCause[],
  open: readonly AlertRow[],
  deps: LookDeps,
): Promise<ReadonlySet<string>> {
  const { ledger } = deps;
  const gone = new Set<string>();
  if (batch.state !== 'running') return gone;
  const found = new Set(own.map(({ fingerprint }) => fingerprint));
  for (const alert of open) {
    if (found.has(alert.fingerprint) || !(await hasWorkedSince(alert, batch, definition, ledger))) continue;
    if (!(await isCauseElsewhere(alert, batch, deps))) gone.add(alert.fingerprint);
  }
  return gone;
}

async function hasWorkedSince(
  { rule, subject, batchId, lastSeen }: AlertRow,
  { id }: BatchRow,
  { agent, effects }: Definition,
  ledger: Ledger,
): Promise<boolean> {
  if (rule === 'stop-loss') return batchId === id;
  if (!isAbout(rule, 'service')) return false;
  if (subject === '') return ledger.worksSince(id, lastSeen);
  if (subject === agent.use) return ledger.worksSince(id, lastSeen, { provider: agent.use });
  const effect = effects.find(({ name, use }) => subject === name || subject === `${name} (${use})`);
  return effect !== undefined && ledger.worksSince(id, lastSeen, { effect: effect.name });
}

async function isCauseElsewhere(
  { fingerprint }: AlertRow,
  { id, name }: BatchRow,
  deps: LookDeps,
): Promise<boolean> {
  for (const other of await deps.ledger.openBatchesNamed(name)) {
    if (other.id === id) continue;
    const causes = alertCauses(await standingAsStored(other, deps));
    if (causes.some((cause) => cause.fingerprint === fingerprint)) return true;
  }
  return false;
}
