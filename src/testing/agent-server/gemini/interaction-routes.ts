import type { Ask, Reply, Route, World } from '../http/call.js';
import { jsonBody } from '../http/json-body.js';
import { readCreate } from './create-body.js';
import { invalid, notFound } from './errors.js';
import { isHidden, plannedEndOf, standingOf, startOf, type Interaction } from './interaction.js';
import { interactionJson } from './interaction-json.js';
import { startRun } from './start-run.js';
import { streamOf } from './stream.js';
import { whoOfCreate, whoOfInteraction } from './whose.js';

/** A call that does not run in the background is closed after about that long. */
const FOREGROUND_MS = 60_000;
/** A cancel takes effect a moment later. */
const CANCEL_LAG_MS = [500, 3_000] as const;

function create(ask: Ask, world: World): Reply {
  const body = readCreate(jsonBody(ask.call));
  const run = startRun(body, ask, world);
  const current = (): Interaction => world.store.get<Interaction>('interaction', run.id) ?? run;
  if (body.stream === true) return { status: 200, events: streamOf(current, world, undefined) };
  if (body.background === true) return { status: 200, body: interactionJson(run, ask.now) };
  return { status: 200, hold: foreground(run, current) };
}

function foreground(run: Interaction, current: () => Interaction): NonNullable<Reply['hold']> {
  const until = Math.min(plannedEndOf(run), startOf(run) + FOREGROUND_MS);
  // How it stood at that moment, however late the timer is.
  const late = (): Reply | undefined =>
    standingOf(current(), until).ended ? { status: 200, body: interactionJson(current(), until) } : undefined;
  return { until, late };
}

function found({ params, now }: Ask, { store }: World): Interaction {
  const id = params['id'] ?? '';
  const run = store.get<Interaction>('interaction', id);
  if (!run || isHidden(run, now)) throw notFound(`Interaction '${id}'`);
  return run;
}

function get(ask: Ask, world: World): Reply {
  const run = found(ask, world);
  const { query } = ask.call;
  if (query.get('stream') === 'true') {
    const current = (): Interaction => world.store.get<Interaction>('interaction', run.id) ?? run;
    return { status: 200, events: streamOf(current, world, query.get('last_event_id') ?? undefined) };
  }
  const input = query.get('include_input') === 'true' ? { input: run.input } : {};
  return { status: 200, body: { ...interactionJson(run, ask.now), ...input } };
}

function cancel(ask: Ask, world: World): Reply {
  const { now, draw, fault } = ask;
  const run = found(ask, world);
  if (standingOf(run, now).ended) throw invalid('Only a running background interaction can be cancelled.');
  const lagMs = fault?.do === 'cancel-lag' ? fault.seconds * 1000 : draw.int('cancel lag', ...CANCEL_LAG_MS);
  const cancelled: Interaction = { ...run, cancelAt: Math.min(run.cancelAt ?? Infinity, now + lagMs) };
  world.store.put('interaction', run.id, cancelled, run.environmentId ?? '');
  return { status: 200, body: interactionJson(cancelled, now) };
}

/** The answer must be a 200: a 204 makes later SDKs throw. */
function remove(ask: Ask, world: World): Reply {
  const run = found(ask, world);
  world.store.put('interaction', run.id, { ...run, deletedAt: ask.now }, run.environmentId ?? '');
  return { status: 200, body: {} };
}

export const interactionRoutes: readonly Route[] = [
  {
    method: 'POST',
    pattern: '/{v}/interactions',
    name: 'interactions.create',
    who: whoOfCreate,
    handle: create,
  },
  {
    method: 'GET',
    pattern: '/{v}/interactions/{id}',
    name: 'interactions.get',
    who: whoOfInteraction,
    handle: get,
  },
  {
    method: 'POST',
    pattern: '/{v}/interactions/{id}/cancel',
    name: 'interactions.cancel',
    who: whoOfInteraction,
    handle: cancel,
  },
  {
    method: 'DELETE',
    pattern: '/{v}/interactions/{id}',
    name: 'interactions.delete',
    who: whoOfInteraction,
    handle: remove,
  },
];
