import { UsageError } from '../contract/errors.js';
import { isEngineConfigured, peekEngine } from '../engine/index.js';
import type { LaneNoteRow, LaneRow } from '../ledger/ledger.js';
import { reasonOf } from '../policy/limits/breaker.js';
import { ceiling } from '../policy/limits/declared.js';
import { spacing } from '../policy/limits/rate.js';
import { auditedAbout } from './audited.js';
import type { Connections } from './connections.js';

/** One account at one service, as all workers see it now. */
export interface LaneStatus {
  readonly id: string;
  readonly label: string;
  /** `half-open`: one request finds out whether it works again. */
  readonly state: 'open' | 'slowed' | 'closed' | 'half-open';
  /** Why it is not open. */
  readonly why: string | undefined;
  /** When it is looked at again; ISO 8601. */
  readonly until: string | undefined;
  /** Requests per minute that may leave now; undefined without a limit. */
  readonly requestsPerMinute: number | undefined;
  /** Sessions in progress, counted only where their number is limited. */
  readonly sessions: number;
  readonly sessionsMax: number | undefined;
  readonly tokensPerMinute: number | undefined;
  /** In units of the currency. */
  readonly spendPer10Min: number | undefined;
}

export interface LanesSeen {
  readonly lanes: readonly LaneStatus[];
  /** What happened to them, oldest first. */
  readonly notes: readonly LaneNoteRow[];
}

const NOTES_MAX = 20;

/** Lanes that were ever limited or in trouble; the others leave no trace. */
export async function seeLanes(connections: Connections): Promise<LanesSeen> {
  const ledger = await connections.ledger();
  const [lanes, notes] = await Promise.all([ledger.lanes(), ledger.laneNotes({ limit: NOTES_MAX })]);
  return { lanes: lanes.map(laneStatus), notes };
}

/**
 * Opens a lane, and forgets what was learnt of its rate; declared limits stay. Jobs that wait for it look again at once.
 * @param id whole, or its first characters
 * @throws UsageError where no lane, or more than one, is meant
 */
export async function resetLane(id: string, connections: Connections, reason?: string): Promise<LaneStatus> {
  return auditedAbout('reset-lane', id, connections, reason, () => openLane(id, connections));
}

async function openLane(id: string, connections: Connections): Promise<LaneStatus> {
  const ledger = await connections.ledger();
  const meant = (await ledger.lanes()).filter((lane) => lane.id.startsWith(id));
  const [lane, another] = meant;
  if (lane === undefined) throw new UsageError(`there is no lane ${id}; "nightshift lanes" lists them`);
  if (another !== undefined) throw new UsageError(`${id} fits ${meant.length} lanes; give more of the id`);
  await ledger.resetLane(lane.id, connections.who);
  await wakeJobs(connections);
  const now = (await ledger.lanes()).find((row) => row.id === lane.id) ?? lane;
  return laneStatus(now);
}

/** The lane is open whether or not anybody hears of it now: who can't be told asks when its wait is over. */
async function wakeJobs(connections: Connections): Promise<void> {
  const { config } = connections;
  try {
    if (!isEngineConfigured(config) && !(await peekEngine(config.stateDir))) return;
    const { tellBatches } = await import('./tell-batches.js'); // brings the SDK, which those who only look do without
    await tellBatches(connections);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    connections.notify(
      `jobs that wait for the lane could not be told, and look again when their time comes: ${why}`,
    );
  }
}

function laneStatus({ id, label, state, sessions, nowMs }: LaneRow): LaneStatus {
  const { gate, notBefore, learnt } = state;
  const limits = ceiling(state, nowMs);
  const apart = spacing(state, nowMs);
  const shared = {
    id,
    label,
    requestsPerMinute: apart === 0 ? undefined : Math.floor((60_000 / apart) * 10) / 10,
    sessions,
    sessionsMax: limits.sessions,
    tokensPerMinute: limits.tokensPerMinute,
    spendPer10Min: limits.spendPer10Min,
  };
  if (gate !== undefined) {
    const probing = gate.probe !== undefined && gate.probe.until > nowMs;
    const until = new Date(gate.retryAt).toISOString();
    return { ...shared, state: probing ? 'half-open' : 'closed', why: reasonOf(gate), until };
  }
  const waits = notBefore > nowMs;
  if (!waits && learnt === undefined) return { ...shared, state: 'open', why: undefined, until: undefined };
  const until = waits ? new Date(notBefore).toISOString() : undefined;
  return { ...shared, state: 'slowed', why: 'the service asked for patience', until };
}
