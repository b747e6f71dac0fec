export type FormValue =
  string | number | boolean | undefined | readonly FormValue[] | { readonly [field: string]: FormValue };

/** A form body as Stripe reads it: `a[b]=1&list[0][c]=2`, in the order of the fields. Undefined fields are left out. */
export function formOf(fields: { readonly [field: string]: FormValue }): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => pairs(name, value))
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}

function pairs(name: string, value: FormValue): [string, string][] {
  if (value === undefined) return [];
  if (typeof value !== 'object') return [[name, String(value)]];
  const inner: [string, FormValue][] = Array.isArray(value)
    ? value.map((entry: FormValue, index) => [String(index), entry])
    : Object.entries(value);
  return inner.flatMap(([field, entry]) => pairs(`${name}[${field}]`, entry));
}
