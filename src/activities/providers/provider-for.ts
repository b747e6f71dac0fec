import type { Definition } from '../../contract/batch-file.js';
import { resolveSecrets } from '../../batch/secrets.js';
import type { Deps } from '../deps.js';
import { loadProvider, parseOptions } from '../load-adapter.js';
import type { Provider, ProviderModule } from './provider.js';

/**
 * The provider's module that a batch names, and its options, checked.
 * @throws AdapterError `config` when it can't be loaded or refuses its options
 */
export async function providerModuleOf({
  agent,
  baseDir,
}: Pick<Definition, 'agent' | 'baseDir'>): Promise<{ module: ProviderModule; options: unknown }> {
  const module = await loadProvider(agent.use, baseDir);
  const { command, preset, cwd, env, quiet } = agent;
  const own = {
    ...(command && { command }),
    ...(preset && { preset }),
    ...(cwd && { cwd }),
    ...(env && { env }),
    // A service shows whether a session gets anywhere, and is watched for that; a program of this host watches itself.
    ...(quiet && agent.use === 'command' && { quiet }),
  };
  return { module, options: parseOptions(module, { ...agent.with, ...own }, 'agent') };
}

/**
 * Makes the provider that a batch names.
 * @param turn awaited before each of its requests
 * @throws AdapterError `config` when it can't be loaded or refuses its options
 */
export async function providerFor(
  definition: Definition,
  { stateDir, env }: Pick<Deps, 'stateDir' | 'env'>,
  turn?: () => Promise<void>,
): Promise<Provider> {
  const { module, options } = await providerModuleOf(definition);
  return module.create({ options, stateDir, secret: (text) => resolveSecrets(text, env), turn });
}
