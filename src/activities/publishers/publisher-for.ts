import { join } from 'node:path';
import { fillArtifact, hasArtifact, namesArtifact } from '../../batch/artifact-mark.js';
import { mapTexts, resolveSecretsIn } from '../../batch/secrets.js';
import { AdapterError } from '../../contract/errors.js';
import type { Effect } from '../../contract/job.js';
import type { Deps } from '../deps.js';
import { assertArtifactPlaces, loadPublisher } from '../load-adapter.js';
import { faultOf, inOneLine, parseOptions } from '../adapter-options.js';
import { redactor, withoutSecrets } from '../redact.js';
import { checkFacts } from './check-facts.js';
import type { Publisher } from './publisher.js';

/** What making a publisher takes: where secrets are looked up, and the state directory. */
export type PublisherDeps = Pick<Deps, 'env' | 'stateDir'>;

/**
 * Makes the publisher of one effect. Secrets are put in here, after the effect was stored and before it is used; the
 * artifact after them, so that nothing an agent wrote is taken for a reference.
 * @param artifact absent where nothing will be sent: its mark stays then, for an option may have to be more than nothing
 * @throws AdapterError `config` when it can't be loaded, refuses its options, or a variable is missing; `invalid` where it
 *   refuses nothing but what the agent wrote
 */
export async function publisherFor(
  effect: Effect,
  baseDir: string,
  { env, stateDir }: PublisherDeps,
  artifact?: Uint8Array,
): Promise<Publisher> {
  const module = await loadPublisher(effect.use, baseDir);
  assertArtifactPlaces(module, effect.with, `effect "${effect.name}"`);
  const withSecrets = resolveSecretsIn(effect.with, env);
  const fills = artifact !== undefined && namesArtifact(withSecrets);
  const filled = fills ? fillArtifact(withSecrets, textOf(artifact)) : withSecrets;
  const options = parseOptions(module, filled, `effect "${effect.name}"`, effect.with, hasArtifact);
  const [fault] = faultOf(module, effect, ['with']);
  if (fault) throw new AdapterError('config', `effect "${effect.name}": ${inOneLine(fault)}`, { sent: 'no' });
  const publisher = await module.create({
    options,
    baseDir,
    effectKey: effect.key,
    target: effect.target,
    cacheDir: join(stateDir, 'cache', module.name),
  });
  checkFacts(publisher);
  const redact = redactor(effect.with, env);
  return withoutSecrets(publisher, redact, ['create', 'lookup', 'update', 'reveal'], (answer) =>
    mapTexts(answer, redact),
  );
}

function textOf(artifact: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(artifact);
  } catch (cause) {
    const message = 'the artifact is not text, so {{ artifact }} can’t be filled in';
    throw new AdapterError('invalid', message, { sent: 'no' }, { cause });
  }
}
