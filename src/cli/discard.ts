import type { Discarding } from '../client/nightshift.js';
import { UsageError } from '../contract/errors.js';
import { jobTitle } from '../contract/job.js';
import { selectionText } from '../contract/job-selection.js';
import { plural } from '../report/format.js';
import { dim, red, type Line } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import { selectionOf, type SelectionFlags } from './selection-flags.js';
import type { Shell } from './shell.js';

export interface DiscardFlags extends SelectionFlags {
  readonly reason?: string;
}

/** Jobs named one by one; `--json` names all. */
const NAMED_MAX = 20;

/** `nightshift discard NAME --job KEY --reason TEXT`: a person decides that jobs will not be done. Needs no engine. */
export async function discard(name: string, flags: DiscardFlags, shell: Shell): Promise<ExitCode> {
  const { out } = shell;
  const selection = selectionOf(name, flags, shell);
  if (selection.keys === undefined && selection.errors === undefined) {
    throw new UsageError(
      `which jobs? Name each with --job KEY, or the parked of a class with --error CLASS; ${shell.command('retry', name, '--list')} shows them`,
    );
  }
  if (flags.reason === undefined || flags.reason.trim() === '') {
    throw new UsageError('why? Say it with --reason TEXT: whoever looks for these jobs later is told');
  }
  const jobs = await (await shell.nightshift()).discard(name, selection, flags.reason);
  const refused = jobs.filter(({ outcome }) => outcome === 'refused');
  if (shell.flags.json) out.json({ batch: name, jobs });
  else out.results([...discardLines(jobs, selectionText(selection) ?? ''), ...backLine(jobs, name, shell)]);
  return refused.length > 0 ? ExitCode.incomplete : ExitCode.done;
}

function discardLines(jobs: readonly Discarding[], meant: string): Line[] {
  if (jobs.length === 0) return [[`no parked job is meant by: ${meant}`]];
  const count = (outcome: Discarding['outcome']) => jobs.filter((job) => job.outcome === outcome).length;
  const more = jobs.length - NAMED_MAX;
  return [
    [
      `${plural(count('discarded'), 'job')} discarded`,
      ...(count('already') > 0 ? [`, ${count('already')} discarded before`] : []),
      ...(count('refused') > 0 ? [', ', red(`${count('refused')} refused`)] : []),
    ],
    // What did not go as it was asked comes first.
    ...[
      ...jobs.filter(({ outcome }) => outcome !== 'discarded'),
      ...jobs.filter(({ outcome }) => outcome === 'discarded'),
    ]
      .slice(0, NAMED_MAX)
      .map(jobLine),
    ...(more > 0 ? [[`  and ${more} more`]] : []),
  ];
}

const WORDS: Readonly<Record<Discarding['outcome'], string>> = {
  discarded: 'discarded',
  already: 'discarded before',
  refused: 'refused',
};

const jobLine = ({ key, identity, outcome, why }: Discarding): Line => [
  '  ',
  outcome === 'refused' ? red(WORDS[outcome]) : WORDS[outcome],
  identity === undefined ? '' : ` ${jobTitle(identity)}`,
  dim(`  ${key}`),
  why === undefined ? '' : `  ${outcome === 'already' ? `by ${why}` : why}`,
];

function backLine(jobs: readonly Discarding[], name: string, shell: Shell): Line[] {
  const one = jobs.find(({ outcome }) => outcome === 'discarded');
  if (one === undefined) return [];
  return [[dim(`to do one after all: ${shell.command('retry', name, '--job', one.key)}`)]];
}
