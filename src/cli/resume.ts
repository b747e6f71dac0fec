import { holdText, resumeWords, scopeText, type Hold, type HoldScope } from '../contract/holds.js';
import { plural } from '../report/format.js';
import { control } from './control.js';
import { ExitCode } from './exit-codes.js';
import { scopeOf, type HoldFlags } from './hold-flags.js';
import type { Shell } from './shell.js';

/** `nightshift resume NAME | --work W | --provider P | --all`: goes on after a pause of just that scope. */
export async function resume(name: string | undefined, flags: HoldFlags, shell: Shell): Promise<ExitCode> {
  const scope = scopeOf(name, flags);
  return scope.kind === 'batch' ? resumeBatch(scope.name, flags, shell) : resumeScope(scope, flags, shell);
}

async function resumeScope(scope: HoldScope, { reason }: HoldFlags, shell: Shell): Promise<ExitCode> {
  const { out } = shell;
  const nightshift = await shell.nightshift();
  const lifted = await nightshift.liftHold(scope, reason);
  if (lifted.warning !== undefined) out.note(`warning: ${lifted.warning}`);
  if (shell.flags.json) {
    out.json(lifted);
    return ExitCode.done;
  }
  const { hold, batches, left } = lifted;
  out.result(
    hold === undefined
      ? `${scopeText(scope)}: was not paused`
      : `${scopeText(scope)}: goes on${batches === 0 ? '' : `; ${plural(batches, 'batch', 'batches')} told`}`,
  );
  for (const other of left)
    out.note(`still on: ${holdText(other)}; lift it with: ${liftCommand(other, shell)}`);
  return ExitCode.done;
}

const liftCommand = ({ scope }: Hold, shell: Shell): string => shell.command(...resumeWords(scope));

async function resumeBatch(name: string, { reason }: HoldFlags, shell: Shell): Promise<ExitCode> {
  const code = await control(name, { ...(reason !== undefined && { reason }) }, shell, {
    ask: (nightshift, nameOrId, why) => nightshift.resume(nameOrId, why),
    say: (batch, answer, { named, from }) => {
      switch (answer.kind) {
        case 'answered':
          return answer.state.state === 'running'
            ? `${batch}: running; watch it: ${shell.command('watch', ...named)}`
            : `${batch}: its own pause is over, a wider one is still on`;
        case 'queued':
          return `${batch}: will go on when a worker runs: ${shell.command('up')} or ${shell.command('worker')}`;
        case 'ended':
          return `${batch}: not under way; start it again: ${shell.commandsFor(named, from).run}; where jobs are parked, give them a new try: ${shell.commandsFor(named).retry}`;
      }
    },
  });
  const holds = await (await shell.nightshift()).holds();
  for (const hold of holds) {
    shell.out.note(`${holdText(hold)}; lift it with: ${liftCommand(hold, shell)}`);
  }
  return code;
}
