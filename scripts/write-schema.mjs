/** Writes `schema/batch.schema.json` from the contract; run after a build, when the batch file has changed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { batchJsonSchema } from '../dist/batch/json-schema.js';

mkdirSync(new URL('../schema/', import.meta.url), { recursive: true });
writeFileSync(
  new URL('../schema/batch.schema.json', import.meta.url),
  `${JSON.stringify(batchJsonSchema(), null, 2)}\n`,
);
