import { AdapterError } from '../contract/errors.js';
import type { Json, JsonObject } from '../contract/json.js';

/**
 * References to secrets, `${env:NAME}`: written in the batch file, resolved in Activities only, by whoever hands
 * the text to the outside. Nothing else is interpolated: `$NAME`, `${NAME}` and `$(…)` stay as they are.
 */
const REFERENCE = /\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g;
const BEGINNING = /\$\{env:/g;
/** One of its own: a search that begins elsewhere would leave that place behind for the next search. */
const REFERENCE_HERE = new RegExp(REFERENCE.source, 'y');

/** What a process knows: `process.env`, or a stand-in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The text with every reference replaced. What comes out is not looked at again.
 * @throws AdapterError `config` that names the variable when it is not set
 */
export function resolveSecrets(text: string, env: Environment): string {
  const broken = malformedReference(text);
  if (broken !== undefined) throw new AdapterError('config', `${broken} is no reference to a variable`);
  return text.replace(REFERENCE, (_, name: string) => {
    const value = valueOf(name, env);
    if (value !== undefined) return value;
    throw new AdapterError('config', `${isNotSet(name)}, which \${env:${name}} stands for`);
  });
}

/** A copy of the value with the references in all its texts replaced; field names are left alone. */
export function resolveSecretsIn(value: Json, env: Environment): Json {
  return mapTexts(value, (text) => resolveSecrets(text, env));
}

/** A place in a value that refers to a variable. */
export interface SecretReference {
  readonly name: string;
  /** Of the text that it stands in. */
  readonly path: readonly (string | number)[];
}

/** Every reference in the texts of a value, in their order. */
export function referencesIn(value: Json, path: SecretReference['path'] = []): SecretReference[] {
  return textsIn(value, path).flatMap((place) =>
    [...place.text.matchAll(REFERENCE)].map(([, name = '']) => ({ name, path: place.path })),
  );
}

/** A text inside a value. */
export interface PlacedText {
  readonly text: string;
  readonly path: readonly (string | number)[];
}

/** Every text in a value, in their order. */
export function textsIn(value: Json, path: PlacedText['path'] = []): PlacedText[] {
  if (typeof value === 'string') return [{ text: value, path }];
  if (Array.isArray(value)) return value.flatMap((entry, at) => textsIn(entry, [...path, at]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => textsIn(inner, [...path, name]));
}

/** What is left of a text without the references in it. */
export const withoutReferences = (text: string): string => text.replace(REFERENCE, '');

/** Those whose variable has no value here. */
export const unsetReferences = (value: Json, env: Environment): SecretReference[] =>
  referencesIn(value).filter(({ name }) => valueOf(name, env) === undefined);

/** The same sentence wherever a variable is missed. */
export const isNotSet = (name: string): string => `the environment variable ${name} is not set`;

/** Names of the variables that a value refers to anywhere in its texts: each once, sorted. */
export const secretNames = (value: Json): string[] =>
  [...new Set(referencesIn(value).map(({ name }) => name))].sort();

/** Empty counts as not set, because that is what a CI job gets for a secret it may not see. */
function valueOf(name: string, env: Environment): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  return value === '' ? undefined : value;
}

/** The first `${env:` that does not go on as a reference, with some of what follows; undefined when all do. */
export function malformedReference(text: string): string | undefined {
  for (const { index } of text.matchAll(BEGINNING)) {
    REFERENCE_HERE.lastIndex = index;
    if (REFERENCE_HERE.test(text)) continue;
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
