import type { CheckSpec } from '../contract/checks.js';
import { schemaFrom } from './json-schema.js';

/**
 * Loads the JSON Schema that a check names, before the first artifact is paid for.
 * @throws AdapterError `config` that says which, and what is wrong with it
 */
export async function mustBeUsable(check: CheckSpec, baseDir: string): Promise<void> {
  if ('jsonSchema' in check) {
    await schemaFrom(check.jsonSchema, baseDir);
  } else if ('frontMatter' in check && check.frontMatter.schema !== undefined) {
    await schemaFrom(check.frontMatter.schema, baseDir);
  }
}
