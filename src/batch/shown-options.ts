import type { Json, JsonObject } from '../contract/json.js';
import { ARTIFACT_MARK } from './artifact-mark.js';
import { isCredentialName, isReference, withoutQueryValues } from './credentials.js';
import { pathText } from './shown.js';

/** One option of an effect as a person is shown it. */
export interface ShownOption {
  /** `headers.authorization`, `lines[0].amount`. */
  readonly name: string;
  readonly value: string;
}

const FIELDS_MAX = 40;
const VALUE_MAX = 500;

/**
 * Options of an effect, filled in for one job, for a person who is to say yes to them: bounded, and without secrets.
 * References to secrets stay references, and the artifact is named where it will stand.
 * @param order names of options in the order in which they are read best; others follow
 */
export function shownOptions(options: JsonObject, order: readonly string[] = []): readonly ShownOption[] {
  const names = [...order, ...Object.keys(options)].filter((name) => Object.hasOwn(options, name));
  const all = [...new Set(names)].flatMap((name) => fieldsIn([name], options[name] ?? null));
  const more = all.length - FIELDS_MAX;
  return [
    ...all.slice(0, FIELDS_MAX),
    ...(more > 0 ? [{ name: '…', value: `and ${more} more that are not shown` }] : []),
  ];
}

function fieldsIn(path: readonly PropertyKey[], value: Json): ShownOption[] {
  if (Array.isArray(value) && value.length > 0)
    return value.flatMap((entry, at) => fieldsIn([...path, at], entry));
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0)
    return Object.entries(value).flatMap(([name, inner]) => fieldsIn([...path, name], inner));
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const hidden = isCredentialName(path) && !isReference(text);
  return [
    { name: pathText(path), value: hidden ? 'not shown: a credential' : shortened(withoutQueryValues(text)) },
  ];
}

function shortened(text: string): string {
  const named = text.replaceAll(ARTIFACT_MARK, '{{ artifact }}');
  const left = named.length - VALUE_MAX;
  return left <= 0 ? named : `${named.slice(0, VALUE_MAX)}… and ${left} more characters`;
}
