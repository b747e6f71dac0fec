import { discardedText } from '../contract/discarded-text.js';
import { jobTitle } from '../contract/job.js';
import type { JobReport } from '../contract/result.js';
import { localTimesIn } from './format.js';
import { styleOfState } from './job-counts.js';
import { lastOutputText } from './last-output-text.js';
import { dim, type Line } from './line.js';

/** One line a job: its state, what it is, its key, and the reason below. */
export function unfinishedLines(jobs: readonly JobReport[], jobsMax: number): Line[] {
  const lines = jobs
    .slice(0, jobsMax)
    .flatMap(({ key, identity, state, error, discarded, lastOutput }): Line[] => [
      ['  ', { style: styleOfState(state), text: state.padEnd(9) }, ' ', jobTitle(identity), dim(`  ${key}`)],
      ...(discarded ? [[`            ${discardedText(discarded)}`]] : []),
      ...(error ? [['            ', `${error.class}: ${localTimesIn(error.message)}`]] : []),
      ...(lastOutput === undefined ? [] : [[dim(`            ${lastOutputText(lastOutput)}`)]]),
    ]);
  const more = jobs.length - jobsMax;
  return more > 0 ? [...lines, [`  and ${more} more`]] : lines;
}
