import { UsageError } from '../contract/errors.js';
import { control, type ControlFlags } from './control.js';
import type { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift concurrency NAME N`: so many jobs at once from now on. Jobs under way beyond it finish. */
export function concurrency(
  name: string,
  value: string,
  flags: ControlFlags,
  shell: Shell,
): Promise<ExitCode> {
  const wanted = Number(value);
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 500) {
    throw new UsageError(`the concurrency is a whole number from 1 to 500, not "${value}"`);
  }
  return control(name, flags, shell, {
    ask: (nightshift, nameOrId, reason) => nightshift.setConcurrency(nameOrId, wanted, reason),
    say: (batch, answer) => {
      switch (answer.kind) {
        case 'answered':
          return `${batch}: ${answer.state.concurrency} at once, ${answer.state.inFlight} in progress`;
        case 'queued':
          return `${batch}: ${wanted} at once as soon as a worker runs: ${shell.command('up')} or ${shell.command('worker')}`;
        case 'ended':
          return `${batch}: not under way; its batch file says how many run at once next time (limits.concurrency)`;
      }
    },
  });
}
