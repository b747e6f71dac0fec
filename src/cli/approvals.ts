import type { ApprovalDecided, WaitingApproval } from '../client/approvals.js';
import type { Nightshift } from '../client/nightshift.js';
import { UsageError } from '../contract/errors.js';
import { jobTitle } from '../contract/job.js';
import { fieldLines } from '../report/field-lines.js';
import { localTime } from '../report/format.js';
import { bold, dim, green, red, yellow, type Line } from '../report/line.js';
import { stepAfterAnswer } from '../report/next-steps.js';
import { ExitCode } from './exit-codes.js';
import { amongOf } from './hold-flags.js';
import type { Shell } from './shell.js';

export interface DecideFlags {
  readonly effect?: readonly string[];
  readonly job?: readonly string[];
  readonly work?: string;
  readonly provider?: string;
  readonly all?: boolean;
  readonly reason?: string;
}

/** `nightshift reject [NAME]`: effects that wait for approval do not leave; their jobs are held. */
export const reject = (name: string | undefined, flags: DecideFlags, shell: Shell): Promise<ExitCode> =>
  decideWaiting(name, 'rejected', flags, shell);

/** Yes or no to effects that wait. */
export async function decideWaiting(
  name: string | undefined,
  decision: 'approved' | 'rejected',
  flags: DecideFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { effect: effects = [], job: jobs = [], all = false, reason = '' } = flags;
  if (effects.length + jobs.length === 0 && !all)
    throw new UsageError('which? Give --effect KEY, --job KEY, or --all; "nightshift approve" lists them');
  if (effects.length + jobs.length > 0 && all) throw new UsageError('give either keys or --all, not both');
  const among = amongOf(name, flags);
  const nightshift = await shell.nightshift();
  const decided = await nightshift.decideApprovals(
    { effects, jobs, all, ...(typeof among === 'string' ? { nameOrId: among } : among && { scope: among }) },
    decision,
    reason,
  );
  if (shell.flags.json) shell.out.json({ decided });
  else if (decided.length === 0) shell.out.result('nothing waits for approval');
  else {
    for (const each of decided) shell.out.result(decidedText(each, decision));
    await tellNext(decided, nightshift, shell);
  }
  return decided.every(({ outcome }) => outcome.kind === 'decided') ? ExitCode.done : ExitCode.incomplete;
}

/** What goes on of each batch that got an answer, and how. */
async function tellNext(
  decided: readonly ApprovalDecided[],
  nightshift: Nightshift,
  shell: Shell,
): Promise<void> {
  const answered = decided.filter(({ outcome }) => outcome.kind === 'decided');
  const ended = new Set(
    answered.flatMap(({ approval, outcome }) =>
      outcome.kind === 'decided' && outcome.jobHeld ? [approval.batchId] : [],
    ),
  );
  for (const batchId of new Set(answered.map(({ approval }) => approval.batchId))) {
    const asks = (await nightshift.approvals(batchId)).length;
    const goesOn = asks === 0 && !ended.has(batchId) && (await nightshift.isWorkerAlive());
    const named = await nightshift.wordsFor(batchId);
    const from = await nightshift.find(batchId);
    const commands = { ...shell.commandsFor(named, from), watch: shell.command('watch', ...named) };
    shell.out.progress(`next: ${stepAfterAnswer({ asks, goesOn }, commands)}`);
  }
}

function decidedText({ approval, outcome }: ApprovalDecided, decision: 'approved' | 'rejected'): string {
  const what = `${approval.name} of ${jobTitle(approval.identity)}`;
  if (outcome.kind === 'already') {
    const who = outcome.by === undefined ? '' : ` by ${outcome.by}`;
    const when = outcome.at === undefined ? '' : `, ${localTime(outcome.at)}`;
    return `${what}: was ${outcome.state} already${who}${when}; nothing has changed`;
  }
  const next = outcome.jobHeld ? '; its batch goes on with it at its next start' : '';
  return `${what}: ${decision}${next}`;
}

/** What would happen, and how to say yes or no. */
export function approvalLines(
  {
    name,
    use,
    target,
    identity,
    shownAs,
    revision,
    askedAt,
    dueAt,
    onTimeout,
    updates,
    preview,
  }: WaitingApproval,
  shell: Pick<Shell, 'command'>,
  timeZone?: string,
): Line[] {
  const does = updates
    ? `changes revision ${updates.revision} (${updates.place}) to ${revision}`
    : `creates revision ${revision}`;
  const size = preview.bytes === undefined ? 'its artifact is gone' : `${preview.bytes} bytes`;
  const until =
    dueAt === undefined ? '' : `; without an answer by ${localTime(dueAt, timeZone)}: ${onTimeout}`;
  return [
    [bold(`${name} of ${jobTitle(identity)}`), ` waits for approval: ${does} at ${use} ${target}`],
    [dim(`  ${size}, since ${localTime(askedAt, timeZone)}${until}`)],
    ...finalLines(preview),
    ...sentLines(preview.sent),
    ...(preview.changed
      ? [
          ...preview.changed.removed.map((line): Line => ['  ', red(`- ${line}`)]),
          ...preview.changed.added.map((line): Line => ['  ', green(`+ ${line}`)]),
        ]
      : preview.head.map((line): Line => [`  | ${line}`])),
    [`  yes:  ${shell.command('approve', '--effect', shownAs)}`],
    [`  no:   ${shell.command('reject', '--effect', shownAs, '--reason', 'why')}`],
    [],
  ];
}

function finalLines({ irreversible }: WaitingApproval['preview']): Line[] {
  if (irreversible === undefined) return [];
  return [
    [
      yellow(
        irreversible === 'unknown'
          ? '  unknown whether it can be taken back once sent'
          : '  once sent, it can’t be taken back',
      ),
    ],
  ];
}

/** What it comes to, then what it is sent with. */
function sentLines(sent: WaitingApproval['preview']['sent']): Line[] {
  if (!sent)
    return [
      [yellow('  not known any more what it is sent with: its batch has changed since, or is not stored')],
    ];
  const options = Object.fromEntries(sent.options.map(({ name, value }) => [name, value]));
  return [
    ...sent.says.map((text): Line => ['  ', bold(text)]),
    ...(sent.options.length === 0 ? [] : fieldLines(options).map((line): Line => ['    ', ...line])),
  ];
}
