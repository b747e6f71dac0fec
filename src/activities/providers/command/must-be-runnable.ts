import { resolve } from 'node:path';
import { AdapterError } from '../../../contract/errors.js';
import { assertFolderThere } from '../../../folder-gone.js';
import { isFolder } from '../../../is-folder.js';
import { isOnPath, lookAtProgram } from '../../../program-on-host.js';
import { workerPath } from './environment.js';
import { programOf, type CommandOptions } from './options.js';
import { mustSuitPreset } from './preset-host.js';
import { presetOf } from './presets/index.js';
import { workingDirectory } from './run-call.js';
import { scriptOf } from './script-of.js';

/**
 * Said before anything is started: it would be the same for every job.
 * @throws AdapterError `config` with `sent: 'no'`
 */
export async function mustBeRunnable(
  options: CommandOptions,
  baseDir: string,
  env: Readonly<Record<string, string>> = options.env ?? {},
): Promise<void> {
  const searchPath = env['PATH'] ?? workerPath();
  const preset = presetOf(options);
  const command = programOf(options);
  const [program] = command;
  const cwd = workingDirectory(options, baseDir);
  await assertFolderThere('the working directory of the agent', options.cwd ?? '.', baseDir);
  if (!(await isFolder(cwd))) throw unusable(`the working directory ${cwd} does not exist; see agent.cwd`);
  if (program.includes('/')) {
    const path = resolve(preset ? baseDir : cwd, program);
    const found = await lookAtProgram(path);
    if (found === 'missing') throw unusable(`the program ${path} does not exist; see agent.command`);
    if (found === 'not executable')
      throw unusable(`${path} may not be run; chmod +x it, or name its interpreter`);
  } else if (!(await isOnPath(program, searchPath, cwd))) {
    const how =
      preset?.program === program ? `install ${preset.title}: ${preset.install}` : 'see agent.command';
    throw unusable(`the program "${program}" is not on PATH (${searchPath}); ${how}`);
  }
  const script = scriptOf(command);
  if (script !== undefined) {
    const path = resolve(cwd, script);
    if ((await lookAtProgram(path)) === 'missing')
      throw unusable(`${path}, which ${program} is to run, does not exist; see agent.command`);
  }
  await mustSuitPreset(options, env);
}

const unusable = (message: string): AdapterError => new AdapterError('config', message, { sent: 'no' });
