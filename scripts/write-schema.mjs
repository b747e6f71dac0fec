/** Writes `schema/*.schema.json` from the contract; run after a build, when a file's form has changed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { batchJsonSchema, schedulesJsonSchema } from '../dist/batch/json-schema.js';

mkdirSync(new URL('../schema/', import.meta.url), { recursive: true });
const schemas = { batch: batchJsonSchema(), schedules: schedulesJsonSchema() };
for (const [name, schema] of Object.entries(schemas)) {
  writeFileSync(
    new URL(`../schema/${name}.schema.json`, import.meta.url),
    `${JSON.stringify(schema, null, 2)}\n`,
  );
}
