import type { JsonObject } from '../contract/json.js';

/** A text of the batch file that is filled in for each job. */
export interface BatchTemplate {
  readonly path: readonly PropertyKey[];
  readonly text: string;
  readonly role: 'prompt' | 'target' | 'option';
}

/** A text in which `${env:NAME}` is resolved before it is used. */
export interface SecretText {
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

/** Every template of a batch file that may still be wrong elsewhere: what has the wrong shape is passed over. */
export function* templatesOf(file: unknown): Generator<BatchTemplate> {
  const prompt = at(file, 'agent', 'prompt');
  if (typeof prompt === 'string') yield { path: ['agent', 'prompt'], text: prompt, role: 'prompt' };
  for (const [i, effect] of listAt(file, 'effects').entries()) {
    const target = at(effect, 'target');
    if (typeof target === 'string') yield { path: ['effects', i, 'target'], text: target, role: 'target' };
    for (const text of textsIn(at(effect, 'with'), ['effects', i, 'with'])) yield { ...text, role: 'option' };
  }
}

/** Every text of a batch file that may refer to secrets. */
export function* secretTextsOf(file: unknown): Generator<SecretText> {
  yield* textsIn(at(file, 'agent', 'env'), ['agent', 'env']);
  yield* textsIn(at(file, 'agent', 'with'), ['agent', 'with']);
  for (const [i, effect] of listAt(file, 'effects').entries()) {
    yield* textsIn(at(effect, 'with'), ['effects', i, 'with']);
  }
  yield* textsIn(at(file, 'alerts'), ['alerts']);
  yield* textsIn(at(file, 'deadMan', 'url'), ['deadMan', 'url']);
}

function* textsIn(value: unknown, path: readonly PropertyKey[]): Generator<SecretText> {
  if (typeof value === 'string') yield { path, text: value };
  else if (Array.isArray(value))
    for (const [i, entry] of value.entries()) yield* textsIn(entry, [...path, i]);
  else if (typeof value === 'object' && value !== null) {
    for (const [field, inner] of Object.entries(value)) yield* textsIn(inner, [...path, field]);
  }
}

const listAt = (value: unknown, field: string): readonly unknown[] => {
  const list = at(value, field);
  return Array.isArray(list) ? list : [];
};

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part)
        ? (inner as JsonObject)[part]
        : undefined,
    value,
  );
