import { z } from 'zod';
import { suggestion } from './nearest.js';
import { descriptionAt, fieldsKnown, schemaAt } from './schema-walk.js';
import { kindOf, pathText, shown } from './shown.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** One thing wrong with a value, at a path inside it. */
export interface FieldFinding {
  readonly path: Path;
  /** Is it the field's name that is wrong, or its value? */
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly hint?: string | undefined;
}

/**
 * Turns what zod found into sentences that an operator can act on.
 * @param place where something inside the value stands in its file
 */
export const findingsOf = (
  schema: z.core.$ZodType,
  value: unknown,
  issues: readonly Issue[],
  place: (path: Path) => Path = (path) => path,
): FieldFinding[] => issues.flatMap((issue) => findingsOfIssue(issue, [], { schema, value, place }));

interface Context {
  readonly schema: z.core.$ZodType;
  readonly value: unknown;
  readonly place: (path: Path) => Path;
}

function findingsOfIssue(issue: Issue, base: Path, { schema, value, place }: Context): FieldFinding[] {
  const inside = [...base, ...issue.path];
  const path = place(inside);
  const found = valueAt(value, issue.path);
  const name = pathText(path);
  const say = (message: string, hint?: string): FieldFinding[] => [
    { path, at: 'value', message: `${name === '' ? 'the file' : name} ${message}`, hint },
  ];
  const mustBe = (what: string): FieldFinding[] => say(`must be ${what}, not ${kindOf(found)}`);

  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: place([...inside, key]),
        at: 'key',
        message: `${pathText(place([...inside, key]))} is no field that can stand here`,
        hint: fieldHint(key, schemaAt(schema, issue.path)),
      }));
    case 'invalid_type':
      if (found === undefined) return say('is missing', descriptionAt(schema, issue.path));
      // What an object holds can't be guessed from the word; what a text or a number is, can.
      return say(
        `must be ${TYPE_NAMES[issue.expected] ?? issue.expected}, not ${kindOf(found)}`,
        issue.expected === 'object' ? descriptionAt(schema, issue.path) : undefined,
      );
    case 'invalid_value':
      return mustBe(issue.values.map((allowed) => JSON.stringify(allowed)).join(' or '));
    case 'too_small':
      return say(sizeSentence(found, issue.origin, issue.minimum, 'least', issue.inclusive ?? true));
    case 'too_big':
      return say(sizeSentence(found, issue.origin, issue.maximum, 'most', issue.inclusive ?? true));
    case 'invalid_union':
      if (typeof issue.discriminator === 'string') return say(wordSentence(schema, issue, found));
      return findingsOfUnion(issue, inside, {
        schema: schemaAt(schema, issue.path) ?? schema,
        value: found,
        place,
      });
    case 'invalid_key':
      return [{ path, at: 'key', message: `${name}: ${shown(path.at(-1))} is no name that can stand here` }];
    default:
      return say(
        `${scalarShown(found)}${ownSentence(issue) ?? 'does not have the right form'}`,
        descriptionAt(schema, issue.path),
      );
  }
}

/** Nothing is said where a schema does not tell which fields it knows. */
function fieldHint(key: string, schema: z.core.$ZodType | undefined): string | undefined {
  const known = fieldsKnown(schema);
  return known.length > 0 || schema instanceof z.ZodObject ? suggestion(key, known) : undefined;
}

/** Forms that one field tells apart: what it may say. */
function wordSentence(schema: z.core.$ZodType, issue: Issue, found: unknown): string {
  const union = schemaAt(schema, issue.path.slice(0, -1));
  const forms = union instanceof z.ZodDiscriminatedUnion ? union.options : [];
  const words = forms.flatMap((form) => {
    const word: unknown = form instanceof z.ZodObject ? form.shape[String(issue.path.at(-1))] : undefined;
    return word instanceof z.ZodLiteral ? [...word.values].map((value) => JSON.stringify(value)) : [];
  });
  return found === undefined
    ? `is missing: ${words.join(', ')}`
    : `must be one of ${words.join(', ')}, not ${kindOf(found)}`;
}

/**
 * A union says what is wrong with every one of its forms. What helps is the form that was meant: the only one of
 * the value's kind, or else the one that most of the value fits.
 */
function findingsOfUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  inside: Path,
  { schema, value, place }: Context,
): FieldFinding[] {
  const forms = schema instanceof z.ZodUnion ? schema.options : [];
  const ofItsKind = issue.errors
    .map((issues, i) => ({ issues, form: forms[i] ?? schema }))
    .filter(
      ({ issues }) => !issues.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'),
    );

  const meant =
    ofItsKind.length === 1
      ? ofItsKind[0]
      : ofItsKind.find(({ issues }) => !issues.some((inner) => inner.code === 'unrecognized_keys'));
  if (meant) {
    return meant.issues.flatMap((inner) =>
      findingsOfIssue(inner, inside, { schema: meant.form, value, place }),
    );
  }
  return [unmetUnion(forms, place(inside), value)];
}

/** No form comes near: say which forms there are. */
function unmetUnion(forms: readonly z.core.$ZodType[], path: Path, value: unknown): FieldFinding {
  const name = pathText(path);
  // Each form is an object that its first field tells from the others: `{ minWords: 300 }`.
  const fields = forms.flatMap((form) => fieldsKnown(form).slice(0, 1));
  const isChoice = fields.length === forms.length;
  const here = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (!isChoice) {
    const kinds = forms.map((form) => TYPE_NAMES[form._zod.def.type] ?? form._zod.def.type);
    const hint = forms
      .map((form) => z.globalRegistry.get(form)?.description)
      .filter((text) => text !== undefined);
    return {
      path,
      at: 'value',
      message: `${name} must be ${kinds.join(' or ')}, not ${kindOf(value)}`,
      hint: hint.length === 0 ? undefined : hint.join('; or '),
    };
  }
  const wrong = here.find((field) => !fields.includes(field));
  if (wrong !== undefined) {
    const at = [...path, wrong];
    return {
      path: at,
      at: 'key',
      message: `${pathText(at)} is no field that can stand here`,
      hint: suggestion(wrong, fields),
    };
  }
  return {
    path,
    at: 'value',
    message:
      here.length > 1
        ? `${name} has ${here.length} fields, and each entry may have one`
        : `${name} must be an object of one field, not ${kindOf(value)}`,
    hint: here.length > 1 ? 'write each as an entry of its own' : `known here: ${fields.join(', ')}`,
  };
}

function sizeSentence(
  found: unknown,
  origin: string,
  limit: number | bigint,
  direction: 'least' | 'most',
  inclusive: boolean,
): string {
  if (origin === 'string' && direction === 'least' && Number(limit) === 1) return 'must not be empty';
  if (origin === 'string') return `must have at ${direction} ${limit} characters`;
  if (origin === 'array')
    return `must have at ${direction} ${limit} ${Number(limit) === 1 ? 'entry' : 'entries'}`;
  const bound = inclusive
    ? `at ${direction} ${limit}`
    : `${direction === 'least' ? 'more' : 'less'} than ${limit}`;
  return `must be ${bound}, not ${shown(found)}`;
}

/** The contract's own words; zod's begin with what they found, such as "Invalid string". */
const ownSentence = ({ message }: Issue): string | undefined =>
  /^[A-Z]/.test(message) ? undefined : message;

const scalarShown = (value: unknown): string =>
  typeof value === 'object' || value === undefined ? '' : `(${shown(value)}) `;

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, part) => {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, part)) return undefined;
    return (inner as Record<PropertyKey, unknown>)[part];
  }, value);
}
