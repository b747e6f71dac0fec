import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { pathText, shown } from '../batch/shown.js';
import { AdapterError } from '../contract/errors.js';
import type { JsonObject } from '../contract/json.js';
import { enforceable, unenforced } from './schema-guard.js';

const PROBLEMS_MAX = 5;
const anySchema = z.union([z.boolean(), z.record(z.string(), z.unknown())]);

/**
 * A JSON Schema made ready. Drafts 2020-12, 7 and 4, without `if`/`then`/`else`, `dependentSchemas`,
 * `unevaluated…` and references to other files.
 * @param source the schema, or its path
 * @throws AdapterError `config` when it can't be read, or uses what is not supported
 */
export async function schemaFrom(source: string | JsonObject, baseDir: string): Promise<z.ZodType> {
  const name = typeof source === 'string' ? source : 'of the batch file';
  const refuse = (error: unknown) =>
    new AdapterError(
      'config',
      `the JSON Schema ${name} can’t be used: ${error instanceof Error ? error.message : String(error)}`,
      { sent: 'no' },
      { cause: error },
    );
  try {
    const schema: unknown =
      typeof source === 'string' ? JSON.parse(await readFile(resolve(baseDir, source), 'utf8')) : source;
    const silent = unenforced(schema);
    if (silent.length > 0) throw new Error(silent.slice(0, PROBLEMS_MAX).join('; '));
    return z.fromJSONSchema(anySchema.parse(enforceable(schema)));
  } catch (error) {
    throw refuse(error);
  }
}

/** What of a value does not fit, up to five sentences. @param what `it`, `its front matter` */
export function schemaProblems(schema: z.ZodType, value: unknown, what: string): string[] {
  let parsed;
  try {
    parsed = schema.safeParse(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [`${what} is nested too deeply`];
  }
  if (parsed.success) return [];
  return parsed.error.issues.slice(0, PROBLEMS_MAX).map(({ path, message }) => {
    const place = path.length === 0 ? '' : ` at ${shown(pathText(path))}`;
    return `${what} does not fit its schema${place}: ${message.replace(/\s+/g, ' ').slice(0, 200)}`;
  });
}

/** The artifact as JSON, held against a schema. */
export function jsonProblems(text: string, schema: z.ZodType): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return [`it is no JSON: ${shown(error instanceof Error ? error.message : String(error))}`];
  }
  return schemaProblems(schema, value, 'it');
}
