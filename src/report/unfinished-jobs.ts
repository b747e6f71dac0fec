import { discardedText } from '../contract/discarded-text.js';
import { jobTitle } from '../contract/job.js';
import type { JobReport } from '../contract/result.js';
import { localTimesIn } from './format.js';
import { styleOfState } from './job-counts.js';
import { lastOutputText } from './last-output-text.js';
import { dim, type Line } from './line.js';

/**
 * One line a job: its state, what it is, its key, and the reason below. A reason that several were given in the same words
 * is said once, below the first of them, with their number, those that are not shown among them; so are discards.
 */
export function unfinishedLines(jobs: readonly JobReport[], jobsMax: number): Line[] {
  const groups = new Map<string, JobReport[]>();
  for (const job of jobs) {
    const said = JSON.stringify([job.state, reasonsOf(job)]);
    const group = groups.get(said);
    if (group === undefined) groups.set(said, [job]);
    else group.push(job);
  }
  const lines: Line[] = [];
  let left = jobsMax;
  for (const group of groups.values()) {
    const shown = group.slice(0, left);
    const [first] = shown;
    if (first === undefined) break;
    left -= shown.length;
    const count = group.length === 1 ? '' : ` (${group.length} jobs)`;
    const reasons = reasonsOf(first).map((reason): Line => [`            ${reason}${count}`]);
    lines.push(...shown.flatMap((job, at) => [headOf(job), ...(at === 0 ? reasons : []), ...outputOf(job)]));
  }
  const more = jobs.length - jobsMax;
  return more > 0 ? [...lines, [`  and ${more} more`]] : lines;
}

const headOf = ({ state, identity, key }: JobReport): Line => [
  '  ',
  { style: styleOfState(state), text: state.padEnd(9) },
  ' ',
  jobTitle(identity),
  dim(`  ${key}`),
];

const reasonsOf = ({ discarded, error }: JobReport): string[] => [
  ...(discarded ? [discardedText(discarded)] : []),
  ...(error ? [`${error.class}: ${localTimesIn(error.message)}`] : []),
];

const outputOf = ({ lastOutput }: JobReport): Line[] =>
  lastOutput === undefined ? [] : [[dim(`            ${lastOutputText(lastOutput)}`)]];
