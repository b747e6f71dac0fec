import type { PauseLevel } from '../contract/holds.js';
import { resumeWords, scopeText, type HoldScope } from '../contract/holds.js';
import type { InHand } from '../ledger/ledger.js';
import { plural } from '../report/format.js';
import { control } from './control.js';
import { ExitCode } from './exit-codes.js';
import { levelOf, noneUnderWay, scopeOf, type HoldFlags } from './hold-flags.js';
import type { Shell } from './shell.js';

/** `nightshift pause NAME | --work W | --provider P | --all`: nothing new begins; how far that goes, says `--level`. */
export async function pause(name: string | undefined, flags: HoldFlags, shell: Shell): Promise<ExitCode> {
  const scope = scopeOf(name, flags);
  const level = levelOf(flags.level);
  return scope.kind === 'batch'
    ? pauseBatch(scope.name, level, flags, shell)
    : pauseScope(scope, level, flags, shell);
}

async function pauseScope(
  scope: HoldScope,
  level: PauseLevel | undefined,
  { reason }: HoldFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out } = shell;
  const nightshift = await shell.nightshift();
  const placed = await nightshift.placeHold(scope, {
    ...(level && { level }),
    ...(reason !== undefined && { reason }),
  });
  if (placed.warning !== undefined) out.note(`warning: ${placed.warning}`);
  if (shell.flags.json) out.json(placed);
  else {
    const told = placed.batches === 0 ? noneUnderWay(scope) : plural(placed.batches, 'batch', 'batches');
    out.result(
      `${scopeText(scope)}: paused (${LEVEL_TEXT[placed.hold.level]}), also what starts later; ${told}${inHandText(placed.inHand)}`,
    );
    out.result(`go on with: ${shell.command(...resumeWords(scope))}`);
  }
  return ExitCode.done;
}

const pauseBatch = (
  name: string,
  level: PauseLevel | undefined,
  { reason }: HoldFlags,
  shell: Shell,
): Promise<ExitCode> =>
  control(name, { ...(reason !== undefined && { reason }) }, shell, {
    ask: (nightshift, nameOrId, why) =>
      nightshift.pause(nameOrId, { ...(level && { level }), ...(why !== undefined && { reason: why }) }),
    say: (batch, answer, { named }) => {
      const resume = shell.command('resume', ...named);
      switch (answer.kind) {
        case 'answered':
          return answer.state.inFlight > 0
            ? `${batch}: pausing, ${plural(answer.state.inFlight, 'job')} under way; go on with: ${resume}`
            : `${batch}: paused; go on with: ${resume}`;
        case 'queued':
          return `${batch}: paused; no worker runs now, and one that comes starts nothing; go on with: ${resume}`;
        case 'ended':
          return `${batch}: not under way, nothing to pause`;
      }
    },
  });

const LEVEL_TEXT: Readonly<Record<PauseLevel, string>> = {
  admit: 'jobs under way finish',
  finish: 'steps in hand finish',
  freeze: 'sessions under way are left alone',
};

function inHandText({ starting, sessions, effects }: InHand): string {
  const parts = [
    sessions + starting > 0 && plural(sessions + starting, 'session'),
    effects > 0 && plural(effects, 'effect'),
  ].filter((part) => part !== false);
  return parts.length === 0 ? '' : `; under way: ${parts.join(', ')}`;
}
