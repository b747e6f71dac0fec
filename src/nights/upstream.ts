import type { UpstreamNight } from '../contract/messages.js';
import { DAY_MS } from '../contract/units.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { ScheduleDefinition } from '../contract/schedules-file.js';
import { fireTimes } from '../policy/fire-times.js';
import { nightTitle } from '../policy/night-alerts.js';
import { editionOf, nightOf } from '../policy/nights.js';
import { SERVED, lastWords } from '../policy/seen-nights.js';
import { leftOf } from '../report/job-counts.js';
import type { NightsLedger } from './read-nights.js';

/** `open`: not done, or nobody knows of it. */
export type UpstreamStanding = { readonly kind: 'done' } | { readonly kind: 'open'; readonly why: string };

/** An edition is no longer than a month. */
const SPAN_MS = 33 * DAY_MS;

/**
 * Whether the night that another one comes after is done: every job of its batch done, adopted or discarded, as the
 * ledger has it. That something was published yesterday, or that the batch ended somehow, is not enough. A schedule
 * that is not due in that edition keeps nobody waiting.
 */
export async function upstreamStanding(
  upstream: UpstreamNight,
  ledger: NightsLedger,
): Promise<UpstreamStanding> {
  const { schedule, edition } = upstream;
  const kept = (await ledger.keptSchedules()).find(({ definition }) => definition.name === schedule);
  if (!kept) return open(`no schedule ${schedule} is applied`);
  const { definition, paused } = kept;
  const rows = lastWords(
    await ledger.scheduledNights({ schedule, since: new Date(spanOf(upstream).from).toISOString() }),
  ).filter((row) => row.edition === edition);
  const night = nightMeant(upstream, [...rows, ...dueNights(definition, upstream)]);
  if (night === undefined) return { kind: 'done' };

  const title = `the night of ${nightTitle(night, definition.timeZone)}, schedule ${schedule},`;
  const row = rows.find((said) => said.night === night);
  if (!row) return open(`${title} has not begun${paused ? ': the schedule is paused' : ''}`);
  if (row.outcome === 'empty') return { kind: 'done' };
  if (row.outcome === 'attached') {
    return open(`${title} was left to an older night that was still running: its own edition was not run`);
  }
  if (!SERVED.has(row.outcome) || row.batchId === undefined) {
    return open(`${title} is ${row.outcome}: ${row.why}`);
  }
  const batch = await ledger.batch(row.batchId);
  if (batch?.state === 'completed' || (batch && (await isSettled(batch, ledger)))) return { kind: 'done' };
  return open(`${title} is ${batch?.state ?? 'served by a batch that the ledger does not know'}`);
}

/** What ended incomplete, and of which a person has discarded all that was left: nobody will start it again. */
async function isSettled(
  { id, state }: Pick<BatchRow, 'id' | 'state'>,
  ledger: NightsLedger,
): Promise<boolean> {
  if (state !== 'incomplete') return false;
  const counts = await ledger.counts(id, 0);
  return counts.jobs > 0 && leftOf(counts) === 0;
}

const open = (why: string): UpstreamStanding => ({ kind: 'open', why });

const spanOf = ({ dueAt }: UpstreamNight) => ({
  from: Date.parse(dueAt) - SPAN_MS,
  to: Date.parse(dueAt) + SPAN_MS,
});

type Night = { readonly night: string; readonly dueAt: string };

function dueNights(definition: ScheduleDefinition, upstream: UpstreamNight): Night[] {
  const { from, to } = spanOf(upstream);
  const since = Math.max(from, Date.parse(definition.since));
  return fireTimes(definition, new Date(since), new Date(to))
    .filter((at) => editionOf(at, definition.timeZone, definition.edition) === upstream.edition)
    .map((at) => ({ night: nightOf(at, definition.timeZone), dueAt: at.toISOString() }));
}

/** The last one of that edition that is due by then; else the first that comes later. */
function nightMeant({ dueAt }: UpstreamNight, nights: readonly Night[]): string | undefined {
  const inOrder = nights.toSorted((a, b) => a.dueAt.localeCompare(b.dueAt));
  return (inOrder.findLast((night) => night.dueAt <= dueAt) ?? inOrder[0])?.night;
}
