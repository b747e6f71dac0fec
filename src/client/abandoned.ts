import { DAY_MS } from '../contract/units.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import type { AbandonedSession, Ledger } from '../ledger/ledger.js';
import { audited } from './audited.js';
import type { Connections } from './connections.js';
import { runUnderWay } from './run-under-way.js';

/** No session of a night is watched for longer without having been opened anew. */
const LONG_AGO_MS = DAY_MS;

export interface EndOptions {
  /** End what was found; else it is only shown. */
  readonly end: boolean;
  /** Why; kept with the request. */
  readonly reason?: string | undefined;
}

/**
 * Sessions opened more than a day ago whose job is not at work: a key was revoked, a batch terminated, an engine lost.
 * Its batch, started again, goes on with each; else what was set aside for them stays set aside.
 * @param options.end book them as lost, with what was set aside, as waste
 */
export async function abandonedSessions(
  connections: Connections,
  { end, reason }: EndOptions,
): Promise<readonly AbandonedSession[]> {
  const ledger = await connections.ledger();
  const old = await ledger.openSessions(new Date(Date.now() - LONG_AGO_MS).toISOString());
  const found: AbandonedSession[] = [];
  for (const session of old) {
    if (await isAtWork(session, connections)) continue;
    if (!end || (await giveUp(session, ledger, connections.who, reason))) found.push(session);
  }
  return found;
}

async function giveUp(
  session: AbandonedSession,
  ledger: Ledger,
  by: string,
  reason: string | undefined,
): Promise<boolean> {
  const { work, jobKey } = session;
  return audited(
    ledger,
    { by, what: 'end-abandoned', work, ...(reason !== undefined && { reason }) },
    () => ledger.giveUpSession(session, `given up by ${by}: ${reason ?? 'nobody watches it'}`),
    (given) => ({ outcome: given ? 'done' : 'ended', jobKeys: [jobKey] }),
  );
}

/** The ledger of a job that was terminated, or whose engine is gone, says "running" for ever. */
async function isAtWork(
  { jobState, work, jobKey }: AbandonedSession,
  connections: Connections,
): Promise<boolean> {
  if (jobState !== 'running') return false;
  return (await runUnderWay(jobWorkflowId({ work, jobKey }), await connections.client())) !== undefined;
}
