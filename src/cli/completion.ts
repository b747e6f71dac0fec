import { UsageError } from '../contract/errors.js';
import { isShellName, scriptFor, SHELLS } from './completion/scripts.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift completion SHELL`: the script by which a shell completes what is typed. */
export async function completion(name: string, { out, flags }: Shell): Promise<ExitCode> {
  if (!isShellName(name))
    throw new UsageError(`there is no completion for "${name}"; there is for: ${SHELLS.join(', ')}`);
  const script = await scriptFor(name);
  if (flags.json) out.json({ shell: name, script });
  else out.text(script);
  return ExitCode.done;
}
