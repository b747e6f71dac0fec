import { control, type ControlFlags } from './control.js';
import type { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift resume NAME`: goes on after a pause. */
export const resume = (name: string | undefined, flags: ControlFlags, shell: Shell): Promise<ExitCode> =>
  control(name, flags, shell, {
    ask: (nightshift, nameOrId, reason) => nightshift.resume(nameOrId, reason),
    say: (batch, answer) => {
      switch (answer.kind) {
        case 'answered':
          return `${batch}: running; watch it: ${shell.command('watch', batch)}`;
        case 'queued':
          return `${batch}: will go on when a worker runs: ${shell.command('up')} or ${shell.command('worker')}`;
        case 'ended':
          return `${batch}: not under way; start it again with its batch file: ${shell.commandsFor(batch).run}`;
      }
    },
  });
