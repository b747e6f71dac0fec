import { z } from 'zod';

/** The schema that stands at a path of a value, wrappers taken off; undefined where anything may stand. */
export function schemaAt(root: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = unwrapped(root);
  for (const part of path) {
    if (schema instanceof z.ZodObject) schema = (schema.shape as z.core.$ZodShape)[String(part)];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else return undefined;
    schema &&= unwrapped(schema);
  }
  return schema;
}

/** Names of the fields that an object schema knows, or a record whose names are listed; none for any other schema. */
export function fieldsKnown(schema: z.core.$ZodType | undefined): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  const names = schema instanceof z.ZodRecord ? schema.keyType : undefined;
  return names instanceof z.ZodEnum ? names.options.map(String) : [];
}

/** What the contract says about a field, for hints. The description may sit on a wrapper, so none is taken off. */
export function descriptionAt(root: z.core.$ZodType, path: readonly PropertyKey[]): string | undefined {
  const name = path.at(-1);
  const parent = schemaAt(root, path.slice(0, -1));
  if (name === undefined || !(parent instanceof z.ZodObject)) return undefined;
  const field = (parent.shape as z.core.$ZodShape)[String(name)];
  return field === undefined ? undefined : z.globalRegistry.get(field)?.description;
}

/** Whether the schema says of what stands there, or of what it is part of, that it is secret: `.meta({ secret: true })`. */
export const isSecretAt = (root: z.core.$ZodType, path: readonly PropertyKey[]): boolean =>
  path.some((_, index) => {
    const schema = schemaAt(root, path.slice(0, index + 1));
    return schema !== undefined && z.globalRegistry.get(schema)?.['secret'] === true;
  });

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    return unwrapped(schema.def.innerType);
  }
  if (schema instanceof z.ZodPipe) return unwrapped(schema.def.in);
  return schema;
}
