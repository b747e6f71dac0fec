import { NOBODY, type Draw } from '../draw.js';
import type { Ask, Reply, Route, World } from '../http/call.js';
import { jsonBody } from '../http/json-body.js';
import { environmentSchema, parseBody } from './create-body.js';
import { environmentJson, environmentOf, isGone, type Environment } from './environment.js';
import { standingOf, type Interaction } from './interaction.js';
import { pageAsked } from './paging.js';
import { nobody, whoOfEnvironment } from './whose.js';

/** Makes a sandbox; free. */
export function makeEnvironment(world: World, now: number, draw: Draw, network?: unknown): Environment {
  const id = `env_${draw.hex('environment id', 24)}`;
  const environment: Environment = {
    id,
    who: NOBODY,
    createdAt: now,
    lastAccessed: now,
    ...(network !== undefined && { network }),
  };
  world.store.put('environment', id, environment);
  return environment;
}

function create({ call, now, draw }: Ask, world: World): Reply {
  const { network, sources = [] } = parseBody(environmentSchema, jsonBody(call));
  const environment = makeEnvironment(world, now, draw, network);
  for (const [index, { target, content }] of sources.entries()) {
    if (content === undefined) continue;
    const path = (target ?? `source-${index}`).replace(/^\/+/, '');
    world.store.putBlob(environment.id, { path, bytes: Buffer.from(content), at: now });
  }
  return { status: 200, body: environmentJson(environment, world, now) };
}

const get = ({ params, now }: Ask, world: World): Reply => {
  const environment = environmentOf(params['id'] ?? '', world, now);
  return { status: 200, body: environmentJson(environment, world, now) };
};

/** Takes its files, and the runs in it, along. */
function remove({ params, now }: Ask, world: World): Reply {
  const { store } = world;
  const { id } = environmentOf(params['id'] ?? '', world, now);
  for (const run of store.list<Interaction>('interaction', id)) {
    if (standingOf(run, now).ended) continue;
    store.put('interaction', run.id, { ...run, environmentGoneAt: now }, id);
  }
  store.remove('environment', id);
  store.removeBlobs(id);
  return { status: 200, body: {} };
}

function list({ call, now }: Ask, world: World): Reply {
  const all = world.store.list<Environment>('environment').filter((one) => !isGone(one, world, now));
  const { items, rest } = pageAsked(call.query, all, ({ id }) => id);
  return {
    status: 200,
    body: { environments: items.map((one) => environmentJson(one, world, now)), ...rest },
  };
}

export const environmentRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/{v}/environments', name: 'environments.create', who: nobody, handle: create },
  { method: 'GET', pattern: '/{v}/environments', name: 'environments.list', who: nobody, handle: list },
  {
    method: 'GET',
    pattern: '/{v}/environments/{id}',
    name: 'environments.get',
    who: whoOfEnvironment,
    handle: get,
  },
  {
    method: 'DELETE',
    pattern: '/{v}/environments/{id}',
    name: 'environments.delete',
    who: whoOfEnvironment,
    handle: remove,
  },
];
