import { pathText } from '../batch/shown.js';

type Schema = Readonly<Record<string, unknown>>;

/** What constrains a value of one type only, and does nothing without that type being named. */
const OF_TYPE: Readonly<Record<string, string>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  patternProperties: 'object',
  propertyNames: 'object',
  minProperties: 'object',
  maxProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  uniqueItems: 'array',
  contains: 'array',
  minLength: 'string',
  maxLength: 'string',
  pattern: 'string',
  format: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
};
const IGNORED = ['dependencies', 'dependentRequired', 'contentSchema', '$dynamicRef', 'additionalItems'];
const SCHEMAS = ['items', 'additionalProperties', 'contains', 'propertyNames', 'not'];
const LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const MAPS = ['properties', 'patternProperties', '$defs', 'definitions'];

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What of a JSON Schema zod would leave out without a word. A rule that does nothing is worse than none, so such a
 * schema is refused. Source: measured with zod 4.6.7, `z.fromJSONSchema`.
 * @returns one sentence each
 */
export function unenforced(schema: unknown, path: readonly PropertyKey[] = []): string[] {
  if (!isSchema(schema)) return [];
  const at = path.length === 0 ? '' : `${pathText(path)}: `;
  const here: string[] = [];
  const names = Object.keys(schema);
  for (const name of names.filter((name) => IGNORED.includes(name)))
    here.push(`${at}${name} is not supported`);
  const typed = names.find((name) => Object.hasOwn(OF_TYPE, name));
  const fixed = names.find((name) => name === 'enum' || name === 'const' || name === '$ref');
  if (typed !== undefined && fixed !== undefined)
    here.push(`${at}${typed} does nothing beside ${fixed}; leave one out`);
  else if (typed !== undefined && schema['type'] === undefined)
    here.push(`${at}${typed} needs "type": "${OF_TYPE[typed]}" beside it`);
  const listed = isSchema(schema['properties']) ? schema['properties'] : {};
  for (const name of Array.isArray(schema['required']) ? schema['required'] : []) {
    const property = typeof name === 'string' && Object.hasOwn(listed, name) ? listed[name] : undefined;
    if (!isSchema(property) || Object.keys(property).every((key) => key === 'description' || key === 'title'))
      here.push(`${at}the required ${JSON.stringify(name)} must stand in properties, with its type`);
  }
  return [...here, ...inner(schema).flatMap(([step, child]) => unenforced(child, [...path, ...step]))];
}

function inner(schema: Schema): [PropertyKey[], unknown][] {
  const children: [PropertyKey[], unknown][] = SCHEMAS.map((name) => [[name], schema[name]]);
  for (const name of LISTS) {
    const list = schema[name];
    if (Array.isArray(list))
      children.push(...list.map((child, i): [PropertyKey[], unknown] => [[name, i], child]));
  }
  for (const name of MAPS) {
    const map = schema[name];
    if (isSchema(map))
      children.push(
        ...Object.entries(map).map(([key, child]): [PropertyKey[], unknown] => [[name, key], child]),
      );
  }
  return children;
}

/**
 * The schema as zod enforces all of it: `default` only describes (zod would fill it in, and call the field present), and
 * a list without `items` has entries of any kind (zod would forget its length).
 */
export function enforceable(schema: unknown): unknown {
  if (!isSchema(schema)) return schema;
  const changed: Record<string, unknown> = { ...schema };
  delete changed['default'];
  const types = [schema['type']].flat();
  if (types.includes('array') && schema['items'] === undefined && schema['prefixItems'] === undefined)
    changed['items'] = {};
  for (const name of SCHEMAS) if (isSchema(changed[name])) changed[name] = enforceable(changed[name]);
  for (const name of LISTS) {
    const list = changed[name];
    if (Array.isArray(list)) changed[name] = list.map(enforceable);
  }
  for (const name of MAPS) {
    const map = changed[name];
    if (isSchema(map))
      changed[name] = Object.fromEntries(
        Object.entries(map).map(([key, child]) => [key, enforceable(child)]),
      );
  }
  return changed;
}
