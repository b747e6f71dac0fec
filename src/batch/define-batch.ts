import type { z } from 'zod';
import type { batchFileSchema } from '../contract/batch-file.js';
import type { Json } from '../contract/json.js';
import { JSON_DEPTH_MAX } from './json-scan.js';
import type { ProblemHere } from './problems.js';
import { pathText } from './shown.js';
import type { SourceDocument } from './yaml-document.js';

/** The fields of a batch file, with the same defaults. */
export type BatchDefinition = z.input<typeof batchFileSchema>;

/** A batch that stands in code instead of a file; `Nightshift.read` takes it like the path of one. */
export interface BatchInCode {
  readonly definition: BatchDefinition;
  /** Where relative paths in it start, as they do in the folder of a batch file; best absolute. */
  readonly baseDir: string;
}

/**
 * A batch in code. It is checked when it is read, as a file is, and gives the same keys as a file of these fields.
 * @param definition JSON values only: it is kept with the run. Secrets stay references, such as `${env:API_KEY}`
 * @param options.baseDir the working directory of the process unless given; `import.meta.dirname` does not change with it
 */
export const defineBatch = (
  definition: BatchDefinition,
  { baseDir = process.cwd() }: { readonly baseDir?: string } = {},
): BatchInCode => ({ definition, baseDir });

/**
 * What was defined in code, as a document. Jobs that it lists have their number for a line; nothing else has a place.
 * @returns undefined where it holds what JSON does not; what that is went to `report`
 */
export function documentInCode(
  definition: unknown,
  report: (problem: ProblemHere) => void,
): SourceDocument | undefined {
  let isJson = true;
  const refuse = (path: readonly PropertyKey[], what: string): null => {
    isJson = false;
    const hint = 'write a text, a number, true or false, a list or a plain object';
    report({ message: `${pathText(path) || 'the definition'} ${what}`, hint });
    return null;
  };
  const value = plain(definition, [], refuse);
  if (!isJson) return undefined;
  const placeOf: SourceDocument['placeOf'] = ([root, entry]) =>
    root === 'jobs' && typeof entry === 'number' ? { line: entry + 1 } : undefined;
  return { value, placeOf, placeOfKey: placeOf, sourceOf: () => undefined };
}

/** A copy, which nobody changes under us. A field that is undefined is not there. */
function plain(
  value: unknown,
  path: readonly PropertyKey[],
  refuse: (path: readonly PropertyKey[], what: string) => null,
): Json {
  if (path.length > JSON_DEPTH_MAX) return refuse(path, 'is nested too deeply, or in a circle');
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number')
    return Number.isFinite(value) ? value : refuse(path, `is ${value}, which is no JSON number`);
  if (typeof value !== 'object') return refuse(path, `is ${nameOf(value)}, which is no JSON value`);
  if (Array.isArray(value)) return value.map((inner, i) => plain(inner, [...path, i], refuse));
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    return refuse(path, `is a ${value.constructor.name}, which is no JSON value`);
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(fields.map(([name, inner]) => [name, plain(inner, [...path, name], refuse)]));
}

const nameOf = (value: unknown): string => (value === undefined ? 'undefined' : `a ${typeof value}`);
