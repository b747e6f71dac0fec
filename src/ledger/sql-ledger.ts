import type { Signer } from '../evidence/signing.js';
import { abandoned } from './abandoned.js';
import { approvals } from './approvals.js';
import { alerts } from './alerts.js';
import { audit } from './audit.js';
import { batches } from './batches.js';
import { budgetUse } from './budget-use.js';
import { claimJob } from './claim.js';
import { costs } from './costs.js';
import { decisions } from './decisions.js';
import { discards } from './discards.js';
import type { LedgerDialect } from './dialect.js';
import { effectOf } from './effect-of.js';
import { effects } from './effects.js';
import { evidence } from './evidence.js';
import { holds } from './holds.js';
import { keptSchedules } from './kept-schedules.js';
import { jobs } from './jobs.js';
import { landedRequests } from './landed-requests.js';
import type { Ledger } from './ledger.js';
import { lanes } from './lanes.js';
import { reportRows } from './read-report-rows.js';
import { scheduledNights } from './scheduled-nights.js';
import { migrate } from './migrate.js';
import { reading } from './reading.js';
import { reports } from './reports.js';
import { sessionAhead } from './session-ahead.js';
import { sessionOf } from './session-of.js';
import { sessions } from './sessions.js';
import { stopped } from './stopped-jobs.js';
import { stories } from './story.js';
import { createStore } from './store.js';
import { figures } from './totals.js';

/**
 * A ledger over an opened database, whose schema it brings up to date first.
 * @param signer  signs each receipt as it is written; without one, receipts are not signed
 */
export async function createSqlLedger(
  dialect: LedgerDialect,
  now: () => Date,
  signer?: Signer,
): Promise<Ledger> {
  const store = createStore(dialect, now);
  try {
    await migrate(dialect, store);
  } catch (error) {
    await dialect.db.destroy();
    throw error;
  }
  const figured = { ...batches(store), ...figures(store), ...audit(store) };
  return {
    ...figured,
    ...jobs(store),
    ...stopped(store),
    ...discards(store),
    claimJob: claimJob(store),
    ...sessions(store),
    ...abandoned(store),
    ...sessionAhead(store),
    ...sessionOf(store),
    ...effectOf(store),
    ...effects(store, signer),
    ...landedRequests(store),
    ...decisions(store, signer),
    ...evidence(store),
    ...reading(store),
    ...costs(store),
    ...reports(store),
    ...stories(store),
    ...reportRows(store, figured),
    ...lanes(store, dialect.name),
    ...holds(store),
    ...approvals(store),
    ...alerts(store),
    ...budgetUse(store),
    ...scheduledNights(store),
    ...keptSchedules(store),
    inspect: async () => ({
      dialect: dialect.name,
      schemaVersion: String(await dialect.schemaVersion(store.db)),
      ...(await dialect.facts()),
    }),
    close: () => dialect.db.destroy(),
  };
}
