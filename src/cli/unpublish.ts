import { keySchema } from '../contract/job.js';
import { UsageError } from '../contract/errors.js';
import type { UnpublishEnd } from '../contract/messages.js';
import { localTimesIn } from '../report/format.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface UnpublishFlags {
  readonly job?: readonly string[];
  readonly effect?: string;
  readonly reason?: string;
}

/** `nightshift unpublish NAME --job KEY`: takes back what has landed, where the destination can. */
export async function unpublish(
  name: string,
  { job: keys, effect, reason }: UnpublishFlags,
  shell: Shell,
): Promise<ExitCode> {
  if (!keys || keys.length === 0) throw new UsageError('which jobs? Name each with --job KEY');
  const noKey = keys.find((key) => !keySchema.safeParse(key).success);
  if (noKey !== undefined)
    throw new UsageError(
      `--job "${noKey}" is no job key (32 of 0-9 and a-f); ${shell.command('key', 'NAME=VALUE…')} makes it from the fields of its identity`,
    );
  const nightshift = await shell.nightshift();
  const jobs = await nightshift.unpublish(name, keys, {
    ...(effect !== undefined && { effect }),
    ...(reason !== undefined && { reason }),
  });
  if (shell.flags.json) shell.out.json({ jobs });
  for (const { title, effects } of jobs) {
    for (const one of effects)
      if (!shell.flags.json) shell.out.result(`${one.effect} of ${title}: ${said(one.end)}`);
  }
  const refused = jobs.some(({ effects }) => effects.some(({ end }) => end.kind === 'refused'));
  return refused ? ExitCode.incomplete : ExitCode.done;
}

function said(end: UnpublishEnd): string {
  switch (end.kind) {
    case 'unpublished':
      return `taken back, was ${end.place}`;
    case 'nothing':
      return 'never landed, nothing to take back';
    case 'refused':
      return `not taken back; ${end.errorClass}: ${localTimesIn(end.message)}`;
  }
}
