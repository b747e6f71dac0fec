import { budgetSchema, durationMs, retrySchema, type RetrySpec } from '../contract/batch-file.js';
import { ERROR_CLASSES } from '../contract/errors.js';
import type { JsonObject } from '../contract/json.js';
import { stopLossSchema } from '../contract/limits.js';
import { RETRY_RULES } from '../policy/retry.js';
import type { FieldFinding } from './issue-sentences.js';

/**
 * What a batch file asks for and would never get: a limit that never holds, a number that nothing reads. Found out at
 * night, it is the bill that tells. Only what is good in form is judged.
 * @param parts of the batch file, as they were parsed
 */
export const withoutEffect = (
  { budget, retry, stopLoss }: JsonObject,
  identity: readonly string[] | undefined,
): FieldFinding[] => [
  ...ofBudget(budget, identity),
  ...(retry === undefined ? [] : ofRetry(retrySchema.safeParse(retry).data)),
  ...(stopLoss === undefined ? [] : ofStopLoss(stopLoss)),
];

const finding = (path: FieldFinding['path'], message: string, hint: string): FieldFinding => ({
  path,
  at: 'value',
  message,
  hint,
});

function ofBudget(given: unknown, identity: readonly string[] | undefined): FieldFinding[] {
  const { perDay, perSite, dayEndsAt } = budgetSchema.safeParse(given).data ?? {};
  if (dayEndsAt !== undefined && perDay === undefined && perSite === undefined) {
    return [
      finding(
        ['budget', 'dayEndsAt'],
        'budget.dayEndsAt does nothing: no amount of the budget is for a day',
        'leave it out, or add perDay or perSite',
      ),
    ];
  }
  // What is spent has no site where jobs have none.
  if (perSite === undefined || identity === undefined || identity.includes('site')) return [];
  return [
    finding(
      ['budget', 'perSite'],
      'budget.perSite never holds: the identity of the jobs has no field "site"',
      'add "site" to identity, or bound what all batches spend in one day by budget.perDay',
    ),
  ];
}

function ofRetry(retry: RetrySpec | undefined): FieldFinding[] {
  return ERROR_CLASSES.flatMap((errorClass) => {
    const own = retry?.classes[errorClass];
    if (own === undefined) return [];
    const path = ['retry', 'classes', errorClass];
    const name = path.join('.');
    const { agent, effect } = RETRY_RULES[errorClass];
    if (agent !== 'again' && effect !== 'again')
      return [
        finding(
          path,
          `${name} does nothing: what fails so is not tried again`,
          'leave it out; docs/reference/errors.md says what follows instead',
        ),
      ];
    const { wait, waitAtMost, tries } = own;
    const found: FieldFinding[] = [];
    if (errorClass === 'rejected' && tries !== undefined)
      found.push(
        finding(
          [...path, 'tries'],
          `${name}.tries does nothing: sessions whose output is rejected have a number of their own`,
          `write it as retry: { rejected: ${tries} }`,
        ),
      );
    if (wait !== undefined && waitAtMost !== undefined && durationMs(wait) > durationMs(waitAtMost))
      found.push(
        finding(
          [...path, 'wait'],
          `${name}.wait is longer than ${name}.waitAtMost, which cuts it short`,
          `raise waitAtMost, or write wait: ${waitAtMost}`,
        ),
      );
    return found;
  });
}

const ofStopLoss = (given: unknown): FieldFinding[] =>
  (stopLossSchema.safeParse(given).data ?? []).flatMap(({ window }, at) =>
    durationMs(window) > 0
      ? []
      : [
          finding(
            ['stopLoss', at, 'window'],
            `stopLoss[${at}].window never holds a job that ended, so the rule never stops anything`,
            'write how far back ends count, such as window: 1h',
          ),
        ],
  );
