import { DAY_MS } from '../contract/units.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import type { AbandonedSession } from '../ledger/ledger.js';
import type { Connections } from './connections.js';
import { runUnderWay } from './run-under-way.js';

/** No session of a night is watched for longer without having been opened anew. */
const LONG_AGO_MS = DAY_MS;

/**
 * Sessions opened more than a day ago whose job is not at work: a key was revoked, a batch terminated, an engine lost.
 * Its batch, started again, goes on with each; else what was set aside for them stays set aside.
 * @param end book them as lost, with what was set aside, as waste
 */
export async function abandonedSessions(
  connections: Connections,
  end: boolean,
): Promise<readonly AbandonedSession[]> {
  const ledger = await connections.ledger();
  const old = await ledger.openSessions(new Date(Date.now() - LONG_AGO_MS).toISOString());
  const found: AbandonedSession[] = [];
  for (const session of old) {
    if (await isAtWork(session, connections)) continue;
    const message = `given up by ${connections.who}: nobody watches it`;
    if (!end || (await ledger.giveUpSession(session, message))) found.push(session);
  }
  return found;
}

/** The ledger of a job that was terminated, or whose engine is gone, says "running" for ever. */
async function isAtWork(
  { jobState, work, jobKey }: AbandonedSession,
  connections: Connections,
): Promise<boolean> {
  if (jobState !== 'running') return false;
  return (await runUnderWay(jobWorkflowId({ work, jobKey }), await connections.client())) !== undefined;
}
