import type { JsonObject } from '../contract/json.js';
import { JSON_DEPTH_MAX } from './json-scan.js';
import { shown } from './shown.js';

/** What keeps a value from being carried through JSON, keys and templates unchanged, and where in it that is. */
export interface InputFault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** `__proto__` is refused because it would be a field in one place and a prototype in another. */
export function inputFault(value: unknown, depth = 0): InputFault | undefined {
  if (typeof value === 'number' && !Number.isFinite(value))
    return fault(`has ${value}, which is no JSON number`);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > JSON_DEPTH_MAX) return fault(`is nested more than ${JSON_DEPTH_MAX} deep`);
  if (Array.isArray(value)) return firstFault(value.entries(), depth);
  return nameFault(Object.keys(value)) ?? firstFault(Object.entries(value as JsonObject), depth);
}

function firstFault(parts: Iterable<[PropertyKey, unknown]>, depth: number): InputFault | undefined {
  for (const [part, inner] of parts) {
    const found = inputFault(inner, depth + 1);
    if (found) return { ...found, path: [part, ...found.path] };
  }
  return undefined;
}

const BEYOND_ASCII = /[^ -~]/;

function nameFault(names: readonly string[]): InputFault | undefined {
  if (names.includes('__proto__')) return { path: ['__proto__'], message: 'has a field named __proto__' };
  if (!names.some((name) => BEYOND_ASCII.test(name))) return undefined;
  const seen = new Set<string>();
  for (const name of names) {
    const normal = name.normalize('NFC');
    if (seen.has(normal))
      return { path: [name], message: `has the field ${shown(name)} twice, in two Unicode spellings` };
    seen.add(normal);
  }
  return undefined;
}

const fault = (message: string): InputFault => ({ path: [], message });
