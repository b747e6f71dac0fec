import { masked } from '../../../batch/masked.js';
import type { SessionRequest } from '../provider.js';
import type { CommandOptions } from './options.js';
import { presetOf } from './presets/index.js';
import type { RunPaths } from './run-directory.js';

/** Where programs are looked for when the worker itself was given no PATH. */
const USUAL_PATH = '/usr/local/bin:/usr/bin:/bin';

export const workerPath = (): string => process.env['PATH'] ?? USUAL_PATH;

type Secret = (text: string) => string;

/**
 * All variables of the program: PATH and HOME of the worker, those of its preset, those declared, and ours. Nothing else of the worker's
 * environment reaches it.
 * @throws AdapterError `config` naming a variable that a declared value refers to and that is not set
 */
export function programEnvironment(
  options: CommandOptions,
  { jobKey, attempt, deadlineAt, rehearsal, traceparent }: SessionRequest,
  paths: RunPaths,
  secret: Secret,
): Record<string, string> {
  const { HOME } = process.env;
  const { env = {} } = options;
  return {
    PATH: workerPath(),
    ...(HOME !== undefined && { HOME }),
    ...presetOf(options)?.env,
    ...(traceparent !== undefined && { TRACEPARENT: traceparent }),
    ...Object.fromEntries(Object.entries(env).map(([name, text]) => [name, secret(text)])),
    NIGHTSHIFT_JOB_KEY: jobKey,
    NIGHTSHIFT_ATTEMPT: String(attempt),
    NIGHTSHIFT_RUN_DIR: paths.dir,
    NIGHTSHIFT_OUT_DIR: paths.out,
    NIGHTSHIFT_RESULT_FILE: paths.result,
    NIGHTSHIFT_DEADLINE: deadlineAt,
    ...(rehearsal && { NIGHTSHIFT_REHEARSAL: '1' }),
  };
}

/** Shorter values are words of a language rather than secrets, and messages would suffer. */
const SECRET_LENGTH_MIN = 4;

/** Takes the values of secrets that the program was given out of what it wrote. */
export function redactor({ env = {} }: CommandOptions, secret: Secret): (text: string) => string {
  const references = Object.values(env).flatMap((text) => text.match(/\$\{env:[^}]*\}/g) ?? []);
  const values = references.flatMap((reference) => {
    try {
      return [secret(reference)];
    } catch {
      return []; // not set any more: then it can't be known, and the program may have been started elsewhere
    }
  });
  return (text) => masked(text, values, SECRET_LENGTH_MIN);
}
