import { resolve } from 'node:path';
import { askedInShort } from '../activities/effect-preview.js';
import { UsageError } from '../contract/errors.js';
import type { Ledger } from '../ledger/ledger.js';
import { dayNamer } from '../policy/calendar-day.js';
import { missedNightReport, noNightReport } from '../report/morning/build.js';
import { commandsAt } from '../report/morning/commands.js';
import { drawReport, keepReport, makeReport, placeOf, zoneOf } from '../report/morning/make-report.js';
import type { MorningReport } from '../report/morning/model.js';
import { readScheduled } from '../report/morning/read-scheduled.js';
import { replaceFile } from '../report/morning/report-files.js';
import { readSinceThen } from '../report/morning/since-then.js';
import type { Connections } from './connections.js';
import { batchMeant, findBatch } from './find-batch.js';

export interface ReportRequest {
  /** The newest batch unless given. */
  readonly nameOrId?: string;
  /** Only batches with jobs of this edition. */
  readonly edition?: string;
  /** Where the page goes; the reports folder of the state directory unless given. */
  readonly html?: string;
  /** Whose clock times are shown by; that of the schedule of the batch unless given, or of this machine. */
  readonly timeZone?: string;
}

export interface ReportMade {
  readonly report: MorningReport;
  /** The page. Undefined: there was nothing to give it a name. */
  readonly html: string | undefined;
}

/** Starts looked through for one that never came to a run. */
const REQUESTS_LOOKED_AT = 1_000;

/**
 * Makes the morning report of a batch afresh, and writes its page.
 * @throws UsageError when nobody ever asked for such a batch or edition, or the time zone is none
 */
export async function reportNight(
  { nameOrId, edition, html, timeZone }: ReportRequest = {},
  connections: Connections,
): Promise<ReportMade> {
  if (timeZone !== undefined) assertTimeZone(timeZone);
  const ledger = await connections.ledger();
  const { stateDir } = connections.config;
  const options = {
    stateDir,
    artifacts: connections.artifacts,
    now: new Date(),
    allNames: nameOrId === undefined,
    ...(timeZone !== undefined && { timeZone }),
  };
  const name = await batchNameOf(nameOrId, ledger);
  const batch = (await batchOf(nameOrId, edition, ledger)) ?? (await batchOf(name, edition, ledger));
  if (!batch && name !== undefined && edition !== undefined && (await ledger.latestBatch(name)))
    await batchMeant({ nameOrId: name, edition }, ledger, stateDir); // which says what editions there are
  const report = batch
    ? await makeReport(batch, ledger, {
        ...options,
        asked: await askedInShort(batch.id, { ledger, ...options }),
      })
    : await neverStarted(name, ledger, options);
  if (html !== undefined) {
    const path = resolve(html);
    await replaceFile(path, await drawReport(report));
    return { report, html: path };
  }
  if (batch === undefined && nameOrId === undefined) return { report, html: undefined };
  return { report, html: (await keepReport(report, ledger, stateDir)).path };
}

const batchOf = async (
  nameOrId: string | undefined,
  edition: string | undefined,
  ledger: Ledger,
): Promise<{ readonly id: string; readonly name: string } | undefined> =>
  nameOrId === undefined ? (await ledger.batches(1, edition))[0] : findBatch({ nameOrId, edition }, ledger);

/** A schedule may be named instead of the batch that it starts. */
async function batchNameOf(name: string | undefined, ledger: Ledger): Promise<string | undefined> {
  const kept = (await ledger.keptSchedules()).find(({ definition }) => definition.name === name);
  return kept?.batchName ?? name;
}

/** Of a batch that the ledger has no run of: schedules may have planned one, or somebody asked for it. */
async function neverStarted(
  name: string | undefined,
  ledger: Ledger,
  { stateDir, now, timeZone }: { readonly stateDir: string; readonly now: Date; readonly timeZone?: string },
): Promise<MorningReport> {
  const place = placeOf(stateDir);
  const command = commandsAt(place);
  const scheduled = await readScheduled({ name }, ledger, now, command);
  const zone = timeZone ?? (await zoneOf(name, scheduled, ledger));
  const options = { now, timeZone: zone, place, scheduled };
  const last = scheduled.missed[0];
  if (last) {
    const kept = (await ledger.keptSchedules()).find(({ definition }) => definition.name === last.schedule);
    return missedNightReport(name ?? kept?.batchName ?? last.schedule, last, options);
  }
  const sinceThen = await readSinceThen({ name }, ledger, now, { command, timeZone: zone });
  const [since] = sinceThen;
  if (since) return noNightReport(since.name, since.sentence, { ...options, sinceThen });
  if (name === undefined)
    return noNightReport('nightshift', `No batch was ever run in ${stateDir}.`, options);
  const asked = (await ledger.requests({ limit: REQUESTS_LOOKED_AT })).findLast(
    ({ batch }) => batch?.name === name || batch?.id === name,
  );
  if (asked === undefined) {
    const known = [...new Set((await ledger.batches(20)).map((batch) => batch.name))];
    throw new UsageError(
      `no batch "${name}" in ${stateDir}; ${known.length > 0 ? `there are: ${known.join(', ')}` : 'none was ever run there'}`,
    );
  }
  const { by, what, outcome, reason } = asked;
  const why = `${by} asked for it (${what}): ${outcome}${reason === undefined ? '' : `, ${reason}`}.`;
  return noNightReport(asked.batch?.name ?? name, why, options);
}

function assertTimeZone(timeZone: string): void {
  try {
    dayNamer(timeZone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`"${timeZone}" is no time zone; one is "Europe/Madrid"`);
  }
}
