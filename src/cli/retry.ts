import { keySchema } from '../contract/job.js';
import { UsageError } from '../contract/errors.js';
import { plural } from '../report/format.js';
import { detached } from './detached.js';
import type { ExitCode } from './exit-codes.js';
import { follow } from './follow.js';
import type { Shell } from './shell.js';

export interface RetryFlags {
  readonly job?: readonly string[];
  readonly detach?: boolean;
}

/** `nightshift retry NAME`: parked jobs, or the jobs named, run again with a fresh budget. */
export async function retry(
  name: string,
  { job: keys, detach }: RetryFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out } = shell;
  const noKey = keys?.find((key) => !keySchema.safeParse(key).success);
  if (noKey !== undefined) {
    throw new UsageError(
      `--job "${noKey}" is no job key (32 of 0-9 and a-f); ${shell.command('status', name)} shows them`,
    );
  }
  const nightshift = await shell.nightshift();
  const { keys: requeued, started } = await nightshift.retry(name, keys);
  const left = keys?.filter((key) => !requeued.includes(key)) ?? [];
  for (const key of left) out.note(`${key} is neither parked nor held in ${name}; left as it is`);
  out.progress(
    requeued.length === 0
      ? `no job of ${name} is parked`
      : `${plural(requeued.length, 'job runs', 'jobs run')} again with a fresh budget`,
  );
  if (detach && started.how !== 'already-completed') return detached(started, nightshift, shell);
  return follow(started, nightshift, shell);
}
