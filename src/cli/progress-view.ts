import type { Snapshot } from '../client/watch.js';
import { finishedOf } from '../report/job-counts.js';
import { liveLines } from './live-lines.js';
import { LogLines } from './log-lines.js';
import type { ShownCommands } from './follow.js';
import type { Output } from './output.js';
import { PaceMeter } from './pace.js';

/** Four pictures a second at most, however often snapshots come. */
const REDRAW_MS = 250;

/** Shows snapshots as they come: redrawn lines on a terminal, lines of a log elsewhere. */
export function progressView(
  out: Output,
  { name, resume }: Pick<ShownCommands, 'name' | 'resume'>,
): (snapshot: Snapshot) => void {
  const log = new LogLines();
  const meter = new PaceMeter();
  const sinceMs = Date.now();
  let drawnMs = -Infinity;
  return (snapshot) => {
    const nowMs = Date.now();
    if (!out.isLive) {
      for (const line of log.next(snapshot, nowMs)) out.progress(line);
      return;
    }
    if (nowMs - drawnMs < REDRAW_MS) return;
    drawnMs = nowMs;
    const { counts } = snapshot;
    const measured =
      snapshot.state === 'starting'
        ? undefined
        : meter.measure(nowMs, finishedOf(counts), counts.waiting + counts.running);
    const pace = snapshot.state === 'running' ? measured : undefined;
    out.live(
      liveLines(snapshot, {
        name,
        resume: resume(snapshot.hold),
        nowMs,
        sinceMs,
        columns: out.liveColumns,
        pace,
      }),
    );
  };
}
