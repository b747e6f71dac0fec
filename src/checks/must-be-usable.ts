import { loadCheck, parseOptions } from '../activities/load-adapter.js';
import { resolveSecretsIn, secretNames, type Environment } from '../batch/secrets.js';
import type { CheckSpec } from '../contract/checks.js';
import { schemaFrom } from './json-schema.js';

/**
 * Loads what a check needs, before the first artifact is paid for: the operator's own module, with options that it takes,
 * or a JSON Schema.
 * @param on.worksHere whether artifacts are checked on this host; else secrets that it lacks tell nothing
 * @throws AdapterError `config` that says which, and what is wrong with it
 */
export async function mustBeUsable(
  check: CheckSpec,
  { baseDir, env, worksHere }: { baseDir: string; env: Environment; worksHere: boolean },
): Promise<void> {
  if ('use' in check) {
    const module = await loadCheck(check.use, baseDir);
    if (!worksHere && secretNames(check.with).some((name) => !env[name])) return;
    parseOptions(module, resolveSecretsIn(check.with, env), `check ${check.use}`);
  } else if ('jsonSchema' in check) {
    await schemaFrom(check.jsonSchema, baseDir);
  } else if ('frontMatter' in check && check.frontMatter.schema !== undefined) {
    await schemaFrom(check.frontMatter.schema, baseDir);
  }
}
