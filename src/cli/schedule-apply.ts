import type { ScheduleChange } from '../client/schedules/schedules.js';
import { dim, type Line, type Style } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

const SCHEDULES_FILE = 'schedules.yaml';

const SHOWN: Readonly<Record<ScheduleChange['action'], { style: Style; sign: string; word: string }>> = {
  create: { style: 'green', sign: '+', word: 'new' },
  update: { style: 'yellow', sign: '~', word: 'changed' },
  delete: { style: 'red', sign: '-', word: 'deleted' },
  keep: { style: 'dim', sign: '!', word: 'not in the file any more; stays without --delete' },
  none: { style: 'dim', sign: '=', word: 'as it is' },
};

/** `nightshift schedule apply [FILE]`: makes the engine's schedules as a file says, and shows what differed. */
export async function scheduleApply(
  file = SCHEDULES_FILE,
  {
    delete: remove = false,
    dryRun = false,
    reason,
  }: { readonly delete?: boolean; readonly dryRun?: boolean; readonly reason?: string },
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const changes = await nightshift.schedules.apply(file, {
    remove,
    dryRun,
    ...(reason !== undefined && { reason }),
  });
  if (flags.json) out.json({ dryRun, changes });
  else {
    out.results(changes.flatMap(changeLines));
    if (changes.length === 0) out.result(`${file} declares no schedule`);
  }
  for (const { name, notes } of changes) for (const text of notes) out.note(`note: "${name}": ${text}`);
  const changed = changes.some(({ action }) => action !== 'none' && action !== 'keep');
  if (dryRun) {
    if (changed)
      out.progress(
        `nothing was changed; do it: ${shell.command('schedule', 'apply', file, ...(remove ? ['--delete'] : []))}`,
      );
    return changed ? ExitCode.incomplete : ExitCode.done;
  }
  if (!(await nightshift.isWorkerAlive())) {
    out.note(
      `note: no worker runs now; nights need the engine and a worker: keep "${shell.command('up')}" running`,
    );
  }
  out.progress(`next: ${shell.command('schedule', 'preview')}`);
  return ExitCode.done;
}

function changeLines({ name, action, differences }: ScheduleChange): Line[] {
  const { style, sign, word } = SHOWN[action];
  return [
    [{ style, text: `${sign} ${name}` }, dim(`  ${word}`)],
    ...differences.map((difference): Line => [`    ${difference}`]),
  ];
}
