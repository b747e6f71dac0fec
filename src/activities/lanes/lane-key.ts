import { createHash } from 'node:crypto';
import type { Json } from '../../contract/json.js';
import type { LaneId } from '../../ledger/ledger.js';

/** Options that say where a service is; only the origin counts, for paths are filled in from jobs. */
const PLACES = ['baseUrl', 'url', 'endpoint', 'site', 'api', 'host'] as const;

/**
 * One account at one service: the adapter's name, where the service is, and which credentials are used. Of the
 * credentials only the names of their variables, `${env:NAME}`, are looked at.
 * @param of.options as in the batch file: what a job fills in names no credential
 * @param of.filled the same options, filled in for one job: jobs may be for services at several places
 * @param of.target tells accounts apart where options name neither a place nor a credential
 */
export function laneIdOf(of: {
  readonly name: string;
  readonly options: Readonly<Record<string, Json>>;
  readonly filled?: Readonly<Record<string, Json>>;
  readonly target?: string;
}): LaneId {
  const references = [...JSON.stringify(of.options).matchAll(/\$\{env:([A-Za-z_][A-Za-z0-9_]*)/g)]
    .map(([, name]) => name)
    .sort();
  const origin = originOf(of.filled ?? of.options);
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

/** Whether a lane is one of those that jobs get from these options; templates in them stand for anything. */
export function mayBeLane(
  { id, label }: LaneId,
  { name, options, target }: Pick<Parameters<typeof laneIdOf>[0], 'name' | 'options' | 'target'>,
): boolean {
  const place = PLACES.map((option) => options[option]).find((value) => typeof value === 'string');
  const template = place ?? target ?? '';
  if (!template.includes('{{'))
    return id === laneIdOf({ name, options, ...(target !== undefined && { target }) }).id;
  const [, origin = template] = /^([a-z]+:\/\/[^/]*)/i.exec(template) ?? [];
  const parts = (place === undefined ? template : origin).split(/\{\{.*?\}\}/).map(escaped);
  return new RegExp(`^${escaped(name)} ${parts.join('.*')}$`, 'i').test(label);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
