import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AdapterError } from '../../../contract/errors.js';
import type { CommandOptions } from './options.js';
import { presetOf } from './presets/index.js';
import type { Preset } from './presets/preset.js';

/**
 * What a preset needs of this host, said before anything is started: a home that stays, a way in, a user that the
 * CLI accepts.
 * @param env variables of the program, or of the batch file where no session is at hand
 * @throws AdapterError `config` with `sent: 'no'` naming what is missing
 */
export async function mustSuitPreset(
  options: CommandOptions,
  env: Readonly<Record<string, string>>,
  home: string | undefined = env['HOME'] ?? process.env['HOME'],
): Promise<void> {
  const preset = presetOf(options);
  if (!preset) return;
  if (home === undefined || home === '') {
    throw unusable(`HOME is not set, and ${preset.title} keeps its sessions there; set it for the worker`);
  }
  const refusal = preset.refusesHost?.(options, env);
  if (refusal !== undefined) throw unusable(refusal);
  await mustHaveWayIn(preset, options, env, home);
}

async function mustHaveWayIn(
  { title, credentials, logins }: Preset,
  { credential }: CommandOptions,
  env: Readonly<Record<string, string>>,
  home: string,
): Promise<void> {
  const names = credential === undefined ? credentials : [credential];
  const has = (name: string) => (env[name] ?? '') !== '';
  if (names.some(has)) return;
  const [first] = names;
  if (first === undefined) return; // it has no variable; its own words tell when it is not logged in
  const found =
    credential === undefined ? logins.map((login) => stat(join(home, login)).catch(() => undefined)) : [];
  if ((await Promise.all(found)).some((login) => login?.isFile())) return;
  const others = names.slice(1).length === 0 ? '' : `, or one of ${names.slice(1).join(', ')},`;
  throw unusable(
    `${title} has no credential: set ${first}${others} for the worker and name it in agent.env as ${first}: "\${env:${first}}"`,
  );
}

const unusable = (message: string): AdapterError => new AdapterError('config', message, { sent: 'no' });
