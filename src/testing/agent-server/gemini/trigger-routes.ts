import { z } from 'zod';
import type { Ask, Reply, Route, World } from '../http/call.js';
import { jsonBody } from '../http/json-body.js';
import { createSchema, parseBody, readCreate } from './create-body.js';
import { notFound } from './errors.js';
import type { Interaction } from './interaction.js';
import { pageAsked } from './paging.js';
import { startRun } from './start-run.js';
import { executionJson, triggerJson, type Execution, type Trigger } from './trigger.js';
import { nobody, whoOfTrigger, whoOfTriggerBody } from './whose.js';

/** Executions end after that many seconds unless a trigger says otherwise. */
const TIMEOUT_SECONDS = 600;

const triggerSchema = z.strictObject({
  display_name: z.string().optional(),
  schedule: z.string().min(1),
  time_zone: z.string().min(1),
  interaction: createSchema,
  environment_id: z.string().optional(),
  execution_timeout_seconds: z.number().positive().optional(),
  max_consecutive_failures: z.int().min(1).optional(),
});

const updateSchema = z.strictObject({
  display_name: z.string().optional(),
  status: z.enum(['active', 'paused', 'error']).optional(),
});

function create({ call, who, now, draw }: Ask, { store }: World): Reply {
  const body = parseBody(triggerSchema, jsonBody(call));
  readCreate(body.interaction);
  const trigger: Trigger = {
    id: `trig_${draw.hex('trigger id', 24)}`,
    who,
    createdAt: now,
    updatedAt: now,
    status: 'active',
    schedule: body.schedule,
    timeZone: body.time_zone,
    interaction: body.interaction,
    timeoutSeconds: body.execution_timeout_seconds ?? TIMEOUT_SECONDS,
    ...(body.display_name !== undefined && { displayName: body.display_name }),
    ...(body.environment_id !== undefined && { environmentId: body.environment_id }),
    ...(body.max_consecutive_failures !== undefined && {
      maxConsecutiveFailures: body.max_consecutive_failures,
    }),
  };
  store.put('trigger', trigger.id, trigger);
  return { status: 200, body: triggerJson(trigger) };
}

function found({ params }: Ask, { store }: Pick<World, 'store'>): Trigger {
  const id = params['id'] ?? '';
  const trigger = store.get<Trigger>('trigger', id);
  if (!trigger) throw notFound(`Trigger '${id}'`);
  return trigger;
}

const get = (ask: Ask, world: World): Reply => ({ status: 200, body: triggerJson(found(ask, world)) });

function update(ask: Ask, world: World): Reply {
  const { display_name: displayName, status } = parseBody(updateSchema, jsonBody(ask.call));
  const trigger: Trigger = {
    ...found(ask, world),
    updatedAt: ask.now,
    ...(displayName !== undefined && { displayName }),
    ...(status !== undefined && { status }),
  };
  world.store.put('trigger', trigger.id, trigger);
  return { status: 200, body: triggerJson(trigger) };
}

function remove(ask: Ask, world: World): Reply {
  world.store.remove('trigger', found(ask, world).id);
  return { status: 200, body: {} };
}

function list({ call }: Ask, { store }: World): Reply {
  const { items, rest } = pageAsked(call.query, store.list<Trigger>('trigger'), ({ id }) => id);
  return { status: 200, body: { triggers: items.map(triggerJson), ...rest } };
}

/** Runs it now, paused or not. Not idempotent: each call is another paid run. */
function run(ask: Ask, world: World): Reply {
  const trigger = found(ask, world);
  const body = readCreate(trigger.interaction);
  const environment = body.environment ?? trigger.environmentId;
  const started = startRun({ ...body, ...(environment !== undefined && { environment }) }, ask, world);
  const execution: Execution = {
    id: `exec_${ask.draw.hex('execution id', 24)}`,
    triggerId: trigger.id,
    interactionId: started.id,
    startedAt: ask.now,
  };
  world.store.put('execution', execution.id, execution, trigger.id);
  return { status: 200, body: executionJson(execution, trigger, started, ask.now) };
}

function executions(ask: Ask, { store }: Pick<World, 'store'>): Reply {
  const trigger = found(ask, { store });
  const all = store.list<Execution>('execution', trigger.id);
  const { items, rest } = pageAsked(ask.call.query, all, ({ id }) => id);
  const rows = items.map((one) =>
    executionJson(one, trigger, store.get<Interaction>('interaction', one.interactionId), ask.now),
  );
  return { status: 200, body: { trigger_executions: rows, ...rest } };
}

const one = '/{v}/triggers/{id}';

export const triggerRoutes: readonly Route[] = [
  {
    method: 'POST',
    pattern: '/{v}/triggers',
    name: 'triggers.create',
    who: whoOfTriggerBody,
    handle: create,
  },
  { method: 'GET', pattern: '/{v}/triggers', name: 'triggers.list', who: nobody, handle: list },
  { method: 'GET', pattern: one, name: 'triggers.get', who: whoOfTrigger, handle: get },
  { method: 'PATCH', pattern: one, name: 'triggers.update', who: whoOfTrigger, handle: update },
  { method: 'DELETE', pattern: one, name: 'triggers.delete', who: whoOfTrigger, handle: remove },
  { method: 'POST', pattern: `${one}/executions`, name: 'triggers.run', who: whoOfTrigger, handle: run },
  {
    method: 'GET',
    pattern: `${one}/executions`,
    name: 'triggers.executions',
    who: whoOfTrigger,
    handle: executions,
  },
];
