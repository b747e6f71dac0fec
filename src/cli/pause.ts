import { plural } from '../report/format.js';
import { control, type ControlFlags } from './control.js';
import type { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift pause NAME`: no new job, session or effect; sessions under way finish and wait. */
export const pause = (name: string | undefined, flags: ControlFlags, shell: Shell): Promise<ExitCode> =>
  control(name, flags, shell, {
    ask: (nightshift, nameOrId, reason) => nightshift.pause(nameOrId, reason),
    say: (batch, answer) => {
      const resume = shell.command('resume', batch);
      switch (answer.kind) {
        case 'answered':
          return answer.state.inFlight > 0
            ? `${batch}: pausing, ${plural(answer.state.inFlight, 'job')} under way; go on with: ${resume}`
            : `${batch}: paused; go on with: ${resume}`;
        case 'queued':
          return `${batch}: no worker runs now; it will be paused before anything else happens; go on with: ${resume}`;
        case 'ended':
          return `${batch}: not under way, nothing to pause`;
      }
    },
  });
