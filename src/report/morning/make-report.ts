import { basename, dirname, join } from 'node:path';
import { closedServices } from '../../activities/lanes/closed-services.js';
import { withLastOutput } from '../../artifacts/last-output.js';
import { definitionToShow } from '../../batch/manifest.js';
import type { ArtifactStore } from '../../contract/artifact.js';
import { isUnderWay } from '../../contract/states.js';
import type { BatchRow, Ledger } from '../../ledger/ledger.js';
import { readDeadline } from '../../nights/deadline.js';
import type { NightsLedger } from '../../nights/read-nights.js';
import { worthTelling, type ClosedService } from '../../policy/closed-service.js';
import { morningReport, noNightReport } from './build.js';
import { commandsAt, type Place } from './commands.js';
import type { MorningReport } from './model.js';
import { readScheduled } from './read-scheduled.js';
import type { Scheduled } from './scheduled.js';
import { readSinceThen, type SinceThenLedger } from './since-then.js';
import { readUnheard } from './unheard.js';
import { saveReport, type SavedReport } from './report-files.js';

export interface MakeOptions {
  readonly stateDir: string;
  readonly now: Date;
  /** That of the schedule of the batch unless given, or of this machine where it has none. */
  readonly timeZone?: string;
  /** Also what came of other batches: nights of all schedules, starts that failed. */
  readonly allNames?: boolean;
  /** Where the batch file is stored as it was at the start: it says the deadline. */
  readonly artifacts?: ArtifactStore;
  /** What effects that wait for a yes are sent with, in short, by job key. */
  readonly asked?: ReadonlyMap<string, readonly string[]>;
}

const STATE_DIR = '.nightshift';

/** Where commands about this state directory are typed without naming it, if there is such a place. */
export const placeOf = (stateDir: string): Place =>
  basename(stateDir) === STATE_DIR
    ? { directory: dirname(stateDir), stateDir }
    : { directory: undefined, stateDir };

/** The report of a batch, afresh from the ledger. Needs no engine. @param why said where the ledger has no run of it */
export async function makeReport(
  batch: { readonly id: string; readonly name: string },
  ledger: Pick<
    Ledger,
    'reportRows' | 'alertMessages' | 'finishedBefore' | 'namesakes' | 'lanes' | 'pauses' | 'holdOf'
  > &
    NightsLedger &
    SinceThenLedger,
  { stateDir, now, timeZone: asWished, allNames = false, artifacts, asked }: MakeOptions,
  why = 'The ledger knows no run of it.',
): Promise<MorningReport> {
  const place = placeOf(stateDir);
  const name = allNames ? undefined : batch.name;
  const command = commandsAt(place);
  const rows = await ledger.reportRows(batch.id);
  const scheduled = await readScheduled({ id: batch.id, name }, ledger, now, command);
  const timeZone = asWished ?? (await zoneOf(batch.name, scheduled, ledger));
  const unheard = await readUnheard(rows?.batch ?? { name: batch.name }, ledger, now, command);
  const options = { now, timeZone, place, scheduled, unheard };
  if (rows === undefined) return noNightReport(batch.name, why, options);
  const words = { command, timeZone };
  const sinceThen = await readSinceThen({ batch: rows.batch, name }, ledger, now, words);
  const deadline = artifacts && (await readDeadline(rows.batch, { ledger, artifacts }, now));
  const unfinished = rows.unfinished.map(withLastOutput(stateDir));
  const namesakes = await ledger.namesakes(rows.batch);
  const closed = artifacts ? await closedTo(rows.batch, { ledger, artifacts }, now) : [];
  const found = { namesakes, deadline, asked, closed, sinceThen };
  return morningReport({ ...rows, unfinished }, { ...options, ...found });
}

/** Nights of a schedule are spoken of by its clock; what nobody planned, by that of this machine. */
export async function zoneOf(
  batchName: string | undefined,
  { planned: [night] }: Scheduled,
  ledger: Pick<NightsLedger, 'keptSchedules'>,
): Promise<string> {
  if (night) return night.timeZone;
  const kept = (await ledger.keptSchedules()).find((schedule) => schedule.batchName === batchName);
  return kept?.definition.timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Services that jobs of a run under way wait for, and that a person is to hear of. */
async function closedTo(
  batch: BatchRow,
  { ledger, artifacts }: { readonly ledger: Pick<Ledger, 'lanes'>; readonly artifacts: ArtifactStore },
  now: Date,
): Promise<readonly ClosedService[]> {
  const definition = isUnderWay(batch.state) ? await definitionToShow(batch, artifacts) : undefined;
  const closed = definition ? await closedServices(definition, ledger) : [];
  return closed.filter((service) => worthTelling(service, now.getTime()) !== undefined);
}

/** The page, drawn. What draws is loaded only now: a worker that writes no report does without it. */
export const drawReport = async (report: MorningReport): Promise<string> =>
  (await import('./page.js')).pageOf(report);

/** Draws a report and puts it where reports are. */
export async function keepReport(
  report: MorningReport,
  ledger: Pick<Ledger, 'latestBatch'>,
  stateDir: string,
): Promise<SavedReport> {
  const latest = await ledger.latestBatch(report.name);
  const newest = report.night === undefined || latest === undefined || latest.id === report.night.batchId;
  return saveReport(report, await drawReport(report), reportsFolder(stateDir), { newest });
}

export const reportsFolder = (stateDir: string): string => join(stateDir, 'reports');
