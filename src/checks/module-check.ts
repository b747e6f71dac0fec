import { loadCheck } from '../activities/load-adapter.js';
import { parseOptions } from '../activities/adapter-options.js';
import { redactor } from '../activities/redact.js';
import { shortenedTo, shown } from '../batch/shown.js';
import { resolveSecretsIn, type Environment } from '../batch/secrets.js';
import { AdapterError, type ErrorClass } from '../contract/errors.js';
import type { JsonObject } from '../contract/json.js';
import { messageOf } from '../contract/thrown.js';
import { safeText } from '../report/safe-text.js';
import { timeLimit, within } from '../time-limit.js';
import type { CheckInput } from './define-check.js';
import { isDrawn } from './drawn.js';

/** A check that hangs must not keep a job for the rest of the night. */
const RUN_MS_MAX = 5 * 60 * 1000;
const PROBLEM_CHARACTERS = 300;

/** Classes in which a module may say itself why it could not run; what it says of sessions or effects is no answer. */
const OWN_CLASSES: ReadonlySet<ErrorClass> = new Set([
  'transient',
  'throttled',
  'exhausted',
  'auth',
  'config',
] satisfies ErrorClass[]);

/**
 * Runs a check from a module of the operator's.
 * @throws AdapterError `config` when the module can't be loaded, refuses its options, throws, hangs or answers nonsense;
 *   an error of class transient, throttled, exhausted or auth that it threw itself goes through
 */
export async function moduleProblems(
  { use, with: raw }: { readonly use: string; readonly with: JsonObject },
  input: CheckInput,
  { baseDir, env, runMsMax = RUN_MS_MAX }: { baseDir: string; env: Environment; runMsMax?: number },
): Promise<string[]> {
  const check = await loadCheck(use, baseDir);
  const redact = redactor(raw, env);
  const options = parseOptions(check, resolveSecretsIn(raw, env), `check ${use}`, raw);
  let answer: unknown;
  try {
    // A copy: what is checked is what is published.
    const own = { ...input, bytes: Uint8Array.from(input.bytes), job: structuredClone(input.job) };
    answer = await within(
      timeLimit(runMsMax, input.signal, () => gaveNoAnswer(runMsMax)),
      async (signal) => check.run({ ...own, signal }, options),
    );
  } catch (error) {
    input.signal.throwIfAborted();
    // Not as its cause either: what a service said to it may repeat its key.
    const said = redact(messageOf(error));
    if (error instanceof AdapterError && OWN_CLASSES.has(error.errorClass))
      throw new AdapterError(error.errorClass, said, error.facts);
    throw failed(use, said);
  }
  if (!Array.isArray(answer) || !answer.every((problem) => typeof problem === 'string'))
    throw failed(use, `it must return a list of texts, not ${shown(answer)}`);
  return answer.map((problem: string) => `${use}: ${sentenceOf(redact(problem))}`);
}

const failed = (use: string, why: string): AdapterError =>
  new AdapterError(
    'config',
    `the check ${use} could not run: ${short(why)}; nothing is published until it does`,
    {
      sent: 'no',
    },
  );

const gaveNoAnswer = (ms: number): Error => new Error(`it gave no answer within ${ms / 1000} s`);

/** A person has to find out what is wrong, and by more than nothing. */
const sentenceOf = (problem: string): string =>
  isDrawn(problem) ? short(problem) : 'it found a problem, and has no words for it';

function short(text: string): string {
  const line = safeText(text);
  return shortenedTo(line, PROBLEM_CHARACTERS);
}
