import type { Snapshot } from '../client/watch.js';
import { jobTitle } from '../contract/job.js';
import { clockTime, localTimesIn } from '../report/format.js';
import { countParts, finishedOf } from '../report/job-counts.js';
import { rendered, type Line } from '../report/line.js';
import { waitsText } from '../report/waits-text.js';

const BETWEEN_MS_MIN = 1_000;
/** A log without news for this long gets a line all the same, to show life. */
const SILENCE_MS_MAX = 30_000;

/** Progress where nothing can be redrawn: a line when something changed. */
export class LogLines {
  private last = '';
  private lastMs = -Infinity;
  private readonly told = new Set<string>();

  next(snapshot: Snapshot, nowMs: number): Line[] {
    const text = textOf(snapshot);
    const sinceMs = nowMs - this.lastMs;
    const isNews = text !== this.last || snapshot.waitsFor.some((waits) => !this.told.has(nameOf(waits)));
    if (sinceMs < (isNews ? BETWEEN_MS_MIN : SILENCE_MS_MAX)) return [];
    this.last = text;
    this.lastMs = nowMs;
    return [...this.newTrouble(snapshot), ...this.newWaits(snapshot), text].map((line): Line => [
      `${clockTime(nowMs)} ${line}`,
    ]);
  }

  private newTrouble({ state: batchState, troubled }: Snapshot): string[] {
    if (batchState === 'starting') return []; // still the trouble of the run before
    return troubled.flatMap(({ key, state, identity, error }) => {
      const id = `${key} ${state}`;
      if (this.told.has(id)) return [];
      this.told.add(id);
      const why = error ? `: ${error.class}: ${localTimesIn(error.message)}` : '';
      return [`${state}: ${jobTitle(identity)}${why}`];
    });
  }

  private newWaits({ waitsFor }: Snapshot): string[] {
    return waitsFor.flatMap((waits) => {
      const name = nameOf(waits);
      if (this.told.has(name)) return [];
      this.told.add(name);
      return [`waits for ${waitsText(waits)}`];
    });
  }
}

/** The same for as long as it is the same wait, whatever else is said of it. */
function nameOf(waits: Snapshot['waitsFor'][number]): string {
  switch (waits.kind) {
    case 'service':
      return `closed ${waits.subject} ${waits.sinceMs}`;
    case 'budget':
      return `budget ${waits.why}`;
    case 'room':
      return `room ${waits.dir}`;
  }
}

function textOf({ state, reason, counts }: Snapshot): string {
  if (state === 'starting' || counts.jobs === 0) return 'starting';
  const parts = countParts(counts).map((part) => rendered([part]));
  const paused = state === 'paused' ? ` (paused${reason === undefined ? '' : `: ${reason}`})` : '';
  return `${finishedOf(counts)} of ${counts.jobs} finished: ${parts.join(', ')}${paused}`;
}
