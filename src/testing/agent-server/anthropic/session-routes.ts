import { claudeMicros } from '../agent/money.js';
import type { Ask, Reply, Route, World } from '../http/call.js';
import { jsonBody } from '../http/json-body.js';
import { parseBody, sessionSchema, sessionUpdateSchema, type Budget, type SessionBody } from './bodies.js';
import { agentAt, type Agent } from './catalogue-routes.js';
import { invalid, notFound } from './errors.js';
import { nobody, save, sessionOf, whoOfCreate, whoOfSession } from './find-session.js';
import { manyOf, orderAsked, pageAsked, timeFilter } from './paging.js';
import { sendEvents } from './send-events.js';
import { centsSpent, lossOf, spansOf, statusOf, turnsOf, type Session } from './session.js';
import { sessionJson } from './session-json.js';

/** Idle and free, unless it comes with events of its own. */
function create(ask: Ask, world: World): Reply {
  const { call, who, now, draw, fault } = ask;
  const body = parseBody(sessionSchema, jsonBody(call));
  const agent = agentOf(body, world);
  if (world.store.get('cloud', body.environment_id) === undefined) {
    throw notFound(`environment ${body.environment_id}`);
  }
  const session: Session = {
    id: `sesn_${draw.hex('session id', 24)}`,
    who,
    createdAt: now,
    updatedAt: now,
    agent,
    environmentId: body.environment_id,
    metadata: body.metadata ?? {},
    title: body.title ?? null,
    budgetCents: body.budget ? budgetOf(body.budget, agent) : null,
    resources: body.resources ?? [],
    vaultIds: body.vault_ids ?? [],
    listedFrom: now + (fault?.do === 'fresh-404' ? fault.seconds * 1000 : 0),
  };
  save(session, world);
  if (body.initial_events?.length) {
    const started = ask.also('events.send');
    sendEvents({ session, spans: [] }, body.initial_events, { now, ...started }, world);
  }
  return { status: 200, body: sessionJson(session, spansOf(turnsOf(session, world)), now) };
}

function agentOf({ agent }: SessionBody, { store }: World): Agent {
  const id = typeof agent === 'string' ? agent : agent.id;
  const found = agentAt(id, store, typeof agent === 'string' ? undefined : agent.version);
  if (!found) throw notFound(`agent ${id}`);
  return found;
}

function budgetOf({ max_list_cost: cost }: Budget, { model }: Agent): number {
  const nothing = { input: 0, cached: 0, output: 0, thought: 0 };
  if (claudeMicros(model.id, nothing, 0) === undefined) throw invalid(`model_not_budgetable: ${model.id}`);
  return Number(cost.amount);
}

function retrieve({ params, now }: Ask, world: World): Reply {
  const { session, spans } = sessionOf(params['id'] ?? '', world, now);
  return { status: 200, body: sessionJson(session, spans, now) };
}

/** There is no filter for metadata. */
function list({ call: { query }, now }: Ask, world: World): Reply {
  const within = timeFilter(query);
  const statuses = manyOf(query, 'statuses');
  const agentId = query.get('agent_id');
  const agentVersion = query.get('agent_version');
  const archivedToo = query.get('include_archived') === 'true';
  // Nothing here comes from a deployment or uses a memory store.
  const none = query.has('deployment_id') || query.has('memory_store_id');
  const shown = world.store.list<Session>('session').flatMap((session) => {
    const spans = spansOf(turnsOf(session, world));
    const fits =
      !none &&
      session.deletedAt === undefined &&
      now >= session.listedFrom &&
      now < lossOf(spans) &&
      within(session.createdAt) &&
      (archivedToo || session.archivedAt === undefined) &&
      (agentId === null || session.agent.id === agentId) &&
      (agentVersion === null || String(session.agent.version) === agentVersion) &&
      (statuses.length === 0 || statuses.includes(statusOf(session, spans, now)));
    return fits ? [sessionJson(session, spans, now)] : [];
  });
  return {
    status: 200,
    body: pageAsked(query, orderAsked(query, 'desc') === 'asc' ? shown : shown.reverse()),
  };
}

function update({ call, params, now }: Ask, world: World): Reply {
  const { session, spans } = sessionOf(params['id'] ?? '', world, now);
  const { budget, metadata, title } = parseBody(sessionUpdateSchema, jsonBody(call));
  if (budget && session.budgetCents === null) throw invalid('budget_create_only');
  const cents = budget ? budgetOf(budget, session.agent) : budget === null ? null : session.budgetCents;
  if (budget && cents !== null && cents <= centsSpent(session, spans, now))
    throw invalid('budget_not_raised');
  const merged = Object.entries({ ...session.metadata, ...metadata }).filter(
    (pair): pair is [string, string] => pair[1] !== null,
  );
  const next: Session = {
    ...session,
    updatedAt: now,
    budgetCents: cents,
    metadata: Object.fromEntries(merged),
    title: title === undefined ? session.title : title,
  };
  save(next, world);
  return { status: 200, body: sessionJson(next, spans, now) };
}

/** Refused while GET says that it runs, which is a little longer than it does. */
function archive({ params, now, fault }: Ask, world: World): Reply {
  const { session, spans } = sessionOf(params['id'] ?? '', world, now);
  if (session.archivedAt !== undefined) return { status: 200, body: sessionJson(session, spans, now) };
  const lags = fault?.do === 'cancel-lag' || fault?.do === 'cancel-404';
  const refusedUntil = session.archiveRefusedUntil ?? (lags ? now + fault.seconds * 1000 : 0);
  if (lags) save({ ...session, archiveRefusedUntil: refusedUntil }, world);
  const status = statusOf(session, spans, now);
  if (now < refusedUntil || status === 'running' || status === 'rescheduling') {
    return refusedArchive(session.id);
  }
  const archived: Session = { ...session, archivedAt: now, updatedAt: now };
  save(archived, world);
  return { status: 200, body: sessionJson(archived, spans, now) };
}

const refusedArchive = (id: string): Reply =>
  invalid(`session ${id} cannot be archived while it is running; send a user.interrupt first`).reply;

function remove({ params, now }: Ask, world: World): Reply {
  const { session } = sessionOf(params['id'] ?? '', world, now);
  save({ ...session, deletedAt: now }, world);
  return { status: 200, body: { id: session.id, type: 'session_deleted' } };
}

const one = '/v1/sessions/{id}';

export const sessionRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/v1/sessions', name: 'sessions.create', who: whoOfCreate, handle: create },
  { method: 'GET', pattern: '/v1/sessions', name: 'sessions.list', who: nobody, handle: list },
  { method: 'GET', pattern: one, name: 'sessions.retrieve', who: whoOfSession, handle: retrieve },
  { method: 'POST', pattern: one, name: 'sessions.update', who: whoOfSession, handle: update },
  { method: 'DELETE', pattern: one, name: 'sessions.delete', who: whoOfSession, handle: remove },
  { method: 'POST', pattern: `${one}/archive`, name: 'sessions.archive', who: whoOfSession, handle: archive },
];
