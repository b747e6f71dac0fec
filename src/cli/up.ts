import { fieldLines } from '../report/field-lines.js';
import type { ExitCode } from './exit-codes.js';
import { serve } from './serve.js';
import type { Shell } from './shell.js';

/** `nightshift up`: engine, worker and Web UI in the foreground. */
export async function up(_flags: object, shell: Shell): Promise<ExitCode> {
  const { out } = shell;
  const nightshift = await shell.nightshift();
  const { address, namespace, webUi } = await nightshift.engine();
  const { stateDir, taskQueue } = nightshift.config;
  if (shell.flags.json) out.json({ address, namespace, webUi, stateDir, taskQueue });
  else {
    out.results(
      fieldLines({ 'Web UI': webUi, engine: `${address}, namespace ${namespace}`, state: stateDir }),
    );
  }
  out.progress('a worker is starting');
  return serve(nightshift, 'ready: the worker takes work; Ctrl-C stops', shell);
}
