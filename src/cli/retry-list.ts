import type { AlsoRun, StoppedJob } from '../client/nightshift.js';
import { jobTitle } from '../contract/job.js';
import { firstOf, localTimesIn, plural } from '../report/format.js';
import { styleOfState } from '../report/job-counts.js';
import { lastOutputText } from '../report/last-output-text.js';
import { bold, dim, type Line } from '../report/line.js';

/** Jobs named of each error class; `--json` names all. */
const NAMED_MAX = 10;

/** Jobs by the class of what stopped them, the most frequent first. */
export function byError(
  jobs: readonly StoppedJob[],
): readonly { readonly class: string | undefined; readonly jobs: readonly StoppedJob[] }[] {
  const groups = new Map<string | undefined, StoppedJob[]>();
  for (const job of jobs) {
    const group = groups.get(job.error?.class) ?? [];
    group.push(job);
    groups.set(job.error?.class, group);
  }
  return [...groups]
    .map(([errorClass, group]) => ({ class: errorClass, jobs: group }))
    .sort((a, b) => b.jobs.length - a.jobs.length);
}

/** What would run again: one line a job, under the class of what stopped it. */
export const retryLines = (jobs: readonly StoppedJob[]): Line[] =>
  byError(jobs).flatMap(({ class: errorClass, jobs: group }): Line[] => {
    const more = group.length - NAMED_MAX;
    return [
      [],
      [bold(errorClass ?? 'no error kept'), `: ${plural(group.length, 'job')}`],
      ...group
        .slice(0, NAMED_MAX)
        .flatMap(({ key, identity, state, error, lastOutput }): Line[] => [
          [
            '  ',
            { style: styleOfState(state), text: state.padEnd(6) },
            ` ${jobTitle(identity)}`,
            dim(`  ${key}`),
            error ? `  ${localTimesIn(firstLine(error.message))}` : '',
          ],
          ...(lastOutput === undefined ? [] : [[dim(`         ${lastOutputText(lastOutput)}`)]]),
        ]),
      ...(more > 0 ? [[`  and ${more} more`]] : []),
    ];
  });

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** A batch that has ended is started as a whole. @param would whether nothing is started now */
export function alsoLines(also: readonly AlsoRun[], name: string, would = false): Line[] {
  if (also.length === 0) return [];
  const goOn = would ? 'would go on' : also.length === 1 ? 'goes on' : 'go on';
  const titles = firstOf(also.map(({ identity }) => jobTitle(identity)));
  return [[`${plural(also.length, 'other unfinished job')} of ${name} ${goOn} too: ${titles}`]];
}
