import type { Definition } from '../../contract/batch-file.js';
import { resolveSecrets } from '../../batch/secrets.js';
import type { Deps } from '../deps.js';
import { loadProvider, parseOptions } from '../load-adapter.js';
import type { Provider } from './provider.js';

/**
 * Makes the provider that a batch names.
 * @throws AdapterError `config` when it can't be loaded or refuses its options
 */
export async function providerFor(
  { agent, baseDir }: Definition,
  { stateDir, env }: Pick<Deps, 'stateDir' | 'env'>,
): Promise<Provider> {
  const module = await loadProvider(agent.use, baseDir);
  const { command, cwd, env: agentEnv, quiet } = agent;
  const own = {
    ...(command && { command }),
    ...(cwd && { cwd }),
    ...(agentEnv && { env: agentEnv }),
    ...(quiet && { quiet }),
  };
  const options = parseOptions(module, { ...agent.with, ...own }, 'agent');
  return module.create({ options, stateDir, secret: (text) => resolveSecrets(text, env) });
}
