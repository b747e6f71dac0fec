import { fieldLines } from '../report/field-lines.js';
import type { ExitCode } from './exit-codes.js';
import { serve } from './serve.js';
import type { Shell } from './shell.js';

/** `nightshift worker`: takes work from the configured Temporal, or from the embedded engine, until it is told to stop. */
export async function worker(_flags: object, shell: Shell): Promise<ExitCode> {
  const { out } = shell;
  const nightshift = await shell.nightshift();
  const { kind, address, namespace } = await nightshift.engine();
  const { stateDir, taskQueue } = nightshift.config;
  if (shell.flags.json) out.json({ engine: kind, address, namespace, taskQueue, stateDir });
  else
    out.results(fieldLines({ engine: `${address} (${kind})`, namespace, queue: taskQueue, state: stateDir }));
  out.progress('working; Ctrl-C or SIGTERM lets it finish what it has in hand');
  return serve(nightshift, shell);
}
