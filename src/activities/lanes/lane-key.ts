import { createHash } from 'node:crypto';
import type { Json } from '../../contract/json.js';
import type { LaneId } from '../../ledger/ledger.js';

/** Options that say where a service is; only the origin counts, for paths are filled in from jobs. */
const PLACES = ['baseUrl', 'url', 'endpoint', 'site', 'api', 'host'] as const;

/**
 * One account at one service: the adapter's name, where the service is, and which credentials are used. Of the
 * credentials only the names of their variables, `${env:NAME}`, are looked at.
 * @param of.options as in the batch file: filled in, secrets not resolved
 * @param of.target tells accounts apart where options name neither a place nor a credential
 */
export function laneIdOf(of: {
  readonly name: string;
  readonly options: Readonly<Record<string, Json>>;
  readonly target?: string;
}): LaneId {
  const references = [...JSON.stringify(of.options).matchAll(/\$\{env:([A-Za-z_][A-Za-z0-9_]*)/g)]
    .map(([, name]) => name)
    .sort();
  const origin = originOf(of.options);
  const own = origin === undefined && references.length === 0 ? (of.target ?? '') : '';
  const text = JSON.stringify([of.name, origin ?? '', [...new Set(references)], own]);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const shown = origin ?? references[0] ?? own;
  return { id: `${of.name}-${hash}`, label: shown === '' ? of.name : `${of.name} ${shown}` };
}

function originOf(options: Readonly<Record<string, Json>>): string | undefined {
  for (const name of PLACES) {
    const value = options[name];
    if (typeof value !== 'string' || value.includes('${env:')) continue;
    if (!URL.canParse(value)) return name === 'host' ? value : undefined;
    const { protocol, host } = new URL(value);
    return `${protocol}//${host}`;
  }
  return undefined;
}
