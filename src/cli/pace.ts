/** How fast jobs finish, from what was seen lately. */
export interface Pace {
  readonly jobsPerMinute: number;
  /** Until all are finished at this pace. */
  readonly leftMs: number;
}

/** Long enough to even out jobs of some minutes, short enough to follow a change. */
const WINDOW_MS = 10 * 60_000;
/** Before that, two quick jobs would promise too much. */
const SEEN_MS_MIN = 5_000;

interface Sample {
  readonly atMs: number;
  readonly finished: number;
}

export class PaceMeter {
  private samples: Sample[] = [];

  /** @param finished jobs finished so far @param left jobs that will finish by themselves */
  measure(atMs: number, finished: number, left: number): Pace | undefined {
    // One sample a change is enough, and the oldest one must lie before the window.
    if (this.samples.at(-1)?.finished !== finished) this.samples.push({ atMs, finished });
    while ((this.samples[1]?.atMs ?? atMs) < atMs - WINDOW_MS) this.samples.shift();
    const [first] = this.samples;
    if (!first || atMs - first.atMs < SEEN_MS_MIN || finished <= first.finished) return undefined;
    const perMs = (finished - first.finished) / (atMs - first.atMs);
    return { jobsPerMinute: perMs * 60_000, leftMs: left / perMs };
  }
}
