import type { BatchInput, Progress, Unfinished } from '../contract/messages.js';

/** Markdown for the head of the Workflow's page in the Temporal Web UI. */
export function currentDetails(
  { name, work }: BatchInput,
  progress: Progress,
  unfinished: readonly Unfinished[],
): string {
  const { state, jobs, done, adopted, inFlight, waiting, parked, held, cancelled, reason } = progress;
  const lines = [
    `**${name}** (${work}): ${state}${reason === undefined ? '' : `, because ${escape(reason)}`}`,
    '',
    '| jobs | done | found done | in progress | waiting | parked | held | cancelled |',
    '| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    `| ${jobs} | ${done} | ${adopted} | ${inFlight} | ${waiting} | ${parked} | ${held} | ${cancelled} |`,
  ];
  if (unfinished.length > 0) {
    lines.push('', '| needs a person | state | why |', '| --- | --- | --- |');
    for (const job of unfinished) {
      const why = job.trouble ? `${job.trouble.errorClass}: ${job.trouble.message}` : '';
      lines.push(`| ${escape(job.title)} | ${job.state} | ${escape(why)} |`);
    }
  }
  return lines.join('\n');
}

/** Titles and reasons come from files and agents: nothing of them may become markup. */
const escape = (text: string): string =>
  text
    .replace(/[\\|`*_[\]<>#]/g, '\\$&')
    .replace(/\s+/g, ' ')
    .slice(0, 200);
