import type { Ask, Reply, Route, World } from '../http/call.js';
import { jsonBody } from '../http/json-body.js';
import { parseBody, sendSchema } from './bodies.js';
import { invalid } from './errors.js';
import { sessionOf, whoOfSession } from './find-session.js';
import { manyOf, orderAsked, pageAsked, timeFilter } from './paging.js';
import { sendEvents } from './send-events.js';
import { statusOf, type Note } from './session.js';
import { eventsOf, type EventJson } from './timeline.js';

function send({ call, params, now, draw, fault }: Ask, world: World): Reply {
  const found = sessionOf(params['id'] ?? '', world, now);
  const { events } = parseBody(sendSchema, jsonBody(call));
  if (statusOf(found.session, found.spans, now) === 'terminated') {
    throw invalid(`session ${found.session.id} is terminated`);
  }
  return { status: 200, body: { data: sendEvents(found, events, { now, draw, fault }, world) } };
}

const happened = (id: string, world: World, now: number): { at: number; event: EventJson }[] => {
  const { session, spans } = sessionOf(id, world, now);
  return eventsOf(session, spans, world.store.list<Note>('note', id), now);
};

function list({ call: { query }, params, now }: Ask, world: World): Reply {
  const within = timeFilter(query);
  const types = manyOf(query, 'types');
  const events = happened(params['id'] ?? '', world, now)
    .filter(({ at, event }) => within(at) && (types.length === 0 || types.includes(event.type)))
    .map(({ event }) => event);
  return {
    status: 200,
    body: pageAsked(query, orderAsked(query, 'asc') === 'asc' ? events : events.reverse()),
  };
}

/** How often a stream looks for new events, in service time. */
const LOOK_MS = 500;

/** What happens from now on. There is no replay: what a reader misses it has to list. */
function stream({ params, now }: Ask, world: World): Reply {
  const id = params['id'] ?? '';
  const seen = new Set(happened(id, world, now).map(({ event }) => event.id));
  return {
    status: 200,
    events: async function* (signal) {
      while (!signal.aborted) {
        const at = world.clock.now();
        for (const { event } of happened(id, world, at)) {
          if (seen.has(event.id)) continue;
          seen.add(event.id);
          yield `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
          if (event.type === 'session.status_terminated') return;
        }
        await world.clock.until(at + LOOK_MS, signal);
      }
    },
  };
}

const events = '/v1/sessions/{id}/events';

export const eventRoutes: readonly Route[] = [
  { method: 'POST', pattern: events, name: 'events.send', who: whoOfSession, handle: send },
  { method: 'GET', pattern: events, name: 'events.list', who: whoOfSession, handle: list },
  { method: 'GET', pattern: `${events}/stream`, name: 'events.stream', who: whoOfSession, handle: stream },
];
