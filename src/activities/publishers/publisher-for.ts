import type { Effect } from '../../contract/job.js';
import { resolveSecretsIn } from '../../batch/secrets.js';
import type { Deps } from '../deps.js';
import { loadPublisher, parseOptions } from '../load-adapter.js';
import type { Publisher } from './publisher.js';

/**
 * Makes the publisher of one effect. Secrets are put in here, after the effect was stored and before it is used.
 * @throws AdapterError `config` when it can't be loaded, refuses its options, or a variable is missing
 */
export async function publisherFor(
  effect: Effect,
  baseDir: string,
  { env }: Pick<Deps, 'env'>,
): Promise<Publisher> {
  const module = await loadPublisher(effect.use, baseDir);
  const options = parseOptions(module, resolveSecretsIn(effect.with, env), `effect "${effect.name}"`);
  return module.create({ options, baseDir });
}
