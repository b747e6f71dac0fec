import { z } from 'zod';
import { batchFileSchema } from '../contract/batch-file.js';
import { schedulesFileSchema } from '../contract/schedules-file.js';

/** The JSON Schema of a batch file, for editors: what an operator may write, defaults not yet filled in. */
export function batchJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = jsonSchemaOf(batchFileSchema);
  return {
    $schema,
    $id: 'urn:nightshift:schema:batch:1',
    title: batchFileSchema.meta()?.title,
    description: 'A nightly batch: what is worked on, by which agent, and where the results go.',
    ...rest,
  };
}

/** The JSON Schema of a schedules file, likewise. */
export function schedulesJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = jsonSchemaOf(schedulesFileSchema);
  return {
    $schema,
    $id: 'urn:nightshift:schema:schedules:1',
    title: schedulesFileSchema.meta()?.title,
    description: 'When batches start by themselves, and what happens when two nights meet.',
    ...rest,
  };
}

/** What is secret, JSON Schema calls `writeOnly`. */
const jsonSchemaOf = (schema: z.ZodType): z.core.JSONSchema.BaseSchema =>
  z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: 'input',
    override({ jsonSchema }) {
      if (jsonSchema['secret'] !== true) return;
      delete jsonSchema['secret'];
      jsonSchema.writeOnly = true;
    },
  });
