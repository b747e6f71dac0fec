import type { Json, JsonObject } from '../../contract/json.js';

export const isJsonObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields of a form body, nested as Stripe nests them: `metadata[a]=1`, `lines[0][amount]=2`. All values are texts. */
export function parseForm(body: string): JsonObject {
  const root: JsonObject = {};
  for (const [name, value] of new URLSearchParams(body)) {
    const [first = '', ...rest] = name.split(/\]\[|\[|\]/).filter((part) => part !== '');
    set(root, [first, ...rest], value);
  }
  return root;
}

function set(into: JsonObject, path: readonly string[], value: string): void {
  const [field = '', ...rest] = path;
  if (field === '__proto__') return;
  if (rest.length === 0) {
    into[field] = value;
    return;
  }
  const inner = into[field];
  const next: JsonObject = isJsonObject(inner) ? inner : {};
  into[field] = next;
  set(next, rest, value);
}
