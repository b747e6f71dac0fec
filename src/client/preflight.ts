import { assertArtifactPlaces, loadPublisher, parseOptions } from '../activities/load-adapter.js';
import { providerModuleOf } from '../activities/providers/provider-for.js';
import { effectsOf } from '../batch/effects.js';
import { resolveSecretsIn, secretNames } from '../batch/secrets.js';
import type { Batch } from '../batch/read-batch.js';
import type { Config } from '../config.js';
import { isEngineConfigured } from '../engine/index.js';
import { AdapterError, InvalidBatch, type Problem } from '../contract/errors.js';

/** More would not be read. */
const PROBLEMS_MAX = 100;

/**
 * What can be known to be wrong before anything starts, beyond the form of the files: adapters that can't be
 * loaded, or that refuse their options; an agent that can't be run here.
 * @throws InvalidBatch with every problem found
 */
export async function preflight(
  { file, definition, jobs }: Batch,
  { env }: Pick<Config, 'env'>,
): Promise<void> {
  const problems: Problem[] = [];
  const { baseDir } = definition;
  await attempt(async () => {
    const { module, options } = await providerModuleOf(definition);
    // Workers of a configured engine may run on other hosts, which have what this one lacks.
    if (!isEngineConfigured(env)) await module.preflight?.({ options, baseDir });
  });
  for (const [index, job] of jobs.entries()) {
    const place = { file: job.file, line: job.line };
    await attempt(async () => {
      const effects = effectsOf(definition, job); // a job that can't be filled in would stop the whole batch
      if (index > 0) return;
      for (const effect of effects) {
        await attempt(async () => {
          const module = await loadPublisher(effect.use, baseDir);
          // Workers elsewhere may know secrets that this host does not; what they stand for can't be checked then.
          if (isEngineConfigured(env) && secretNames(effect.with).some((name) => !env[name])) return;
          parseOptions(module, resolveSecretsIn(effect.with, env), `effect "${effect.name}"`);
          assertArtifactPlaces(module, effect.with, `effect "${effect.name}"`);
        });
      }
    }, place);
    if (problems.length >= PROBLEMS_MAX) break;
  }
  if (problems.length > 0) throw new InvalidBatch(problems);

  async function attempt(
    check: () => Promise<void>,
    place: Pick<Problem, 'file' | 'line'> = { file },
  ): Promise<void> {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      problems.push({ ...place, message: error.message });
    }
  }
}
