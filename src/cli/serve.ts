import type { Nightshift } from '../client/nightshift.js';
import { ExitCode } from './exit-codes.js';
import { SESSIONS_GO_ON } from './follow.js';
import type { Shell } from './shell.js';

/**
 * Hosts a worker until it is told to stop, then lets it finish what it has in hand.
 * @param ready said when the worker takes work
 */
export async function serve(
  nightshift: Nightshift,
  ready: string,
  { out, interrupts }: Shell,
): Promise<ExitCode> {
  const host = await nightshift.host();
  out.progress(ready);
  await interrupts.during(
    async (signal) => {
      const told = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          out.progress(`stopping: nothing new is taken, what is in hand ends; ${SESSIONS_GO_ON}`);
          resolve();
        });
      });
      await Promise.race([told, host.done]);
      await host.stop();
    },
    { outlivesTerminal: true },
  );
  out.progress('stopped');
  return ExitCode.done;
}
