import {
  budgetSchema,
  durationMs,
  retrySchema,
  type Duration,
  type RetrySpec,
} from '../contract/batch-file.js';
import { ERROR_CLASSES, type ErrorClass } from '../contract/errors.js';
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
  if (retry === undefined) return [];
  const { patience, classes } = retry;
  const impatient =
    durationMs(patience) > 0
      ? []
      : [
          finding(
            ['retry', 'patience'],
            'retry.patience of no time means that nothing which fails is ever tried again',
            'write how long a service may be away, such as patience: 10m',
          ),
        ];
  return [
    ...impatient,
    ...ERROR_CLASSES.flatMap((errorClass) => ofRow(errorClass, classes[errorClass], patience)),
  ];
}

function ofRow(
  errorClass: ErrorClass,
  own: RetrySpec['classes'][ErrorClass],
  patience: Duration,
): FieldFinding[] {
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
  if (wait === undefined && waitAtMost === undefined && tries === undefined)
    return [
      finding(path, `${name} is empty and does nothing`, 'leave it out, or say wait, waitAtMost or tries'),
    ];
  const found: FieldFinding[] = [];
  for (const [field, given] of Object.entries({ wait, waitAtMost }))
    if (given !== undefined && durationMs(given) === 0)
      found.push(
        finding(
          [...path, field],
          `${name}.${field} of no time stays none however often it is doubled: all tries would come at once`,
          `write a short one, such as ${field}: 1s`,
        ),
      );
  if (wait !== undefined && durationMs(wait) > durationMs(patience) && durationMs(patience) > 0)
    found.push(
      finding(
        [...path, 'wait'],
        `${name}.wait is longer than retry.patience, ${patience}, and nothing is waited for past that`,
        `write a shorter one, or raise patience to ${wait} at least`,
      ),
    );
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
