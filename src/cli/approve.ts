import type { Decided } from '../client/decide.js';
import { UsageError } from '../contract/errors.js';
import type { HoldScope } from '../contract/holds.js';
import { jobTitle } from '../contract/job.js';
import type { EffectDecision, OpenQuestion } from '../ledger/ledger.js';
import { shownQuestion } from '../policy/as-shown.js';
import { localTime } from '../report/format.js';
import { bold, dim, type Line } from '../report/line.js';
import { approvalLines, decideWaiting, type DecideFlags } from './approvals.js';
import { batchOf } from './batch-document.js';
import { ExitCode } from './exit-codes.js';
import { amongOf } from './hold-flags.js';
import type { Shell } from './shell.js';

export interface ApproveFlags extends DecideFlags {
  readonly landed?: boolean;
  readonly notLanded?: boolean;
  readonly id?: string;
  readonly url?: string;
}

/** `nightshift approve [NAME]`: lists what waits for a person, or takes the answer. To list needs no engine. */
export async function approve(
  name: string | undefined,
  flags: ApproveFlags,
  shell: Shell,
): Promise<ExitCode> {
  const decision = decisionOf(flags);
  if (decision) return decide(decision, flags, shell);
  const among = amongOf(name, flags);
  const names = (flags.effect?.length ?? 0) + (flags.job?.length ?? 0) > 0 || flags.all === true;
  return names ? decideWaiting(name, 'approved', flags, shell) : list(among, shell);
}

async function list(among: string | HoldScope | undefined, shell: Shell): Promise<ExitCode> {
  const nightshift = await shell.nightshift();
  const questions = await nightshift.openQuestions(among);
  const approvals = await nightshift.approvals(among);
  const { out } = shell;
  const waiting = questions.length + approvals.length;
  if (shell.flags.json)
    out.json({
      approvals,
      questions: questions.map((question) => ({ ...question, shownAs: shownQuestion(question) })),
    });
  else if (waiting === 0) out.result('nothing waits for an answer');
  else {
    out.results([
      ...approvals.flatMap((approval) => approvalLines(approval, shell)),
      ...questions.flatMap((question) => questionLines(question, shell)),
    ]);
  }
  return waiting === 0 ? ExitCode.done : ExitCode.incomplete;
}

async function decide(decision: EffectDecision, flags: ApproveFlags, shell: Shell): Promise<ExitCode> {
  if (!flags.effect || flags.effect.length === 0) {
    throw new UsageError('which effect? Name it with --effect KEY; "nightshift approve" lists them');
  }
  const nightshift = await shell.nightshift();
  const { out } = shell;
  const decided: Decided[] = [];
  for (const key of flags.effect) decided.push(await nightshift.decide(key, decision, flags.reason));
  if (shell.flags.json) out.json({ decided });
  for (const { question, jobState } of decided) {
    const what = decision.landed ? 'landed' : 'did not land, and may be sent again';
    if (shell.flags.json) continue;
    if (!question) out.result(`answered before, in the same way; the job is ${jobState}`);
    else out.result(`${question.name} of ${jobTitle(question.identity)}: ${what}; the job is ${jobState}`);
  }
  const batches = new Set(decided.flatMap(({ question }) => (question ? [question.batchId] : [])));
  if (!shell.flags.json) {
    for (const id of batches) {
      const { run } = shell.commandsFor([id], await nightshift.find(id));
      out.progress(`next: start ${batchOf(id)} again: ${run}`);
    }
  }
  return ExitCode.done;
}

function decisionOf({ landed, notLanded, id, url, effect }: ApproveFlags): EffectDecision | undefined {
  if (landed && notLanded) throw new UsageError('give either --landed or --not-landed, not both');
  if (!landed && (id !== undefined || url !== undefined))
    throw new UsageError('--id and --url go with --landed');
  if (url !== undefined && !URL.canParse(url))
    throw new UsageError(`--url ${url} is no URL; an id of the destination goes with --id`);
  if (notLanded) return { landed: false };
  if (!landed) return undefined;
  if ((id !== undefined || url !== undefined) && (effect?.length ?? 0) > 1) {
    throw new UsageError('--id and --url say where one effect is; give one --effect with them');
  }
  return { landed: true, id: id ?? url ?? 'seen by a person', ...(url !== undefined && { url }) };
}

/** What a person has to look at, and the two answers. */
export function questionLines(
  question: OpenQuestion,
  shell: Pick<Shell, 'command'>,
  timeZone?: string,
): Line[] {
  const { name, use, target, identity, firstSentAt, message, jobState } = question;
  const answer = (flag: string) => shell.command('approve', '--effect', shownQuestion(question), flag);
  return [
    [bold(`${name} of ${jobTitle(identity)}`), `: did it reach ${use} ${target}?`],
    [`  ${firstSentAt === undefined ? '' : `sent ${localTime(firstSentAt, timeZone)}; `}${message}`],
    ...(jobState === 'held' ? [] : [[dim('  its batch may still find out by itself')]]),
    [`  it is there:      ${answer('--landed')}`],
    [`  it is not there:  ${answer('--not-landed')}`],
    [],
  ];
}
