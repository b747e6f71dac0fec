import { routesOf } from '../alerts/courier.js';
import { readDefinition } from '../batch/manifest.js';
import type { ArtifactStore } from '../contract/artifact.js';
import type { AlertRoutes, AlertRow } from '../ledger/alert-rows.js';
import type { KeptSchedule, Ledger, NewNight, NightRow } from '../ledger/ledger.js';
import { isAbout } from '../policy/alert-rules.js';
import type { AlertCause } from '../policy/alerts.js';
import { missedNights } from '../policy/missed-nights.js';
import { nightCauses } from '../policy/night-alerts.js';
import { lastWords } from '../policy/seen-nights.js';
import { commandsAt } from '../report/morning/commands.js';
import { readNights, recentRows, type ScheduleNights } from './read-nights.js';

export interface NightLookDeps {
  readonly ledger: Ledger;
  readonly artifacts: ArtifactStore;
  /** Absolute. */
  readonly stateDir: string;
  readonly now: () => Date;
  /** Whether a run of the engine has not ended; absent where no engine is asked. */
  readonly isRunOpen?: (runId: string) => Promise<boolean>;
}

export interface NightLook {
  /** Schedules of this batch only. */
  readonly batchName?: string;
  /** Also speak of nights that may still come: whoever looks in the morning counts on them. */
  readonly late?: boolean;
}

/**
 * Looks at the nights of all schedules as the ledger has them: those that can't come any more are noted as missed, and
 * each night that did not run gets its report and is told once for each cause. Whoever comes first does it, also days
 * later: a worker when it starts and while it works, the next night, the end of a batch, `doctor --nightly`. Said
 * again, it changes nothing. Needs no engine; one that is there is asked whether nights that wait are still waiting.
 * @throws what the engine answered with, when everything else is told
 */
export async function lookAtNights(
  deps: NightLookDeps,
  { batchName, late = false }: NightLook = {},
): Promise<readonly ScheduleNights[]> {
  const { ledger, now } = deps;
  await noteMissed(deps, batchName);
  const [waits] = await Promise.allSettled([noteEndedWaits(deps, batchName)]);
  const found = await readNights(ledger, now(), batchName);
  const byBatch = groupByBatch(found);
  for (const [name, schedules] of byBatch) await tell(name, schedules, late, deps);
  if (byBatch.size > 0) {
    const { keepNightPages } = await import('../report/morning/night-pages.js');
    for (const [name, schedules] of byBatch) await keepNightPages(name, schedules, deps);
  }
  if (waits.status === 'rejected') throw waits.reason;
  return found;
}

/** Nights that the engine never came to. */
async function noteMissed({ ledger, now }: NightLookDeps, batchName: string | undefined): Promise<void> {
  for (const { definition, paused, batchName: of } of await ledger.keptSchedules()) {
    if (batchName !== undefined && of !== batchName) continue;
    const rows = await recentRows(definition, ledger, now());
    const { gone } = missedNights(definition, rows, now(), paused ? 'paused' : 'missed');
    for (const night of gone) await ledger.recordNight(night);
  }
}

/** The engine lists a run a moment after it began. */
const WAITING_MS = 5 * 60_000;

/** Nights that wait for their turn in a run that somebody has ended, or that the engine has lost: nobody else says so. */
async function noteEndedWaits(
  { ledger, now, isRunOpen }: NightLookDeps,
  batchName: string | undefined,
): Promise<void> {
  if (!isRunOpen) return;
  const saidBefore = new Date(now().getTime() - WAITING_MS).toISOString();
  for (const { definition, batchName: of } of await ledger.keptSchedules()) {
    if (batchName !== undefined && of !== batchName) continue;
    for (const row of lastWords(await recentRows(definition, ledger, now()))) {
      if (row.outcome !== 'queued' || row.at > saidBefore) continue;
      const { schedule, night } = row;
      const rows = await ledger.scheduledNights({ schedule, night });
      if (await anyOpen(new Set(rows.map(({ runId }) => runId)), isRunOpen)) continue;
      // Asked again: a run says what became of its night before it ends.
      const [last] = lastWords(await ledger.scheduledNights({ schedule, night }));
      if (last?.outcome === 'queued') await ledger.recordNight(endedWait(last));
    }
  }
}

async function anyOpen(
  runIds: ReadonlySet<string>,
  isRunOpen: (runId: string) => Promise<boolean>,
): Promise<boolean> {
  for (const runId of runIds) if (await isRunOpen(runId)) return true;
  return false;
}

const endedWait = ({ schedule, night, dueAt, edition, why, by, runId, batchId }: NightRow): NewNight => ({
  schedule,
  night,
  dueAt,
  edition,
  outcome: 'missed',
  why: `the run that waited for its turn was ended: ${why}`,
  by,
  runId,
  ...(batchId !== undefined && { batchId }),
});

async function tell(
  batchName: string,
  schedules: readonly ScheduleNights[],
  late: boolean,
  deps: NightLookDeps,
): Promise<void> {
  const { ledger } = deps;
  const [first] = schedules;
  const routes = first ? await routesFor(first.kept, deps) : NO_ROUTES;
  const good = new Set(schedules.filter((one) => one.good).map(({ kept }) => kept.definition.name));
  const about = new Set(schedules.map(({ kept }) => kept.definition.name));
  const before = (await openNightAlerts(ledger, about)).filter((alert) => alert.batchName !== batchName);
  const told = new Set(before.map(kindOf));
  const causes = causesOf(batchName, schedules, late, deps);
  await note(
    batchName,
    causes.filter((cause) => !told.has(kindOf(cause))),
    routes,
  );

  // Its batch had another name when these began: they go on as they are, and their end is told where they were.
  for (const name of new Set(before.map((alert) => alert.batchName))) {
    const open = new Set(before.filter((alert) => alert.batchName === name).map(kindOf));
    const still = causesOf(name, schedules, late, deps).filter((cause) => open.has(kindOf(cause)));
    await note(name, still, NO_ROUTES);
  }

  async function note(name: string, found: readonly AlertCause[], by: AlertRoutes): Promise<void> {
    await ledger.noteAlerts({
      batchName: name,
      batchId: (await ledger.latestBatch(name))?.id ?? '',
      causes: found,
      isOver: ({ rule, subject }) => isAbout(rule, 'nights') && good.has(subject),
      routes: by,
      gatherMs: 0,
    });
  }
}

/** Those that have heard of an alert hear the rest of it. */
const NO_ROUTES: AlertRoutes = { definition: '', routes: [] };

const kindOf = ({ rule, subject, errorClass }: Pick<AlertRow, 'rule' | 'subject' | 'errorClass'>): string =>
  JSON.stringify([rule, subject, errorClass]);

function causesOf(
  batchName: string,
  schedules: readonly ScheduleNights[],
  late: boolean,
  { stateDir }: NightLookDeps,
): readonly AlertCause[] {
  // They name the state directory, for whoever reads them is elsewhere.
  const command = commandsAt({ directory: undefined, stateDir });
  return schedules.flatMap(({ kept, gaps }) => {
    const told = gaps
      .map((gap) => gap.filter(({ outcome }) => late || outcome !== 'late'))
      .filter((gap) => gap.length > 0);
    return nightCauses({ batchName, definition: kept.definition, gaps: told }, command);
  });
}

/** Alerts about nights of these schedules, under whatever name their batch had then. */
async function openNightAlerts(ledger: Ledger, schedules: ReadonlySet<string>): Promise<readonly AlertRow[]> {
  const open = await ledger.alerts({ open: true, limit: Number.MAX_SAFE_INTEGER });
  return open.filter(({ rule, subject }) => isAbout(rule, 'nights') && schedules.has(subject));
}

/** A schedule is gone: none of its nights is waited for, and what was told of them is over. */
export async function endNightAlerts(
  kept: KeptSchedule,
  deps: Pick<NightLookDeps, 'ledger' | 'artifacts'>,
): Promise<void> {
  const { name } = kept.definition;
  const open = await openNightAlerts(deps.ledger, new Set([name]));
  for (const batchName of new Set(open.map((alert) => alert.batchName))) {
    await deps.ledger.noteAlerts({
      batchName,
      batchId: '',
      causes: [],
      isOver: ({ rule, subject }) => isAbout(rule, 'nights') && subject === name,
      routes: batchName === kept.batchName ? await routesFor(kept, deps) : NO_ROUTES,
      gatherMs: 0,
    });
  }
}

/** The channels of the batch file as it was when the schedule was applied, or when its last night began. */
async function routesFor(
  { channels }: KeptSchedule,
  { artifacts }: Pick<NightLookDeps, 'artifacts'>,
): Promise<AlertRoutes> {
  const { alerts } = await readDefinition({ definition: channels }, artifacts);
  return { definition: channels, routes: routesOf(alerts) };
}

function groupByBatch(found: readonly ScheduleNights[]): Map<string, ScheduleNights[]> {
  const groups = new Map<string, ScheduleNights[]>();
  for (const one of found) {
    groups.set(one.kept.batchName, [...(groups.get(one.kept.batchName) ?? []), one]);
  }
  return groups;
}
