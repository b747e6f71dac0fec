import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ErrorObject, Options, Schema } from 'ajv';
import { pathText, shown } from '../batch/shown.js';
import { AdapterError } from '../contract/errors.js';
import type { JsonObject } from '../contract/json.js';
import { messageOf } from '../contract/thrown.js';
import { jsonBrackets, JSON_DEPTH_MAX } from './nesting.js';

const PROBLEMS_MAX = 5;
const SENTENCE_MAX = 200;

/** A JSON Schema made ready: what of a value does not fit, up to five sentences without a subject. */
export type Validator = (value: unknown) => readonly string[];

/**
 * Strict, because a rule that does nothing is worse than none: keywords and formats that nobody knows are refused, and
 * those that need a type where none is named.
 */
const OPTIONS: Options = {
  strict: true,
  strictRequired: false, // what is required need not be described
  strictTuples: false,
  allowUnionTypes: true,
  allErrors: true,
  logger: false,
};

/**
 * A JSON Schema made ready, of draft 2020-12 where it names none, else of 2019-09 or 7. References to other files are
 * not followed.
 * @param source the schema, or its path
 * @throws AdapterError `config` when it can't be read, is none, or uses what is not supported
 */
export async function schemaFrom(source: string | JsonObject, baseDir: string): Promise<Validator> {
  const name = typeof source === 'string' ? source : 'of the batch file';
  try {
    const schema: unknown =
      typeof source === 'string' ? JSON.parse(await readFile(resolve(baseDir, source), 'utf8')) : source;
    return await compiled(schema);
  } catch (error) {
    const said = messageOf(error);
    throw new AdapterError(
      'config',
      `the JSON Schema ${name} can’t be used: ${said}`,
      { sent: 'no' },
      { cause: error },
    );
  }
}

async function compiled(schema: unknown): Promise<Validator> {
  const { $async, $schema } = Object(schema) as Readonly<Record<string, unknown>>;
  if ($async !== undefined) throw new Error('$async is not supported');
  if (schema === null) throw new Error('it must be an object or boolean');
  const ajv = await ajvFor($schema);
  const { default: addFormats } = await import('ajv-formats');
  addFormats.default(ajv);
  const validate = ajv.compile(schema as Schema); // of what is no schema it says so
  return (value) => (validate(value) ? [] : sentencesOf(validate.errors ?? []));
}

/** Loaded where it is used: most batches have no schema. */
async function ajvFor(draft: unknown) {
  if (draft === undefined || is(draft, '2020-12')) {
    const { Ajv2020 } = await import('ajv/dist/2020.js');
    return new Ajv2020(OPTIONS);
  }
  if (is(draft, '2019-09')) {
    const { Ajv2019 } = await import('ajv/dist/2019.js');
    return new Ajv2019(OPTIONS);
  }
  if (is(draft, 'draft-07')) {
    const { Ajv } = await import('ajv');
    return new Ajv(OPTIONS);
  }
  throw new Error(
    `its $schema ${JSON.stringify(draft)} is not known; known are 2020-12, 2019-09 and draft-07`,
  );
}

const is = (draft: unknown, name: string): boolean =>
  typeof draft === 'string' &&
  new RegExp(`^https?://json-schema\\.org/(draft/)?${name}/schema#?$`).test(draft);

/** That a branch did not fit says nothing beside why it did not. */
function sentencesOf(errors: readonly ErrorObject[]): readonly string[] {
  const telling = errors.filter(({ keyword }) => keyword !== 'if');
  return (telling.length > 0 ? telling : errors).slice(0, PROBLEMS_MAX).map(sentenceOf);
}

function sentenceOf({ instancePath, message = 'it is refused', params }: ErrorObject): string {
  const path = instancePath.split('/').slice(1).map(stepOf);
  const place = path.length === 0 ? '' : ` at ${shown(pathText(path))}`;
  const { additionalProperty, unevaluatedProperty, propertyName, allowedValues, allowedValue } =
    params as Readonly<Record<string, unknown>>;
  const name = additionalProperty ?? unevaluatedProperty ?? propertyName;
  const allowed = JSON.stringify(allowedValues ?? allowedValue);
  const more = name === undefined ? allowed : shown(name);
  const said = `${message}${more === undefined ? '' : `: ${more}`}`;
  return `does not fit its schema${place}: ${said.replace(/\s+/g, ' ').slice(0, SENTENCE_MAX)}`;
}

/** A step of a JSON Pointer, RFC 6901. */
const stepOf = (step: string): string | number =>
  /^(0|[1-9]\d*)$/.test(step) ? Number(step) : step.replaceAll('~1', '/').replaceAll('~0', '~');

/** What of a value does not fit. @param what `it`, `its front matter` */
export function schemaProblems(schema: Validator, value: unknown, what: string): string[] {
  try {
    return schema(value).map((problem) => `${what} ${problem}`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [`${what} is nested too deeply`];
  }
}

/** The artifact as JSON, held against a schema. */
export function jsonProblems(text: string, schema: Validator): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return [`it is no JSON: ${shown(messageOf(error))}`];
  }
  if (jsonBrackets(text).deepest > JSON_DEPTH_MAX) return ['it is nested too deeply'];
  return schemaProblems(schema, value, 'it');
}
