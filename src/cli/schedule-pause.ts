import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift schedule pause NAME`: no night starts by itself; a batch under way goes on. */
export async function schedulePause(
  name: string,
  { reason }: { reason?: string },
  shell: Shell,
): Promise<ExitCode> {
  await (await shell.nightshift()).schedules.pause(name, reason);
  return said(name, 'paused', `go on with: ${shell.command('schedule', 'resume', name)}`, shell);
}

/** `nightshift schedule resume NAME`. */
export async function scheduleResume(
  name: string,
  { reason }: { reason?: string },
  shell: Shell,
): Promise<ExitCode> {
  await (await shell.nightshift()).schedules.resume(name, reason);
  return said(name, 'resumed', 'nights of the pause are not made up for; see "schedule backfill"', shell);
}

/** `nightshift schedule delete NAME`. */
export async function scheduleDelete(
  name: string,
  { reason }: { reason?: string },
  shell: Shell,
): Promise<ExitCode> {
  await (await shell.nightshift()).schedules.delete(name, reason);
  return said(name, 'deleted', 'a schedules file that still declares it would make it again', shell);
}

function said(name: string, state: string, hint: string, { out, flags }: Shell): ExitCode {
  if (flags.json) out.json({ schedule: name, state });
  else out.result(`${name}: ${state}; ${hint}`);
  return ExitCode.done;
}
