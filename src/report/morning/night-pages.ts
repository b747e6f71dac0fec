import { mkdir } from 'node:fs/promises';
import type { Ledger } from '../../ledger/ledger.js';
import type { ScheduleNights } from '../../nights/read-nights.js';
import { SERVED, UNSERVED, type SeenNight } from '../../policy/seen-nights.js';
import { missedNightReport } from './build.js';
import { commandsAt } from './commands.js';
import { drawReport, placeOf, reportsFolder } from './make-report.js';
import { dropReport, nightFile, reportFiles, saveReport } from './report-files.js';
import { scheduledPart } from './scheduled.js';

interface PagesDeps {
  readonly ledger: Pick<Ledger, 'batch' | 'latestBatch'>;
  readonly stateDir: string;
  readonly now: () => Date;
}

/**
 * Each night that did not run has a report, as one that ran has; it goes when the night has run after all, for then
 * there is a better one, or had nothing to do. Files that are there are left alone.
 * @param name       of the batch
 * @param schedules  all that start it
 */
export async function keepNightPages(
  name: string,
  schedules: readonly ScheduleNights[],
  { ledger, stateDir, now }: PagesDeps,
): Promise<void> {
  const folder = reportsFolder(stateDir);
  await mkdir(folder, { recursive: true });
  const { has, keeps } = await reportFiles(folder, name);
  const fileOf = (night: SeenNight) => nightFile(name, night);
  for (const night of schedules.flatMap(({ nights }) => nights)) {
    if (has(fileOf(night)) && (await isOver(night))) await dropReport(fileOf(night), folder, name);
  }
  const place = placeOf(stateDir);
  const command = commandsAt(place);
  const openedAt = (await ledger.latestBatch(name))?.openedAt ?? '';
  const scheduled = scheduledPart(schedules, [], command);
  for (const schedule of schedules) {
    const { timeZone } = schedule.kept.definition;
    for (const night of schedule.nights) {
      if (!UNSERVED.has(night.outcome) || night.outcome === 'late') continue;
      if (has(fileOf(night)) || !keeps(fileOf(night))) continue;
      const missed = scheduled.missed.find(
        (one) => one.schedule === night.schedule && one.night === night.night,
      );
      if (missed === undefined) continue;
      const report = missedNightReport(name, missed, { now: now(), timeZone, place, scheduled });
      // The name that stays is that of the newest night, whether or not it ran.
      await saveReport(report, await drawReport(report), folder, { newest: night.dueAt > openedAt });
    }
  }

  async function isOver({ outcome, batchId }: SeenNight): Promise<boolean> {
    if (outcome === 'empty') return true;
    return SERVED.has(outcome) && batchId !== undefined && (await ledger.batch(batchId)) !== undefined;
  }
}
