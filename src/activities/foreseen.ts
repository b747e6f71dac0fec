import { resolveSecrets, resolveSecretsIn, secretNames } from '../batch/secrets.js';
import type { Definition } from '../contract/batch-file.js';
import { AdapterError } from '../contract/errors.js';
import type { Json } from '../contract/json.js';
import type { Effect } from '../contract/job.js';
import type { LeftToDo } from '../policy/left-to-do.js';
import { assertArtifactPlaces, loadPublisher, parseOptions } from './load-adapter.js';
import { redactor } from './redact.js';
import { providerModuleOf } from './providers/provider-for.js';

export interface ForeseenOn {
  readonly env: NodeJS.ProcessEnv;
  /** Whether jobs run on this host. Workers elsewhere may have variables and programs that it lacks. */
  readonly worksHere: boolean;
  /** What there is to do: what it does not need is not asked for, such as an agent's key where only effects are left. */
  readonly left: LeftToDo;
}

/**
 * What would fail every job in the same way, and can be seen before any begins: adapters and checks that can't be loaded
 * or refuse their options; credentials and programs that are not there. Spends nothing, and asks nobody outside.
 * @param effects of any one job
 */
export async function foreseenTrouble(
  definition: Pick<Definition, 'agent' | 'baseDir' | 'checks'>,
  effects: readonly Effect[],
  { env, worksHere, left }: ForeseenOn,
): Promise<readonly AdapterError[]> {
  const { baseDir } = definition;
  const found: AdapterError[] = [];
  const sessionsHere = worksHere && left === 'sessions';
  const effectsHere = worksHere && left !== 'nothing';
  const { use, with: own, env: given = {} } = definition.agent;
  await look(`agent ${use}`, { ...own, given }, async () => {
    const { module, options } = await providerModuleOf(definition);
    const secret = (text: string) => resolveSecrets(text, env);
    if (sessionsHere) await module.preflight?.({ options, baseDir, secret });
  });
  for (const check of definition.checks) {
    await look('a check', 'use' in check ? check.with : {}, async () => {
      // Only where there are checks: the command line is to start at once.
      const { mustBeUsable } = await import('../checks/must-be-usable.js');
      await mustBeUsable(check, { baseDir, env, worksHere: sessionsHere });
    });
  }
  for (const effect of effects) {
    const where = `effect "${effect.name}"`;
    await look(where, effect.with, async () => {
      const module = await loadPublisher(effect.use, baseDir);
      // What secrets stand for can't be checked where they are not known.
      if (!effectsHere && secretNames(effect.with).some((name) => !env[name])) return;
      parseOptions(module, resolveSecretsIn(effect.with, env), where);
      assertArtifactPlaces(module, effect.with, where);
    });
  }
  return found;

  async function look(what: string, options: Json, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      found.push(error instanceof AdapterError ? error : brokeOff(what, error, redactor(options, env)));
    }
  }
}

/** Modules of the operator's own throw what they like: whatever it is, they can't be used. */
const brokeOff = (what: string, error: unknown, hidden: (text: string) => string): AdapterError => {
  const said = error instanceof Error ? error.message : String(error);
  return new AdapterError('config', `${what} could not be looked at before the start: ${hidden(said)}`, {
    sent: 'no',
  });
};
