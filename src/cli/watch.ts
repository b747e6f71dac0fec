import type { ExitCode } from './exit-codes.js';
import { follow } from './follow.js';
import { newestBatch } from './newest-batch.js';
import type { Shell } from './shell.js';
import { printStatus } from './status.js';

/**
 * `nightshift watch [NAME]`: live view of a batch. Only looks: jobs run where a worker is. Programs get the document of
 * `run`, whether it was waited for or had ended before.
 */
export async function watch(name: string | undefined, _flags: object, shell: Shell): Promise<ExitCode> {
  const nightshift = await shell.nightshift();
  const wanted = name ?? (await newestBatch(nightshift));
  const started = await nightshift.find(wanted);
  if (started.ended !== undefined && !shell.flags.json)
    return printStatus(await nightshift.status(wanted), nightshift, shell);
  if (started.ended === undefined && !(await nightshift.isWorkerAlive())) {
    shell.out.note(
      `no worker runs, and nothing moves without one: ${shell.command('up')} or ${shell.command('worker')}`,
    );
  }
  return follow(started, nightshift, shell, { host: false, awaitApprovals: true });
}
