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
  const { command, cwd, env, quiet } = agent;
  const own = {
    ...(command && { command }),
    ...(cwd && { cwd }),
    ...(env && { env }),
    ...(quiet && { quiet }),
  };
  return { module, options: parseOptions(module, { ...agent.with, ...own }, 'agent') };
}

/**
 * Makes the provider that a batch names.
 * @throws AdapterError `config` when it can't be loaded or refuses its options
 */
export async function providerFor(
  definition: Definition,
  { stateDir, env }: Pick<Deps, 'stateDir' | 'env'>,
): Promise<Provider> {
  const { module, options } = await providerModuleOf(definition);
  return module.create({ options, stateDir, secret: (text) => resolveSecrets(text, env) });
}
