import { control, type ControlFlags } from './control.js';
import type { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift cancel NAME`: ends a batch. Sessions are cancelled, effects under way finish, what is done stays done. */
export const cancel = (name: string | undefined, flags: ControlFlags, shell: Shell): Promise<ExitCode> =>
  control(name, flags, shell, {
    ask: (nightshift, nameOrId, reason) => nightshift.cancel(nameOrId, reason),
    say: (batch, answer) =>
      answer.kind === 'ended'
        ? `${batch}: not under way, nothing to cancel`
        : `${batch}: cancelled; what is done stays done. Go on later with: ${shell.commandsFor(batch).run}`,
  });
