import type { Plan } from '../client/nightshift.js';
import type { CostEstimate } from '../client/estimate-cost.js';
import type { Difference } from '../client/difference.js';
import type { PlannedEffect, PlannedJob } from '../client/plan.js';
import { PLANNED_ACTIONS, type PlannedAction } from '../contract/planned-action.js';
import type { Verdict } from '../ledger/ledger.js';
import { money } from '../policy/money.js';
import { duration, plural } from '../report/format.js';
import { bold, dim, green, red, type Line, type Span, type Style } from '../report/line.js';
import { tableLines } from '../report/table.js';

/** Rows that a terminal is shown before it is told of `--all`. */
const ROWS_MAX = 40;

const CHANGES_MAX = 20;

/** The first lines that updates would change, effect by effect. */
export const changedLines = (jobs: readonly PlannedJob[]): Line[] =>
  jobs
    .flatMap(({ title, effects }) =>
      effects.flatMap(({ name, difference }) =>
        difference?.kind === 'lines' ? [{ what: `${name} of ${title}`, ...difference.changed }] : [],
      ),
    )
    .slice(0, CHANGES_MAX)
    .flatMap(({ what, added, removed }): Line[] => [
      [],
      [bold(what)],
      ...removed.map((line): Line => ['  ', red(`- ${line}`)]),
      ...added.map((line): Line => ['  ', green(`+ ${line}`)]),
    ]);

const VERDICTS: Readonly<Record<Verdict, { readonly style: Style; readonly meaning: string }>> = {
  new: { style: 'green', meaning: 'never done' },
  resume: { style: 'blue', meaning: 'begun and not finished' },
  update: { style: 'yellow', meaning: 'done at a lower revision' },
  adopt: { style: 'dim', meaning: 'done already' },
  parked: { style: 'yellow', meaning: 'gave up; waits for "nightshift retry"' },
  held: {
    style: 'red',
    meaning: 'its session may have run; look there, then "nightshift retry NAME --job KEY"',
  },
  discarded: { style: 'dim', meaning: 'a person has decided not to do it' },
  conflict: { style: 'red', meaning: 'changed without a higher revision; held' },
};

const ACTIONS: Readonly<Record<PlannedAction, { readonly style: Style; readonly meaning: string }>> = {
  create: { style: 'green', meaning: 'not there yet' },
  adopt: { style: 'blue', meaning: 'there already, only the receipt is missing' },
  update: { style: 'yellow', meaning: 'there at a lower revision' },
  nothing: { style: 'dim', meaning: 'landed' },
  conflict: { style: 'red', meaning: 'its place is taken, or was changed; a run would hold it' },
  held: { style: 'yellow', meaning: 'a person has to decide first' },
  unknown: { style: 'red', meaning: 'the destination did not say' },
};

/** @param columns given for a terminal, where a long table is cut */
export function planLines(plan: Plan, columns?: number): Line[] {
  const { name, jobs, toRun } = plan;
  const rowsMax = columns === undefined ? Infinity : ROWS_MAX;
  // What is done already is the least news.
  const inOrder = [...jobs.filter(isNews), ...jobs.filter((job) => !isNews(job))];
  const comesToSomething = jobs.some(({ effects }) => effects.some(({ comesTo }) => comesTo !== undefined));
  const someAreAsked = jobs.some(({ effects }) => effects.some(isAsked));
  const shown = { comesToSomething, someAreAsked };
  const head = plan.looked
    ? [
        ...['job', 'effect', 'action'],
        ...(someAreAsked ? ['approval'] : []),
        'target',
        ...(comesToSomething ? ['comes to'] : []),
        ...['difference', 'note'],
      ]
    : ['job', 'plan', 'effects', 'note'];
  const rows = inOrder
    .slice(0, rowsMax)
    .flatMap((job) => (plan.looked ? effectRows(job, shown) : [rowOf(job)]));
  const hidden = Math.max(0, jobs.length - rowsMax);
  return [
    ...tableLines(head, rows, columns),
    ...(hidden > 0 ? [[dim(`and ${hidden} more; all of them: --all`)]] : []),
    [],
    [bold(name), `: ${plural(jobs.length, 'job')}, ${toRun === 0 ? 'nothing to run' : `${toRun} to run`}`],
    ...(plan.looked ? actionLines(jobs) : verdictLines(plan)),
    ...answerLines(jobs),
    [`  cost: ${costText(plan.cost)}`],
    ...plan.refused.map((what): Line => [{ style: 'red', text: '  refused' }, `: ${what}`]),
  ];
}

const isNews = ({ verdict, note }: PlannedJob): boolean => verdict !== 'adopt' || note !== undefined;

const rowOf = ({ title, verdict, effects, note }: PlannedJob): Span[] => [
  title,
  { style: VERDICTS[verdict].style, text: verdict },
  effects.map(effectText).join(', '),
  note ?? '',
];

/** What has landed is asked for no more. */
const isAsked = ({ approval, action, leftOut }: PlannedEffect): boolean =>
  approval !== undefined && action !== 'nothing' && !leftOut;

function approvalText(effect: PlannedEffect): string {
  if (!isAsked(effect)) return '';
  const { timeoutMs, onTimeout = 'hold' } = effect.approval ?? {};
  return timeoutMs === undefined
    ? 'waits for approval'
    : `waits for approval for ${duration(timeoutMs)}, then ${onTimeout}`;
}

function effectText(effect: PlannedEffect): string {
  const { name, action, leftOut } = effect;
  const notes = [isAsked(effect) ? approvalText(effect) : undefined, finalText(effect)].filter(
    (note) => note !== undefined,
  );
  const noted = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
  return `${name}: ${leftOut ? LEFT_OUT : action === 'nothing' ? 'landed' : action}${noted}`;
}

const LEFT_OUT = 'left out';
const FINAL = 'can’t be taken back';

const MAYBE_FINAL = 'unknown whether it can be taken back';

/** It may leave, and then nothing takes it back, or nobody knows that here. */
const isFinal =
  (is: PlannedEffect['irreversible']) =>
  ({ irreversible, action, leftOut }: PlannedEffect): boolean =>
    irreversible === is && !leftOut && MAY_LEAVE.has(action);

const isSurelyFinal = isFinal(true);
const isMaybeFinal = isFinal('unknown');

const finalText = (effect: PlannedEffect): string | undefined =>
  isSurelyFinal(effect) ? FINAL : isMaybeFinal(effect) ? MAYBE_FINAL : undefined;

const MAY_LEAVE: ReadonlySet<PlannedAction> = new Set<PlannedAction>(['create', 'update', 'held', 'unknown']);

const actionSpan = ({ action, leftOut }: PlannedEffect): Span =>
  leftOut ? dim(LEFT_OUT) : { style: ACTIONS[action].style, text: action };

const effectRows = (
  { title, effects }: PlannedJob,
  { comesToSomething, someAreAsked }: { readonly comesToSomething: boolean; readonly someAreAsked: boolean },
): Span[][] =>
  effects.map((effect, at) => [
    at === 0 ? title : '',
    effect.name,
    actionSpan(effect),
    ...(someAreAsked ? [approvalText(effect)] : []),
    effect.place ?? effect.target,
    ...(comesToSomething ? [effect.comesTo ?? ''] : []),
    differenceText(effect.difference),
    [effect.why, finalText(effect)].filter((note) => note !== undefined).join('; '),
  ]);

function differenceText(difference: Difference | undefined): string {
  switch (difference?.kind) {
    case undefined:
      return '';
    case 'new':
      return `new, ${plural(difference.lines, 'line')}`;
    case 'same':
      return 'same content';
    case 'lines':
      return `+${difference.added} -${difference.removed} lines`;
    case 'content':
      return `${difference.there.slice(0, 8)} becomes ${difference.here.slice(0, 8)}`;
  }
}

const verdictLines = ({ counts }: Plan): Line[] =>
  Object.entries(VERDICTS).flatMap(([verdict, { style, meaning }]): Line[] => {
    const count = counts[verdict as Verdict];
    return count === 0 ? [] : [[{ style, text: `  ${count} ${verdict}` }, dim(`  ${meaning}`)]];
  });

const actionLines = (jobs: readonly PlannedJob[]): Line[] =>
  PLANNED_ACTIONS.flatMap((action): Line[] => {
    const count = countOf(jobs, (effect) => effect.action === action && !effect.leftOut);
    const { style, meaning } = ACTIONS[action];
    return count === 0 ? [] : [[{ style, text: `  ${count} ${action}` }, dim(`  ${meaning}`)]];
  });

/** What only a person can let go, or has taken out. */
function answerLines(jobs: readonly PlannedJob[]): Line[] {
  const asked = countOf(jobs, isAsked);
  const final = countOf(jobs, isSurelyFinal);
  const maybeFinal = countOf(jobs, isMaybeFinal);
  const left = countOf(jobs, ({ leftOut }) => leftOut === true);
  return [
    ...(asked > 0
      ? [
          [
            { style: 'yellow', text: `  ${plural(asked, 'waits', 'wait')} for approval` } as const,
            dim("  leaves with a person's yes, and not without"),
          ],
        ]
      : []),
    ...(final > 0
      ? [
          [
            { style: 'yellow', text: `  ${final} ${FINAL}` } as const,
            dim('  once sent, no "unpublish" undoes it'),
          ],
        ]
      : []),
    ...(maybeFinal > 0
      ? [
          [
            { style: 'yellow', text: `  ${maybeFinal} ${MAYBE_FINAL}` } as const,
            dim('  the publisher can’t be made here'),
          ],
        ]
      : []),
    ...(left > 0 ? [[dim(`  ${left} ${LEFT_OUT}  a run of the saved plan does nothing about it`)]] : []),
  ];
}

const countOf = (jobs: readonly PlannedJob[], is: (effect: PlannedEffect) => boolean): number =>
  jobs.flatMap(({ effects }) => effects).filter(is).length;

export function costText(cost: CostEstimate): string {
  const sessions = plural(cost.sessions, 'session');
  switch (cost.from) {
    case 'no-sessions':
      return 'nothing, no session is needed';
    case 'ledger': {
      const { each, currency, known } = cost;
      const range = `${money(each.low, currency)} to ${money(each.high, currency)}`;
      return `about ${money(cost.total, currency)} for ${sessions}, from ${plural(known, 'earlier session')} of this work (${range} each)`;
    }
    case 'budget':
      return `at most ${money(cost.total, cost.currency)} for ${sessions}, by budget.perSession; the ledger knows no cost of this work yet`;
    case 'nothing':
      return `not known for ${sessions}: the ledger knows no cost of this work yet, and there is no budget.perSession`;
  }
}
