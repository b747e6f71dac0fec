import { AdapterError } from '../contract/errors.js';
import type { Json, JsonObject } from '../contract/json.js';

/**
 * References to secrets, `${env:NAME}`: written in the batch file, resolved in Activities only, by whoever hands
 * the text to the outside. Nothing else is interpolated: `$NAME`, `${NAME}` and `$(…)` stay as they are.
 */
const REFERENCE = /\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g;
const BEGINNING = /\$\{env:/g;

/** What a process knows: `process.env`, or a stand-in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The text with every reference replaced. What comes out is not looked at again.
 * @throws AdapterError `config` that names the variable when it is not set; empty counts as not set, because that
 *   is what a CI job gets for a secret it may not see
 */
export function resolveSecrets(text: string, env: Environment): string {
  const broken = malformedReference(text);
  if (broken !== undefined) throw new AdapterError('config', `${broken} is no reference to a variable`);
  return text.replace(REFERENCE, (_, name: string) => {
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && value !== '') return value;
    throw new AdapterError(
      'config',
      `the environment variable ${name} is not set; the batch file asks for it as \${env:${name}}`,
    );
  });
}

/** A copy of the value with the references in all its texts replaced; field names are left alone. */
export function resolveSecretsIn(value: Json, env: Environment): Json {
  return mapTexts(value, (text) => resolveSecrets(text, env));
}

/** Names of the variables that a value refers to anywhere in its texts: each once, sorted. */
export function secretNames(value: Json): string[] {
  const names = new Set<string>();
  mapTexts(value, (text) => {
    for (const [, name = ''] of text.matchAll(REFERENCE)) names.add(name);
    return text;
  });
  return [...names].sort();
}

/** The first `${env:` that does not go on as a reference, with some of what follows; undefined when all do. */
export function malformedReference(text: string): string | undefined {
  for (const { index } of text.matchAll(BEGINNING)) {
    REFERENCE.lastIndex = index;
    if (REFERENCE.exec(text)?.index === index) continue;
    const [beginning = ''] = /^[^}\n]{0,40}\}?/.exec(text.slice(index)) ?? [];
    return `"${beginning}"`;
  }
  return undefined;
}

/** True where a text could be taken for a reference. */
export const looksLikeReference = (text: string): boolean => text.includes('${env:');

/** A copy of a JSON value with each text in it replaced. */
export const mapTexts = (value: Json, change: (text: string) => string): Json => mapText(value, change, '');

/** The same for an object; `change` is told the name of the field that a text stands in, directly or in a list. */
export const mapFields = (value: JsonObject, change: (text: string, field: string) => string): JsonObject =>
  mapText(value, change, '') as JsonObject;

function mapText(value: Json, change: (text: string, field: string) => string, field: string): Json {
  if (typeof value === 'string') return change(value, field);
  if (Array.isArray(value)) return value.map((entry) => mapText(entry, change, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, mapText(inner, change, name)]),
  );
}
