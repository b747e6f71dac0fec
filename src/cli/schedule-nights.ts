import type { Nightshift } from '../client/nightshift.js';
import type { BackfillOptions, TriggerOptions } from '../client/schedules/nights.js';
import type { Asked } from '../client/schedules/schedules.js';
import { plural } from '../report/format.js';
import { tableLines } from '../report/table.js';
import { noWorkerText } from './detached.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift schedule trigger NAME`: the night that was due last, or the next. */
export async function scheduleTrigger(name: string, flags: TriggerOptions, shell: Shell): Promise<ExitCode> {
  const nightshift = await shell.nightshift();
  return answer(await nightshift.schedules.trigger(name, flags), nightshift, shell);
}

/** `nightshift schedule backfill NAME --from --to`: the nights of a span, in their order. */
export async function scheduleBackfill(
  name: string,
  flags: BackfillOptions,
  shell: Shell,
): Promise<ExitCode> {
  const nightshift = await shell.nightshift();
  return answer(await nightshift.schedules.backfill(name, flags), nightshift, shell);
}

/** Outcomes after which the night is served, or will be without anybody's help. */
const SERVED = new Set(['started', 'joined', 'finished', 'empty', 'attached']);

async function answer(asked: Asked, nightshift: Nightshift, shell: Shell): Promise<ExitCode> {
  const { out, flags } = shell;
  const { kind, nights, ends } = asked;
  if (kind === 'queued' && !(await nightshift.isWorkerAlive())) out.note(noWorkerText(shell));
  if (flags.json) out.json({ ...asked });
  else if (kind === 'queued') out.result(`${plural(nights.length, 'night')} asked for: ${nights.join(', ')}`);
  else {
    out.results(
      tableLines(
        ['night', 'edition', 'outcome', 'why'],
        ends.map(({ night, edition, outcome, why }) => [night.replace('T', ' '), edition, outcome, why]),
        out.resultColumns,
      ),
    );
    const batch = ends.at(-1)?.batchId;
    if (batch !== undefined) out.progress(`next: ${shell.command('watch', batch)}`);
  }
  return ends.every(({ outcome }) => SERVED.has(outcome)) ? ExitCode.done : ExitCode.incomplete;
}
