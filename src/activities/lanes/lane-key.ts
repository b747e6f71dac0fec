import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Definition } from '../../contract/batch-file.js';
import type { Json } from '../../contract/json.js';
import type { LaneId } from '../../ledger/ledger.js';
import { scriptOf } from '../providers/command/script-of.js';
import { keyVariableOf } from '../providers/managed/key-variables.js';

/** Options that say where a service is; only the origin counts, for paths are filled in from jobs. */
const PLACES = ['baseUrl', 'url', 'endpoint', 'site', 'api', 'host'] as const;

/** What tells accounts apart. */
export interface Account {
  readonly name: string;
  /** As in the batch file: what a job fills in names no credential. */
  readonly options: Readonly<Record<string, Json>>;
  /** The same options, filled in for one job: jobs may be for services at several places. */
  readonly filled?: Readonly<Record<string, Json>>;
  /** Tells accounts apart where options name neither a place nor a credential. */
  readonly target?: string;
  /** The program of this host, or its preset, that uses the account. */
  readonly program?: string;
}

/** The account that a batch's agent works on: a key that is not named is the one that the provider takes by itself. */
export function agentAccount({ use, with: options, env, preset, command }: Definition['agent']): Account {
  const variable = keyVariableOf(use);
  const program = preset ?? (command && nameOf(command));
  return {
    name: use,
    options: {
      ...(variable !== undefined && { apiKey: `\${env:${variable}}` }),
      ...options,
      ...(env && { env }),
    },
    ...(program !== undefined && { program }),
  };
}

/** What an interpreter runs tells more of the account than the interpreter. */
const nameOf = (command: readonly string[]): string =>
  [command[0], scriptOf(command)]
    .filter((part) => part !== undefined)
    .map((part) => basename(part))
    .join(' ');

/**
 * One account at one service: the adapter's name, where the service is, and which credentials are used. Of the
 * credentials only the names of their variables, `${env:NAME}`, are looked at.
 */
export function laneIdOf(of: Account): LaneId {
  const references = [...JSON.stringify(of.options).matchAll(/\$\{env:([A-Za-z_][A-Za-z0-9_]*)/g)]
    .map(([, name]) => name)
    .sort();
  const origin = originOf(of.filled ?? of.options);
  const own = origin === undefined && references.length === 0 ? (of.target ?? '') : '';
  const parts = [of.name, origin ?? '', [...new Set(references)], own];
  const text = JSON.stringify(of.program === undefined ? parts : [...parts, of.program]);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const shown = origin ?? of.program ?? references[0] ?? own;
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
export function mayBeLane({ id, label }: LaneId, account: Omit<Account, 'filled'>): boolean {
  const { name, options, target } = account;
  const place = PLACES.map((option) => options[option]).find((value) => typeof value === 'string');
  const template = place ?? target ?? '';
  if (!template.includes('{{')) return id === laneIdOf(account).id;
  const [, origin = template] = /^([a-z]+:\/\/[^/]*)/i.exec(template) ?? [];
  const parts = (place === undefined ? template : origin).split(/\{\{.*?\}\}/).map(escaped);
  return new RegExp(`^${escaped(name)} ${parts.join('.*')}$`, 'i').test(label);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
