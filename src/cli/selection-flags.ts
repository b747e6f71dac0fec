import type { JobSelection } from '../client/nightshift.js';
import { ERROR_CLASSES, UsageError, type ErrorClass } from '../contract/errors.js';
import { keySchema } from '../contract/job.js';
import type { Shell } from './shell.js';

/** Flags that say which stopped jobs of a batch are meant. */
export interface SelectionFlags {
  readonly job?: readonly string[];
  readonly error?: readonly string[];
  readonly first?: number;
}

/** @throws UsageError */
export function selectionOf(
  name: string,
  { job: keys, error, first }: SelectionFlags,
  shell: Shell,
): JobSelection {
  const noKey = keys?.find((key) => !keySchema.safeParse(key).success);
  if (noKey !== undefined) {
    throw new UsageError(
      `--job "${noKey}" is no job key (32 of 0-9 and a-f); ${shell.command('status', name)} shows them`,
    );
  }
  const errors = error?.map((word) => {
    const errorClass = ERROR_CLASSES.find((known) => known === word);
    if (errorClass === undefined) throw new UsageError(noErrorClass(word));
    return errorClass;
  }) satisfies readonly ErrorClass[] | undefined;
  return { ...(keys && { keys }), ...(errors && { errors }), ...(first !== undefined && { first }) };
}

const noErrorClass = (word: string): string =>
  `--error "${word}" is no error class; there are: ${ERROR_CLASSES.join(', ')}`;
