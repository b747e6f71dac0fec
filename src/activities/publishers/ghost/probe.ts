import { AdapterError } from '../../../contract/errors.js';
import type { ProbeFinding } from '../publisher.js';
import type { GhostApi } from './api.js';
import type { GhostOptions } from './options.js';

/** Major version that this publisher was tried with. */
const MAJOR = 5;

/** What would go wrong tonight. Reads only. */
export async function probeGhost(
  { url }: Pick<GhostOptions, 'url'>,
  api: Pick<GhostApi, 'version' | 'list' | 'rolesOfKey'>,
): Promise<readonly ProbeFinding[]> {
  const place = new URL(url);
  const findings: ProbeFinding[] = [];
  if (place.protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(place.hostname)) {
    findings.push({
      status: 'warn',
      detail: `${url} is not encrypted: whoever is on the way can use each request’s token for five minutes`,
      fix: 'use https',
    });
  }
  const version = await finding(() => api.version());
  if ('status' in version) return [...findings, version];
  findings.push(aboutVersion(url, version.value));

  // The same request as a look-up's, for a name that nothing has.
  const posts = await finding(() => api.list(`tag:'hash-ns-probe'`));
  if ('status' in posts) return [...findings, posts];
  const roles = await finding(() => api.rolesOfKey());
  return [...findings, 'status' in roles ? roles : aboutKey(roles.value)];
}

function aboutVersion(url: string, version: string): ProbeFinding {
  const detail = `Ghost ${version} answers at ${url}`;
  const major = Number.parseInt(version, 10);
  if (major === MAJOR) return { status: 'ok', detail };
  return major > MAJOR
    ? {
        status: 'warn',
        detail,
        fix: `tried with Ghost ${MAJOR} only: publish one post first, and look at it`,
      }
    : { status: 'fail', detail, fix: `update it to Ghost ${MAJOR}` };
}

function aboutKey(roles: readonly string[] | undefined): ProbeFinding {
  const fix = 'make a custom integration in Ghost Admin (Settings, Integrations) and use its Admin API key';
  if (roles === undefined)
    return { status: 'ok', detail: 'the key is an integration’s: it may read, write and publish posts' };
  const detail = `the key is a person’s token, with the role ${roles.join(', ') || 'of nobody'}`;
  if (roles.includes('Contributor'))
    return { status: 'fail', detail: `${detail}, which may not publish`, fix };
  if (roles.includes('Author'))
    return { status: 'fail', detail: `${detail}, which may not change all posts`, fix };
  return { status: 'warn', detail: `${detail}; it stops working when that person leaves`, fix };
}

/** A refused request is what a probe is there to find. */
async function finding<T>(ask: () => Promise<T>): Promise<{ readonly value: T } | ProbeFinding> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (error instanceof AdapterError) return { status: 'fail', detail: error.message };
    throw error;
  }
}
