import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { UsageError } from '../../contract/errors.js';
import { FAILURE, type NightEnd, type NightlyInput } from '../../contract/messages.js';
import type { ScheduleDefinition } from '../../contract/schedules-file.js';
import { DAY_MS } from '../../contract/units.js';
import type { nightly } from '../../workflows/nightly.js';
import { fireTimes, lastFire, nextFire } from '../../policy/fire-times.js';
import { nightOf } from '../../policy/nights.js';
import { auditedAbout } from '../audited.js';
import type { Connections } from '../connections.js';
import { isWorkerAlive } from '../worker-host.js';
import { scheduleId } from './engine-schedule.js';
import { schedule } from './find.js';

/** `queued`: no worker runs, so the engine keeps the request for the next one. */
export interface Asked {
  readonly kind: 'answered' | 'queued';
  readonly workflowId: string;
  /** Local times that were asked for, in order. */
  readonly nights: readonly string[];
  /** What came of each, when answered. */
  readonly ends: readonly NightEnd[];
}

export interface TriggerOptions {
  /** The night to come instead of the one that was due last. */
  readonly next?: boolean;
  /** Do not wait for the answer. */
  readonly detach?: boolean;
  /** Why; kept with the request. */
  readonly reason?: string;
}

export interface BackfillOptions extends Omit<TriggerOptions, 'next'> {
  /** Local date such as 2026-11-01, or date and time such as 2026-11-01T02:30. */
  readonly from: string;
  /** Likewise, and included. */
  readonly to: string;
}

/** Asks for the night that was due last. It joins that night's run when there is one, and does nothing when it is done. */
export async function triggerNight(
  name: string,
  connections: Connections,
  { next = false, detach = false, reason }: TriggerOptions = {},
): Promise<Asked> {
  const subject = next ? `${name}, its next night` : name;
  const trigger = async () => {
    const { definition } = await schedule(name, connections);
    const now = new Date();
    const at = next ? nextFire(definition, now) : lastFire(definition, now);
    if (!at) throw new UsageError(`"${name}" was never due until now; its next night: --next`);
    return ask(definition, [at], { overlap: definition.overlap }, connections, detach);
  };
  return answered(await auditedAbout('trigger', subject, connections, reason, trigger, outcomeOf));
}

/** Most nights of one request: two years of them. */
const NIGHTS_MAX = 800;

/**
 * Asks for all nights of a span, one after another, in their order. Those that are done already stay as they are.
 */
export async function backfillNights(
  name: string,
  { from, to, detach = false, reason }: BackfillOptions,
  connections: Connections,
): Promise<Asked> {
  const backfill = async () => {
    const { definition } = await schedule(name, connections);
    const nights = nightsBetween(definition, from, to);
    if (nights.length === 0) throw new UsageError(`"${name}" was not due between ${from} and ${to}`);
    if (nights.length > NIGHTS_MAX) {
      throw new UsageError(`${nights.length} nights are too many for one request; ${NIGHTS_MAX} at most`);
    }
    return ask(definition, nights, { overlap: 'queue' }, connections, detach);
  };
  const subject = `${name}, ${from} to ${to}`;
  return answered(await auditedAbout('backfill', subject, connections, reason, backfill, outcomeOf));
}

const LOCAL = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?$/;

function nightsBetween(definition: ScheduleDefinition, from: string, to: string): Date[] {
  for (const text of [from, to]) {
    if (!LOCAL.test(text) || Number.isNaN(Date.parse(text))) {
      throw new UsageError(`"${text}" is no date such as 2026-11-23, nor a time such as 2026-11-23T02:30`);
    }
  }
  // No zone is more than a day from UTC; what is local decides.
  const first = new Date(Date.parse(from.slice(0, 10)) - DAY_MS);
  const last = new Date(Math.min(Date.parse(to.slice(0, 10)) + 2 * DAY_MS, Date.now()));
  return fireTimes(definition, first, last).filter((at) => {
    const night = nightOf(at, definition.timeZone);
    return night >= from && night.slice(0, to.length) <= to;
  });
}

/** What the engine has taken. */
interface Taken extends Pick<Asked, 'workflowId' | 'nights'> {
  /** Absent where nobody is waited for. */
  readonly result?: () => Promise<readonly NightEnd[]>;
}

/** Noted at once: the nights may take days, and whoever waits for them may be gone by then. */
const outcomeOf = ({ result }: Taken) => ({ outcome: result ? 'started' : 'queued' }) as const;

async function answered({ result, ...taken }: Taken): Promise<Asked> {
  return result
    ? { kind: 'answered', ...taken, ends: await endsOf(result()) }
    : { kind: 'queued', ...taken, ends: [] };
}

async function ask(
  definition: ScheduleDefinition,
  at: readonly Date[],
  { overlap }: Required<Pick<NightlyInput, 'overlap'>>,
  connections: Connections,
  detach: boolean,
): Promise<Taken> {
  const client = await connections.client();
  const nights = at.map((each) => nightOf(each, definition.timeZone));
  const [first, last] = [nights[0], nights.at(-1)];
  const span = first === last ? first : `${first}..${last}`;
  const input: NightlyInput = {
    schedule: definition,
    nights: at.map((each) => each.toISOString()),
    by: connections.who,
    overlap,
  };
  const handle = await client.workflow.start<typeof nightly>('nightly', {
    workflowId: `${scheduleId(definition.name)}:asked:${span}`,
    taskQueue: connections.config.taskQueue,
    args: [input],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE', // each asks the ledger anew, and finds what is done
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `night of ${definition.name}, asked for`,
  });
  const { workflowId } = handle;
  if (detach || !(await isWorkerAlive(connections))) return { workflowId, nights };
  return { workflowId, nights, result: () => handle.result() };
}

/** A night that could not be started ends its Workflow as failed, for the Web UI; here it is an answer like others. */
async function endsOf(result: Promise<readonly NightEnd[]>): Promise<readonly NightEnd[]> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (!(cause instanceof ApplicationFailure) || cause.type !== FAILURE.nightNotStarted) throw error;
    return (cause.details?.[0] ?? []) as readonly NightEnd[];
  }
}
