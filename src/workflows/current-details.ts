import { workflowInfo } from '@temporalio/workflow';
import type { BatchInput, Progress, Unfinished } from '../contract/messages.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import { markdownCommand } from '../policy/batch-words.js';
import { MICROS, spentText } from '../policy/money.js';
import type { Lanes } from './lanes.js';
import { clock, plain, prose, table, workflowLink } from './markdown.js';
import type { Tally } from './tally.js';

/** Rows of each list that the Web UI shows. */
const SHOWN = 10;

/** What a batch, or a shard, shows of itself. */
export interface Standing {
  readonly progress: Omit<Progress, 'state'>;
  /** One word: running, paused, completed… */
  readonly state: string;
  readonly tally: Tally;
  readonly lanes: Lanes;
}

/** Markdown for the head of the Workflow's page in the Temporal Web UI. */
export function currentDetails(batch: BatchInput, standing: Standing): string {
  const { name, currency = 'USD' } = batch;
  const { progress, state, tally, lanes } = standing;
  const unfinished = tally.unfinished(SHOWN);
  const inProgress = lanes.longest(SHOWN);
  const { jobs, done, adopted, inFlight, waiting, parked, held, cancelled, discarded = 0, reason } = progress;
  const counts: readonly (readonly [string, number])[] = [
    ['done', done],
    ['found done', adopted],
    ['in progress', inFlight],
    ['waiting', waiting],
    ['parked', parked],
    ['held', held],
    ['cancelled', cancelled],
    ['discarded', discarded],
  ];
  const rows = counts.filter(([, count]) => count > 0).map(([word, count]) => [word, String(count)]);
  const spent = spentText({ total: tally.spentMicros / MICROS, currency, unknown: tally.costUnknown });
  const lines = [
    `**${name}**: ${state}${reason === undefined ? '' : `, because ${prose(reason)}`} (${clock(Date.now())})`,
    '',
    // Narrow: the UI gives it half of the page.
    ...table(['jobs', String(jobs)], [...rows, ['spent on jobs that ended', spent]]),
  ];
  if (unfinished.length > 0) {
    lines.push('', `**Not finished**${more(unfinished.length, parked + held + cancelled)}`, '');
    lines.push(...unfinished.map((job) => unfinishedItem(batch, job)));
  }
  if (inProgress.length > 0) {
    lines.push('', `**In progress, longest first**${more(inProgress.length, inFlight)}`, '');
    for (const { key, title, sinceMs } of inProgress)
      lines.push(`- ${linkTo(batch, key, title)}, since ${clock(sinceMs)}`);
  }
  const next = nextSteps(batch, state, progress);
  if (next.length > 0) lines.push('', '**What you can do**', '', ...next.map((step) => `- ${step}`));
  return lines.join('\n');
}

const more = (shown: number, all: number): string => (all > shown ? ` (${shown} of ${all})` : '');

const linkTo = ({ work }: BatchInput, jobKey: string, title: string): string =>
  workflowLink(title, workflowInfo().namespace, jobWorkflowId({ work, jobKey }));

function unfinishedItem(batch: BatchInput, { key, title, state, trouble }: Unfinished): string {
  const why = trouble ? `: ${prose(`${trouble.errorClass}: ${trouble.message}`)}` : '';
  // A conflict never had a Workflow of its own to link to.
  const name = trouble?.errorClass === 'conflict' ? plain(title) : linkTo(batch, key, title);
  return `- ${name} is **${state}**${why}. All it did: \`nightshift trace ${key.slice(0, 12)}\``;
}

/** In words that may be typed as they are. */
function nextSteps(batch: BatchInput, state: string, { parked, held }: Standing['progress']): string[] {
  const command = markdownCommand(batch);
  const steps: string[] = [];
  if (state === 'paused' || state === 'pausing')
    steps.push(`go on: ${command('resume')}, or send the signal \`resume\``);
  if (parked > 0) steps.push(`give parked jobs a new budget, when the cause is gone: ${command('retry')}`);
  if (held > 0) steps.push(`see what is held, and answer: ${command('approve')}`);
  if (state === 'running') steps.push(`start nothing new: ${command('pause')}, or send the signal \`pause\``);
  return steps;
}
