import { budgetInForce } from '../batch/budget-in-force.js';
import { readDefinition } from '../batch/manifest.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { isAbout } from '../policy/alert-rules.js';
import { alertCauses, onlyYesIsMissing, overNights } from '../policy/alerts.js';
import { isUnderWay } from '../contract/states.js';
import { keepOpenRoutes, routesOf } from './courier.js';
import { deadlineLook } from './deadline.js';
import { endsOf } from './ends.js';
import { jobsLeft } from './jobs-left.js';
import { paceLook } from './pace.js';
import { runsOfName } from './runs-of-name.js';
import { spendingOf } from './spending.js';
import { standingOf, type StandingDeps } from './standing.js';

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
 * @returns whether the ledger has such a batch
 */
export async function lookAtBatch(
  batchId: string,
  deps: LookDeps,
  { causes: wanted = 'all' }: { readonly causes?: 'all' | 'open' } = {},
): Promise<boolean> {
  const { ledger, artifacts, gatherMs = GATHER_MS } = deps;
  const batch = await ledger.batch(batchId);
  if (batch === undefined) return false;
  const manifest = readManifestRef(batch.manifest);
  const definition = await readDefinition(manifest, artifacts);
  const over = !isUnderWay(batch.state);
  const standing = await standingOf(batch, definition, deps);
  const { status: statusCommand } = standing.commands;
  const budget = await budgetInForce(batchId, definition, deps);
  const spending = await spendingOf(batch, budget, { ledger, now: deps.now(), statusCommand });
  const open = await ledger.alerts({ open: true, batchName: batch.name });
  const runs = await runsOfName(batch.name, open, ledger);
  const deadline = await deadlineLook(batch, definition, runs, {
    ledger,
    now: deps.now(),
    commands: standing.commands,
  });
  const pace = await paceLook({ batch, definition, standing }, runs, open, { ledger, now: deps.now() });
  const own = alertCauses(standing);
  const left = await jobsLeft({ batch, standing, causes: own }, open, deps);
  const causes = [
    ...own.filter(({ rule }) => !isAbout(rule, 'jobs')),
    ...spending,
    ...deadline.causes,
    ...pace.causes,
    ...overNights(left),
  ];
  const known = new Set(open.map(({ fingerprint }) => fingerprint));
  const found = new Set(causes.map(({ fingerprint }) => fingerprint));
  const unfound = open.filter(({ fingerprint }) => !found.has(fingerprint));
  const endOf = await endsOf(unfound, { batch, definition, standing }, deps);
  await ledger.noteAlerts({
    batchName: batch.name,
    batchId,
    causes: wanted === 'all' ? causes : causes.filter(({ fingerprint }) => known.has(fingerprint)),
    isOver: (alert) => {
      if (!isAbout(alert.rule, 'run')) return endOf(alert);
      if (alert.batchId !== batchId || !runs.isUnderWay(batchId)) return runs.hasEnded(alert);
      return alert.rule === 'standstill' ? pace.isOver : deadline.isOver;
    },
    routes: {
      definition: manifest.definition,
      routes: routesOf(definition.alerts),
      keepOpen: keepOpenRoutes(definition.alerts),
    },
    // Who carries the batch may go when it stands still.
    gatherMs: over || batch.state === 'paused' || onlyYesIsMissing(standing) ? 0 : gatherMs,
  });
  return true;
}
