/** The published JSON Schema and the code that checks batch files say the same. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { batchJsonSchema } from '../../src/batch/json-schema.js';

test('the checked-in schema is what the contract gives; run `node scripts/write-schema.mjs` after a build', () => {
  const path = new URL('../../schema/batch.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(JSON.parse(JSON.stringify(batchJsonSchema())));
});

test('editors are told what the fields are for', () => {
  const schema = JSON.stringify(batchJsonSchema());
  expect(schema).toContain('part of the effect key: another name is another effect');
  expect(batchJsonSchema()).toMatchObject({
    $id: 'urn:nightshift:schema:batch:1',
    title: 'nightshift batch file',
  });
});
