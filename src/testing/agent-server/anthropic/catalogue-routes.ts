import type { z } from 'zod';
import { timestamp } from '../clock.js';
import { NOBODY } from '../draw.js';
import type { Ask, Reply, Route, World } from '../http/call.js';
import { jsonBody } from '../http/json-body.js';
import { agentSchema, agentUpdateSchema, environmentSchema, parseBody } from './bodies.js';
import { invalid, notFound, refuse } from './errors.js';
import { pageAsked } from './paging.js';

/** What sessions are made from: agents and environments, made once and used by many. Stored as they are shown. */
export interface Agent {
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly model: { readonly id: string };
  readonly [field: string]: unknown;
}

interface Environment {
  readonly id: string;
  readonly name: string;
  readonly [field: string]: unknown;
}

const nobody = () => NOBODY;

/** Ids of an agent and an environment that every server has, so that a batch file can name them beforehand. */
export const READY_MADE = { agent: 'agent_nightshift', environment: 'env_nightshift' } as const;

/** Does nothing where they are there already. */
export function addReadyMade({ store, clock }: World): void {
  const { agent, environment } = READY_MADE;
  if (store.get('agent', agent) === undefined) {
    const body = {
      name: 'nightshift',
      model: 'claude-sonnet-5-5',
      tools: [{ type: 'agent_toolset_20260401' }],
    };
    store.put('agent', agent, agentFrom(agent, body, clock.now()));
  }
  if (store.get('cloud', environment) === undefined) {
    store.put('cloud', environment, environmentFrom(environment, { name: 'nightshift' }, clock.now()));
  }
}

function createAgent({ call, now, draw }: Ask, { store }: World): Reply {
  const body = parseBody(agentSchema, jsonBody(call));
  const agent = agentFrom(`agent_${draw.hex('agent id', 24)}`, body, now);
  store.put('agent', agent.id, agent);
  return { status: 200, body: agent };
}

/** Every edit is a new version; sessions may name an older one. Nothing is edited that has changed since it was read. */
function updateAgent({ call, params, now }: Ask, { store }: World): Reply {
  const found = agentAt(params['id'] ?? '', store);
  if (!found) throw notFound(`agent ${params['id'] ?? ''}`);
  const { version: read = found.version, ...edit } = parseBody(agentUpdateSchema, jsonBody(call));
  if (read !== found.version) {
    throw refuse(409, 'conflict_error', `agent ${found.id} has version ${found.version}, not ${read}`);
  }
  const { name = found.name, model = found.model } = edit;
  const asShown = typeof model === 'string' ? { id: model } : model;
  const next = { name, model: asShown, version: found.version + 1, updated_at: timestamp(now) };
  const agent: Agent = { ...found, ...edit, ...next };
  store.put('agent version', `${found.id}#${found.version}`, found);
  store.put('agent', found.id, agent);
  return { status: 200, body: agent };
}

/** @param version the latest where none is named */
export function agentAt(id: string, store: World['store'], version?: number): Agent | undefined {
  const latest = store.get<Agent>('agent', id);
  if (version === undefined || latest?.version === version) return latest;
  return store.get<Agent>('agent version', `${id}#${version}`);
}

function agentFrom(id: string, body: z.infer<typeof agentSchema>, now: number): Agent {
  return {
    id,
    type: 'agent',
    version: 1,
    name: body.name,
    model: typeof body.model === 'string' ? { id: body.model } : body.model,
    description: body.description ?? null,
    execution_identity: body.execution_identity ?? { type: 'service_account' },
    mcp_servers: body.mcp_servers ?? [],
    metadata: body.metadata ?? {},
    multiagent: body.multiagent ?? null,
    skills: body.skills ?? [],
    system: body.system ?? null,
    tools: body.tools ?? [],
    archived_at: null,
    created_at: timestamp(now),
    updated_at: timestamp(now),
  };
}

/** Names are unique. */
function createEnvironment({ call, now, draw }: Ask, { store }: World): Reply {
  const body = parseBody(environmentSchema, jsonBody(call));
  if (store.list<Environment>('cloud').some(({ name }) => name === body.name)) {
    throw refuse(409, 'conflict_error', `environment name "${body.name}" already exists`);
  }
  const environment = environmentFrom(`env_${draw.hex('environment id', 24)}`, body, now);
  store.put('cloud', environment.id, environment);
  return { status: 200, body: environment };
}

function environmentFrom(id: string, body: z.infer<typeof environmentSchema>, now: number): Environment {
  return {
    id,
    type: 'environment',
    name: body.name,
    config: body.config ?? { type: 'cloud', networking: { type: 'unrestricted' }, packages: {} },
    description: body.description ?? null,
    metadata: body.metadata ?? {},
    scope: body.scope ?? 'organization',
    archived_at: null,
    created_at: timestamp(now),
    updated_at: timestamp(now),
  };
}

function retrieveAgent({ call, params }: Ask, { store }: World): Reply {
  const asked = call.query.get('version');
  const version = asked === null ? undefined : Number(asked);
  if (version !== undefined && !(Number.isInteger(version) && version >= 1)) {
    throw invalid('version: must be a whole number from 1');
  }
  const id = params['id'] ?? '';
  const found = agentAt(id, store, version);
  if (!found) throw notFound(version === undefined ? `agent ${id}` : `version ${version} of agent ${id}`);
  return { status: 200, body: found };
}

const getter =
  (kind: string, word: string) =>
  ({ params }: Ask, { store }: World): Reply => {
    const found = store.get<object>(kind, params['id'] ?? '');
    if (!found) throw notFound(`${word} ${params['id'] ?? ''}`);
    return { status: 200, body: found };
  };

const lister =
  (kind: string) =>
  ({ call }: Ask, { store }: World): Reply => {
    const newestFirst = store.list<{ readonly id: string }>(kind).reverse();
    return { status: 200, body: pageAsked(call.query, newestFirst) };
  };

export const catalogueRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/v1/agents', name: 'agents.create', who: nobody, handle: createAgent },
  { method: 'GET', pattern: '/v1/agents', name: 'agents.list', who: nobody, handle: lister('agent') },
  {
    method: 'GET',
    pattern: '/v1/agents/{id}',
    name: 'agents.retrieve',
    who: nobody,
    handle: retrieveAgent,
  },
  { method: 'POST', pattern: '/v1/agents/{id}', name: 'agents.update', who: nobody, handle: updateAgent },
  {
    method: 'POST',
    pattern: '/v1/environments',
    name: 'environments.create',
    who: nobody,
    handle: createEnvironment,
  },
  {
    method: 'GET',
    pattern: '/v1/environments',
    name: 'environments.list',
    who: nobody,
    handle: lister('cloud'),
  },
  {
    method: 'GET',
    pattern: '/v1/environments/{id}',
    name: 'environments.retrieve',
    who: nobody,
    handle: getter('cloud', 'environment'),
  },
];
