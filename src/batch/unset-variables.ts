import type { Json } from '../contract/json.js';
import type { FieldFinding } from './issue-sentences.js';
import { isNotSet, unsetReferences, type Environment } from './secrets.js';
import { pathText } from './shown.js';

/**
 * The variables that a part of the batch file refers to and that have no value here, each at its place.
 * @param place where something inside the part stands in the file
 */
export const unsetFindings = (
  part: Json,
  place: (path: FieldFinding['path']) => FieldFinding['path'],
  env: Environment,
): FieldFinding[] =>
  unsetReferences(part, env).map(({ name, path }) => ({
    path: place(path),
    at: 'value',
    message: `${pathText(place(path))}: ${isNotSet(name)}`,
    hint: 'set it where jobs run; an empty one counts as not set',
  }));
