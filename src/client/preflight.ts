import { loadProvider, loadPublisher, parseOptions } from '../activities/load-adapter.js';
import { effectsOf } from '../batch/effects.js';
import type { Batch } from '../batch/read-batch.js';
import type { Config } from '../config.js';
import { isEngineConfigured } from '../engine/index.js';
import { AdapterError, InvalidBatch, type Problem } from '../contract/errors.js';

/**
 * What can be known to be wrong before anything starts, beyond the form of the files: adapters that can't be
 * loaded, or that refuse their options; an agent that can't be run here.
 * @throws InvalidBatch with every problem found
 */
export async function preflight({ file, definition, jobs }: Batch, { env }: Config): Promise<void> {
  const problems: Problem[] = [];
  const { agent, baseDir } = definition;
  await attempt(async () => {
    const { use, command, cwd, env: agentEnv, quiet } = agent;
    const own = {
      ...(command && { command }),
      ...(cwd && { cwd }),
      ...(agentEnv && { env: agentEnv }),
      ...(quiet && { quiet }),
    };
    const module = await loadProvider(use, baseDir);
    const options = parseOptions(module, { ...agent.with, ...own }, 'agent');
    // Workers of a configured engine may run on other hosts, which have what this one lacks.
    if (!isEngineConfigured(env)) await module.preflight?.({ options, baseDir });
  });
  const [first] = jobs;
  if (first) {
    await attempt(async () => {
      for (const effect of effectsOf(definition, first)) {
        await attempt(async () => {
          parseOptions(await loadPublisher(effect.use, baseDir), effect.with, `effect "${effect.name}"`);
        });
      }
    });
  }
  if (problems.length > 0) throw new InvalidBatch(problems);

  async function attempt(check: () => Promise<void>): Promise<void> {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      problems.push({ file, message: error.message });
    }
  }
}
