import type { Call, Route } from './call.js';

export interface Matched {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** Finds the route of a request; undefined where the service has none. */
export function match(routes: readonly Route[], call: Pick<Call, 'method' | 'path'>): Matched | undefined {
  for (const route of routes) {
    if (route.method !== call.method) continue;
    const params = paramsOf(route.pattern, call.path);
    if (params) return { route, params };
  }
  return undefined;
}

function paramsOf(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  const params: Record<string, string> = {};
  for (const [index, want] of wanted.entries()) {
    const name = /^\{(.+)\}$/.exec(want)?.[1];
    if (name?.endsWith('...')) return withRest(params, name.slice(0, -3), given.slice(index));
    const have = given[index];
    if (have === undefined || (name === undefined && have !== want)) return undefined;
    if (name === undefined) continue;
    const value = decoded(have);
    if (value === undefined) return undefined;
    params[name] = value;
  }
  return given.length === wanted.length ? params : undefined;
}

function withRest(
  params: Record<string, string>,
  name: string,
  segments: readonly string[],
): Record<string, string> | undefined {
  const rest = decoded(segments.join('/'));
  return rest === undefined ? undefined : { ...params, [name]: rest };
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined; // a broken escape names nothing
  }
}
